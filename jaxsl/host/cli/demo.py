"""``jaxsl demo``: the whole method on finished pilot runs whose outcomes it looks at one by one."""

from pathlib import Path
from typing import Annotated

import typer

from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import JsonOption, LevelOption

DATA = Path(__file__).parents[2] / "data"
PILOT_RUNS, PILOT_CURVES = DATA / "pilot_runs.csv", DATA / "pilot_curves.csv"


def demo(
    law: Annotated[str, typer.Option("--law", metavar="NAME", help="The scaling law.")] = "chinchilla",
    share: Annotated[
        float, typer.Option("--share", min=0.001, max=1.0, help="Share of the pool's cost to spend.")
    ] = 0.1,
    runs: Annotated[
        Path | None,
        typer.Option("--runs", help="Table of finished runs; by default the pilot runs of jaxsl."),
    ] = None,
    cost: Annotated[str, typer.Option("--cost", help="Column or expression.")] = "flops",
    level: LevelOption = 90.0,
    seed: Annotated[int, typer.Option("--seed", help="Of starting points and random selections.")] = 0,
    curves: Annotated[
        bool, typer.Option("--curves", help="Runs with checkpoints: bought as curves, and row by row.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Select actively among real pilot runs whose outcomes stay hidden until they are bought.

    The dearest sixth of the runs is to be predicted, the others are the pool. Ends with the predictions
    beside what came out, and with R² against fitting everything and against choosing at random for the
    same money. With --curves the runs have a row a checkpoint, and are bought once as points that are priced
    one by one, and once as curves.
    """
    table = runs or (PILOT_CURVES if curves else PILOT_RUNS)
    looked_at([str(table)], [law], {}, cost=None if curves else cost)
    if curves:
        from jaxsl.host.cli.demo_curves import play_curves
        from jaxsl.host.laws.lookup import find

        play_curves(table, find(law), share, level, seed, json)
        return

    from jaxsl.host.cli.demonstration import demonstrate

    demonstrate(law, share, table, cost, level, seed, json)
