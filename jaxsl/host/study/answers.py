"""What a study's engine answers: runs to start, what is predicted now, and what further runs should bring."""

import math
from dataclasses import dataclass

import numpy as np

from jaxsl.host.study.ledger import Point


@dataclass(frozen=True)
class Proposal:
    """A run to start.

    Attributes:
        x: configuration.
        planned: cost by the plan, before correction.
        cost: expected cost.
        name: of its candidate.
        fall: expected fall of the target's variance; not a number for a first run, which needs no belief.
    """

    x: Point
    planned: float
    cost: float
    name: str
    fall: float = math.nan


@dataclass(frozen=True)
class Forecast:
    """What is predicted now.

    Attributes:
        num_runs: that it rests on.
        x: targets, ``(target, feature)``.
        prediction, low, high: of an outcome, with its 95 % interval, ``(target, output)``: the mean, of
            several laws the median.
        within, between: standard deviations inside basins and between them, ``(target, output)``.
        noise: standard deviation around the law.
        num_basins: in use.
        variance: of the targets without noise, averaged over targets and outputs.
    """

    num_runs: int
    x: np.ndarray
    prediction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    within: np.ndarray
    between: np.ndarray
    noise: float
    num_basins: int
    variance: float

    @property
    def width(self) -> float:
        """Mean width of the intervals."""
        return float(np.mean(self.high - self.low))

    def width_at(self, variance: float) -> float:
        """The width expected when ``variance`` is left of the targets' variance."""
        left = (max(variance, 0.0) + self.noise**2) / (self.variance + self.noise**2)
        return self.width * math.sqrt(left)


@dataclass(frozen=True)
class Outlook:
    """What the next runs are expected to bring.

    Attributes:
        runs: the best next ones, in their order, as far as the money goes.
        fall, cost: of every affordable candidate as the very next run: expected fall of the targets'
            variance, and cost.
        variance: of the targets as expected once all pending runs are in.
    """

    runs: list[Proposal]
    fall: np.ndarray
    cost: np.ndarray
    variance: float
