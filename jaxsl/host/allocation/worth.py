"""What runs of given sizes would be worth at the target, once they are there."""

import numpy as np

from jaxsl import linear_model
from jaxsl.allocation.criteria import T_RISK, factor, line_risk
from jaxsl.allocation.design import Allocation, Region, uniform_region
from jaxsl.allocation.subset import Subset
from jaxsl.host.allocation.report import Step, Worth
from jaxsl.host.errors import UserError
from jaxsl.host.ess.line_runs import require_noise
from jaxsl.host.ess.link import KNOWN, Promise, known_link
from jaxsl.host.programs.packing import array
from jaxsl.precision import double_precision, to_numpy


def promise_of(
    existing: np.ndarray,
    outcomes: np.ndarray | None,
    line: tuple[float, float] | None,
    sigma: float | None,
    link: str,
    delta: float,
    sides: int,
) -> tuple[Promise | None, list[str]]:
    """What a leverage is worth; None where the line or its noise is unknown.

    Raises:
        UserError: for a link that is not known, or a line that is not finite.
    """
    known = known_link(link)
    if known is None:
        raise UserError(
            f"--link {link}: planning needs a known link: identity, "
            + " or ".join(f"{name}:{values}" for name, values in KNOWN.items())
        )
    if line is not None and not np.isfinite(line).all():
        raise UserError(f"--line {line[0]:g},{line[1]:g}: write two finite numbers")
    estimated = sigma is None
    if outcomes is not None and existing.size > 2 and np.unique(existing).size > 1:
        with double_precision():
            features = np.stack([np.ones(existing.size), existing], axis=1)
            fitted = to_numpy(linear_model.fit(array(features), array(outcomes)))
            intercept, slope = map(float, fitted.coefficient)
            line = (intercept, slope) if line is None else line
            require_noise(float(fitted.sigma) if sigma is None else sigma, outcomes, "--runs")
            sigma = float(fitted.sigma) if sigma is None else sigma
    if sigma is None or line is None:
        return None, ["the ESS to expect needs --sigma and --line, or runs with --y to estimate them from"]
    notes = ["sigma is taken from the runs; intervals use Student's t"] if estimated else []
    return Promise(known, line[0], line[1], sigma, not estimated, delta, sides), notes


def worth_at(runs: np.ndarray, region: Region, promise: Promise | None) -> tuple[Worth, ...]:
    """What runs ``(run,)`` promise at the ends and the middle of a region."""
    found = []
    for x in dict.fromkeys((region.low, region.mean, region.high)):
        at = uniform_region(x, x)
        leverage = float(line_risk(np.array(runs.size), runs.sum(), (runs**2).sum(), at))
        items = None if promise is None else promise.items(x, leverage, runs.size)
        found.append(Worth(x, leverage, items))
    return tuple(found)


def step_at(
    budget: float,
    chosen: Allocation | Subset,
    num_runs: int,
    runs: np.ndarray,
    region: Region,
    promise: Promise | None,
) -> Step:
    """A step of the curve: what ``runs (run,)``, old and new, promise in the middle of a region."""
    items = worth_at(runs, uniform_region(region.mean, region.mean), promise)[0].performance
    sizes = (np.nan, np.nan) if items is None else (items.hoeffding, items.clopper_pearson)
    return Step(budget, chosen.cost, num_runs, chosen.risk, *sizes)


def t_risk(risk: float, num: int, delta: float) -> float:
    """``t^2 risk`` of ``num`` runs; infinite without a degree of freedom."""
    return float(risk * factor(num, T_RISK, delta))


def require_line(value: float, budget: float, num_scales: int) -> None:
    """Refuse a design without a line: one whose criterion is infinite."""
    if not np.isfinite(value):
        raise UserError(
            f"--budget {budget:g} does not buy a line: {num_scales} different sizes, existing runs included, "
            "and for --criterion t one run more, are out of reach; raise the budget"
        )
