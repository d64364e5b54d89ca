"""Predict as it is, test the target itself, or train more small models first: what each would cost."""

from collections.abc import Callable

import numpy as np

from jaxsl.allocation.criteria import RISK, T_RISK
from jaxsl.allocation.design import Allocation, uniform_region
from jaxsl.allocation.two_scale import two_scale
from jaxsl.host.errors import UserError
from jaxsl.host.ess.link import Items, Promise
from jaxsl.host.ess.report import Choice

MEASURES = {"exact": "clopper_pearson", "hoeffding": "hoeffding", "beta": "beta", "gaussian": "gaussian"}
MOST_NEW_RUNS = 60
GRID = 65  # sizes at which the cost is looked at
HALVINGS = 12  # of the range of budgets, in the logarithm


def measured(found: Items, by: str) -> float:
    """The equivalent sample size that decides; where it has no meaning, one that has."""
    candidates = (getattr(found, MEASURES[by]), found.gaussian, found.hoeffding)
    return next((value for value in candidates if np.isfinite(value)), found.hoeffding)


def choose(
    promise: Promise,
    x: np.ndarray,
    size: float,
    worth: Items,
    cost: Callable[[np.ndarray], np.ndarray],
    cost_target: float,
    items: int,
    item_cost: float,
    trained: bool,
    by: str,
) -> Choice:
    """The cheapest way to know the target as well as a direct test of ``items`` items would.

    Args:
        promise: what a leverage at the target is worth.
        x: sizes of the runs that are there, ``(run,)``; new ones lie between the smallest and the largest.
        size: of the target.
        worth: of the prediction as it is.
        cost: of a run by size.
        cost_target, trained: of training the target, and whether that is done.
        items, item_cost: of the direct test.
        by: the measure, a key of ``MEASURES``.

    Raises:
        UserError: when the cost does not increase with size.
    """
    if np.any(np.diff(cost(np.linspace(x.min(), x.max(), GRID))) <= 0):
        raise UserError(
            "--items plans more small models, which needs a cost that increases with size throughout the "
            "runs; correct --cost, or leave --items out"
        )
    region, low, high = uniform_region(size, size), float(x.min()), float(x.max())
    criterion = RISK if promise.known else T_RISK

    def planned(logarithm: float) -> Allocation:
        budget = float(np.exp(logarithm))
        return two_scale(
            cost,
            budget,
            region,
            x,
            criterion=criterion,
            delta=promise.delta,
            low=low,
            high=high,
            max_runs=MOST_NEW_RUNS,
        )

    def suffices(design: Allocation) -> bool:
        return measured(promise.items(size, design.risk, x.size + design.num_runs), by) >= items

    now = measured(worth, by)
    limit = measured(promise.items(size, 0.0, np.inf), by)
    design = None
    if now < items <= limit:
        ends = np.log([float(cost(np.array(low))), MOST_NEW_RUNS * float(cost(np.array(high)))])
        if suffices(planned(ends[1])):
            for _ in range(HALVINGS):
                middle = ends.mean()
                ends[int(suffices(planned(middle)))] = middle
            design = planned(ends[1])
    cost_test = items * item_cost + (0.0 if trained else cost_target)
    cost_train = 0.0 if now >= items else np.nan if design is None else design.cost
    return Choice(
        items=items,
        measure=by,
        worth=now,
        advice="predict" if now >= items else "train" if cost_train < cost_test else "test",
        cost_test=cost_test,
        cost_train=cost_train,
        x=np.zeros(0) if design is None else design.x,
        count=np.zeros(0, int) if design is None else design.count,
        limit=limit,
    )
