"""What fits found, in plain NumPy: for display, JSON and Python; of one law as of several."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.report import Report, r2
from jaxsl.host.answer.trust import Trust


@dataclass(frozen=True)
class Parameter(Report):
    """One parameter in one basin.

    Attributes:
        value: at the basin's optimum.
        low, high: central interval of the local Gaussian, in the logarithm where the box is positive.
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
class Residuals(Report):
    """How the law alone fits the runs in its heaviest basin; ``worst_row`` has the largest residual."""

    rmse: float
    r2: float
    worst: float
    worst_row: int


@dataclass(frozen=True)
class LeftOut(Report):
    """A law that was asked for and is not among the others, and why."""

    law: str
    reason: str


@dataclass(frozen=True)
class LawReport(Report):
    """One law fitted to the runs.

    Attributes:
        law, formula: its name, and what it says.
        weight: how much it is believed, by its evidence; 1 of one law.
        log_evidence: logarithm of the marginal likelihood, less that of the best law.
        holds: probability that it holds over the runs as it stands, if it is the one.
        noise: standard deviation of the noise around it.
        num_params: parameters.
        num_starts, num_converged, num_best: starts, how many converged, how many came within 1 % of the best.
        basins: heaviest first.
        residuals: on the runs.
    """

    law: str
    formula: str
    weight: float
    log_evidence: float
    holds: float
    noise: float
    num_params: int
    num_starts: int
    num_converged: int
    num_best: int
    basins: tuple[BasinReport, ...]
    residuals: Residuals


@dataclass(frozen=True)
class RankedLaw(LawReport):
    """The same, with how it extrapolates and what the runs determine.

    Attributes:
        forward_rmse: error on the runs nearest the target of a fit to the others (``jaxsl.chaining``).
        num_identified: parameters that the runs determine (``jaxsl.identify``).
    """

    forward_rmse: float
    num_identified: int


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
        within, between: standard deviations inside components and between them, ``(target, output)``.
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


@dataclass(frozen=True)
class FitReport(Report):
    """Laws fitted to runs.

    Attributes:
        num_runs: runs with an outcome.
        laws: heaviest first.
        left_out: laws that were asked for and could not be fitted.
        prediction: at the targets, ``None`` without targets.
        trust: whether the laws hold, which runs are bad, how far the target lies.
        notes: what is allowed and worth saying: replicates, parameters at a bound or hardly told.
    """

    num_runs: int
    laws: tuple[LawReport, ...]
    left_out: tuple[LeftOut, ...]
    prediction: Prediction | None
    trust: Trust
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Names of the laws, heaviest first."""
        return ", ".join(law.law for law in self.laws)


@dataclass(frozen=True)
class RankReport(Report):
    """Which laws fit, extrapolate and are identified on runs: smallest error in forward chaining first."""

    num_runs: int
    laws: tuple[RankedLaw, ...]
    left_out: tuple[LeftOut, ...]
    trust: Trust
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NextRun(Report):
    """A candidate and what it is worth.

    Attributes:
        row_number: where a person finds it in the table.
        x: configuration by input.
        score: expected fall of the target's variance.
        within, between: the two terms of that fall, squared outputs.
        low, high: the targets' intervals as expected after the run, ``(target, output)``; not numbers for
            candidates far down a long list.
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
    """A ranking of candidates, best first, each as if it were the only next run; too dear ones come last.

    Attributes:
        fit: what is believed now.
        prediction: before any further run, that of ``fit``.
        within, between: the target's variance now, averaged over targets and outputs, noise apart.
        budget: what may be spent in all, ``None`` for no limit.
        max_cost: what one run may cost, ``None`` for no limit.
        limit: what the next run should cost at most; dearer ones are better bought after others.
        num_candidates, num_affordable: candidates, and those within both limits.
        pool_cost: cost of all candidates together.
    """

    fit: FitReport
    prediction: Prediction
    runs: tuple[NextRun, ...]
    within: float
    between: float
    budget: float | None
    max_cost: float | None
    limit: float
    num_candidates: int
    num_affordable: int
    pool_cost: float
