"""What ``jaxsl allocate`` found, in plain NumPy: for display, JSON and Python."""

from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.report import Report
from jaxsl.host.ess.link import Items


@dataclass(frozen=True)
class Worth(Report):
    """What is to be expected at a size: leverage over sigma^2, and the performance with its ESS."""

    x: float
    leverage: float
    performance: Items | None


@dataclass(frozen=True)
class Step(Report):
    """One budget of the curve: the best design for it.

    Attributes:
        budget, cost: what may be spent and what is.
        num_runs: new runs.
        risk: over sigma^2; infinite where the budget does not buy a line.
        ess: Hoeffding's at the middle of the region; not a number where sigma is unknown.
        exact: Clopper-Pearson's.
    """

    budget: float
    cost: float
    num_runs: int
    risk: float
    ess: float
    exact: float


@dataclass(frozen=True)
class PlanReport(Report):
    """Which runs to train.

    Attributes:
        budget, cost: what may be spent and what is.
        x, count: sizes and how many of each.
        row_numbers: for a choice among candidates, where a person finds each chosen one; else empty.
        num_existing: runs already there.
        region_low, region_high: where predictions are wanted.
        criterion: what was minimised: ``risk``, or ``t`` for ``t^2 risk``.
        risk, t_risk: of the design, over sigma^2; ``t_risk`` is infinite without a degree of freedom.
        bound: no design has a smaller criterion; gap: how far above it this one is, relative; and its proof.
        fractional_bound, fractional_gap: the same from the equivalence theorem, which needs no assumption on
            the cost and lets runs be fractions; not a number for a choice among candidates.
        num_scales: different sizes, existing runs included; with two, curvature cannot be seen.
        worth: what to expect at the lower end, the middle and the upper end of the region.
        curve: the best designs for smaller budgets.
        notes: things worth saying.
    """

    budget: float
    cost: float
    x: np.ndarray
    count: np.ndarray
    row_numbers: np.ndarray
    num_existing: int
    region_low: float
    region_high: float
    criterion: str
    risk: float
    t_risk: float
    bound: float
    gap: float
    proof: str
    fractional_bound: float
    fractional_gap: float
    num_scales: int
    worth: tuple[Worth, ...]
    curve: tuple[Step, ...]
    notes: tuple[str, ...]
