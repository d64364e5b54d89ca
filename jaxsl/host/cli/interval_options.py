"""Options for intervals of parameters as papers give them, and how they are read."""

from typing import Annotated

import typer

from jaxsl.host.errors import UserError

TOption = Annotated[
    bool, typer.Option("--t", help="Also Student's t intervals of least squares, by the covariance.")
]
BootstrapOption = Annotated[
    int, typer.Option("--bootstrap", metavar="DRAWS", help="Also bootstrap intervals of least squares.")
]
DrawOption = Annotated[
    str,
    typer.Option(
        "--draw", help="What the bootstrap draws: residuals, pairs, or whole groups of runs by group:COLUMN."
    ),
]
ProfileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Also the profile-likelihood interval of a parameter, which may be given several times; or all.",
    ),
]
DeriveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--derive",
        metavar="NAME=EXPRESSION",
        help="Also intervals of a quantity made of parameters: a=beta/(alpha+beta).",
    ),
]


def read_derived(pairs: list[str] | None) -> dict[str, str]:
    """``["a=beta/(alpha+beta)", ...]`` as a dictionary.

    Raises:
        UserError: when a pair has no equals sign, or a name is given twice.

    Example:
        >>> read_derived(["a=beta/(alpha+beta)"])
        {'a': 'beta/(alpha+beta)'}
    """
    derived: dict[str, str] = {}
    for pair in pairs or []:
        name, _, expression = (piece.strip() for piece in pair.partition("="))
        if not name or not expression:
            raise UserError(f"--derive {pair}: write NAME=EXPRESSION, such as --derive 'a=beta/(alpha+beta)'")
        if name in derived:
            raise UserError(f"--derive {pair}: {name} is {derived[name]} already; give it once")
        derived[name] = expression
    return derived
