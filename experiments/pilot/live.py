"""The loop closed for real: the selector asks, the lab trains, the selector is told.

Nothing is looked up but runs that this very table already holds, so an interrupted campaign goes on where it
stopped and asks for the same runs again.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.pilot.grid import COLUMNS, DEAR_FLOPS, finished, grid
from experiments.pilot.table import append
from experiments.pilot.train import planned, train_run
from jaxsl.host.answer.episode import Episode
from jaxsl.law import Law

MIN_STEPS = 1000  # shorter runs are mostly warm-up


def campaign(
    law: Law,
    table: Path,
    budget: float,
    report: Callable[[str], None],
    train: Callable[[int, int, int], dict[str, Any]] = train_run,
) -> int:
    """Buy runs of the grid until ``budget``, a share of the pool's 6ND, is spent, training each.

    The pool is the grid below its dear runs, seed 0; the target is the dear runs, which nobody trains.

    Args:
        law: with inputs N and D.
        table: finished runs, appended to.
        budget: share of the pool's cost.
        report: told one line a run, and the predictions at the end.
        train: trains one run, ``(N, D, seed) -> row``.

    Returns:
        The number of runs trained now.
    """
    points = [point for point in grid() if point.seed == 0 and planned(*point).steps >= MIN_STEPS]
    dear = [point for point in points if planned(*point).flops >= DEAR_FLOPS[0]]
    pool = [point for point in points if point not in dear]
    x = np.array([point[:2] for point in pool], float)
    cost = np.array([planned(*point).flops for point in pool], float)
    target = np.array([point[:2] for point in dear], float)
    table.parent.mkdir(parents=True, exist_ok=True)
    trained = 0

    def outcome(index: int) -> np.ndarray:
        nonlocal trained
        point = pool[index]
        if point not in finished(table):
            append(table, COLUMNS, train(*point))
            trained += 1
        with table.open() as file:
            rows = [row for row in csv.DictReader(file) if (int(row["N"]), int(row["D"])) == point[:2]]
        report(f"N={point.N} D={point.D} cost={cost[index] / cost.sum():.2%} loss={rows[0]['loss']}")
        return np.array([float(rows[0]["loss"])])

    *_, last = Episode([law], x, cost, target).steps(outcome, budget * cost.sum())
    for point, median, low, high in zip(dear, last.median, *last.interval, strict=True):
        report(f"N={point.N} D={point.D} predicted {median[0]:.3f} [{low[0]:.3f}, {high[0]:.3f}]")
    report(f"{last.num_runs} runs for {last.spent / cost.sum():.1%} of the pool's cost: {table}")
    return trained
