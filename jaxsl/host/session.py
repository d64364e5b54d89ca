"""From a table to an answer: what the command line, notebooks and scripts share.

>>> from laws.chinchilla import CHINCHILLA
>>> runs = {"N": [1e6, 2e6, 4e6, 1e6, 2e6, 4e6, 8e6, 8e6], "D": [1e8, 1e8, 1e8, 4e8, 4e8, 4e8, 4e8, 1e9]}
>>> runs["loss"] = [4.01, 3.72, 3.5, 3.64, 3.37, 3.14, None, None]
>>> answer = next_runs(runs, CHINCHILLA, target="N=1e9,D=2e10", cost="6*N*D")
>>> len(answer.runs), answer.num_candidates
(2, 2)
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.design import Design
from jaxsl.host.describe import fit_report, next_run
from jaxsl.host.errors import UserError
from jaxsl.host.packing import everywhere, pack_observations, pack_target, pad
from jaxsl.host.problem import Problem, Runs, runs
from jaxsl.host.programs import Now, advise, believe
from jaxsl.host.report import FitReport, NextReport
from jaxsl.host.table import Table, read
from jaxsl.host.thinning import thinned
from jaxsl.law import Law
from jaxsl.pool import Pool, buffer_size
from jaxsl.precision import double_precision, to_numpy


def fit_table(
    source: Any,
    law: Law | str,
    *,
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    target: Any = None,
    seed: int = 0,
) -> FitReport:
    """Fit a law to a table of runs; arguments as in ``jaxsl.host.problem.runs``.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    problem = runs(source, _law(law), mapping=mapping, outcome=outcome, target=target)
    return fit_report(problem, *fitted(problem, seed))


def fitted(problem: Problem, seed: int = 0, design: Design | None = None) -> tuple[Runs, Now]:
    """The runs that a problem's law is fitted to, and what is believed after it, by the default settings."""
    seen = fitted_runs(problem)
    with double_precision():
        observations = pack_observations(seen.x, seen.y)
        aim = pack_target(problem.targets.x) if problem.targets else everywhere(observations)
        design = design or Design((problem.law,))
        return seen, to_numpy(believe(design, observations, aim, jax.random.key(seed)))


def next_runs(
    source: Any,
    law: Law | str,
    *,
    target: Any,
    mapping: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    budget: float | None = None,
    count: int = 5,
    seed: int = 0,
) -> NextReport:
    """Rank the candidates of a table of runs; arguments as in ``jaxsl.host.problem.runs``.

    Args:
        source, law, target, mapping, outcome: the runs and what to predict.
        cost: column or expression; by default the column ``cost``.
        budget: what the next run may cost; no limit when None.
        count: how many runs are returned, at most.
        seed: of the fit's starting points.

    Raises:
        UserError: for anything that cannot be used as it stands, no candidate, or none within the budget.
    """
    table = read(source)
    cost = require_cost(table, cost)
    problem = runs(table, _law(law), mapping=mapping, outcome=outcome, target=target, cost=cost)
    return rank(problem, budget, count, seed)[0]


def require_cost(table: Table, cost: str | None) -> str:
    """The column or expression of the costs.

    Raises:
        UserError: when none is given and the table has no column ``cost``.
    """
    if cost is None and "cost" not in table.columns:
        raise UserError(
            f"{table.name} has no column 'cost': say what a run costs with --cost COLUMN, "
            "or an expression such as --cost 6*N*D"
        )
    return cost or "cost"


def rank(
    problem: Problem, budget: float | None = None, count: int = 5, seed: int = 0, most: int | None = None
) -> tuple[NextReport, Runs, Now]:
    """The ``count`` best candidates of a problem, the runs that were fitted, and what is believed.

    Where that are more than ``most``, the best of them and a sample of the others (``jaxsl.host.thinning``).

    Raises:
        UserError: without a target, a candidate, or one within the budget.
    """
    if problem.targets is None:
        raise UserError("there is no target; say what to predict with --target")
    pool = problem.runs.take(~problem.runs.observed)
    money = allowed(problem, pool, budget)
    seen = fitted_runs(problem)
    affordable = int(np.sum(pool.cost <= money))
    ranks = thinned(min(count, affordable), most or count)
    with double_precision():
        size = buffer_size(len(pool.x))
        candidates = Pool(jnp.asarray(pad(pool.x, size)), jnp.asarray(pad(pool.cost, size)))
        now, advice = to_numpy(
            advise(
                Design((problem.law,)),
                pack_observations(seen.x, seen.y),
                candidates,
                jnp.arange(size) < len(pool.x),
                pack_target(problem.targets.x),
                jnp.asarray(money),
                jax.random.key(seed),
                jnp.asarray(pad(ranks, buffer_size(len(ranks), 8))),
            )
        )
    report = fit_report(problem, seen, now)
    num_targets = len(problem.targets.x)
    ranked = NextReport(
        fit=report,
        runs=tuple(
            next_run(problem.law, pool, now, advice, place, num_targets) for place in range(len(ranks))
        ),
        within=float(now.moments.within[:num_targets].mean()),
        between=float(now.moments.between[:num_targets].mean()),
        budget=budget,
        num_candidates=len(pool.x),
        num_affordable=affordable,
        pool_cost=float(pool.cost.sum()),
    )
    return ranked, seen, now


def _law(law: Law | str) -> Law:
    if isinstance(law, Law):
        return law
    from jaxsl.host.laws import find

    return find(law)


def num_needed(law: Law) -> int:
    """The different configurations that a fit needs: as many outcomes as parameters."""
    return math.ceil(law.num_params / law.num_outputs)


def fitted_runs(problem: Problem) -> Runs:
    """The runs with an outcome, if they can be fitted.

    Raises:
        UserError: when they have fewer different configurations than ``num_needed``.
    """
    law, seen = problem.law, problem.runs.take(problem.runs.observed)
    num, different, needed = len(seen.x), len(np.unique(seen.x, axis=0)), num_needed(law)
    if different >= needed:
        return seen
    order = np.argsort(problem.runs.cost[~problem.runs.observed], kind="stable")
    candidates = problem.runs.row_numbers[~problem.runs.observed][order][: needed - different]
    first = (
        f"; the cheapest candidates are {problem.unit}s {', '.join(map(str, candidates))}"
        if len(candidates)
        else ""
    )
    raise UserError(
        f"{problem.table} has {num} runs with an outcome, at {different} configurations; {law.name} has "
        f"{law.num_params} parameters and needs {needed} configurations at least: run more first{first}"
    )


def allowed(problem: Problem, pool: Runs, budget: float | None) -> float:
    """What the next run may cost.

    Raises:
        UserError: when there is no candidate, or none within the budget.
    """
    if not len(pool.x):
        raise UserError(
            f"{problem.table} has no candidate: every run has an outcome; "
            "add a row with an empty outcome for every run that could be done"
        )
    if budget is None:
        return float(pool.cost.max())
    if not (np.isfinite(budget) and budget >= 0):
        raise UserError(f"--budget {budget:g}: give a number, zero or more, in the unit of the costs")
    if budget < pool.cost.min():
        cheapest = int(np.argmin(pool.cost))
        raise UserError(
            f"--budget {budget:g} affords no candidate of {problem.table}: the cheapest, "
            f"{problem.unit} {pool.row_numbers[cheapest]}, costs {pool.cost[cheapest]:g}; "
            "raise the budget or add cheaper ones"
        )
    return float(budget)
