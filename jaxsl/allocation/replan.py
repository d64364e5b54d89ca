"""Planning while the runs come in, and what a wrong cost model does to a plan.

A plan is made with a believed cost; runs are paid at their true one. Planned again after every run, with what
was really paid and the belief scaled by paid over believed so far, the rest of the budget goes to better use.

NumPy on purpose, as ``jaxsl.allocation.two_scale``, which does the work.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from jaxsl.allocation.cost import ROUNDING
from jaxsl.allocation.criteria import line_risk
from jaxsl.allocation.design import Cost, Region
from jaxsl.allocation.two_scale import two_scale

MOST_REFUSED = 5  # plans in a row whose next run turned out too expensive


@dataclass(frozen=True)
class Outcome:
    """What became of a budget.

    Attributes:
        runs: sizes of the runs that were paid for, in order, ``(run,)``.
        paid: their true cost.
        risk: over sigma^2; infinite without a line.
    """

    runs: np.ndarray
    paid: float
    risk: float


def next_run(
    cost: Cost,
    budget: float,
    region: Region,
    existing: np.ndarray,
    low: float = 0.0,
    high: float | None = None,
) -> float | None:
    """The run of today's plan to do first: that which lowers the risk most per cost; None without money.

    While no line can be fitted yet, the largest run of the plan goes first: it decides what is left.

    Example:
        >>> from jaxsl.allocation.design import uniform_region
        >>> done = np.array([0.0, 0.0, 2.8])
        >>> next_run(lambda x: 0.3 * np.exp(x), 0.4, uniform_region(4, 7), done)
        0.0
    """
    if float(np.asarray(cost(np.array(low)))) > budget * (1 + ROUNDING):
        return None
    design = two_scale(cost, budget, region, existing, low=low, high=high)
    if design.num_runs == 0:
        return None
    now = _risk(existing, region)
    if not np.isfinite(now):
        return float(design.x[-1])
    gains = [(now - _risk(np.append(existing, x), region)) / float(cost(np.array(x))) for x in design.x]
    return float(design.x[int(np.argmax(gains))])


def follow(
    believed: Cost,
    true: Cost,
    budget: float,
    region: Region,
    existing: np.ndarray | None = None,
    *,
    again: bool = True,
    low: float = 0.0,
    high: float | None = None,
) -> Outcome:
    """Spend a budget on a plan whose costs are believed, paying what they truly are.

    Args:
        believed, true: cost of a run by size.
        budget: true money. A run that would exceed it is not started; its quoted price is still learned from.
        region: what is to be predicted.
        existing: runs already there.
        again: plan anew after every run; else follow the first plan, small runs first, while money lasts.
        low, high: smallest and largest size that can be run.

    Example:
        >>> from jaxsl.allocation.design import uniform_region
        >>> believed, true = (lambda x: 0.3 * np.exp(x)), (lambda x: 0.3 * np.exp(1.1 * x))
        >>> follow(believed, true, 5.44, uniform_region(4, 7)).paid <= 5.44
        True
    """
    existing = np.zeros(0) if existing is None else np.asarray(existing, float)
    runs: list[float] = []
    paid, expected = 0.0, 0.0
    plan = None if again else list(two_scale(believed, budget, region, existing, low=low, high=high).runs)
    refused, ratio = 0, 1.0
    while refused < MOST_REFUSED:
        if plan is None:
            known = np.concatenate([existing, runs])
            belief = partial(_scaled, believed, ratio)
            size = next_run(belief, budget - paid, region, known, low, high)
        else:
            size = plan.pop(0) if plan else None
        if size is None:
            break
        price, thought = float(true(np.array(size))), float(believed(np.array(size)))
        if paid + price <= budget * (1 + ROUNDING):
            runs.append(size)
            paid, expected = paid + price, expected + thought
            ratio = paid / expected
        elif plan is None:
            refused, ratio = refused + 1, price / thought
        else:
            break
    everything = np.concatenate([existing, runs])
    return Outcome(np.array(runs), paid, _risk(everything, region))


def _scaled(cost: Cost, ratio: float, x: np.ndarray) -> np.ndarray:
    return ratio * cost(x)


def _risk(x: np.ndarray, region: Region) -> float:
    return float(line_risk(np.array(x.size), x.sum(), (x**2).sum(), region)) if x.size else np.inf
