"""The optimal sizes on a line: Algorithms 1 and 2, vectorised over all counts and a grid of sizes.

By Theorem 6.1 (cost c increasing, c'' increasing) an optimum has ``k1`` runs at the smallest size, and the
rest at one size, or at two with the budget spent exactly. So one number is left to search for each triple of
counts. All triples are scanned on a coarse grid at once, the best thousands zoomed into, then the best few.

Two things are added. A largest size ``high`` makes a third kind of optimum possible, in which the upper scale
sits at ``high`` and money is left (the theorem's exchange argument then still excludes a third scale). And
``t^2 R`` is covered, because its factor depends on the number of runs alone.

NumPy on purpose: the cost is the user's own function, the number of triples follows the budget, and nothing
is differentiated or repeated, so compiling would take longer than the search.

("Extrapolating Large Models from the Small", section 6, Appendices A and C.)
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from jaxsl.allocation.cost import HALVINGS, ROUNDING, CostModel
from jaxsl.allocation.criteria import RISK, factor, line_risk
from jaxsl.allocation.design import Allocation, Cost, Region, gather

COARSE, FINE = 17, 9  # grid of the scan and of a zoom
# Rounds of the scan, of a few zooms and of the zooms to the end: how many, how many triples go on from there,
# and halvings with which a cost is turned into a size (0: by interpolation).
STAGES = ((1, 4096, 0), (3, 64, 4), (10, 1, HALVINGS))
MOST_TRIPLES = 60_000  # all counts up to 69 runs; above, those near the continuous optimum
MOST_RUNS = 1_000_000
WIDE, NARROW = (20, 4), (4, 1)  # how far from it (or from `near`), and how many at the lower scale


@dataclass(frozen=True)
class _Searches:
    """One search per row: ``k1`` runs at low, ``a`` at v, ``b`` at x, v and x driven by one number in [0, 1].

    Where ``at_top``, x is the largest size and v is free; elsewhere ``a`` runs at v spend what x leaves.
    """

    k1: np.ndarray
    a: np.ndarray
    b: np.ndarray
    at_top: np.ndarray

    @property
    def num_runs(self) -> np.ndarray:
        return self.k1 + self.a + self.b

    def take(self, rows: np.ndarray) -> "_Searches":
        return _Searches(self.k1[rows], self.a[rows], self.b[rows], self.at_top[rows])


def two_scale(
    cost: Cost,
    budget: float,
    region: Region,
    existing: np.ndarray | None = None,
    *,
    criterion: str = RISK,
    delta: float = 0.05,
    low: float = 0.0,
    high: float | None = None,
    max_runs: int | None = None,
    near: tuple[int, int] | None = None,
) -> Allocation:
    """The best new runs on a line for a budget.

    Args:
        cost: of a run of size x, for arrays; positive and increasing.
        budget: for the new runs.
        region: what is to be predicted.
        existing: sizes of runs already there, ``(run,)``.
        criterion: ``"risk"`` (Eq. 5) or ``"t_risk"``.
        delta: one minus the confidence, for ``"t_risk"``.
        low, high: smallest and largest size that can be run; the budget sets ``high`` unless given.
        max_runs: the largest number of new runs.
        near: look only at designs with about so many runs at the smallest and at the largest scale.

    Returns:
        The design. By Theorem 6.1 it is its own bound where the cost meets Assumption 1 and all counts were
        enumerated; elsewhere the bound is not a number (see ``jaxsl.allocation.certificate``). The value is
        infinite where the budget does not buy a line.

    Raises:
        ValueError: see ``CostModel``; and when the budget buys more than ``MOST_RUNS`` of the smallest runs.

    Example:
        >>> from jaxsl.allocation.design import uniform_region
        >>> best = two_scale(lambda x: 0.3 * np.exp(x), 5.44, uniform_region(4, 7))
        >>> best.x.round(3).tolist(), best.count.tolist(), round(best.risk, 4)
        ([0.0, 2.781], [2, 1], 4.5351)
    """
    model = CostModel(cost, budget, low, high)
    existing = np.zeros(0) if existing is None else np.asarray(existing, float)
    searches, complete = _all_counts(model, region, existing, max_runs, near)
    # About `low`, so that nothing is lost to cancellation where sizes are large numbers.
    here = Region(region.low - low, region.high - low, region.mean - low, region.variance)
    known = existing.size, np.sum(existing - low), np.sum((existing - low) ** 2)

    counts = searches.num_runs
    fewest = int(counts.min())
    factors = factor(existing.size + np.arange(fewest, counts.max() + 1), criterion, delta)

    def value(rows: _Searches, u: np.ndarray, halvings: int) -> np.ndarray:
        v, x = (place - low for place in _place(model, rows, u, halvings))
        k1, a, b = rows.k1[:, None], rows.a[:, None], rows.b[:, None]
        num = known[0] + k1 + a + b
        risk = line_risk(num, known[1] + a * v + b * x, known[2] + a * v**2 + b * x**2, here)
        return risk * factors[k1 + a + b - fewest]

    u, grid, width = np.full(searches.k1.size, 0.5), np.linspace(-1, 1, COARSE), 0.5
    for rounds, kept, halvings in STAGES:
        for _ in range(rounds):
            points = np.clip(u[:, None] + width * grid, 0, 1)
            values = value(searches, points, halvings)
            best = np.argmin(values, axis=1)
            u, lowest = points[np.arange(u.size), best], values[np.arange(u.size), best]
            width *= 2 / (grid.size - 1)
        rows = np.argsort(lowest, kind="stable")[:kept]
        searches, u, lowest = searches.take(rows), u[rows], lowest[rows]
        grid = np.linspace(-1, 1, FINE)
    v, x = _place(model, searches, u[:, None], HALVINGS)
    runs = np.repeat([low, v.item(), x.item()], [searches.k1[0], searches.a[0], searches.b[0]])
    scales, count = gather(np.where(runs - low < 1e-9, low, runs))
    proven = complete and model.meets_assumption
    return Allocation(
        x=scales,
        count=count,
        cost=float(model.cost(runs).sum()),
        risk=float(lowest[0] / factors[runs.size - fewest]) if np.isfinite(lowest[0]) else np.inf,
        value=float(lowest[0]),
        bound=float(lowest[0]) if proven else np.nan,
        proof="Theorem 6.1, all counts enumerated" if proven else "none",
    )


def _all_counts(
    model: CostModel,
    region: Region,
    existing: np.ndarray,
    max_runs: int | None,
    near: tuple[int, int] | None,
) -> tuple[_Searches, bool]:
    """All counts that the budget allows, and whether they are all; those without a lower scale first."""
    most = int(model.budget / model.smallest * (1 + ROUNDING))
    most = most if max_runs is None else min(most, max_runs)
    if most > MOST_RUNS:
        raise ValueError(
            f"a budget of {model.budget:g} buys {most:.3g} runs of the smallest size, more than can be "
            "planned: are both in one unit? Else limit the number of runs, or raise the smallest size"
        )
    complete = near is None and (most + 1) * (most + 2) * (most + 3) // 6 <= MOST_TRIPLES
    if complete:
        counts = np.indices((most + 1,) * 3).reshape(3, -1)
    else:
        centre = near or _continuous(model, region, existing, most)
        reach, between = NARROW if near else WIDE
        around = np.arange(-reach, reach + 1)
        grids = np.meshgrid(around + centre[0], np.arange(between + 1), around + centre[1])
        counts = np.stack([np.maximum(grid, 0).ravel() for grid in grids])
    k1, a, b = counts[:, (counts.sum(axis=0) <= most) & ((counts[1] == 0) | (counts[2] > 0))]
    affordable = (k1 + a + b) * model.smallest <= model.budget * (1 + ROUNDING)
    between = affordable & (a > 0)
    capped = between & model.is_capped & ((k1 + a) * model.smallest + b * model.largest <= model.budget)
    rows = [np.flatnonzero(choice) for choice in (affordable & (a == 0), between, capped)]
    at_top = np.repeat([False, False, True], [choice.size for choice in rows])
    chosen = np.concatenate(rows)
    return _Searches(k1[chosen], a[chosen], b[chosen], at_top), complete


def _continuous(model: CostModel, region: Region, existing: np.ndarray, most: int) -> tuple[int, int]:
    """Counts at low and at the upper scale if they need not be whole, on a grid of sizes and shares."""
    x, share = np.meshgrid(model.x[16::16], np.linspace(0.01, 0.99, 99))
    upper = np.minimum(share * model.budget / model.cost(x), most)
    lower = np.minimum((1 - share) * model.budget / model.smallest, most - upper)
    total, squares = np.sum(existing - model.low), np.sum((existing - model.low) ** 2)
    x = x - model.low
    here = Region(0.0, 0.0, region.mean - model.low, region.variance)
    risk = line_risk(existing.size + lower + upper, total + upper * x, squares + upper * x**2, here)
    best = np.argmin(risk)
    return round(float(lower.flat[best])), round(float(upper.flat[best]))


def _place(model: CostModel, rows: _Searches, u: np.ndarray, halvings: int) -> tuple[np.ndarray, np.ndarray]:
    """The scales v and x of every search at ``u (search, point)``."""
    size = partial(model.exactly, halvings=halvings) if halvings else model.roughly
    k1, a, b, top = (column[:, None] for column in (rows.k1, rows.a, rows.b, rows.at_top))
    left = model.budget - k1 * model.smallest
    least = np.where(a > 0, left / np.maximum(a + b, 1), model.smallest)
    most = np.minimum((left - a * model.smallest) / np.maximum(b, 1), model.largest)
    spent = np.where(top, model.largest, np.minimum(least, most) + u * np.maximum(most - least, 0))
    rest = (left - b * spent) / np.maximum(a, 1)
    free = model.smallest + u * (np.minimum(rest, model.largest) - model.smallest)
    return size(np.where(top, free, rest)), size(spent)
