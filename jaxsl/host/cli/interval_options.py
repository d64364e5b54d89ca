"""Options for intervals of parameters as papers give them, and how they are read."""

from typing import Annotated

import typer

from jaxsl.host.cli.options import named

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
        UserError: as ``jaxsl.host.cli.options.named``.

    Example:
        >>> read_derived(["a=beta/(alpha+beta)"])
        {'a': 'beta/(alpha+beta)'}
    """
    return named("derive", pairs, "NAME=EXPRESSION, such as --derive 'a=beta/(alpha+beta)'")
