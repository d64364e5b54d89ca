"""Many episodes: two processes or the jobs of a cluster, resumable at any moment, nothing lost or doubled.

One result is one line of JSON, written whole and flushed to the disk; a half-written last line is dropped on
the next start. A result is found again by its fingerprint: task, law, method, seed, protocol, and digests of
the data and of the code that made it. Laws that share a program share a process, and its compilation.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.benchmark.fingerprint import code, digest, fingerprint
from experiments.benchmark.kept import known
from experiments.benchmark.unit import Unit, groups_of
from experiments.benchmark.workers import spread, submit


def sweep(
    wanted: list[Unit],
    path: Path,
    workers: int = 2,
    data: Path | None = None,
    cluster: str = "",
    needs: Iterable[str] = (),
) -> list[dict]:
    """Results of all units, measured or read; a failure is a result with its message and R² of -1.

    Args:
        wanted: what to measure.
        path: table of results, appended to by this process alone.
        workers: processes on this machine.
        data: folder of the benchmark's data.
        cluster: jobs of a scheduler instead of processes, see ``submit``.
        needs: columns that a result must have, which those that are kept in the checkout may lack.
    """
    digests = {where: digest(groups_of(unit, data)) for where, unit in {_where(u): u for u in wanted}.items()}
    keys = {fingerprint(unit, digests[_where(unit)]): unit for unit in wanted}
    done = known(path, needs)
    missing = {key: unit for key, unit in keys.items() if key not in done}
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not sys.stdout.isatty()) as progress, path.open("a") as file:
        bar = progress.add_task("episodes", total=len(keys), completed=len(keys) - len(missing))
        measured = submit(missing, data, cluster, path.parent) if cluster else spread(missing, data, workers)
        for key, found in measured:
            result = {"fingerprint": key, "code": code(keys[key].task, keys[key].several), **found}
            file.write(json.dumps(result) + "\n")
            file.flush()
            os.fsync(file.fileno())
            done[key] = result
            progress.advance(bar)
    return [done[key] for key in keys]


def _where(unit: Unit) -> tuple[str, bool]:
    """What decides the data of a unit."""
    return unit.task, unit.inside
