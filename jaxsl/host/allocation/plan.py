"""Which small models to train for a budget, what they would be worth, and how far from optimal that is."""

from dataclasses import replace
from typing import Any

import numpy as np

from jaxsl.allocation.criteria import RISK, T_RISK
from jaxsl.allocation.design import Allocation, Region, gather, uniform_region
from jaxsl.host.allocation.report import PlanReport, Step
from jaxsl.host.allocation.search import CRITERIA, Request
from jaxsl.host.allocation.subset import plan_subset
from jaxsl.host.allocation.worth import promise_of, require_line, step_at, t_risk, worth_at
from jaxsl.host.errors import UserError
from jaxsl.host.ess.line_runs import formula_cost
from jaxsl.host.ess.link import Promise, check_interval

CURVE = 12  # budgets of the curve


def plan(
    budget: float,
    region: tuple[float, float] | Region,
    cost: str,
    *,
    existing: np.ndarray | None = None,
    outcomes: np.ndarray | None = None,
    candidates: Any = None,
    x: str = "x",
    criterion: str = "risk",
    num_scales: int = 2,
    low: float = 0.0,
    high: float | None = None,
    max_runs: int | None = None,
    ddof: int = 0,
    line: tuple[float, float] | None = None,
    sigma: float | None = None,
    link: str = "identity",
    delta: float = 0.05,
    sides: int = 1,
    curve: int = CURVE,
) -> PlanReport:
    """Choose runs for a budget.

    Args:
        budget: for the new runs.
        region: ends of the target region, equally weighted throughout, a point if both are equal; or any
            ``jaxsl.allocation.Region``.
        cost: of a run: an expression in x, or in the columns of ``candidates``.
        existing: sizes of runs already there, ``(run,)``, and what they showed, ``outcomes (run,)``.
        candidates: a table of runs to choose from, each at most once; sizes are free unless given.
        x: column or expression of the candidates' sizes.
        criterion: ``risk`` (the paper's Eq. 5), or ``t`` for designs of few runs whose noise is estimated.
        num_scales: at least so many different sizes.
        low, high, max_runs: smallest and largest size, and number of new runs.
        ddof: 1 for the reading of the variance that reproduces the paper's choice of OPT models.
        line: intercept and slope of Y, and ``sigma``; taken from ``outcomes`` unless given.
        link: a known link or ``identity``.
        delta, sides: of the intervals.
        curve: number of budgets of the curve; 0 for none.

    Raises:
        UserError: for anything that cannot be used as it stands.

    Example:
        >>> found = plan(5.44, (4, 7), "0.3*exp(x)", line=(-0.9, 0.52), sigma=0.2, curve=0)
        >>> found.count.tolist(), round(found.risk, 4)
        ([2, 1], 4.5351)
    """
    existing = np.zeros(0) if existing is None else existing
    check_interval(delta, sides, sigma)
    target = region if isinstance(region, Region) else uniform_region(*region)
    ends = target.low, target.high
    _check(budget, ends, criterion, num_scales, max_runs, ddof, candidates, existing, low, high)
    promise, notes = promise_of(existing, outcomes, line, sigma, link, delta, sides)
    if candidates is not None:
        return plan_subset(
            candidates, x, cost, budget, target, existing, criterion, ddof, promise, notes, delta, curve
        )
    function = formula_cost(cost)
    request = Request(function, target, existing, CRITERIA[criterion], delta, low, high, max_runs, num_scales)
    try:
        design = request.design(budget)
    except ValueError as error:
        raise UserError(f"--cost {cost}, --budget {budget:g}: {error}") from None
    require_line(design.value, budget, num_scales)
    fractional = request.fractional_bound(budget)
    everything = np.concatenate([existing, design.runs])
    notes += _advice(request, budget, design, everything)
    steps = _curve(request, budget, curve, promise) if curve else ()
    return PlanReport(
        budget=budget,
        cost=design.cost,
        x=design.x,
        count=design.count,
        row_numbers=np.zeros(0, int),
        num_existing=existing.size,
        region_low=target.low,
        region_high=target.high,
        criterion=criterion,
        risk=design.risk,
        t_risk=t_risk(design.risk, everything.size, delta),
        bound=design.bound,
        gap=design.gap,
        proof=design.proof,
        fractional_bound=fractional,
        fractional_gap=max(0.0, design.value / fractional - 1) if fractional > 0 else np.nan,
        num_scales=gather(everything)[0].size,
        worth=worth_at(everything, target, promise),
        curve=steps,
        notes=tuple(notes),
    )


def _check(budget, region, criterion, num_scales, max_runs, ddof, candidates, existing, low, high) -> None:
    if not (np.isfinite(budget) and budget > 0):
        raise UserError(f"--budget {budget:g}: a budget is positive")
    if not (np.isfinite(region).all() and region[0] <= region[1]):
        raise UserError(f"--target {region[0]:g},{region[1]:g}: write finite sizes, the lower end first")
    if not np.isfinite(existing).all():
        raise UserError("--existing: the sizes of runs are finite numbers")
    if criterion not in CRITERIA:
        raise UserError(f"--criterion {criterion}: choose one of {', '.join(CRITERIA)}")
    if num_scales < 2:
        raise UserError(f"--scales {num_scales}: a line needs two")
    if max_runs is not None and max_runs < 1:
        raise UserError(f"--max-runs {max_runs}: at least one")
    if ddof not in (0, 1):
        raise UserError(f"--ddof {ddof}: 0 for Eq. 3, 1 for the reading that reproduces the paper's subset")
    if ddof and candidates is None:
        raise UserError("--ddof 1 reproduces the paper's choice among given models: give --candidates")
    if not np.isfinite(low) or (high is not None and not (np.isfinite(high) and high > low)):
        raise UserError(f"--low {low:g}, --high {high}: write finite sizes, --high above --low")
    if candidates is not None:
        idle = [name for name, used in (("--scales", num_scales > 2), ("--max-runs", max_runs)) if used]
        idle += [name for name, used in (("--low", low != 0), ("--high", high is not None)) if used]
        if idle:
            raise UserError(f"{idle[0]} is for free sizes and has no use with --candidates; leave it out")
    elif region[0] <= low:
        raise UserError(
            f"--target {region[0]:g} is no larger than the smallest size that can be run, --low "
            f"{low:g}: that is no extrapolation; give a region beyond it"
        )
    if existing.size and region[0] <= existing.max():
        raise UserError(
            f"--target {region[0]:g} lies inside the runs, which reach {existing.max():g}: that is no "
            "extrapolation; give a region beyond them, or leave out the runs that are as large"
        )


def _curve(request: Request, budget: float, num: int, promise: Promise | None) -> tuple[Step, ...]:
    """The best design for budgets from two of the smallest runs up."""
    least = 2 * float(request.cost(np.array(request.low)))
    steps = []
    for spend in np.geomspace(least, budget, num) if least < budget else [budget]:
        try:
            design = request.design(float(spend))
        except ValueError:
            continue
        if not np.isfinite(design.value):
            continue
        runs = np.concatenate([request.existing, design.runs])
        steps.append(step_at(float(spend), design, design.num_runs, runs, request.region, promise))
    return tuple(steps)


def _advice(request: Request, budget: float, design: Allocation, runs: np.ndarray) -> list[str]:
    """What the other criterion would do, and whether the line can be doubted."""
    notes = []
    now = t_risk(design.risk, runs.size, request.delta)
    if request.criterion == RISK and request.num_scales == 2:
        try:
            other = replace(request, criterion=T_RISK).design(budget)
        except ValueError:
            other = design
        if other.value < 0.95 * now and other is not design:
            sizes = ", ".join(f"{count} at {x:.4g}" for x, count in zip(other.x, other.count, strict=True))
            notes.append(
                f"with sigma estimated the squared interval goes with t^2 R, which is {now:.4g} here"
                f"{'' if np.isfinite(now) else ', without a degree of freedom'}; "
                f"--criterion t reaches {other.value:.4g} with {sizes}"
            )
    if design.num_runs and design.x[-1] >= request.region.low:
        notes.append("the largest run is as large as the target: this budget trains the target itself")
    if gather(runs)[0].size == 2:
        notes.append("two sizes cannot show whether the line bends; --scales 3 forces a third")
    return notes
