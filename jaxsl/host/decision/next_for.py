"""Rank the candidates of a table by what each would teach about a decision, not about a prediction.

The target is the best configuration at a cost, in coordinates in which its variance is the loss that is given
up by deciding now (``jaxsl.decision.Regret``), or the logarithm of the least cost of a loss. The acquisition
is that of ``jaxsl next``, unchanged.
"""

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.leaders import MANY
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.decision.aim import MULTIPLIER, expected_error, leaders_for, read_aim, view_for
from jaxsl.host.decision.choice_report import AimedReport, RecipesReport
from jaxsl.host.decision.decided import decision_of
from jaxsl.host.decision.known import learned
from jaxsl.host.decision.next_recipe import next_recipe
from jaxsl.host.decision.ranked import aimed_run, nothing_for_sale, purse, ranked
from jaxsl.host.errors import UserError
from jaxsl.host.input.choice import require_cost
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.reading import Reading
from jaxsl.precision import double_precision


def next_for(
    source: Any,
    law: Laws,
    *,
    aim: str,
    cost: str | None = None,
    budget: float | None = None,
    max_cost: float | None = None,
    count: int = 5,
    hold: Mapping[str, float] | None = None,
    range: Mapping[str, tuple[float, float]] | None = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    by: str | None = None,
    against: str | None = None,
    **how: Unpack[Reading],
) -> AimedReport | RecipesReport:
    """Rank candidates for a decision.

    Args:
        aim: ``"optimal:C=1e24"``, the best configuration at that cost; ``"reach:loss=2.2"``, the least cost
            of that loss; ``"multiplier:C=1e22"``, the compute multiplier there of recipes that a column tells
            apart (``jaxsl.host.decision.next_recipe``).
        cost: of a run, arithmetic on the law's inputs.
        source, law, budget, max_cost, count, map, outcome, level, seed, how: as in ``jaxsl.host.next_runs``.
        hold, range: as in ``jaxsl.host.optimal``.
        by, against: of a multiplier: the column, and the recipe that others are compared with, the last one
            by default.

    Raises:
        UserError: for anything that cannot be used as it stands, no candidate, or none that may be bought.
    """
    check_level(level)
    asked = read_aim(aim)
    if asked.kind != MULTIPLIER and (by, against) != (None, None):
        raise UserError(f"--by tells recipes apart, and --aim {aim} has none; use --aim multiplier:C=...")
    if asked.kind == MULTIPLIER and by is None:
        raise UserError(f"--aim {aim}: name the column that tells recipes apart, --by COLUMN")
    laws = resolved(law)
    table = run_table(source, laws, map, outcome, **how)
    price = require_cost(table, cost)
    if by is not None:
        return next_recipe(
            table,
            laws,
            by,
            asked.at,
            price,
            against=against,
            budget=budget,
            max_cost=max_cost,
            count=count,
            hold=hold,
            range=range,
            map=map,
            outcome=outcome,
            level=level,
            seed=seed,
        )
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, cost=price)
    pool = chosen.problem.runs.take(~chosen.problem.runs.observed)
    money = purse(budget, max_cost, chosen.seen.cost)
    num = int(money.affords(pool).sum())
    if not num:
        raise nothing_for_sale(chosen.problem.table)
    known = learned(
        table,
        law,
        price,
        hold or {},
        range or {},
        asked.levels,
        asked.reach,
        map=map,
        outcome=outcome,
        level=level,
        seed=seed,
        candidates=pool.x,
    )
    money = money.checked(known.found)
    num_candidates, pool_cost = len(pool.x), float(pool.cost.sum())
    with double_precision():
        if num_candidates > MANY:
            pool = pool.take(leaders_for(known, asked, pool, money.money, money.spent, min(count, num)))
        view, target, _ = view_for(known, asked, pool.x)
        ranking = ranked(view, target, pool, money, min(count, num), seed)
    return AimedReport(
        laws=known.names,
        aim=aim,
        decision=decision_of(known, asked, level),
        regret=expected_error(view, target),
        runs=tuple(
            aimed_run(pool, known.asked.inputs, ranking, place)
            for place in np.arange(min(count, num)).tolist()
        ),
        budget=budget,
        max_cost=max_cost,
        num_candidates=num_candidates,
        num_affordable=num,
        pool_cost=pool_cost,
        level=level,
        trust=known.trust(known.centre),
        left_out=known.left_out,
        notes=known.notes,
    )
