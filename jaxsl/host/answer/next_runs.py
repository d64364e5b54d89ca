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
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.curves import Curves, asked, curves_of, row_prices, stopped, together
from jaxsl.host.answer.episode import CHOOSING
from jaxsl.host.answer.fit import Answer, answered, fit_report
from jaxsl.host.answer.fit_options import How, split
from jaxsl.host.answer.fit_report import FitReport, NextReport, NextRun, Prediction
from jaxsl.host.answer.leaders import MANY, leaders
from jaxsl.host.answer.report import beyond_rounding
from jaxsl.host.answer.thinning import thinned
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.errors import UserError
from jaxsl.host.input.choice import require_choice, require_cost
from jaxsl.host.input.intervals import LEVEL, check_level
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
    curves: bool = False,
    restart: float = 0.0,
    row_cost: float | str = 0.0,
    lengths: bool = False,
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
        curves: candidates are runs, told apart by ``group``: a row of one stands for taking the run there,
            tells of all its rows on the way, and costs what that row does less what the run has cost so far.
        restart, row_cost: what it costs to go on with a run, and to know the outcome at each row: a number,
            of the latter a column or expression too.
        lengths: of ``curves`` every length that a run may be taken to is ranked, not its best alone.

    Raises:
        UserError: for anything that cannot be used as it stands, no candidate, or none that may be bought.
    """
    check_level(level, of)
    laws = resolved(law)
    reading, options = split(how)
    if curves and options.group is None:
        raise UserError("--curves needs to know which rows are of one run; name their column with --group")
    if not curves and (restart or row_cost or lengths):
        raise UserError("--restart, --row-cost and --lengths are about runs with several rows; add --curves")
    table = run_table(source, laws, map, outcome, **reading)
    price = require_cost(table, cost)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, cost=price, options=options)
    runs = None
    if curves:
        runs = curves_of(chosen.problem, restart, row_prices(table, chosen.problem, row_cost))
    chosen = chosen if runs is None else replace(chosen, problem=runs.problem)
    require_choice(chosen.problem, budget, max_cost)
    answer = answered(chosen, level, of, seed)
    return ranked(answer, fit_report(answer), budget, max_cost, count, seed, curves=runs, lengths=lengths)


def ranked(
    answer: Answer,
    report: FitReport,
    budget: float | None = None,
    max_cost: float | None = None,
    count: int = 5,
    seed: int = 0,
    most: int | None = None,
    curves: Curves | None = None,
    lengths: bool = False,
) -> NextReport:
    """The ``count`` best candidates, for a problem that passed ``require_choice``.

    Where that are more than ``most``, the best of them and a sample of the others
    (``jaxsl.host.answer.thinning``). Of ``curves`` the candidates are runs, each to its best length or, if
    asked for, to all ``lengths``.
    """
    problem, found, now = answer.ensemble.problem, answer.found, report.prediction
    assert problem.targets is not None and now is not None
    pool = problem.runs.take(~problem.runs.observed)
    money = math.inf if budget is None else budget
    paid = np.nansum(problem.runs.cost[problem.runs.observed])
    spent = math.inf if max_cost is not None or paid <= 0 else found.checked(float(paid))
    sale = pool.cost <= min(money, math.inf if max_cost is None else max_cost)
    affordable = int(np.sum(sale))
    some = curves is None or lengths
    ranks = thinned(min(count, affordable), most or count) if some else np.arange(affordable)
    room = buffer_size(len(ranks), 8)
    num_candidates, pool_cost = len(pool.x), float(pool.cost.sum())
    with double_precision():
        aim, scored = pack_target(problem.targets.x), (CHOOSING.num_scored, CHOOSING.least_scored)

        def view(x):
            return found.at(np.concatenate([np.asarray(aim.x), x]), *scored, whole=True).table, aim.weight

        if curves is None and num_candidates > MANY:
            rows = np.sort(leaders(view, CHOOSING, pool, sale, money, spent, ranks))
            pool, sale, ranks = pool.take(rows), sale[rows], np.arange(len(rows))
        size, stop = buffer_size(len(pool.x)), tuple[str, ...]()
        available = np.concatenate([sale, np.zeros(size - len(sale), bool)])
        if curves is None:
            table, weight = view(pad(pool.x, size))
        else:
            question = asked(found, curves, *scored)
            table, weight = together(question)
            stop = _stopped(curves, pool, answer, stopped(curves, question, money, available, seed))
        ranking = to_numpy(
            rank_rows(
                CHOOSING,
                table,
                pad(pool.cost, size),
                available,
                weight,
                np.asarray(spent),
                np.asarray(money),
                key_of(seed),
                pad(ranks, room),
                min(room, DETAILED) if some else room,
            )
        )
    places = np.arange(len(ranks))
    if curves is not None and not lengths:
        run = curves.run[np.asarray(ranking.index)[: len(ranks)]]
        places = np.sort(np.unique(run, return_index=True)[1])[:count]
    return NextReport(
        fit=report,
        prediction=now,
        runs=tuple(_next_run(problem, pool, now, ranking, int(place), answer, curves) for place in places),
        within=float(np.mean(now.within**2)),
        between=float(np.mean(now.between**2)),
        budget=budget,
        max_cost=max_cost,
        limit=float(ranking.limit),
        num_candidates=num_candidates,
        num_affordable=affordable,
        pool_cost=pool_cost if curves is None else curves.cost,
        group=None if curves is None else answer.ensemble.options.group,
        stop=stop,
    )


def _stopped(curves: Curves, pool: Runs, answer: Answer, worthless: Mapping[int, bool]) -> tuple[str, ...]:
    """Names of the runs that may stop."""
    names = pool.labels[answer.ensemble.options.group or ""]
    rows = [int(np.argmax(curves.run == run)) for run, stops in worthless.items() if stops]
    return tuple(str(names[row]) for row in rows)


def _next_run(
    problem: Problem,
    pool: Runs,
    now: Prediction,
    ranking: Ranking,
    place: int,
    answer: Answer,
    curves: Curves | None,
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
        tells=1 if curves is None else len(curves.rows[row]),
        goes_on=curves is not None and bool(curves.goes_on[row]),
    )
