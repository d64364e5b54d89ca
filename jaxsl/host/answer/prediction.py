"""What is predicted at configurations, in plain NumPy: median and intervals, of one law as of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.components import Components
from jaxsl.host.answer.report import Report, r2
from jaxsl.law import Law


@dataclass(frozen=True)
class Prediction(Report):
    """What is predicted at the targets.

    Attributes:
        x: configurations by input, ``(target,)`` each.
        row_numbers: where a person finds each target.
        median, low, high: of what ``of`` names, ``(target, output)``.
        level: of the intervals, in per cent.
        of: ``"outcome"``, noise included, or ``"curve"``.
        outcome, curve: lower and upper ends of both, ``(2, target, output)``.
        within, between: standard deviations inside components and between them, on the scale of the errors,
            ``(target, output)``.
        by_law: the mean of each law, by its name, heaviest law first, ``(target, output)``.
        observed: what came out, where known, ``(target, output)``; no fit saw it.
    """

    x: Mapping[str, np.ndarray]
    row_numbers: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    of: str
    outcome: np.ndarray
    curve: np.ndarray
    within: np.ndarray
    between: np.ndarray
    by_law: Mapping[str, np.ndarray]
    observed: np.ndarray

    @property
    def r2(self) -> float:
        """R² on the targets whose outcome is known, clipped to [-1, 1]."""
        return r2(self.observed, self.median)


def prediction_at(
    found: Components,
    laws: Sequence[Law],
    x: np.ndarray,
    row_numbers: np.ndarray,
    observed: np.ndarray,
    level: float,
    of: str,
) -> Prediction:
    """What is predicted at ``x (target, feature)``.

    Args:
        found: what predicts. laws: of it.
        x: the targets. row_numbers: where a person finds each.
        observed: what came out there, where known, ``(target, output)``.
        level, of: of the intervals, in per cent, and which of them is meant.
    """
    told = found.intervals(x, level)
    low, median, high = told.outcome if of == "outcome" else told.curve
    return Prediction(
        x={name: x[:, i] for i, name in enumerate(laws[0].inputs)},
        row_numbers=row_numbers,
        median=median,
        low=low,
        high=high,
        level=level,
        of=of,
        outcome=told.outcome[[0, 2]],
        curve=told.curve[[0, 2]],
        within=np.sqrt(told.within),
        between=np.sqrt(told.between),
        by_law={laws[index].name: found.of_law(index, x) for index in found.heaviest_first},
        observed=observed,
    )
