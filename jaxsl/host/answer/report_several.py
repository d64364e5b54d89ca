"""What several laws found together, in plain NumPy: for display, JSON and Python."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.report import Report


@dataclass(frozen=True)
class LeftOut(Report):
    """A law that was asked for and is not among the others, and why."""

    law: str
    reason: str


@dataclass(frozen=True)
class LawReport(Report):
    """One of several laws fitted to the same runs.

    Attributes:
        weight: how much it is believed, by the default rule of ``jaxsl.design.Design``.
        rmse: root mean squared error of the heaviest basin on the runs.
        forward_rmse: the same on runs near the target, of fits to the runs farther from it.
        log_evidence: -BIC / 2, less that of the best law.
        num_params, num_basins: parameters, and plausible basins.
    """

    law: str
    formula: str
    weight: float
    rmse: float
    forward_rmse: float
    log_evidence: float
    num_params: int
    num_basins: int


@dataclass(frozen=True)
class RankedLaw(LawReport):
    """The same with the number of parameters that the runs determine (see ``jaxsl.identify``)."""

    num_identified: int


@dataclass(frozen=True)
class EnsemblePrediction(Report):
    """What several laws predict at the targets.

    Attributes:
        x: configurations by input, ``(target,)`` each.
        row_numbers: where a person finds each target.
        median, low, high: median and central 90 % interval of an outcome, ``(target, output)``, see
            ``jaxsl.design.Belief.interval``.
        by_law: the mean over the basins of each law, by its name, heaviest law first, ``(target, output)``.
        observed: what came out, where known, ``(target, output)``; no fit saw it.
    """

    x: Mapping[str, np.ndarray]
    row_numbers: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    by_law: Mapping[str, np.ndarray]
    observed: np.ndarray


@dataclass(frozen=True)
class EnsembleReport(Report):
    """Several laws fitted to runs.

    Attributes:
        num_runs: runs with an outcome.
        laws: heaviest first.
        left_out: laws that were asked for and could not be fitted.
        prediction: at the targets, ``None`` without targets.
        notes: what is allowed and worth saying.
    """

    num_runs: int
    laws: tuple[LawReport, ...]
    left_out: tuple[LeftOut, ...]
    prediction: EnsemblePrediction | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RankReport(Report):
    """Which laws fit, extrapolate and are identified on runs: smallest error in forward chaining first."""

    num_runs: int
    laws: tuple[RankedLaw, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class EnsembleNextRun(Report):
    """A candidate and what it is worth to several laws; attributes as in ``answer.report.NextRun``."""

    row_number: int
    x: Mapping[str, float]
    labels: Mapping[str, str]
    cost: float
    score: float
    within: float
    between: float


@dataclass(frozen=True)
class EnsembleNextReport(Report):
    """Which runs to train next when several laws are believed in, best first.

    Attributes:
        fit: what is believed now.
        within, between: the target's variance now inside the heaviest basins of all laws, and between them;
            averaged over targets and outputs, noise apart.
        budget: what may be spent, ``None`` for no limit.
        cost_exponent: gamma in the scores, ``(within + between) / cost^gamma``, the cost as a share of the
            dearest candidate's.
        num_candidates, num_affordable: candidates, and those within the budget.
        pool_cost: cost of all candidates together.
    """

    fit: EnsembleReport
    runs: tuple[EnsembleNextRun, ...]
    within: float
    between: float
    budget: float | None
    cost_exponent: float
    num_candidates: int
    num_affordable: int
    pool_cost: float
