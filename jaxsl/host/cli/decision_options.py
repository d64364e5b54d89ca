"""Options of the commands that decide: what may be chosen, and what it costs."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from jaxsl.host.cli.fit_options import OPTIONS
from jaxsl.host.cli.options import (
    LevelOption,
    MapOption,
    OutcomeOption,
    SeedOption,
    named,
    read_mapping,
    with_options,
)
from jaxsl.host.errors import UserError

MaybeRunsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUNS]",
        help="Table of runs, several, a folder, a pattern, or - for standard input; none for published "
        "parameters, --law chinchilla@epoch.",
    ),
]
CostExpressionOption = Annotated[
    str,
    typer.Option(
        "--cost", metavar="COST", help="Arithmetic on the law's inputs, such as 6*N*D or 6*N*D+2*N*served."
    ),
]
BudgetsOption = Annotated[
    str,
    typer.Option("--budget", metavar="C,C,...", help="What the run may cost; several with commas between."),
]
HoldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--hold", metavar="NAME=VALUE", help="An input that may not be chosen, or another name in the cost."
    ),
]
RangeOption = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="NAME=LOW:HIGH", help="Where an input may lie, such as N=1e8:1e11."),
]
MultipleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--multiple",
        metavar="NAME=STEP",
        help="Round an input to a multiple, such as N=1e6, or N=1 for whole numbers.",
    ),
]
AimOption = Annotated[
    str | None,
    typer.Option(
        "--aim",
        metavar="WHAT",
        help="Instead of a target: the best sizes at a cost, optimal:C=1e24, or the least cost of a loss, "
        "reach:loss=2.2; of `next` and `study new` also a compute multiplier, multiplier:C=1e22 (--by).",
    ),
]
ByOption = Annotated[
    str | None,
    typer.Option("--by", metavar="COLUMN", help="Column that tells recipes of one table apart."),
]
AgainstOption = Annotated[
    str | None, typer.Option("--against", metavar="VALUE", help="Recipe of --by to compare with.")
]

RANGE = "NAME=LOW:HIGH, such as --range N=1e8:1e11"


def check_aimed(target: Any, of: str, how: Mapping[str, Any]) -> None:
    """Refuse what does not go with ``--aim``.

    Args:
        target: what is to be predicted.
        of: ``--of``.
        how: options of a command, those of the fit among them.

    Raises:
        UserError: saying which option to leave out.
    """
    if target:
        raise UserError("--aim takes the place of --target; give one of them")
    if of != "outcome":
        raise UserError(f"--of {of}: is about predictions, and --aim decides; leave one of the two out")
    given = [name for name in OPTIONS if name in how]
    if given:
        raise UserError(f"--{given[0]}: --aim fits laws as they are; leave one of the two out")


def numbers(option: str, text: str) -> list[float]:
    """``"1e21,1e24"`` as numbers.

    Raises:
        UserError: when a piece is no number.
    """
    from jaxsl.host.input.numerals import number

    found = []
    for piece in (piece.strip() for piece in text.split(",")):
        value = number(piece)
        if value is None:
            raise UserError(f"{option} {text}: {piece!r} is not a number; write 1e24, or 1e22,1e23,1e24")
        found.append(value)
    return found


def read_held(pairs: list[str] | None) -> dict[str, float]:
    """``["U=5e10", ...]`` as a dictionary.

    Raises:
        UserError: when a value is no number, and as ``jaxsl.host.cli.options.named``.
    """
    return read_values("hold", pairs, "U=5e10")


def read_values(option: str, pairs: list[str] | None, example: str) -> dict[str, float]:
    """``["N=1e6", ...]`` of an option as a dictionary; ``example`` is one of its pairs.

    Raises:
        UserError: when a pair cannot be read, or a name is given twice.
    """
    from jaxsl.host.input.numerals import number

    write = f"NAME=VALUE, such as --{option} {example}"
    found: dict[str, float] = {}
    for name, text in named(option, pairs, write).items():
        value = number(text)
        if value is None:
            raise UserError(f"--{option} {name}={text}: write {write}")
        found[name] = value
    return found


def read_ranges(pairs: list[str] | None) -> dict[str, tuple[float, float]]:
    """``["N=1e8:1e11", ...]`` as a dictionary.

    Raises:
        UserError: when an end is no number, and as ``jaxsl.host.cli.options.named``.
    """
    from jaxsl.host.input.numerals import number

    ranges: dict[str, tuple[float, float]] = {}
    for name, ends in named("range", pairs, RANGE).items():
        first, _, last = (piece.strip() for piece in ends.partition(":"))
        low, high = number(first), number(last)
        if low is None or high is None:
            raise UserError(f"--range {name}={ends}: write {RANGE}")
        ranges[name] = low, high
    return ranges


def _read(given: dict[str, Any]) -> dict[str, Any]:
    found = {"map": read_mapping(given["map"]), "hold": read_held(given["hold"])}
    return given | found | {"range": read_ranges(given["range"])}


with_sizes = with_options(
    {
        "cost": (CostExpressionOption, "6*N*D"),
        "hold": (HoldOption, None),
        "range": (RangeOption, None),
        "map": (MapOption, None),
        "outcome": (OutcomeOption, None),
        "level": (LevelOption, 90.0),
        "seed": (SeedOption, 0),
    },
    _read,
)
