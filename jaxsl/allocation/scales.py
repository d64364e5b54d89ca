"""Designs of at least r scales, so that the line can be doubted.

The optimum has two scales and passes through both, whatever the truth between them: curvature cannot be seen.
One run forced between them costs a few per cent of R and makes it testable. A scale counts when it is at
least ``1/r`` of the range of all runs away from the next one (evenly spaced ones are ``1/(r-1)`` apart).

NumPy on purpose, as ``jaxsl.allocation.two_scale``, which does the work.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from jaxsl.allocation.criteria import RISK
from jaxsl.allocation.design import Allocation, Cost, Region, gather
from jaxsl.allocation.two_scale import two_scale

PLACES, ROUNDS = 13, 5  # forced sizes tried at once; how often the grid closes in on the best


def num_spaced_scales(x: np.ndarray, num_scales: int) -> int:
    """How many runs of ``x (run,)`` are pairwise at least ``1/num_scales`` of the range apart.

    Example:
        >>> num_spaced_scales(np.array([0.0, 0.1, 1.0, 2.0]), 3)
        3
    """
    if x.size == 0:
        return 0
    ordered = np.sort(x)
    gap = (ordered[-1] - ordered[0]) / num_scales * (1 - 1e-9)
    count, last = 1, ordered[0]
    for size in ordered:
        if size - last >= gap > 0:
            count, last = count + 1, size
    return count


def at_least_scales(
    cost: Cost,
    budget: float,
    region: Region,
    existing: np.ndarray | None = None,
    *,
    num_scales: int = 3,
    criterion: str = RISK,
    delta: float = 0.05,
    low: float = 0.0,
    high: float | None = None,
    max_runs: int | None = None,
) -> Allocation:
    """The best design found whose runs, existing ones included, have at least ``num_scales`` scales.

    The missing scales are forced, one run each, at sizes searched in turn; the rest is ``two_scale`` with the
    money that is left. The bound is that of the optimum without the demand, so the gap is at most its price.
    The value is infinite where the budget does not reach for it.

    Args and Raises: as ``two_scale``.

    Example:
        >>> from jaxsl.allocation.design import uniform_region
        >>> best = at_least_scales(lambda x: 0.3 * np.exp(x), 5.44, uniform_region(4, 7), num_scales=3)
        >>> len(best.x)
        3
    """
    existing = np.zeros(0) if existing is None else np.asarray(existing, float)
    plan = partial(two_scale, cost, criterion=criterion, delta=delta, low=low, high=high)
    free = plan(budget, region, existing, max_runs=max_runs)
    everything = np.concatenate([existing, free.runs])
    missing = num_scales - num_spaced_scales(everything, num_scales)
    if missing <= 0:
        return free

    def solve(forced: np.ndarray) -> Allocation | None:
        left = budget - float(np.sum(np.broadcast_to(np.asarray(cost(forced), float), forced.shape)))
        known = np.concatenate([existing, forced])
        most = None if max_runs is None else max_runs - forced.size
        smallest = float(np.asarray(cost(np.array(low))))
        if left < smallest or (most is not None and most < 1):
            return None
        near = (int(free.count[0]), int(free.count[-1]))
        rest = plan(left, region, known, max_runs=most, near=near)
        runs = np.concatenate([forced, rest.runs])
        if num_spaced_scales(np.concatenate([existing, runs]), num_scales) < num_scales:
            return None
        scales, count = gather(runs)
        return replace(rest, x=scales, count=count, cost=budget - left + rest.cost)

    top = everything.max()
    forced = low + (top - low) * np.arange(1, missing + 1) / (missing + 1)
    best = solve(forced)
    for round_ in range(ROUNDS):
        reach = (top - low) / 2 * (2 / PLACES) ** round_
        for place in range(missing):
            for size in np.clip(forced[place] + reach * np.linspace(-1, 1, PLACES), low, top):
                tried = np.concatenate([forced[:place], [size], forced[place + 1 :]])
                found = solve(tried)
                if found is not None and (best is None or found.value < best.value):
                    best, forced = found, tried
    proof = f"the optimum without the {num_scales} scales: {free.proof}"
    if best is None:
        return replace(
            free, x=np.zeros(0), count=np.zeros(0, int), cost=0.0, risk=np.inf, value=np.inf, proof=proof
        )
    return replace(best, bound=free.bound, proof=proof)
