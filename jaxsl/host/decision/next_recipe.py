"""Which recipe to run next, at which size, to know a compute multiplier better.

Recipe A needs ``M C`` for the least loss that B has at ``C``. With the least loss of each known by its own
runs alone, and ``p`` the fall of A's at ``M C`` when the logarithm of the cost rises by one,

    Var(log M) = (Var(loss of A at M C) + Var(loss of B at C)) / p^2

to first order (delta method): a run of A lowers the first term and a run of B the second, each by the
acquisition of ``jaxsl next``. Of several recipes compared with B the variances are added up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from jaxsl.host.answer.leaders import MANY, Priced
from jaxsl.host.answer.which_laws import ensemble
from jaxsl.host.decision.aim import best_rows, expected_error, least_loss_at, scaled
from jaxsl.host.decision.choice_report import AimedRun, RecipesReport
from jaxsl.host.decision.known import Known, best_of_heaviest, learned
from jaxsl.host.decision.multiplier import DECADES, check_recipes, compared, split
from jaxsl.host.decision.ranked import Purse, aimed_run, nothing_for_sale, purse, ranked
from jaxsl.host.decision.report import MultiplierReport
from jaxsl.host.input.columns import Table
from jaxsl.host.input.problem import Runs
from jaxsl.host.programs.learning import Ranking
from jaxsl.law import Law
from jaxsl.pool import Target
from jaxsl.posterior import Tabulated
from jaxsl.precision import double_precision


def next_recipe(
    table: Table,
    laws: Sequence[str | Law],
    by: str,
    at: float,
    cost: str,
    *,
    against: str | None = None,
    budget: float | None,
    max_cost: float | None,
    count: int,
    hold: Mapping[str, float] | None,
    range: Mapping[str, tuple[float, float]] | None,
    map: Mapping[str, str] | None,
    outcome: str | None,
    level: float,
    seed: int,
) -> RecipesReport:
    """Rank the candidates of all recipes by what each would teach about the multipliers.

    Args:
        table: runs and candidates of all recipes.
        by: the column that tells recipes apart. against: which they are compared with; None for the last.
        at: cost of that one, at which recipes are compared.
        laws, cost, budget, max_cost, count, hold, range, map, outcome, level, seed: as of
            ``jaxsl.host.next_for``.

    Raises:
        UserError: for anything that cannot be used as it stands, and when there is no candidate that may be
            bought.
    """
    parts = split(table, by, against)
    check_recipes(parts)
    pools, paid = dict[str, Runs](), []
    for name, part in parts.items():
        chosen = ensemble(part, laws, mapping=map, outcome=outcome, cost=cost)
        pools[name] = chosen.problem.runs.take(~chosen.problem.runs.observed)
        paid.append(chosen.seen.cost)
    money = purse(budget, max_cost, np.concatenate(paid))
    if not any(money.affords(pool).any() for pool in pools.values()):
        raise nothing_for_sale(table.name)
    known = {
        name: learned(
            part,
            laws,
            cost,
            hold or {},
            range or {},
            np.log([at]),
            False,
            candidates=pools[name].x if len(pools[name].x) else None,
            map=map,
            outcome=outcome,
            level=level,
            seed=seed,
        )
        for name, part in parts.items()
    }
    found = compared(known, cost, at, level)
    money = money.checked(*(one.found for one in known.values()))
    every = list(pools.values())
    rows = leading_rows(known, found, pools, money, count)
    pools = {name: pool.take(rows[name]) for name, pool in pools.items()}
    runs, variance = ranked_recipes(known, found, pools, money, seed)
    return RecipesReport(
        by=by,
        multipliers=found,
        variance=variance,
        runs=tuple(runs[:count]),
        budget=budget,
        max_cost=max_cost,
        num_candidates=sum(len(pool.x) for pool in every),
        num_affordable=sum(int(money.affords(pool).sum()) for pool in every),
        pool_cost=float(sum(pool.cost.sum() for pool in every)),
    )


def leading_rows(
    known: Mapping[str, Known],
    found: MultiplierReport,
    pools: Mapping[str, Priced],
    money: Purse,
    count: int,
) -> dict[str, np.ndarray]:
    """Rows of each recipe's candidates that are looked at: of many the ``count`` best, else all.

    Args:
        known, found: as of ``views_of``.
        pools: the candidates of each.
        money: what may be spent.
        count: how many.
    """
    rows = {name: np.arange(len(pool.cost)) for name, pool in pools.items()}
    levels = _levels(found)
    for name, pool in pools.items():
        if len(pool.cost) <= MANY or not money.affords(pool).any():
            continue
        near = _near(known[name], levels[name])

        def view(x: np.ndarray, near: Known = near, level: np.ndarray = levels[name]):
            table, target, *_ = least_loss_at(near, level, x)
            return table, target.weight

        with double_precision():
            rows[name] = best_rows(view, pool, money.money, money.spent, count)
    return rows


def ranked_recipes(
    known: Mapping[str, Known],
    found: MultiplierReport,
    pools: Mapping[str, Runs],
    money: Purse,
    seed: int,
) -> tuple[list[AimedRun], float]:
    """Every candidate that may be bought, best first, and the variance of the log multipliers, added up."""
    # A recipe alone has no candidate; asked about its own runs its variance is told all the same.
    x = {name: pools[name].x if len(pools[name].x) else one.runs[0].x for name, one in known.items()}
    variance, rankings = 0.0, dict[str, Ranking]()
    with double_precision():
        for name, (table, target, _) in views_of(known, found, x).items():
            variance += expected_error(table, target)
            num = int(money.affords(pools[name]).sum())
            if num:
                rankings[name] = ranked(table, target, pools[name], money, num, seed)
    most = min(float(ranking.limit) for ranking in rankings.values())
    runs = [
        aimed_run(pools[name], known[name].asked.inputs, ranking, place, name)
        for name, ranking in rankings.items()
        for place in np.arange(money.affords(pools[name]).sum()).tolist()
    ]
    return sorted(runs, key=lambda run: (run.cost > most * (1 + 1e-9), -run.score)), variance


def views_of(
    known: Mapping[str, Known], found: MultiplierReport, x: Mapping[str, np.ndarray]
) -> dict[str, tuple[Tabulated, Target, np.ndarray]]:
    """Every recipe's belief as a table, whose target is its part of the log multipliers; double precision.

    The variances of these targets add up to those of the logarithms, by the delta method.

    Args:
        known: the recipes, as ``found`` compares them.
        found: what is known of the multipliers.
        x: configurations that will be asked about of each, ``(row, feature)``.

    Returns, raises: of each, as of ``jaxsl.host.decision.aim.aimed_at``.
    """
    tables, price = dict[str, tuple[Tabulated, Target, np.ndarray]](), dict[str, float]()
    levels = _levels(found)
    for name, one in known.items():
        near = _near(one, levels[name])
        table, target, rows, price[name] = least_loss_at(near, levels[name], x[name])
        tables[name] = table, target, rows
    share = {recipe.name: 1 / price[recipe.name] ** 2 for recipe in found.recipes}
    share[found.against] = sum(share.values())
    return {
        name: (scaled(table, share[name] ** 0.5), target, rows)
        for name, (table, target, rows) in tables.items()
    }


def _levels(found: MultiplierReport) -> dict[str, np.ndarray]:
    """Logarithm of the cost at which the least loss of every recipe counts, ``(1,)`` each.

    Where a recipe's multiplier is not known, at the end of those that are told.
    """
    times = {one.name: np.clip(one.multiplier.median, 10**-DECADES, 10**DECADES) for one in found.recipes}
    return {name: np.log([found.budget * one]) for name, one in {**times, found.against: 1.0}.items()}


def _near(known: Known, level: np.ndarray) -> Known:
    """A recipe as it is known near the best configuration at a cost."""
    return replace(known, centre=best_of_heaviest(known, level, False))
