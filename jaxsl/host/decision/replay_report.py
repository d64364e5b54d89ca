"""What ways of choosing would have decided, in plain NumPy: for display, JSON and Python."""

from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import Trust
from jaxsl.host.decision.estimate import Estimate


@dataclass(frozen=True)
class DecidedPath(Report):
    """One way of choosing.

    Attributes:
        method: its name.
        spent: by the time of each decision, ``(step,)``.
        num_runs: bought by then.
        error: of each decision, ``(step,)``: root mean square of the logarithms of the best inputs, or
            that of the least cost, against those of all runs; not a number where nothing could be decided.
        regret: ``(step,)``: how far the loss at those inputs is above the least of their cost, or above
            the one to be reached, by all runs.
        needed: spend from which on the decision is as good; that of all runs at most.
        needed_runs: runs bought by then.
    """

    method: str
    spent: np.ndarray
    num_runs: np.ndarray
    error: np.ndarray
    regret: np.ndarray
    needed: float
    needed_runs: int


@dataclass(frozen=True)
class DecidedScore(Report):
    """What a way of choosing had decided at a budget, over draws.

    Attributes:
        method: its name.
        budget: as a share of what all runs cost.
        decided: share of the draws in which it could decide; all others are of these alone.
        error: see ``DecidedPath``, root mean square.
        regret: mean, and regret_error its standard error; not a number for one draw.
        coverage: share of the numbers by all runs that its intervals hold.
        width: mean of the intervals, in natural logarithms.
        gain: its regret less that of active choice, paired by draw, and gain_error its standard error.
    """

    method: str
    budget: float
    decided: float
    error: float
    regret: float
    regret_error: float
    coverage: float
    width: float
    gain: float
    gain_error: float


@dataclass(frozen=True)
class DecidedReplayReport(Report):
    """What each way of choosing would have spent for the same decision, and how good its own would have been.

    Attributes:
        law: names of the laws. aim: what is decided.
        num_runs, cost: of all runs together.
        tolerance: regret, or error of the least cost, within which decisions count as the same.
        decision: by all runs.
        paths: one for each way, several for random choice.
        draws: of starting points and random orders, over which scores are means.
        scores: of every way at every budget.
        level: of intervals, in per cent.
        trust: how far to trust the decision by all runs.
        notes: what should be known.
    """

    law: str
    aim: str
    num_runs: int
    cost: float
    tolerance: float
    decision: tuple[Estimate, ...]
    paths: tuple[DecidedPath, ...]
    draws: int
    scores: tuple[DecidedScore, ...]
    level: float
    trust: Trust | None
    notes: tuple[str, ...]
