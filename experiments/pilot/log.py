"""Runs of the lab with their learning curves: the loss on the way, at the rate of that step."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.pilot.grid import Point
from experiments.pilot.model import num_params
from experiments.pilot.sweep import Job, run_all
from experiments.pilot.table import recover
from experiments.pilot.train import (
    begin,
    descend,
    float32_on_the_processor,
    held_out_loss,
    learning_rates,
    planned,
    reading,
)

EVALUATIONS = 40  # along a run
POINTS = tuple(
    Point(num_params(channels), 2**k, seed)
    for channels, k, seed in ((16, 19, 0), (16, 20, 1), (24, 19, 2), (24, 20, 0))
)
COLUMNS = ("run", "N", "D", "seed", "step", "lr", "loss")


def train_log(N: int, D: int, seed: int) -> list[dict[str, Any]]:
    """Trains a run whose rate decays all along, and returns its loss at evenly spaced steps."""
    run = planned(N, D, seed)
    rates, starts, rows, done = learning_rates(run.lr, run.steps), reading(run), [], 0
    with float32_on_the_processor():
        model, state = begin(run)
        for end in np.linspace(0, run.steps, EVALUATIONS + 1).astype(int)[1:].tolist():
            model, state = descend(model, state, rates[done:end], starts[done:end])
            done, rate = end, float(f"{rates[end - 1]:.6g}")
            row = {"run": name_of(Point(N, D, seed)), "N": N, "D": D, "seed": seed, "step": end, "lr": rate}
            rows.append({**row, "loss": round(held_out_loss(model), 6)})
    return rows


def name_of(point: Point) -> str:
    """The cell ``run`` of its rows."""
    return f"N{point.N}-D{point.D}-seed{point.seed}"


def sweep(table: Path, workers: int) -> int:
    """Trains the runs of ``POINTS`` that the table lacks, and returns how many they were."""
    there = [row["run"] for row in recover(table, COLUMNS)]
    missing = [point for point in POINTS if there.count(name_of(point)) < EVALUATIONS]
    if any(name_of(point) in there for point in missing):
        raise ValueError(f"{table} has a part of a run; remove its rows")
    run_all([Job(train_log, point, point.D) for point in missing], table, COLUMNS, workers)
    return len(missing)
