"""Which of given runs to do for a budget."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from jaxsl.allocation.criteria import line_risk
from jaxsl.allocation.design import Region, gather
from jaxsl.allocation.subset import Subset, best_line_subset
from jaxsl.host.allocation.report import PlanReport, Step
from jaxsl.host.allocation.search import CRITERIA
from jaxsl.host.allocation.worth import require_line, step_at, t_risk, worth_at
from jaxsl.host.errors import UserError
from jaxsl.host.ess.line_runs import finite_column
from jaxsl.host.ess.link import Promise
from jaxsl.host.input.table import read


def plan_subset(
    candidates: Any,
    x: str,
    cost: str,
    budget: float,
    region: Region,
    existing: np.ndarray,
    criterion: str,
    ddof: int,
    promise: Promise | None,
    notes: list[str],
    delta: float,
    curve: int,
) -> PlanReport:
    """The best subset of given runs.

    Raises:
        UserError: for a cost that is not positive, a budget that buys nothing, a target among the candidates.
    """
    table = read(candidates)
    sizes = finite_column(table, x, "--x")
    known = {} if "x" in table.columns else {"x": sizes}
    costs = np.asarray(table.evaluate(cost, known), float)
    if not (costs > 0).all():
        row = int(np.flatnonzero(~(costs > 0))[0])
        raise UserError(f"{table.place(row)}: --cost {cost} is {costs[row]:g}; a cost must be positive")
    if costs.min() > budget:
        raise UserError(f"--budget {budget:g} buys nothing: the cheapest candidate costs {costs.min():g}")
    if region.low <= sizes.max():
        raise UserError(
            f"--target {region.low:g} lies inside the candidates, which reach {sizes.max():g}: that is no "
            "extrapolation; give a region beyond them, or leave out the candidates that are as large"
        )
    best = partial(
        best_line_subset,
        sizes,
        costs,
        region=region,
        existing=existing,
        criterion=CRITERIA[criterion],
        delta=delta,
        ddof=ddof,
    )
    try:
        found = best(budget)
    except ValueError as error:
        raise UserError(f"--candidates: {error}") from None
    require_line(found.value, budget, 2)
    runs = np.concatenate([existing, sizes[found.index]])
    whole = float(line_risk(np.array(runs.size), runs.sum(), (runs**2).sum(), region))
    return PlanReport(
        budget=budget,
        cost=found.cost,
        x=sizes[found.index],
        count=np.ones(found.index.size, int),
        row_numbers=table.row_numbers[found.index],
        num_existing=existing.size,
        region_low=region.low,
        region_high=region.high,
        criterion=criterion if not ddof else f"{criterion}, variance with n - 1",
        risk=found.risk,
        t_risk=t_risk(whole, runs.size, delta),
        bound=found.bound,
        gap=found.gap,
        proof=found.proof,
        fractional_bound=np.nan,
        fractional_gap=np.nan,
        num_scales=gather(runs)[0].size,
        worth=worth_at(runs, region, promise),
        curve=tuple(_curve(best, sizes, costs, budget, curve, existing, region, promise)),
        notes=tuple(notes),
    )


def _curve(
    best: Callable[[float], Subset],
    sizes: np.ndarray,
    costs: np.ndarray,
    budget: float,
    num: int,
    existing: np.ndarray,
    region: Region,
    promise: Promise | None,
) -> Iterator[Step]:
    """The best subsets for budgets from the cheapest two candidates up."""
    least, most = np.sort(costs)[:2].sum(), min(budget, costs.sum())
    budgets = np.geomspace(least, most, num) if num and least < most else np.full(min(num, 1), most)
    for spend in budgets.tolist():
        found = best(spend)
        if np.isfinite(found.value):
            runs = np.concatenate([existing, sizes[found.index]])
            yield step_at(spend, found, found.index.size, runs, region, promise)
