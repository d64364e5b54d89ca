"""The grid of the pilot lab and a sweep over it that can be stopped at any moment and started again."""

import csv
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from experiments.pilot.model import num_params
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


def recover(table: Path) -> set[Point]:
    """The finished runs of a table, after cutting off a last line that an interruption left without its end.

    Raises:
        ValueError: when the file is another table than the lab's.
    """
    if not table.exists():
        return set()
    content = table.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with table.open("r+b") as file:
            file.truncate(len(whole))
    header, *rows = list(csv.reader(whole.decode().splitlines())) or [list(COLUMNS)]
    if tuple(header) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise ValueError(
            f"{table} is not a table of pilot runs with columns {','.join(COLUMNS)}; move it away"
        )
    named = [dict(zip(header, row, strict=True)) for row in rows]
    return {Point(int(row["N"]), int(row["D"]), int(row["seed"])) for row in named}


def append(table: Path, row: dict[str, Any]) -> None:
    """Adds a finished run, and the header where the table is new; on the disk when this returns."""
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def one_thread() -> None:
    """Keeps a worker's kernels on one thread; XLA reads both when the worker's first array is made."""
    os.environ["NPROC"] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")


def expected_cost(point: Point) -> int:
    """Relative time of a run, for the progress bar; the constant stands for the head and the dispatch."""
    return point.D * (point.N + 45_000)


def sweep(points: Iterable[Point], table: Path, workers: int = 2) -> int:
    """Trains the points the table lacks, appends each as it finishes, and returns how many were trained."""
    finished = recover(table)
    missing = [point for point in points if point not in finished]
    table.parent.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread) as pool,
    ):
        task = progress.add_task(f"{len(missing)} runs", total=sum(map(expected_cost, missing)))
        futures = {pool.submit(train_run, *point): point for point in missing}
        try:
            for number, future in enumerate(as_completed(futures), 1):
                append(table, future.result())
                left = f"{len(missing) - number} runs left"
                progress.update(task, advance=expected_cost(futures[future]), description=left)
        except BaseException:  # an interruption, too, must not wait for the queue
            pool.shutdown(cancel_futures=True)
            raise
    return len(missing)
