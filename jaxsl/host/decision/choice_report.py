"""Which runs are worth it for a decision, in plain NumPy: for display, JSON and Python."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxsl.host.answer.fit_report import LeftOut
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import Trust
from jaxsl.host.decision.report import Decision, MultiplierReport


@dataclass(frozen=True)
class AimedRun(Report):
    """A candidate and what it is worth to a decision.

    Attributes:
        row_number: where a person finds it in the table.
        recipe: which of several it is of; empty where there is one.
        x, labels, cost: as of ``jaxsl.host.answer.fit_report.NextRun``.
        score: expected fall of the regret, for what it costs. fall: that fall itself, in the loss's unit; of
            a least cost or a multiplier both are about the variance of its logarithm.
    """

    row_number: int
    recipe: str
    x: Mapping[str, float]
    labels: Mapping[str, str]
    cost: float
    score: float
    fall: float


@dataclass(frozen=True)
class AimedReport(Report):
    """Candidates ranked by what they teach about a decision, each as if it were the only next run.

    Attributes:
        aim: what is decided.
        decision: what is best now, with intervals.
        regret: expected loss given up by deciding now, by the curvature of the loss about it; of a least cost
            the variance of its logarithm.
        runs: best first.
        others: as in ``jaxsl.host.answer.fit_report.NextReport``.
    """

    laws: tuple[str, ...]
    aim: str
    decision: Decision
    regret: float
    runs: tuple[AimedRun, ...]
    budget: float | None
    max_cost: float | None
    num_candidates: int
    num_affordable: int
    pool_cost: float
    level: float
    trust: Trust | None
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RecipesReport(Report):
    """Candidates of several recipes ranked by what they teach about compute multipliers, each as if alone.

    Attributes:
        by: the column that tells recipes apart.
        multipliers: what is known of them now, with intervals.
        variance: of their logarithms, added up, by the delta method.
        runs: best first.
        others: as in ``AimedReport``.
    """

    by: str
    multipliers: MultiplierReport
    variance: float
    runs: tuple[AimedRun, ...]
    budget: float | None
    max_cost: float | None
    num_candidates: int
    num_affordable: int
    pool_cost: float
