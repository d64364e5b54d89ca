"""Options that several commands share, and how they are read."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from jaxsl.host.errors import UserError

RunsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUNS",
        help="Table of runs (CSV, JSON, JSON lines, Parquet, Excel), several, a folder, a pattern such as "
        "'runs/*.csv', or - for standard input.",
    ),
]
StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="The study's journal, such as pilot.jsonl.")
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
        help="What to predict: a file, a column that marks rows (is_target, or split=test), a condition on "
        "rows ('N >= 1e9'), or a point N=7e10,D=1.4e12, in inputs or mapped columns, which may be given "
        "several times.",
    ),
]
TargetShareOption = Annotated[
    float | None,
    typer.Option(
        "--target-share",
        metavar="SHARE",
        help="In place of --target: this share of the finished runs is the target, the dearest.",
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
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help='Which rows to take, such as "tokens/params > 5 and loss < 4" or "dataset == \'web\'".',
    ),
]
ReduceOption = Annotated[
    str | None,
    typer.Option(
        "--reduce",
        metavar="HOW",
        help="Of logs with a row a step, what a run counts with: its last outcome, min, or mean:10.",
    ),
]
FromNameOption = Annotated[
    str | None,
    typer.Option(
        "--from-name",
        metavar="PATTERN",
        help="Columns from the names of files: 'run-(?P<params>.*).csv' gives params.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def named(option: str, pairs: list[str] | None, write: str) -> dict[str, str]:
    """``["NAME=TEXT", ...]``, as an option is given several times, as a dictionary.

    Args:
        option: its name, for messages.
        pairs: what was given; nothing when None.
        write: how it is written, for messages.

    Raises:
        UserError: when a pair lacks its name or its text, or a name is given twice.

    Example:
        >>> named("unit", ["loss=nats", "N = parameters"], "NAME=UNIT")
        {'loss': 'nats', 'N': 'parameters'}
    """
    found: dict[str, str] = {}
    for pair in pairs or []:
        name, _, text = (piece.strip() for piece in pair.partition("="))
        if not name or not text:
            raise UserError(f"--{option} {pair}: write {write}")
        if name in found:
            raise UserError(f"--{option} {pair}: {name} is {found[name]} already; give it once")
        found[name] = text
    return found


def read_mapping(pairs: list[str] | None) -> dict[str, str]:
    """``["N=params", ...]`` as a dictionary.

    Raises:
        UserError: as ``named``.

    Example:
        >>> read_mapping(["N=params", "D=1e9*tokens"])
        {'N': 'params', 'D': '1e9*tokens'}
    """
    return named("map", pairs, "INPUT=COLUMN, such as --map N=params")


def with_options(
    options: dict[str, tuple[Any, Any]], read: Callable[[dict[str, Any]], dict[str, Any]] = dict
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with ``options``, an annotation and a default each, which it gets as ``read`` gives them.

    The command takes them as ``**options``; several such decorators may stand above each other.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
        ]

        @wraps(command)
        def called(**given: Any) -> None:
            mine = {name: given.pop(name) for name in options}
            command(**given, **read(mine))

        called.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in (*own, *added)} | {"return": None}
        return called

    return decorate


READING: dict[str, tuple[Any, Any]] = {
    "where": (WhereOption, None),
    "reduce": (ReduceOption, None),
    "from_name": (FromNameOption, None),
}
reads_runs = with_options(READING)  # how a table of runs is read
