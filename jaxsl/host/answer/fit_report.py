"""What fits found, in plain NumPy: for display, JSON and Python; of one law as of several."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jaxsl.host.answer.influence import Influence
from jaxsl.host.answer.kept import Kept
from jaxsl.host.answer.paper_intervals import ParameterInterval
from jaxsl.host.answer.prediction import Prediction
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import Trust
from jaxsl.host.errors import UserError


@dataclass(frozen=True)
class Parameter(Report):
    """One parameter in one basin.

    Attributes:
        value: at the basin's optimum.
        low, high: central interval of the local Gaussian, in the logarithm where the box is positive.
        lower, upper: the box.
        told: how much the runs say, 1 minus the ratio of posterior to prior standard deviation.
        bound: ``"lower"`` or ``"upper"`` where the optimum sits at a bound, else empty.
        given: the relation that a fixed or tied parameter follows from, else empty.
    """

    name: str
    value: float
    low: float
    high: float
    lower: float
    upper: float
    told: float
    bound: str
    given: str = ""


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
class AlongRuns:
    """How errors of one training run's rows hang together, as of ``jaxsl.along.Along``.

    Attributes:
        share: of the error's variance that rows at the same place have in common.
        decades: of tokens over which it is forgotten to ``1 / e``.
    """

    share: float
    decades: float


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
        influence: runs without which the answer would be another; of a fit that was asked for.
        intervals: of parameters of the heaviest law by the methods that were asked for.
        along: how errors of one training run's rows hang together; None where no run has two rows.
        kept: what is kept of it, for predictions elsewhere; of a fit that was asked for, ``jaxsl.host.fit``.
    """

    num_runs: int
    laws: tuple[LawReport, ...]
    left_out: tuple[LeftOut, ...]
    prediction: Prediction | None
    trust: Trust
    notes: tuple[str, ...]
    intervals: tuple[ParameterInterval, ...] = ()
    influence: tuple[Influence, ...] = ()
    along: AlongRuns | None = None
    kept: Kept | None = field(default=None, repr=False, compare=False)

    def save(self, path: str | Path, force: bool = False) -> None:
        """Keep the fit in a JSON file, from which ``jaxsl.host.predict`` goes on; see ``Kept.save``.

        Raises:
            UserError: when the fit is a part of another answer, and as ``Kept.save``.
        """
        if self.kept is None:
            raise UserError("this fit is a part of another answer; what jaxsl.host.fit returns can be kept")
        self.kept.save(path, force)

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
        tells: how many rows it tells of. goes_on: whether it continues a run.
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
    tells: int = 1
    goes_on: bool = False


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
        pool_cost: cost of all candidates together; where they are runs, of every run to its last row.
        group: column that tells runs apart, where candidates are runs; None where they are rows.
        stop: runs that were begun and of which nothing that they can still tell is worth its price.
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
    group: str | None = None
    stop: tuple[str, ...] = ()
