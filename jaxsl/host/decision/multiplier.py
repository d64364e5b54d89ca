"""How many times the compute one recipe needs for the loss of another: compute multipliers, with intervals.

>>> from laws.chinchilla import CHINCHILLA
>>> N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(1e9, 1e11, 4)))
>>> loss = lambda C: 1.8 + 480 * (C * N) ** -0.35 + 2000 * (C * D) ** -0.37
>>> one, two = ({"N": N, "D": D, "loss": loss(C)} for C in (1, 2))  # sizes worth half and twice as much
>>> found = multiplier({"one": one, "two": two}, CHINCHILLA, cost="6*N*D", budget=1e21)
>>> found.recipes[0].name, round(found.recipes[0].multiplier.median, 1)
('one', 4.0)
"""

from collections.abc import Mapping, Sized
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.local_gaussian import in_logs
from jaxsl.host.answer.which_laws import Laws
from jaxsl.host.decision.estimate import Estimate, Values, values, weighted_quantile
from jaxsl.host.decision.known import Known, learned
from jaxsl.host.decision.question import check_budgets
from jaxsl.host.decision.report import MultiplierReport, Recipe, Shared
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.reading import Reading
from jaxsl.host.input.table import Table, read

DECADES = 2.0  # of cost each way over which frontiers are compared
POINTS = 16  # at which they are known
SAMPLES = 1000


def multiplier(
    recipes: Mapping[str, Any],
    law: Laws,
    *,
    cost: str,
    budget: float,
    hold: Mapping[str, float] | None = None,
    range: Mapping[str, tuple[float, float]] | None = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    **how: Unpack[Reading],
) -> MultiplierReport:
    """Compare recipes with the last one, each at its best sizes.

    Args:
        recipes: runs of each, by name.
        law, cost, hold, range, map, outcome, level, seed, how: as in ``jaxsl.host.optimal``.
        budget: what the last one may cost.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    check_level(level)
    budget = float(check_budgets([budget])[0])
    check_recipes(recipes)
    known = {
        name: learned(
            source,
            law,
            cost,
            hold or {},
            range or {},
            np.log([budget]),
            False,
            map=map,
            outcome=outcome,
            level=level,
            seed=seed,
            **how,
        )
        for name, source in recipes.items()
    }
    return compared(known, cost, budget, level)


def compared(known: Mapping[str, Known], cost: str, budget: float, level: float) -> MultiplierReport:
    """What is known of recipes, the last of them compared with; arguments as of ``multiplier``."""
    levels = np.log(budget) + np.log(10) * np.linspace(-DECADES, DECADES, POINTS + 1)[1:]
    here = POINTS // 2 - 1
    frontiers = {name: _losses(values(one, levels, False)) for name, one in known.items()}
    against = list(known)[-1]
    other = frontiers[against]
    row = np.eye(POINTS)[[here]]
    loss = other.linear(row).estimates(["loss"], [""], [False], level)[0]
    recipes = tuple(
        _recipe(name, frontiers[name], other, levels, here, level, _shared(known[name], known[against]))
        for name in list(known)[:-1]
    )
    return MultiplierReport(
        laws=known[against].names,
        cost=cost,
        budget=budget,
        against=against,
        loss=loss,
        recipes=recipes,
        level=level,
        trust={name: told for name, one in known.items() if (told := one.trust(one.centre)) is not None},
        notes=tuple(
            f"{one.name} does not have the loss {loss.median:.5g} of {against} within a hundred times "
            f"{budget:g} each way, so its multiplier is not known"
            for one in recipes
            if not 0 < one.multiplier.median < np.inf
        ),
    )


def check_recipes(recipes: Sized) -> None:
    """Refuse a recipe alone."""
    if len(recipes) < 2:
        raise UserError(
            "there is one recipe; give the tables of two, or a column that tells them apart: --by"
        )


def split(source: Any, column: str, last: str | None = None) -> dict[str, Table]:
    """The runs of a table by the values of a column, those of ``last`` last.

    Raises:
        UserError: when there is no such column or value.

    Example:
        >>> found = split({"N": [1.0, 2.0, 3.0], "recipe": ["a", "b", "a"]}, "recipe", "a")
        >>> {name: table.num_rows for name, table in found.items()}
        {'b': 1, 'a': 2}
    """
    table = read(source)
    table.require(column, "--by")
    text = table.text(column)
    names = list(dict.fromkeys(text))
    if last is not None:
        if last not in names:
            raise UserError(f"--against {last}: column {column} of {table.name} holds {', '.join(names[:9])}")
        names = [*(name for name in names if name != last), last]
    found = {}
    for name in names:
        rows = np.flatnonzero(np.array(text) == name)
        label = f"{table.name} ({column}={name})"
        found[name] = replace(table.take(rows), name=label)
    return found


def _losses(told: Values) -> Values:
    """The least loss at every cost alone."""
    each = told.mean.shape[1] // POINTS
    return told.linear(np.eye(told.mean.shape[1])[each - 2 :: each])


def _recipe(
    name: str, own: Values, other: Values, levels: np.ndarray, here: int, level: float, shared: tuple
) -> Recipe:
    mine, theirs = own.sample(SAMPLES, 1), other.sample(SAMPLES, 2)
    times = log_times(levels, mine, theirs[:, here]) - levels[here]
    tail = (1 - level / 100) / 2
    low, median, high = (
        float(np.exp(weighted_quantile(times[:, None], np.ones(SAMPLES), p)[0]))
        for p in (tail, 0.5, 1 - tail)
    )
    middle = np.nanmedian(mine, axis=0) - np.nanmedian(theirs, axis=0)
    change = np.flatnonzero(np.sign(middle[1:]) != np.sign(middle[:-1]))
    crossing = np.nan
    if len(change):
        nearest = change[np.argmin(np.abs(change - here))]
        share = middle[nearest] / (middle[nearest] - middle[nearest + 1])
        crossing = float(np.exp(levels[nearest] + share * (levels[nearest + 1] - levels[nearest])))
    return Recipe(
        name=name,
        multiplier=Estimate("multiplier", "", median, low, high, "draws"),
        loss=own.linear(np.eye(POINTS)[[here]]).estimates(["loss"], [""], [False], level)[0],
        better=float(np.mean(mine[:, here] < theirs[:, here])),
        crossing=crossing,
        shared=shared,
    )


def log_times(levels: np.ndarray, losses: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """At which of the ``levels (point,)`` falling losses reach what is aimed at, ``(sample,)``.

    By the cubic through the four points about it, of the level over the loss; by straight lines through those
    points that are lower than all before them where a sample does not fall throughout. Infinite beyond the
    levels.

    Args:
        levels: logarithms of costs, rising.
        losses: at those, ``(sample, point)``.
        aim: the loss, ``(sample,)``.

    Example:
        >>> levels = np.linspace(0.0, 4.0, 9)
        >>> found = log_times(levels, 2 + np.exp(-0.3 * levels)[None], np.array([2 + np.exp(-0.3 * 1.7)]))
        >>> found.round(2).tolist()
        [1.7]
    """
    steady = np.isfinite(losses).all(axis=1) & (np.diff(losses, axis=1) < 0).all(axis=1)
    above = (losses > aim[:, None]).sum(axis=1)
    first = np.clip(above - 2, 0, losses.shape[1] - 4)
    near = first[:, None] + np.arange(4)
    y, at = np.take_along_axis(losses, near, axis=1), levels[near]
    share = np.ones_like(y)
    with np.errstate(all="ignore"):
        for i in np.arange(4):
            for j in np.delete(np.arange(4), i):
                share[:, i] *= (aim - y[:, j]) / (y[:, i] - y[:, j])
        found = np.sum(share * at, axis=1)
    found[above == 0] = -np.inf
    found[above == losses.shape[1]] = np.inf
    for row in np.flatnonzero(~steady | ~np.isfinite(aim)):
        found[row] = _by_lines(levels, losses[row], aim[row])
    return found


def _by_lines(levels: np.ndarray, losses: np.ndarray, aim: float) -> float:
    falling = np.fmin.accumulate(losses)
    known = np.isfinite(losses) & (np.append(np.inf, falling[:-1]) > losses)
    if known.sum() < 2 or not np.isfinite(aim):
        return np.nan
    return float(np.interp(aim, losses[known][::-1], levels[known][::-1], left=np.inf, right=-np.inf))


def _shared(one: Known, other: Known) -> tuple[Shared, ...]:
    """Whether parameters differ, of one law alone."""
    if len(one.parts) > 1 or one.found is None or other.found is None:
        return ()
    from scipy.special import stdtr

    law, told = one.parts[0].law, [known.lessons[0].learned for known in (one.found, other.found)]
    theta = [learned.basins.theta[0] for learned in told]
    value, spread = zip(*(in_logs(law, learned.basins) for learned in told), strict=True)
    dof = [float(learned.dof) for learned in told]
    size = np.abs(value[0][0] - value[1][0]) / np.hypot(spread[0][0], spread[1][0])
    chance = 2 * stdtr(min(dof), -size)
    return tuple(
        Shared(param.name, float(a), float(b), float(p))
        for param, a, b, p in zip(law.params, *theta, chance, strict=True)
    )
