"""How well an interval with a middle foretold what came out.

>>> low, median, high = [0.0, 1.0, 3.0], [1.0, 2.0, 4.0], [2.0, 3.0, 5.0]
>>> found = scores([low, median, high], [1.0, 2.0, 6.0], 90)
>>> round(found.r2, 3), round(found.coverage, 3)  # 4 / 14 of the spread is left, one of three is missed
(0.714, 0.667)
>>> deviation = float(np.std([1.0, 2.0, 6.0]))
>>> round(found.width * deviation, 3), round(found.interval_score * deviation, 3)  # 2 wide; 20 * 1 / 3 more
(2.0, 8.667)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.report import Report, r2


@dataclass(frozen=True)
class Scores(Report):
    """Of one prediction, over all outcomes that are known.

    Attributes:
        r2: of the median, clipped to [-1, 1].
        coverage: share of the outcomes inside the interval.
        width: of the interval, in deviations of the outcomes.
        interval_score: in the same unit, less is better: the width, and ``2 / (1 - level)`` times what an
            outcome lies beyond an end (Gneiting and Raftery 2007, section 6.2).
    """

    r2: float
    coverage: float
    width: float
    interval_score: float


NOTHING = Scores(-1.0, np.nan, np.nan, np.nan)  # where nothing is predicted


def scores(interval: np.ndarray | Sequence, observed: np.ndarray | Sequence, level: float) -> Scores:
    """Score ``interval (3, ...)``, lower end, median and upper end, by what came out, ``(...)``.

    Args:
        interval: what was foretold; where a median is not finite nothing was, and R² is -1. An end that is
            not finite is infinitely far away.
        observed: not a number where unknown.
        level: of the interval, in per cent.
    """
    y = np.ravel(np.asarray(observed, float))
    low, median, high = np.reshape(np.asarray(interval, float), (3, -1))[:, np.isfinite(y)]
    y = y[np.isfinite(y)]
    if not np.isfinite(median).all():
        return NOTHING
    low, high = np.where(np.isfinite(low), low, -np.inf), np.where(np.isfinite(high), high, np.inf)
    deviation = float(np.std(y)) if y.size else np.nan
    unit = deviation if deviation > 0 else np.nan
    beyond = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    width = np.mean(high - low) if y.size else np.nan
    missed = 2 / (1 - level / 100) * np.mean(beyond) if y.size else np.nan
    inside = np.mean((low <= y) & (y <= high)) if y.size else np.nan
    return Scores(r2(y, median), float(inside), float(width / unit), float((width + missed) / unit))


def mean_and_error(values: np.ndarray | Sequence) -> tuple[float, float]:
    """Mean and its standard error, which one value does not have.

    Example:
        >>> mean_and_error([1.0, 2.0, 3.0])  # 1 / sqrt(3)
        (2.0, 0.5773502691896258)
    """
    found = np.asarray(values, float)
    error = np.std(found, ddof=1) / np.sqrt(found.size) if found.size > 1 else np.nan
    return float(np.mean(found)), float(error)
