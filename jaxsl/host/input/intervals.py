"""Which intervals may be asked for."""

from typing import Literal

from jaxsl.host.errors import UserError

LEVEL = 90.0  # per cent, of every interval
Of = Literal["outcome", "curve"]
KINDS: tuple[Of, ...] = ("outcome", "curve")


def check_level(level: float, of: str = "outcome") -> None:
    """Refuse levels and kinds of intervals that there are not.

    Raises:
        UserError: saying what to give.
    """
    if not 1 <= level < 100:
        raise UserError(f"--level {level:g}: give per cent, at least 1 and below 100, such as 90")
    if of not in KINDS:
        raise UserError(f"--of {of}: choose one of {', '.join(KINDS)}")
