"""One unit, measured in this process."""

import time
from pathlib import Path

import numpy as np

from experiments.benchmark.unit import Unit, groups_of
from laws.tasks import find_task

BUDGETS = np.geomspace(0.02, 1, 12)  # shares of the last checkpoint, for figures


def measure(unit: Unit, data: Path | None = None) -> dict:
    """Run one unit.

    Returns:
        R² at the checkpoints by the best parameters and, of methods with a belief, by its median; for every
        ``budget`` R² and the parameters of every group; runs bought in order, what they cost, processor
        seconds with compilation.
    """
    from experiments.benchmark.episode import r2, run
    from experiments.benchmark.methods import METHODS
    from jaxsl.one_of import shared

    task = find_task(unit.task)
    groups = groups_of(unit, data)
    if unit.several:
        from experiments.several.episode import measure

        start = time.process_time()
        found = measure(task, groups, unit.method, unit.seed)
        return {**unit.__dict__, **found, "cpu_seconds": time.process_time() - start}
    law = shared(task.law(unit.law), task.laws)
    sizes = [(len(group.train.x), len(group.test.x)) for group in groups.values()]
    num_runs, num_targets = (max(size) for size in zip(*sizes, strict=True))
    method = METHODS[unit.method]
    # Fits without a belief are made for these budgets alone, so they keep to the checkpoints.
    between = BUDGETS * max(task.checkpoints) if method.believes else ()
    budgets = tuple(sorted({*task.checkpoints, *between}))
    start = time.process_time()
    outcomes = [
        run(law, group, method, budgets, unit.seed * 100 + i, num_runs, num_targets)
        for i, group in enumerate(groups.values())
    ]
    curve = [r2(outcomes, i) for i in range(len(budgets))]
    places = [budgets.index(checkpoint) for checkpoint in task.checkpoints]
    return {
        **unit.__dict__,
        "r2": [curve[place] for place in places],
        "r2_of_median": [r2(outcomes, place, "median") for place in places] if method.believes else None,
        "budget": budgets,
        "curve": curve,
        "theta": [
            [None if theta is None else [float(f"{value:.9g}") for value in theta] for theta in outcome.theta]
            for outcome in outcomes
        ],
        "bought": [outcome.bought for outcome in outcomes],
        "spent": [outcome.spent for outcome in outcomes],
        "cpu_seconds": time.process_time() - start,
    }
