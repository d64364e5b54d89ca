"""Options that several commands share, and how they are read."""

from typing import Annotated

import typer

from jaxsl.host.errors import UserError

RunsArgument = Annotated[
    str, typer.Argument(metavar="RUNS", help="CSV or Parquet file of runs, or - for standard input.")
]
LawsOption = Annotated[
    list[str],
    typer.Option(
        "--law",
        metavar="NAME",
        help="The scaling law; `jaxsl laws` lists them. Given several times, or as `all` for every one that "
        "the table has columns for, the laws are weighed and believed in together.",
    ),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="WHAT",
        help="What to predict: a file, a column that marks rows (is_target, or split=test), "
        "or a point N=7e10,D=1.4e12, in inputs or mapped columns, which may be given several times.",
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="INPUT=COLUMN",
        help="Column of an input or output of the law, or an expression: N=params, D=1e9*tokens.",
    ),
]
OutcomeOption = Annotated[
    str | None,
    typer.Option("--outcome", metavar="COLUMN", help="Column of the outcome, if not the law's name for it."),
]
CostOption = Annotated[
    str | None,
    typer.Option(
        "--cost", metavar="COST", help="Column or expression such as 6*N*D; by default the column cost."
    ),
]
BudgetOption = Annotated[
    float | None,
    typer.Option(
        "--budget",
        help="What may be spent in all, in the unit of the costs: on the next run and on those after it.",
    ),
]
MaxCostOption = Annotated[
    float | None, typer.Option("--max-cost", help="What one run may cost, in the unit of the costs.")
]
LevelOption = Annotated[float, typer.Option("--level", help="Of every interval, in per cent.")]
OfOption = Annotated[
    str,
    typer.Option("--of", help="Intervals of an outcome, noise included, or of the curve: outcome or curve."),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the starting points of the fit.")]
SaveOption = Annotated[
    str | None,
    typer.Option(
        "--save", metavar="FILE", help="Keep the fit in a JSON file, for `jaxsl predict FILE --at ...`."
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace the file if it exists; an input or a journal never is.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def read_mapping(pairs: list[str] | None) -> dict[str, str]:
    """``["N=params", ...]`` as a dictionary.

    Raises:
        UserError: when a pair has no equals sign, or an input is mapped twice.

    Example:
        >>> read_mapping(["N=params", "D=1e9*tokens"])
        {'N': 'params', 'D': '1e9*tokens'}
    """
    mapping: dict[str, str] = {}
    for pair in pairs or []:
        name, _, column = (piece.strip() for piece in pair.partition("="))
        if not name or not column:
            raise UserError(f"--map {pair}: write INPUT=COLUMN, such as --map N=params")
        if name in mapping:
            raise UserError(f"--map {pair}: {name} is mapped to {mapping[name]} already; give it once")
        mapping[name] = column
    return mapping
