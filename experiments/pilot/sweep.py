"""Training on several processes, each row on the disk as soon as its job is done."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from experiments.pilot.table import append


class Job(NamedTuple):
    """What a process does: ``work(*of)`` gives rows; ``cost`` is its relative time, for the progress bar."""

    work: Callable[..., list[dict[str, Any]]]
    of: tuple
    cost: int


def one_thread() -> None:
    """Keeps a worker's kernels on one thread; XLA reads both when the worker's first array is made."""
    os.environ["NPROC"] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")


def run_all(jobs: Sequence[Job], table: Path, columns: Sequence[str], workers: int) -> None:
    """Does the jobs, appending their rows to the table as each finishes."""
    table.parent.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with (
        Progress(*shown, console=console, disable=not console.is_terminal) as progress,
        ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread) as pool,
    ):
        task = progress.add_task(f"{len(jobs)} runs", total=sum(job.cost for job in jobs))
        futures = {pool.submit(job.work, *job.of): job for job in jobs}
        try:
            for number, future in enumerate(as_completed(futures), 1):
                for row in future.result():
                    append(table, columns, row)
                left = f"{len(jobs) - number} runs left"
                progress.update(task, advance=futures[future].cost, description=left)
        except BaseException:  # an interruption, too, must not wait for the queue
            pool.shutdown(cancel_futures=True)
            raise
