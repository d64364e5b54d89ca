"""What ``jaxsl tune`` found, in plain NumPy: for display, JSON and Python."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxsl.host.answer.report import Report

MINIMUM, ALONE = "minimum", "one row"  # cells whose optimum the law of the optimum is fitted to


@dataclass(frozen=True)
class CellOptimum(Report):
    """The best values of one grid.

    Attributes:
        by: what the cell is, such as ``{"N": 1e9, "D": 2e10}``.
        rows: rows with an outcome. best_row: the one with the least.
        status: ``"minimum"`` inside the grid; ``"edge"`` when it lies at or beyond an end; ``"no minimum"``
            when the outcomes do not curve upwards; ``"too few"`` rows or values to tell; ``"one row"`` when
            the table holds optima already.
        why: in words, for all but a minimum.
        value: best value of each variable: of the quadratic at a minimum, else of the best row.
        low, high: its interval, positive; not a number where there is none.
        ties: rows that share the least outcome at other values.
    """

    by: Mapping[str, float]
    rows: int
    best_row: int
    status: str
    why: str
    value: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    ties: tuple[int, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the law of the optimum is fitted to it."""
        return self.status in (MINIMUM, ALONE)


@dataclass(frozen=True)
class Exponent(Report):
    """An exponent of a power law, with its interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OptimumLaw(Report):
    """``variable = factor * product of input^exponent``, by least squares of logarithms over cells.

    Attributes:
        variable: what is best. cells: how many it is fitted to.
        factor: with ``factor_low`` and ``factor_high``.
        exponents: one an input.
        r2: of the logarithms.
        sigma: standard deviation of what it leaves of them: ``exp(sigma)`` is a factor.
    """

    variable: str
    cells: int
    factor: float
    factor_low: float
    factor_high: float
    exponents: tuple[Exponent, ...]
    r2: float
    sigma: float


@dataclass(frozen=True)
class BestAt(Report):
    """The best value of a variable elsewhere.

    Attributes:
        by: where. variable: what.
        median: best value. low, high: interval of what a grid there would show.
        curve_low, curve_high: of the law itself.
    """

    by: Mapping[str, float]
    variable: str
    median: float
    low: float
    high: float
    curve_low: float
    curve_high: float


@dataclass(frozen=True)
class TuneReport(Report):
    """Best values in every cell, the law of each variable, what it says elsewhere; ``level`` in per cent."""

    over: tuple[str, ...]
    by: tuple[str, ...]
    outcome: str
    unit: str
    level: float
    cells: tuple[CellOptimum, ...]
    laws: tuple[OptimumLaw, ...]
    best: tuple[BestAt, ...]
    notes: tuple[str, ...]
