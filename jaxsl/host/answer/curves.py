"""Candidates of a table that are runs: each tells of all rows on its way, and costs what is left of the way.

A candidate row of a run stands for taking the run there. Its rows are the candidates of its run up to it, and
its price is what the run costs to there, less what it has cost so far.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jaxsl.along import Along
from jaxsl.checkpoints import worth_going_on
from jaxsl.host.answer.believed import Believed
from jaxsl.host.compiled import compiled
from jaxsl.host.errors import UserError
from jaxsl.host.input.law_columns import costs_of
from jaxsl.host.input.problem import Problem, Runs
from jaxsl.host.input.table import Table
from jaxsl.host.programs.packing import array, key_of, pack_target, pad, pad_course
from jaxsl.host.programs.runs_together import runs_together
from jaxsl.pool import Observations, Pool, Rows, Target, buffer_size
from jaxsl.posterior import Tabulated
from jaxsl.precision import double_precision


@dataclass(frozen=True)
class Curves:
    """The candidates of a problem as runs.

    Attributes:
        problem: the same, in which candidates cost what is left of their way, those already passed are left
            out, and the costs of all runs seen sum to what was spent.
        rows: of each candidate, indices of the candidates that it tells of, in order.
        run: number of each candidate's run, ``(candidate,)``.
        goes_on: which of them continue a run, ``(candidate,)`` of bool.
        price: of knowing the outcome at each one's own row, ``(candidate,)``.
    """

    problem: Problem
    rows: tuple[np.ndarray, ...]
    run: np.ndarray
    goes_on: np.ndarray
    price: np.ndarray

    @property
    def cost(self) -> float:
        """Of every run to its last row."""
        pool = self.problem.runs.cost[~self.problem.runs.observed]
        return float(sum(pool[self.run == run].max() for run in np.unique(self.run)))


def row_prices(table: Table, problem: Problem, row_cost: float | str) -> np.ndarray:
    """What it costs to know the outcome at every row of a problem, ``(row,)``.

    Args:
        table: that the problem was read from.
        problem: of it.
        row_cost: a number, or a column or expression.

    Raises:
        UserError: for a price that is none, naming its row.
    """
    runs = problem.runs
    try:
        price = float(row_cost)
    except ValueError:
        rows = table.take(np.isin(table.row_numbers, runs.row_numbers))
        return costs_of(rows, problem.law, runs.x, str(row_cost), ~runs.observed)
    if not (np.isfinite(price) and price >= 0):
        raise UserError(f"--row-cost {price:g}: give a number, zero or more, in the unit of the costs")
    return np.full(len(runs.x), price)


def curves_of(problem: Problem, restart: float = 0.0, row_price: np.ndarray | None = None) -> Curves:
    """The candidates of a problem as runs.

    Args:
        problem: the runs.
        restart: price of going on with one.
        row_price: of knowing the outcome at each row, ``(row,)``; nothing when None.

    Raises:
        UserError: for a price that is none; where a run's cost is not known, or falls along it.
    """
    if not (np.isfinite(restart) and restart >= 0):
        raise UserError(f"--restart {restart:g}: give a number, zero or more, in the unit of the costs")
    runs = problem.runs
    row_price = np.zeros(len(runs.x)) if row_price is None else row_price
    assert runs.course is not None
    run, place = np.asarray(runs.course.run).copy(), np.asarray(runs.course.place)
    run[run < 0] = run.max(initial=-1) + 1 + np.arange(int((run < 0).sum()))
    cost, kept = runs.cost.copy(), np.ones(len(run), bool)
    rows: dict[int, np.ndarray] = {}
    for one in np.unique(run):
        mine = np.flatnonzero(run == one)
        mine = mine[np.argsort(place[mine], kind="stable")]
        seen = mine[runs.observed[mine]]
        _check_costs(problem, mine)
        far, paid = (place[seen[-1]], float(runs.cost[seen[-1]])) if seen.size else (-np.inf, 0.0)
        cost[seen] = np.diff(runs.cost[seen], prepend=0.0) + row_price[seen]
        waiting = mine[~runs.observed[mine]]
        kept[waiting[place[waiting] <= far]] = False
        ahead = waiting[place[waiting] > far]
        cost[ahead] += np.cumsum(row_price[ahead]) + (restart if seen.size else 0.0) - paid
        rows |= {int(row): ahead[: number + 1] for number, row in enumerate(ahead)}
    passed = int((~kept).sum())
    notes = [f"{passed} candidates lie behind what their run has reached and are left out"] if passed else []
    new = Runs(runs.x, runs.y, cost, runs.row_numbers, runs.labels, runs.weight, runs.course).take(kept)
    index = np.full(len(run), -1)
    candidates = np.flatnonzero(kept & ~runs.observed)
    index[candidates] = np.arange(len(candidates))
    begun = np.isin(run[candidates], run[runs.observed])
    return Curves(
        replace(problem, runs=new, notes=(*problem.notes, *notes)),
        tuple(index[rows[int(row)]] for row in candidates),
        run[candidates],
        begun,
        row_price[candidates],
    )


def _check_costs(problem: Problem, rows: np.ndarray) -> None:
    """Refuse costs of one run's ``rows``, in order, that are not known or fall."""
    cost, numbers = problem.runs.cost[rows], problem.runs.row_numbers[rows]
    if len(rows) > 1 and np.isnan(cost).any():
        row = numbers[int(np.argmax(np.isnan(cost)))]
        raise UserError(
            f"{problem.table}, {problem.unit} {row}: has no cost; every row of a run needs what "
            "the run costs to there"
        )
    falls = np.flatnonzero(np.diff(cost) < 0)
    if falls.size:
        raise UserError(
            f"{problem.table}, {problem.unit} {numbers[falls[0] + 1]}: costs {cost[falls[0] + 1]:g}, less "
            f"than {problem.unit} {numbers[falls[0]]} before it in its run; give the cost of the run to there"
        )


@dataclass(frozen=True)
class Asked:
    """Runs as candidates of several outputs, for programs that see numbers; fields of ``told_together``."""

    posterior: Tabulated
    along: Along | None
    pool: Pool
    target: Target
    observations: Observations


def asked(found: Believed, curves: Curves, num: int | None, least: float) -> Asked:
    """The candidates with what is believed at all their rows, looked up; in double precision.

    Args:
        found: the belief.
        curves: the candidates.
        num, least: of the components, as in ``Components.at``.
    """
    runs, seen = curves.problem.runs, found.observations
    assert curves.problem.targets is not None
    held, course = runs.take(~runs.observed), runs.take(runs.observed).course
    assert held.course is not None and course is not None
    aim, size = pack_target(curves.problem.targets.x), buffer_size(len(held.x))
    x = np.concatenate([np.asarray(aim.x), np.asarray(seen.x), pad(held.x, size)])
    table = found.at(x, num, least, whole=True).table
    start, length = len(aim.x) + len(seen.x), buffer_size(max(map(len, curves.rows)), 4)
    every = np.stack([np.pad(rows, (0, length - len(rows)), mode="edge") for rows in curves.rows])
    real = np.arange(length) < np.array([len(rows) for rows in curves.rows])[:, None]
    place, every, real = np.asarray(held.course.place)[every], pad(every, size), pad(real, size)
    rows = Rows(
        x=array(start + every[..., None].astype(float)),
        place=array(pad(place, size)),
        mask=array(real),
        run=array(pad(curves.run, size)),
        cost=array(np.zeros(every.shape)),
        restart=array(0.0),
    )
    number = np.arange(start, dtype=float)[:, None]
    where = pad_course(course, len(seen.x))
    return Asked(
        table,
        found.along,
        Pool(rows.x[:, -1], array(pad(held.cost, size)), rows),
        Target(array(number[: len(aim.x)]), aim.weight),
        Observations(array(number[len(aim.x) :]), seen.y, seen.mask, course=where),
    )


def together(question: Asked) -> tuple[Any, Any]:
    """Posterior with a row for each target and run, and weights of the targets, as ``told_together``."""
    with double_precision():
        table, _, aim = runs_together(**vars(question))
        return table, aim.weight


def stopped(curves: Curves, question: Asked, money: float, sale: np.ndarray, seed: int) -> Mapping[int, bool]:
    """Of each run that may go on, whether nothing that it can still tell is worth its price."""
    if not np.isfinite(money) or not curves.goes_on.any():
        return {}
    with double_precision():
        worth = np.asarray(
            _worth(**vars(question), available=array(sale), money=array(money), key=key_of(seed))
        )
    return {int(run): not worth[row] for row, run in enumerate(curves.run) if curves.goes_on[row]}


@compiled
def _worth(
    posterior: Tabulated,
    along: Along | None,
    pool: Pool,
    target: Target,
    observations: Observations,
    available: jax.Array,
    money: jax.Array,
    key: jax.Array,
) -> jax.Array:
    return worth_going_on(posterior, along, pool, target, available, money, observations, key)
