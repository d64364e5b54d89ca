"""What a study's engine answers: runs to start, what is predicted now, and what further runs should bring."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.fit_report import Prediction
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import Trust
from jaxsl.host.decision.report import Decision, MultiplierReport
from jaxsl.host.study.candidates import Point


@dataclass(frozen=True)
class Proposal:
    """A run to start.

    Attributes:
        x: configuration.
        planned: cost by the plan, before correction.
        cost: expected cost.
        name: of its candidate.
        fall: expected fall of the target's variance; not a number for a first run, which needs no belief.
        of: the run that it continues; empty for a new one.
        after: variance of the targets as expected once it, those before it and all pending runs are in; not a
            number for a first run.
    """

    x: Point
    planned: float
    cost: float
    name: str
    fall: float = math.nan
    of: str = ""
    after: float = math.nan


@dataclass(frozen=True)
class Forecast:
    """What is predicted now.

    Attributes:
        num_runs: that it rests on.
        prediction: at the targets.
        noise: standard deviation that the intervals hold beside what is not known of the curve.
        trust: how far to believe it.
    """

    num_runs: int
    prediction: Prediction
    noise: float
    trust: Trust

    @property
    def variance(self) -> float:
        """Of the targets without noise, averaged over targets and outputs."""
        return float(np.mean(self.prediction.within**2 + self.prediction.between**2))

    @property
    def width(self) -> float:
        """Mean width of the intervals."""
        return float(np.mean(self.prediction.high - self.prediction.low))

    def width_at(self, variance: float) -> float:
        """The width expected when ``variance`` is left of the targets' variance."""
        whole = self.variance + self.noise**2
        return (
            self.width * math.sqrt((max(variance, 0.0) + self.noise**2) / whole) if whole > 0 else self.width
        )


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


@dataclass(frozen=True)
class Decided(Report):
    """What would be decided now.

    Attributes:
        num_runs: that it rests on.
        decision: the best configuration, or the least cost of a loss.
        spend: cumulated expected cost, 0 and then after each of the next runs, ``(point,)``.
        regret: loss that deciding then is expected to give up, or the variance of the least cost's logarithm,
            ``(point,)``; the first point counts the pending runs in.
        level: of intervals, in per cent.
        trust: how far to believe it.
        reason: why the study should stop; empty when it should go on.
    """

    num_runs: int
    decision: Decision
    spend: np.ndarray
    regret: np.ndarray
    level: float
    trust: Trust
    reason: str


@dataclass(frozen=True)
class Compared(Report):
    """What is known of compute multipliers, and what further runs should bring.

    Attributes:
        num_runs: of every recipe, that it rests on.
        multipliers: what is known of them, with intervals.
        now: variance of their logarithms, added up, by the delta method.
        spend: cumulated expected cost, 0 and then after each of the next runs, ``(point,)``.
        variance: what is expected to be left of ``now``, ``(point,)``; the first point counts the pending
            runs in.
        reason: why the study should stop; empty when it should go on.
    """

    num_runs: Mapping[str, int]
    multipliers: MultiplierReport
    now: float
    spend: np.ndarray
    variance: np.ndarray
    reason: str
