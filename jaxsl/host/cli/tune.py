"""``jaxsl tune``: the best learning rate, batch and suchlike in every cell of a grid, and their law."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import JsonOption, LevelOption, RunsArgument, named, reads_runs


@reads_runs
def tune(
    runs: RunsArgument,
    over: Annotated[str, typer.Option("--over", metavar="COLUMNS", help="What is chosen, such as lr,batch.")],
    by: Annotated[str, typer.Option("--by", metavar="COLUMNS", help="What cells differ in, such as N,D.")],
    outcome: Annotated[
        str, typer.Option("--outcome", metavar="COLUMN", help="Column of what is to be small.")
    ] = "loss",
    power: Annotated[
        list[str] | None,
        typer.Option(
            "--power",
            metavar="NAME=COLUMNS",
            help="What the best value of one is a power of, such as batch=D; by default all of --by.",
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="WHERE",
            help="A cell to say the best values for, N=1e9,D=1e11, several times; or a table.",
        ),
    ] = None,
    level: LevelOption = 90.0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Find the best learning rate, batch and suchlike in every cell of a table of grids, and their law.

    jaxsl tune grids.csv --over lr,batch --by N,D --at N=1e9,D=1e11

    A table with one row a cell holds optima already, and only their law is fitted.
    """
    powers, tables = named("power", power, "NAME=COLUMNS, such as --power batch=D"), looked_at(runs, (), how)

    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.tuning import show_tune
    from jaxsl.host.tuning.tune import tune as find_best

    with busy("finding the best values"):
        report = find_best(tables, over=over, by=by, outcome=outcome, power=powers, at=at, level=level, **how)
    if json:
        print_json(report)
    else:
        show_tune(report)
