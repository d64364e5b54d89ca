"""``jaxsl checkpoints``: where to evaluate a run, or to decay from."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import (
    JsonOption,
    LawsOption,
    LevelOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    read_mapping,
    reads_runs,
)


@with_fit_options
@reads_runs
def checkpoints_command(
    runs: RunsArgument,
    law: LawsOption,
    target: TargetOption = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="NAME", help="Of this run; by default of every one.")
    ] = None,
    row_cost: Annotated[
        str,
        typer.Option(
            "--row-cost",
            metavar="PRICE",
            help="Of knowing the outcome at a row, as by a decay: a number, column or expression.",
        ),
    ] = "1",
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many rows of a run to show.")] = 5,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    level: LevelOption = 90.0,
    seed: SeedOption = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Where to evaluate a run, or to decay from: its rows without an outcome, the best for their price first.

    jaxsl checkpoints runs.csv --law chinchilla --group run --schedule wsd --target N=7e9,D=1.4e11
    --row-cost "6*N*D/8"

    The run passes all of them, so a row costs its own price alone. What a row teaches is told with those
    before it in the list.
    """
    mapping = read_mapping(map)
    tables = looked_at(runs, law, how | {"map": mapping, "outcome": outcome, "level": level}, target=target)

    from jaxsl.host.answer.checkpoints import checkpoints
    from jaxsl.host.show.checkpoints import show_checkpoints
    from jaxsl.host.show.console import busy, print_json

    with busy(f"fitting {', '.join(law)} and choosing checkpoints"):
        report = checkpoints(
            tables,
            law,
            target=target,
            run=run,
            row_cost=row_cost,
            count=count,
            map=mapping,
            outcome=outcome,
            level=level,
            seed=seed,
            **how,
        )
    if json:
        print_json(report)
    else:
        show_checkpoints(report)
