"""``jaxsl demo``: the whole method on finished pilot runs whose outcomes it looks at one by one."""

from pathlib import Path
from typing import Annotated

import typer

from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import JsonOption, LevelOption

PILOT_RUNS = Path(__file__).parents[2] / "data" / "pilot_runs.csv"


def demo(
    law: Annotated[str, typer.Option("--law", metavar="NAME", help="The scaling law.")] = "chinchilla",
    share: Annotated[
        float, typer.Option("--share", min=0.001, max=1.0, help="Share of the pool's cost to spend.")
    ] = 0.1,
    runs: Annotated[
        Path, typer.Option("--runs", help="Table of finished runs; by default the pilot runs of jaxsl.")
    ] = PILOT_RUNS,
    cost: Annotated[str, typer.Option("--cost", help="Column or expression.")] = "flops",
    level: LevelOption = 90.0,
    seed: Annotated[int, typer.Option("--seed", help="Of starting points and random selections.")] = 0,
    json: JsonOption = False,
) -> None:
    """Select actively among real pilot runs whose outcomes stay hidden until they are bought.

    The dearest sixth of the runs is to be predicted, the others are the pool. Ends with the predictions
    beside what came out, and with R² against fitting everything and against choosing at random for the
    same money.
    """
    looked_at([str(runs)], [law], {}, cost=cost)

    from jaxsl.host.cli.demonstration import demonstrate

    demonstrate(law, share, runs, cost, level, seed, json)
