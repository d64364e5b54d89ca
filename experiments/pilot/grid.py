"""The grid of the pilot lab and a sweep over it that can be stopped and started again."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from experiments.pilot.model import num_params
from experiments.pilot.sweep import Job, run_all
from experiments.pilot.table import recover
from experiments.pilot.train import train_run

CHANNELS = (12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128)  # N from 3,516 to 393,856
BYTES = tuple(2**k for k in range(17, 24))  # D from 0.13 to 8.4 million
CHEAP_FLOPS = 1.5e12
DEAR_FLOPS = (3.5e12, 1.2e13)
REPLICATES = ((16, 18), (16, 21), (32, 19), (32, 21), (64, 18), (64, 20), (128, 18))  # channels, log2 D
REPLICATE_SEEDS = (1, 2)
COLUMNS = (
    *("N", "D", "lr", "batch_size", "seed", "steps", "flops", "loss", "seconds", "core_seconds"),
    *("python", "jax", "equinox", "optax", "corpus"),
)


class Point(NamedTuple):
    """What names a row of the table: non-embedding parameters, bytes trained on, seed."""

    N: int
    D: int
    seed: int


def grid() -> list[Point]:
    """The runs of the table, the cheapest first.

    Every pair of a size and a ``D`` with ``6 N D`` up to 1.5e12, and the pairs between 3.5e12 and 1.2e13:
    seven dear runs, each at least 2.5 times any other, which serve as the region to predict. Seven cheap
    points have two more seeds, from which the noise is known.
    """
    pairs = [(num_params(d), D) for d in CHANNELS for D in BYTES]
    low, high = DEAR_FLOPS
    kept = [(N, D) for N, D in pairs if 6 * N * D <= CHEAP_FLOPS or low <= 6 * N * D <= high]
    repeated = [(num_params(d), 2**k) for d, k in REPLICATES]
    points = [Point(N, D, 0) for N, D in kept]
    points += [Point(N, D, seed) for N, D in repeated for seed in REPLICATE_SEEDS]
    return sorted(points, key=lambda point: (point.N * point.D, point))


def finished(table: Path) -> set[Point]:
    """The runs that a table of ``COLUMNS`` holds."""
    rows = recover(table, COLUMNS)
    return {Point(int(row["N"]), int(row["D"]), int(row["seed"])) for row in rows}


def expected_cost(point: Point) -> int:
    """Relative time of a run, for the progress bar; the constant stands for the head and the dispatch."""
    return point.D * (point.N + 45_000)


def sweep(points: Iterable[Point], table: Path, workers: int = 2) -> int:
    """Trains the points the table lacks, appends each as it finishes, and returns how many were trained."""
    there = finished(table)
    jobs = [Job(one_row, point, expected_cost(point)) for point in points if point not in there]
    run_all(jobs, table, COLUMNS, workers)
    return len(jobs)


def one_row(N: int, D: int, seed: int) -> list[dict[str, Any]]:
    """The row of a run, in a list as ``Job`` wants it."""
    return [train_run(N, D, seed)]
