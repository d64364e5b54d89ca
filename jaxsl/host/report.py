"""What a fit or a question found, in plain NumPy: for display, JSON and Python.

Every report has ``as_dict()``: one object of plain numbers, text and lists, whose keys stay the same; what
is not finite or not known is ``None``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

ROUNDING = 1e-12  # of a sum in double precision, with room


class Report:
    """A frozen dataclass that can be written as JSON."""

    def as_dict(self) -> dict[str, Any]:
        """One object of plain numbers, text and lists."""
        return plain(self)

    def _repr_html_(self) -> str:
        from jaxsl.host.html_display import report_html

        return report_html(self)


@dataclass(frozen=True)
class Parameter(Report):
    """One parameter in one basin.

    Attributes:
        value: at the basin's optimum.
        low, high: central 95 % interval of the local Gaussian, in the logarithm where the box is positive.
        lower, upper: the box.
        told: how much the runs say, 1 minus the ratio of posterior to prior standard deviation.
        bound: ``"lower"`` or ``"upper"`` where the optimum sits at a bound, else empty.
    """

    name: str
    value: float
    low: float
    high: float
    lower: float
    upper: float
    told: float
    bound: str


@dataclass(frozen=True)
class BasinReport(Report):
    """One basin: its weight, its parameters and the root mean squared error on the runs."""

    weight: float
    rmse: float
    num_optima: int
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Prediction(Report):
    """What is predicted at the targets.

    Attributes:
        x: configurations by input, ``(target,)`` each.
        row_numbers: where a person finds each target.
        mean, low, high: mean and central 95 % interval of an outcome, noise included, ``(target, output)``.
        within, between: standard deviations inside basins and between them, ``(target, output)``.
        observed: what came out, where known, ``(target, output)``; the fit never saw it.
    """

    x: Mapping[str, np.ndarray]
    row_numbers: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    within: np.ndarray
    between: np.ndarray
    observed: np.ndarray

    @property
    def r2(self) -> float:
        """R² on the targets whose outcome is known, clipped to [-1, 1]."""
        return r2(self.observed, self.mean)


@dataclass(frozen=True)
class Residuals(Report):
    """How the heaviest basin fits the runs; ``worst_row`` is the run with the largest residual."""

    rmse: float
    r2: float
    worst: float
    worst_row: int


@dataclass(frozen=True)
class FitReport(Report):
    """A law fitted to runs.

    Attributes:
        num_runs: runs with an outcome.
        noise: standard deviation of the noise around the law.
        num_starts, num_converged, num_best: starts, how many converged, how many came within 1 % of the best.
        basins: heaviest first.
        prediction: at the targets, ``None`` without targets.
        notes: what is allowed and worth saying: replicates, parameters at a bound or hardly told.
    """

    law: str
    num_runs: int
    noise: float
    num_starts: int
    num_converged: int
    num_best: int
    basins: tuple[BasinReport, ...]
    residuals: Residuals
    prediction: Prediction | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NextRun(Report):
    """A candidate and what it is worth.

    Attributes:
        row_number: where a person finds it in the table.
        x: configuration by input.
        score: expected fall over (cost / dearest candidate) to the power 0.4.
        within, between: the two terms of the expected fall of the target's variance, squared outputs.
        low, high: the targets' 95 % intervals as expected after the run, ``(target, output)``.
    """

    row_number: int
    x: Mapping[str, float]
    labels: Mapping[str, str]
    cost: float
    score: float
    within: float
    between: float
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class NextReport(Report):
    """Which runs to train next, best first.

    Attributes:
        fit: what is believed now, with the prediction before any further run.
        within, between: the target's variance now, averaged over targets and outputs, noise apart.
        budget: what may be spent, ``None`` for no limit.
        num_candidates, num_affordable: candidates, and those within the budget.
        pool_cost: cost of all candidates together.
    """

    fit: FitReport
    runs: tuple[NextRun, ...]
    within: float
    between: float
    budget: float | None
    num_candidates: int
    num_affordable: int
    pool_cost: float


def r2(observed: np.ndarray, predicted: np.ndarray) -> float:
    """R² where the outcome is known, clipped to [-1, 1]; not a number for fewer than two outcomes.

    Example:
        >>> y = np.array([[1.0], [2.0], [3.0]])
        >>> r2(y, y), r2(y, np.full((3, 1), 2.0))
        (1.0, 0.0)
    """
    known = np.isfinite(observed)
    y, residual = observed[known], (observed - predicted)[known]
    spread = np.sum((y - y.mean()) ** 2) if y.size else 0.0
    return float(np.clip(1 - np.sum(residual**2) / spread, -1, 1)) if spread > 0 else float("nan")


def beyond_rounding(values: Any, beside: Any) -> np.ndarray:
    """``values`` with 0 in place of what is rounding beside other terms of a sum.

    Example:
        >>> beyond_rounding([-2.485e-18, 0.01], [0.05, 0.05]).tolist()
        [0.0, 0.01]
    """
    return np.where(np.abs(values) > ROUNDING * np.abs(beside), values, 0.0)


def plain(value: Any) -> Any:
    """Numbers, text, lists and dictionaries alone; ``None`` for what is not finite.

    Example:
        >>> plain({"a": np.array([1.0, np.nan]), "b": ("x", 2)})
        {'a': [1.0, None], 'b': ['x', 2]}
    """
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
