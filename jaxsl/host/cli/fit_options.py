"""The options of every fit, in one place: ``@with_fit_options`` gives them to a command."""

import re
from typing import Annotated, Any

import typer

from jaxsl.host.cli.options import named, with_options
from jaxsl.host.errors import UserError

FixOption = Annotated[
    list[str] | None,
    typer.Option("--fix", metavar="NAME=VALUE", help="Hold a parameter at a value: E=1.69."),
]
BoxOption = Annotated[
    list[str] | None,
    typer.Option("--box", metavar="NAME=LOW:HIGH", help="Bounds of a parameter: alpha=0.1:1."),
]
TieOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tie", metavar="EQUATION", help="A linear relation of parameters: alpha=beta, 'alpha = 2*beta'."
    ),
]
PriorOption = Annotated[
    list[str] | None,
    typer.Option("--prior", metavar="NAME=MEAN+-SD", help="A Gaussian prior of a parameter: E=1.7+-0.05."),
]
ErrorOption = Annotated[
    str,
    typer.Option(
        "--error",
        help="Errors are of the outcome (absolute), of its logarithm (log, so that intervals are positive), "
        "or of a share's log odds (accuracy).",
    ),
]
RobustOption = Annotated[
    str | None,
    typer.Option("--robust", metavar="huber:DELTA", help="Huber's loss instead of squares: huber:1e-3."),
]
AboveOption = Annotated[
    float | None,
    typer.Option(
        "--above",
        help="A run above the curve, which may be badly tuned, counts so many times less than one below.",
    ),
]
WeightOption = Annotated[
    str | None,
    typer.Option(
        "--weight",
        metavar="COLUMN",
        help="Column or expression of how often each run counts; once by default.",
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COLUMN",
        help="Column that tells training runs apart, where each checkpoint has a row: their errors hang "
        "together.",
    ),
]
ScheduleOption = Annotated[
    str | None,
    typer.Option(
        "--schedule",
        metavar="WHICH",
        help="Of the learning rate along the runs of --group: constant or wsd, where every outcome counts, "
        "or cosine, where the last of each run alone does.",
    ),
]
OPTIONS: dict[str, tuple[Any, Any]] = {
    "fix": (FixOption, None),
    "box": (BoxOption, None),
    "tie": (TieOption, None),
    "prior": (PriorOption, None),
    "error": (ErrorOption, "absolute"),
    "robust": (RobustOption, None),
    "above": (AboveOption, None),
    "weight": (WeightOption, None),
    "group": (GroupOption, None),
    "schedule": (ScheduleOption, None),
}


def read_options(given: dict[str, Any]) -> dict[str, Any]:
    """Options as keywords; those that were not given are left out.

    Raises:
        UserError: for what cannot be read.

    Example:
        >>> found = read_options({"fix": ["E=1.69"], "box": ["alpha=0.1:1"], "prior": ["E=1.7+-0.05"]})
        >>> found["fix"], found["box"], found["prior"]
        ({'E': 1.69}, {'alpha': (0.1, 1.0)}, {'E': (1.7, 0.05)})
    """
    read: dict[str, Any] = {
        name: value for name, value in given.items() if value not in (None, [], "absolute")
    }
    if "fix" in read:
        fixed = _pairs("fix", read["fix"], "", "VALUE, such as --fix E=1.69")
        read["fix"] = {name: value for name, (value,) in fixed.items()}
    if "box" in read:
        read["box"] = _pairs("box", read["box"], ":", "LOW:HIGH, such as --box alpha=0.1:1")
    if "prior" in read:
        read["prior"] = _pairs("prior", read["prior"], r"\+-|\+/-|±", "MEAN+-SD, such as --prior E=1.7+-0.05")
    return read


def _pairs(option: str, texts: list[str], between: str, wanted: str) -> dict[str, tuple[float, ...]]:
    write = f"NAME={wanted}"
    found: dict[str, tuple[float, ...]] = {}
    for name, values in named(option, texts, write).items():
        pieces = re.split(between, values) if between else [values]
        try:
            numbers = tuple(float(piece) for piece in pieces)
        except ValueError:
            numbers = ()
        if len(numbers) != (2 if between else 1):
            raise UserError(f"--{option} {name}={values}: write {write}")
        found[name] = numbers
    return found


with_fit_options = with_options(OPTIONS, read_options)
