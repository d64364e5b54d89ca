"""IsoFLOP: a parabola in the logarithm of the size for every budget, and a power law through their minima.

    loss = b_0 + b_1 u + b_2 u^2,  u = log N;   u* = -b_1 / (2 b_2)
    log N* = a log C + const

(Hoffmann et al. 2022, arXiv:2203.15556, approach 2.) A loss is no parabola, and a grid that is wide or off
its centre moves the minimum (arXiv:2603.22339): the same grid is simulated by the fitted law, whose own best
sizes are known, and the bias that comes out is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.which_laws import Laws, ensemble
from jaxsl.host.decision.estimate import Estimate, values
from jaxsl.host.decision.known import Known, best_of_heaviest, exact, learned
from jaxsl.host.decision.optimal import exponents
from jaxsl.host.decision.question import check_budgets, question
from jaxsl.host.decision.report import Group, IsoflopReport
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.problem import Runs
from jaxsl.host.input.reading import Reading

GAP = 0.1  # decades between costs of one budget and the next
WIDE = 0.3  # decades within one budget above which costs are no budgets
UNEVEN = 1.1  # times by which costs of one budget may differ before it is said
DRAWS = 200  # of noise on a simulated grid


@dataclass(frozen=True)
class Parabola:
    """A parabola through the runs of one budget.

    Attributes:
        rows: which runs.
        at: logarithm of the size at its minimum. value: the loss there. bend: of the square of the distance.
        slope, of_value: of ``at`` and ``value`` by every outcome, ``(run,)``.
        squares: of what is left, on ``dof`` degrees of freedom.
        refused: why there is no minimum; empty where there is one.
    """

    rows: np.ndarray
    at: float
    value: float
    bend: float
    slope: np.ndarray
    of_value: np.ndarray
    squares: float
    dof: int
    refused: str


def isoflop(
    source: Any,
    law: Laws,
    *,
    cost: str,
    size: str = "N",
    budgets: Sequence[float] | None = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    **how: Unpack[Reading],
) -> IsoflopReport:
    """The best sizes by parabolas, beside those of laws.

    Args:
        source, law, cost, map, outcome, level, seed, how: as in ``jaxsl.host.optimal``.
        size: the input in whose logarithm parabolas are fitted.
        budgets: costs; found among those of the runs when None.

    Raises:
        UserError: for anything that cannot be used as it stands, and where runs form no budgets.
    """
    from scipy.special import stdtrit

    check_level(level)
    chosen = ensemble(source, law, mapping=map, outcome=outcome, **how)
    seen, inputs = chosen.seen, chosen.laws[0].inputs
    asked = question(chosen.laws[0], cost, runs=seen.x)
    names = [inputs[index] for index in asked.free]
    if len(names) != 2 or size not in names or chosen.laws[0].num_outputs != 1:
        raise UserError(
            f"--size {size}: IsoFLOP is about one outcome of two inputs that vary, one of them the size; "
            f"there are {', '.join(names)}"
        )
    spent = asked.costs(seen.x)
    centres, groups, notes = grouped(spent, budgets)
    u = np.log(seen.x[:, inputs.index(size)])
    fits = [parabola(u[rows], seen.y[rows, 0], rows) for rows in groups]
    levels = np.log(centres)
    known = learned(
        source, law, cost, {}, {}, levels, False, map=map, outcome=outcome, level=level, seed=seed, **how
    )
    told = values(known, levels, False)
    place = names.index(size)
    by_law = told.linear(np.eye(told.mean.shape[1])[place :: len(names) + 2]).estimates(
        [size] * len(levels), [""] * len(levels), [True] * len(levels), level
    )
    sigma, dof = _pooled(fits)
    half = stdtrit(dof, 0.5 + level / 200) if dof else np.nan
    bias = _bias(known, levels, fits, u, sigma, place)
    good = [index for index, fit in enumerate(fits) if not fit.refused]
    spread = np.array([sigma * np.linalg.norm(fit.slope) for fit in fits])
    own, biased = _power_law(
        levels[good], np.array([fits[i].at for i in good]), spread[good], bias[good], half, size
    )
    return IsoflopReport(
        laws=known.names,
        cost=cost,
        size=size,
        groups=tuple(
            _group(centres[i], fits[i], spread[i], sigma, half, by_law[i], bias[i], size, seen, np.exp(u))
            for i in range(len(fits))
        ),
        exponent=own,
        exponent_bias=biased,
        law_exponent=exponents(known, told, levels, level)[place] if len(levels) > 1 else None,
        noise=float(sigma),
        level=level,
        trust=known.trust(known.centre),
        left_out=known.left_out,
        notes=(*known.notes, *notes),
    )


def grouped(
    spent: np.ndarray, budgets: Sequence[float] | None = None
) -> tuple[np.ndarray, list[np.ndarray], list[str]]:
    """Budgets, the runs of each, and what is to be said.

    Args:
        spent: cost of every run, ``(run,)``.
        budgets: or those nearest to each other, with a gap of ``GAP`` decades to the next, when None.

    Raises:
        UserError: when costs form no groups, or a budget has no run.

    Example:
        >>> centres, rows, notes = grouped(np.array([1e18, 1.01e18, 3e18, 2.97e18]))
        >>> [f"{value:.3g}" for value in centres], [some.tolist() for some in rows]
        (['1e+18', '2.98e+18'], [[0, 1], [2, 3]])
        >>> grouped(np.array([1e18, 1.2e18, 3e18]))[2]
        ['runs that cost 1e+18 to 1.2e+18 are taken as one budget']
    """
    decades = np.log10(spent)
    if budgets is None:
        order = np.argsort(decades, kind="stable")
        ends = np.flatnonzero(np.diff(decades[order]) > GAP) + 1
        groups = [np.sort(rows) for rows in np.split(order, ends)]
        for rows in groups:
            if np.ptp(decades[rows]) > WIDE:
                raise UserError(
                    f"costs from {spent[rows].min():.3g} to {spent[rows].max():.3g} form no budget: runs "
                    "of one budget cost the same; say which there are with --budgets"
                )
        uneven = [spent[rows] for rows in groups if np.ptp(decades[rows]) > np.log10(UNEVEN)]
        notes = [
            f"runs that cost {one.min():.3g} to {one.max():.3g} are taken as one budget" for one in uneven
        ]
        return np.array([np.exp(np.mean(np.log(spent[rows]))) for rows in groups]), groups, notes
    centres = check_budgets(budgets, "--budgets")
    nearest = np.argmin(np.abs(decades[:, None] - np.log10(centres)), axis=1)
    near = np.abs(decades - np.log10(centres)[nearest]) <= GAP
    groups = [np.flatnonzero(near & (nearest == index)) for index in range(len(centres))]
    for centre, rows in zip(centres, groups, strict=True):
        if not len(rows):
            raise UserError(f"--budgets {centre:g}: no run costs about that; leave it out")
    away = int(np.sum(~near))
    return centres, groups, [f"{away} runs cost none of the budgets and are left out"] if away else []


def parabola(u: np.ndarray, loss: np.ndarray, rows: np.ndarray | None = None) -> Parabola:
    """Least squares through the runs of one budget, ``u (run,)`` the logarithms of their sizes.

    Example:
        >>> u = np.array([-1.0, 0.0, 1.0, 2.0])
        >>> found = parabola(u, 2 + (u - 0.5) ** 2)
        >>> round(found.at, 6), round(found.value, 6), found.dof, found.refused
        (0.5, 2.0, 1, '')
    """
    rows = np.arange(len(u)) if rows is None else rows
    nothing = np.zeros(len(u))
    if len(np.unique(u)) < 3:
        return Parabola(rows, np.nan, np.nan, np.nan, nothing, nothing, 0.0, 0, "fewer than three sizes")
    middle = u.mean()
    inverse = np.linalg.pinv(np.stack([np.ones_like(u), u - middle, (u - middle) ** 2], axis=1))
    b = inverse @ loss
    left = loss - (b[0] + b[1] * (u - middle) + b[2] * (u - middle) ** 2)
    at = middle - b[1] / (2 * b[2]) if b[2] != 0 else np.nan
    away = at - middle
    refused = ""
    if not b[2] > 0:
        refused = "no minimum: the loss bends the other way"
    elif at < u.min() or at > u.max():
        refused = f"the minimum lies beyond the {'smallest' if at < u.min() else 'largest'} run"
    slope = -(inverse[1] + 2 * away * inverse[2]) / (2 * b[2]) if b[2] != 0 else nothing
    of_value = inverse[0] + away * inverse[1] + away**2 * inverse[2]
    value = float(b[0] + b[1] * away + b[2] * away**2)
    return Parabola(
        rows, float(at), value, float(b[2]), slope, of_value, float(left @ left), len(u) - 3, refused
    )


def _pooled(fits: Sequence[Parabola]) -> tuple[float, int]:
    """Standard deviation about all parabolas together, and its degrees of freedom."""
    dof = sum(fit.dof for fit in fits)
    return (np.sqrt(sum(fit.squares for fit in fits) / dof), dof) if dof else (np.nan, 0)


def _bias(
    known: Known, levels: np.ndarray, fits: Sequence[Parabola], u: np.ndarray, sigma: float, place: int
) -> np.ndarray:
    """By how much the parabolas' logarithms of sizes miss those of the law that they are simulated by."""
    assert known.found is not None
    law, lesson = known.found.laws[known.found.best], known.found.lessons[known.found.best]
    theta = np.asarray(lesson.learned.basins.theta)[:1]
    best = best_of_heaviest(replace(known, parts=(exact(law, theta),)), levels, False)
    fitted = np.asarray(lesson.fitted)[:, 0]
    rng, found = np.random.default_rng(0), []
    for at, fit in zip(np.log(best[:, known.asked.free[place]]), fits, strict=True):
        noise = rng.normal(0.0, sigma if np.isfinite(sigma) else 0.0, (DRAWS, len(fit.rows)))
        again = [parabola(u[fit.rows], fitted[fit.rows] + one) for one in noise]
        ends = [one.at for one in again if not one.refused]
        found.append(float(np.median(ends)) - at if ends else np.nan)
    return np.array(found)


def _group(
    centre: float,
    fit: Parabola,
    spread: float,
    sigma: float,
    half: float,
    by_law: Estimate,
    bias: float,
    size: str,
    seen: Runs,
    sizes: np.ndarray,
) -> Group:
    nothing = Estimate(size, "", np.nan, np.nan, np.nan, "parabola")
    loss, best = replace(nothing, name="loss"), nothing
    if not fit.refused:
        ends = fit.at + half * spread * np.array([-1, 0, 1])
        low, middle, high = (float(np.exp(end)) for end in ends)
        best = Estimate(
            size, "", middle if np.isfinite(middle) else float(np.exp(fit.at)), low, high, "parabola"
        )
        width = half * sigma * np.linalg.norm(fit.of_value)
        loss = Estimate("loss", "", fit.value, float(fit.value - width), float(fit.value + width), "parabola")
    rows = tuple(int(number) for number in seen.row_numbers[fit.rows])
    tried, gave = sizes[fit.rows], seen.y[fit.rows, 0]
    return Group(
        float(centre), rows, tried, gave, fit.refused, best, loss, fit.bend, by_law, float(np.exp(bias))
    )


def _power_law(
    levels: np.ndarray, at: np.ndarray, spread: np.ndarray, bias: np.ndarray, half: float, name: str
) -> tuple[Estimate | None, float]:
    """The exponent through the minima, weighted, and wider where they scatter more; its bias."""
    if len(levels) < 2:
        return None, np.nan
    weight = 1 / spread**2 if np.isfinite(spread).all() and (spread > 0).all() else np.ones(len(levels))
    centred = levels - weight @ levels / weight.sum()
    slope = weight * centred / (weight @ centred**2)
    a = float(slope @ at)
    left = at - weight @ at / weight.sum() - a * centred
    scatter = max(1.0, np.sqrt(weight @ left**2 / (len(levels) - 2))) if len(levels) > 2 else 1.0
    width = half * scatter / np.sqrt(weight @ centred**2)
    return Estimate(name, "", a, float(a - width), float(a + width), "parabola"), float(slope @ bias)
