"""What a choice needs of a problem: costs, a target, and candidates that may be bought."""

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Problem
from jaxsl.host.input.table import Table


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


def require_choice(problem: Problem, budget: float | None, max_cost: float | None) -> None:
    """Refuse a problem without anything to choose.

    Raises:
        UserError: without a target, a candidate, or one that may be bought.
    """
    if problem.targets is None:
        raise UserError("there is no target; say what to predict with --target")
    pool = problem.runs.take(~problem.runs.observed)
    if not len(pool.x):
        raise UserError(
            f"{problem.table} has no candidate: every run has an outcome; "
            "add a row with an empty outcome for every run that could be done"
        )
    for option, limit in (("--budget", budget), ("--max-cost", max_cost)):
        if limit is None:
            continue
        if not (np.isfinite(limit) and limit >= 0):
            raise UserError(f"{option} {limit:g}: give a number, zero or more, in the unit of the costs")
        if limit < pool.cost.min():
            cheapest = int(np.argmin(pool.cost))
            raise UserError(
                f"{option} {limit:g} affords no candidate of {problem.table}: the cheapest, "
                f"{problem.unit} {pool.row_numbers[cheapest]}, costs {pool.cost[cheapest]:g}; "
                "raise it or add cheaper ones"
            )
