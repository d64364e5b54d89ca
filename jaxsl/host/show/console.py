"""What all printing shares: the terminal, one JSON object for programs, numbers, a spinner for the wait."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from rich.console import Console

from jaxsl.host.answer.report import plain
from jaxsl.host.show.grid import Grid

PIPE_WIDTH = (
    200  # columns where nobody looks at a terminal: wide enough for every table, so that nothing is cut
)


def console() -> Console:
    """Standard output; plain text of generous width in a pipe."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(file=sys.stdout, markup=False, highlight=False, width=width, color_system=colours())


def colours() -> Literal["auto"] | None:
    """Whether text may be coloured, bold or dim: not where ``NO_COLOR`` is set."""
    return None if os.environ.get("NO_COLOR") else "auto"


def print_json(value: object) -> None:
    """One JSON object on standard output."""
    print(json.dumps(plain(value), allow_nan=False, ensure_ascii=False))


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on standard error while something takes its time; silent when this is not a terminal."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return
    with Console(stderr=True, color_system=colours()).status(what):
        yield


def number(value: float, digits: int = 4) -> str:
    """A number for people; a dash where there is none.

    Example:
        >>> number(3.14159), number(float("nan"))
        ('3.142', '-')
    """
    return f"{value:.{digits}g}" if np.isfinite(value) else "-"


def interval(low: float, high: float) -> str:
    """An interval for people.

    Example:
        >>> interval(1.23456, 2)
        '[1.235, 2]'
    """
    return f"[{number(low)}, {number(high)}]"


def grid(
    columns: Iterable[str], rows: Iterable[Iterable[str]], left: Iterable[int] = (0,), heads: int = 1
) -> Grid:
    """A table; numbers flush right, the columns ``left`` flush left, its first ``heads`` in every block."""
    return Grid(list(columns), [list(row) for row in rows], tuple(left), heads)


def show_notes(out: Console, notes: Iterable[str]) -> None:
    """Print what is allowed and worth saying."""
    for note in notes:
        out.print(f"note: {note}")
