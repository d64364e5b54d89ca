"""Rank the candidates of a table by what each would teach about the target.

>>> from laws.chinchilla import CHINCHILLA
>>> runs = {"N": [1e6, 2e6, 4e6, 1e6, 2e6, 4e6, 8e6, 8e6], "D": [1e8, 1e8, 1e8, 4e8, 4e8, 4e8, 4e8, 1e9]}
>>> runs["loss"] = [4.01, 3.72, 3.5, 3.64, 3.37, 3.14, None, None]
>>> answer = next_runs(runs, CHINCHILLA, target="N=1e9,D=2e10", cost="6*N*D")
>>> len(answer.runs), answer.num_candidates
(2, 2)
"""

import math
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.believed import LEVEL, check_level
from jaxsl.host.answer.episode import CHOOSING
from jaxsl.host.answer.fit import Answer, answered, fit_report
from jaxsl.host.answer.fit_options import How, split
from jaxsl.host.answer.fit_report import FitReport, NextReport, NextRun, Prediction
from jaxsl.host.answer.leaders import MANY, leaders
from jaxsl.host.answer.report import beyond_rounding
from jaxsl.host.answer.thinning import thinned
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.input.choice import require_choice, require_cost
from jaxsl.host.input.problem import Problem, Runs
from jaxsl.host.programs.learning import Ranking, rank_rows
from jaxsl.host.programs.packing import key_of, pack_target, pad
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision, to_numpy

DETAILED = 32  # candidates of a long ranking after which intervals are expected


def next_runs(
    source: Any,
    law: Laws,
    *,
    target: Any,
    map: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    budget: float | None = None,
    max_cost: float | None = None,
    count: int = 5,
    level: float = LEVEL,
    of: str = "outcome",
    seed: int = 0,
    **how: Unpack[How],
) -> NextReport:
    """Rank the candidates of a table of runs, best first, each as if it were the only next run.

    For several runs at once, which account for each other, there is ``Study.ask``. With several laws a run
    that tells them apart is worth it: their disagreement counts as variance.

    Args:
        source, law, target, map, outcome, level, of, seed, how: as in ``jaxsl.host.fit``.
        cost: column or expression; by default the column ``cost``.
        budget: what may be spent in all, on the next run and on those after it; no limit when None.
        max_cost: what one run may cost; when None, those that cost more than all runs so far together come
            last: predictions then get better all along, and no run is bought before the law is known.
        count: how many runs are returned, at most.

    Raises:
        UserError: for anything that cannot be used as it stands, no candidate, or none that may be bought.
    """
    check_level(level, of)
    laws = resolved(law)
    reading, options = split(how)
    table = run_table(source, laws, map, outcome, **reading)
    price = require_cost(table, cost)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, cost=price, options=options)
    require_choice(chosen.problem, budget, max_cost)
    answer = answered(chosen, level, of, seed)
    return ranked(answer, fit_report(answer), budget, max_cost, count, seed)


def ranked(
    answer: Answer,
    report: FitReport,
    budget: float | None = None,
    max_cost: float | None = None,
    count: int = 5,
    seed: int = 0,
    most: int | None = None,
) -> NextReport:
    """The ``count`` best candidates, for a problem that passed ``require_choice``.

    Where that are more than ``most``, the best of them and a sample of the others
    (``jaxsl.host.answer.thinning``).
    """
    problem, found, now = answer.ensemble.problem, answer.found, report.prediction
    assert problem.targets is not None and now is not None
    pool = problem.runs.take(~problem.runs.observed)
    money = math.inf if budget is None else budget
    paid = np.nansum(problem.runs.cost[problem.runs.observed])
    spent = math.inf if max_cost is not None or paid <= 0 else float(paid)
    sale = pool.cost <= min(money, math.inf if max_cost is None else max_cost)
    affordable = int(np.sum(sale))
    ranks = thinned(min(count, affordable), most or count)
    room = buffer_size(len(ranks), 8)
    num_candidates, pool_cost = len(pool.x), float(pool.cost.sum())
    with double_precision():
        aim = pack_target(problem.targets.x)
        if num_candidates > MANY:
            rows = np.sort(leaders(found, CHOOSING, aim, pool, sale, money, spent, ranks))
            pool, sale, ranks = pool.take(rows), sale[rows], np.arange(len(rows))
        size = buffer_size(len(pool.x))
        rows = np.concatenate([np.asarray(aim.x), pad(pool.x, size)])
        ranking = to_numpy(
            rank_rows(
                CHOOSING,
                found.at(rows, CHOOSING.num_scored, CHOOSING.least_scored, whole=True).table,
                pad(pool.cost, size),
                np.concatenate([sale, np.zeros(size - len(sale), bool)]),
                aim.weight,
                np.asarray(spent),
                np.asarray(money),
                key_of(seed),
                pad(ranks, room),
                min(room, DETAILED),
            )
        )
    return NextReport(
        fit=report,
        prediction=now,
        runs=tuple(_next_run(problem, pool, now, ranking, place, answer) for place in range(len(ranks))),
        within=float(np.mean(now.within**2)),
        between=float(np.mean(now.between**2)),
        budget=budget,
        max_cost=max_cost,
        limit=float(ranking.limit),
        num_candidates=num_candidates,
        num_affordable=affordable,
        pool_cost=pool_cost,
    )


def _next_run(
    problem: Problem, pool: Runs, now: Prediction, ranking: Ranking, place: int, answer: Answer
) -> NextRun:
    """The candidate at this place of a ranking.

    The interval expected after it is the one before, shrunk about the median as much as the standard
    deviation of what is predicted is expected to fall, on the scale of the errors.
    """
    noise, options = answer.found.noise if answer.of == "outcome" else 0.0, answer.ensemble.options
    row, falls = int(ranking.index[place]), np.asarray(ranking.falls)[: len(now.median)]
    if place < falls.shape[1]:
        variance = np.mean(now.within**2 + now.between**2, axis=1) + noise
        left = 1 - falls[:, place] / np.where(variance > 0, variance, 1.0)
        shrink = np.sqrt(np.clip(left, 0, 1))[:, None]
    else:
        shrink = np.full((len(now.median), 1), np.nan)
    low, median, high = map(options.on_scale, (now.low, now.median, now.high))
    return NextRun(
        row_number=int(pool.row_numbers[row]),
        x={name: float(pool.x[row, i]) for i, name in enumerate(problem.law.inputs)},
        labels={name: str(values[row]) for name, values in pool.labels.items()},
        cost=float(pool.cost[row]),
        score=float(ranking.value[place]),
        within=float(ranking.within[place]),
        between=float(beyond_rounding(ranking.between[place], ranking.within[place])),
        low=answer.found.back(median + (low - median) * shrink),
        high=answer.found.back(median + (high - median) * shrink),
    )
