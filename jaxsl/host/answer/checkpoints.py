"""Where to evaluate a run, or to decay from: its rows, the best for their price first.

>>> from laws.chinchilla import CHINCHILLA
>>> runs = {"run": ["a"] * 6 + ["b"] * 3, "N": [1e6] * 6 + [4e6] * 3}
>>> runs["D"] = [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9, 2e8, 8e8, 3.2e9]
>>> runs["loss"] = [4.01, 3.86, 3.64, 3.5, 3.38, 3.3, None, None, None]
>>> (b,) = checkpoints(runs, CHINCHILLA, target="N=1e9,D=2e10", group="run", schedule="wsd").runs
>>> b.run, b.goes_on, sorted(one.row_number for one in b.checkpoints)
('b', False, [6, 7, 8])
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import jax
import numpy as np

from jaxsl.along import Along
from jaxsl.checkpoints import Checkpoints
from jaxsl.checkpoints import checkpoints as best_rows
from jaxsl.host.answer.curves import Curves, asked, curves_of, row_prices
from jaxsl.host.answer.episode import CHOOSING
from jaxsl.host.answer.fit import answered, fit_report
from jaxsl.host.answer.fit_options import How, split
from jaxsl.host.answer.fit_report import FitReport
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.compiled import compiled
from jaxsl.host.errors import UserError
from jaxsl.host.input.choice import require_choice
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.programs.packing import array
from jaxsl.pool import Observations, Pool, Target
from jaxsl.posterior import Tabulated
from jaxsl.precision import double_precision, to_numpy

FREE = "0"  # the path is paid for in any case


@dataclass(frozen=True)
class Checkpoint(Report):
    """A row of a run.

    Attributes:
        row_number: in the table.
        x: configuration by input.
        price: of knowing the outcome here. spent: the same with those before it in the list.
        falls: share of the target's variance that this row and those before it are expected to take away.
    """

    row_number: int
    x: dict[str, float]
    price: float
    spent: float
    falls: float


@dataclass(frozen=True)
class RunCheckpoints(Report):
    """The rows of one run that have no outcome yet, best first; ``goes_on`` where others of it have one."""

    run: str
    goes_on: bool
    checkpoints: tuple[Checkpoint, ...]


@dataclass(frozen=True)
class CheckpointsReport(Report):
    """Rows of every run, see ``checkpoints``; ``variance`` is the target's now, noise apart."""

    fit: FitReport
    group: str
    variance: float
    runs: tuple[RunCheckpoints, ...]


def checkpoints(
    source: Any,
    law: Laws,
    *,
    target: Any,
    run: str | None = None,
    row_cost: float | str = 1.0,
    count: int = 5,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    **how: Unpack[How],
) -> CheckpointsReport:
    """Which rows of a run to evaluate, or to decay from, each in the light of those before it in the list.

    The run passes all of them, so a row costs its own price alone: the best has the largest fall of the
    target's variance for it.

    Args:
        source, law, target, map, outcome, level, seed, how: as in ``jaxsl.host.fit``; ``group`` among them,
            the column that tells runs apart.
        run: its name; every run that has rows without an outcome when None.
        row_cost: price of knowing the outcome at a row: a number, or a column or expression; above 0.
        count: rows of a run, at most.

    Raises:
        UserError: for anything that cannot be used as it stands, a run that is none, or has nothing to tell.
    """
    check_level(level)
    laws = resolved(law)
    reading, options = split(how)
    group = options.group
    if group is None:
        raise UserError("checkpoints are those of runs; name their column with --group")
    table = run_table(source, laws, map, outcome, **reading)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, cost=FREE, options=options)
    prices = row_prices(table, chosen.problem, row_cost)
    curves = curves_of(chosen.problem, row_price=prices)
    require_choice(curves.problem, None, None)
    free = np.flatnonzero(curves.price <= 0)
    pool = curves.problem.runs.take(~curves.problem.runs.observed)
    if free.size:
        place = f"{curves.problem.table}, {curves.problem.unit} {pool.row_numbers[free[0]]}"
        raise UserError(f"{place}: --row-cost is {curves.price[free[0]]:g}; a price to choose by is above 0")
    names, ends = pool.labels[group], _ends(curves)
    if run is not None:
        ends = [row for row in ends if names[row] == run]
        if not ends:
            known = ", ".join(dict.fromkeys(str(names[row]) for row in _ends(curves)))
            raise UserError(f"--run {run}: no run of that name has rows to come; there are {known}")
    answer = answered(chosen, level, "outcome", seed)
    report = fit_report(answer)
    assert report.prediction is not None
    variance = float(np.mean(report.prediction.within**2 + report.prediction.between**2))
    with double_precision():
        question = asked(answer.found, curves, CHOOSING.num_scored, CHOOSING.least_scored)
        length = int(question.pool.rows.mask.shape[1])  # type: ignore[union-attr]
        found = []
        for end in ends:
            rows = curves.rows[end]
            price = np.pad(curves.price[rows], (0, length - len(rows)), constant_values=1.0)
            found.append(
                to_numpy(_best(**vars(question), index=array(end), price=array(price), count=length))
            )
    return CheckpointsReport(
        report,
        group,
        variance,
        tuple(
            RunCheckpoints(
                str(names[end]),
                bool(curves.goes_on[end]),
                tuple(
                    Checkpoint(
                        row_number=int(pool.row_numbers[row]),
                        x=dict(zip(chosen.problem.law.inputs, pool.x[row].tolist(), strict=True)),
                        price=float(curves.price[row]),
                        spent=float(best.spent[place]),
                        falls=float(best.fall[place]) / variance if variance > 0 else float("nan"),
                    )
                    for place, row in enumerate(curves.rows[end][best.row[best.row >= 0]][:count])
                ),
            )
            for end, best in zip(ends, found, strict=True)
        ),
    )


def _ends(curves: Curves) -> list[int]:
    """Of each run the candidate that goes furthest, in the order of the table."""
    furthest = dict[int, int]()
    for row, run in enumerate(curves.run):
        if run not in furthest or len(curves.rows[row]) > len(curves.rows[furthest[run]]):
            furthest[run] = row
    return list(furthest.values())


@compiled
def _best(
    posterior: Tabulated,
    along: Along | None,
    pool: Pool,
    target: Target,
    observations: Observations,
    index: jax.Array,
    price: jax.Array,
    count: int,
) -> Checkpoints:
    return best_rows(posterior, along, pool, index, price, target, count, observations)
