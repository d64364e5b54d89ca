"""Rank the candidates of a table by what each would teach about a decision, not about a prediction.

The target is the best configuration at a cost, in coordinates in which its variance is the loss that is given
up by deciding now (``jaxsl.decision.Regret``); the acquisition is that of ``jaxsl next``, unchanged.
"""

import math
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.episode import CHOOSING
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.decision.aim import aimed_at, expected_regret, read_aim
from jaxsl.host.decision.estimate import values
from jaxsl.host.decision.known import Known, learned
from jaxsl.host.decision.optimal import decisions_at
from jaxsl.host.decision.report import AimedReport, AimedRun
from jaxsl.host.errors import UserError
from jaxsl.host.input.choice import require_cost
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.problem import Runs
from jaxsl.host.input.reading import Reading
from jaxsl.host.programs.learning import Ranking, rank_rows
from jaxsl.host.programs.packing import key_of, pad
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision, to_numpy


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
    **how: Unpack[Reading],
) -> AimedReport:
    """Rank candidates for a decision.

    Args:
        aim: ``"optimal:C=1e24"``, the best configuration at that cost.
        cost: of a run, arithmetic on the law's inputs.
        source, law, budget, max_cost, count, map, outcome, level, seed, how: as in ``jaxsl.host.next_runs``.
        hold, range: as in ``jaxsl.host.optimal``.

    Raises:
        UserError: for anything that cannot be used as it stands, no candidate, or none that may be bought.
    """
    check_level(level)
    at = read_aim(aim)
    laws = resolved(law)
    table = run_table(source, laws, map, outcome, **how)
    price = require_cost(table, cost)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, cost=price)
    pool = chosen.problem.runs.take(~chosen.problem.runs.observed)
    money = min(math.inf if limit is None else limit for limit in (budget, max_cost))
    paid = np.nansum(chosen.seen.cost)
    spent = math.inf if max_cost is not None or paid <= 0 else float(paid)
    sale = pool.cost <= money
    if not sale.any():
        raise UserError(
            f"{chosen.problem.table} has no candidate that may be bought: rows without an outcome are "
            "candidates, and the cheapest has to be within --budget and --max-cost"
        )
    levels = np.log([at])
    known = learned(
        table,
        law,
        price,
        hold or {},
        range or {},
        levels,
        False,
        map=map,
        outcome=outcome,
        level=level,
        seed=seed,
        candidates=pool.x,
    )
    told = values(known, levels, False)
    decision = decisions_at(known, told, levels, [0], np.array([at]), level)[0]
    ranking, regret = _rank(known, levels, pool, sale, spent, money, min(count, int(sale.sum())), seed)
    return AimedReport(
        laws=known.names,
        decision=decision,
        regret=regret,
        runs=tuple(
            _run(pool, known.asked.inputs, ranking, place) for place in np.arange(min(count, sale.sum()))
        ),
        budget=budget,
        max_cost=max_cost,
        num_candidates=len(pool.x),
        num_affordable=int(sale.sum()),
        pool_cost=float(pool.cost.sum()),
        level=level,
        trust=known.trust(known.centre),
        left_out=known.left_out,
        notes=known.notes,
    )


def _rank(
    known: Known,
    levels: np.ndarray,
    pool: Runs,
    sale: np.ndarray,
    spent: float,
    money: float,
    count: int,
    seed: int,
) -> tuple[Ranking, float]:
    """The ranking, and the expected regret of deciding now."""
    size = buffer_size(len(pool.x))
    with double_precision():
        table, target, _ = aimed_at(known, levels, pool.x)
        ranking = rank_rows(
            CHOOSING,
            table,
            np.asarray(pad(pool.cost, size)),
            np.asarray(np.concatenate([sale, np.zeros(size - len(sale), bool)])),
            target.weight,
            np.asarray(spent),
            np.asarray(money),
            key_of(seed),
            np.asarray(pad(np.arange(count), buffer_size(count, 8))),
            1,
        )
    return to_numpy(ranking), expected_regret(table, target)


def _run(pool: Runs, inputs: tuple[str, ...], ranking: Ranking, place: int) -> AimedRun:
    row = int(ranking.index[place])
    return AimedRun(
        row_number=int(pool.row_numbers[row]),
        x={name: float(pool.x[row, i]) for i, name in enumerate(inputs)},
        labels={name: str(values[row]) for name, values in pool.labels.items()},
        cost=float(pool.cost[row]),
        score=float(ranking.value[place]),
        fall=float(ranking.within[place] + ranking.between[place]),
    )
