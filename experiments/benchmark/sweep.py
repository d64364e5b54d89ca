"""Many episodes: two processes or the jobs of a cluster, resumable at any moment, nothing lost or doubled.

One result is one line of JSON, written whole and flushed to the disk; a half-written last line is dropped on
the next start. A result is found again by its fingerprint: task, law, method, seed, protocol, and digests of
the data and of the code that made it. Laws that share a program share a process, and its compilation.
"""

import json
import os
import sys
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.benchmark.fingerprint import digest, fingerprint
from experiments.benchmark.unit import Unit, groups_of
from experiments.benchmark.workers import spread, submit


def read(path: Path) -> dict[str, dict]:
    """Results by fingerprint; a half-written last line is cut off the file."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    results = [json.loads(line) for line in whole.splitlines()]
    return {result["fingerprint"]: result for result in results}


def sweep(
    wanted: list[Unit], path: Path, workers: int = 2, data: Path | None = None, cluster: str = ""
) -> list[dict]:
    """Results of all units, measured or read; a failure is a result with its message and R² of -1.

    Args:
        wanted: what to measure.
        path: table of results, appended to by this process alone.
        workers: processes on this machine.
        data: folder of the benchmark's data.
        cluster: jobs of a scheduler instead of processes, see ``submit``.
    """
    digests = {where: digest(groups_of(unit, data)) for where, unit in {_where(u): u for u in wanted}.items()}
    keys = {fingerprint(unit, digests[_where(unit)]): unit for unit in wanted}
    done = read(path)
    missing = {key: unit for key, unit in keys.items() if key not in done}
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not sys.stdout.isatty()) as progress, path.open("a") as file:
        bar = progress.add_task("episodes", total=len(keys), completed=len(keys) - len(missing))
        measured = submit(missing, data, cluster, path.parent) if cluster else spread(missing, data, workers)
        for key, found in measured:
            result = {"fingerprint": key, **found}
            file.write(json.dumps(result) + "\n")
            file.flush()
            os.fsync(file.fileno())
            done[key] = result
            progress.advance(bar)
    return [done[key] for key in keys]


def _where(unit: Unit) -> tuple[str, bool]:
    """What decides the data of a unit."""
    return unit.task, unit.inside
