"""Units over the processes of this machine, or over the jobs of a cluster: results as they come."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from experiments.benchmark.measure import measure
from experiments.benchmark.unit import Unit, program_of
from laws.tasks import find_task


def spread(missing: dict[str, Unit], data: Path | None, workers: int) -> Iterator[tuple[str, dict]]:
    """Measure over processes of this machine, results as they come.

    The first seed of every law comes before the others. Laws that share a program have a process of their own
    for them, one for each worker: one that compiled many programs is large, and has been seen to die.
    """
    parts: dict[tuple[bool, str, int], dict[str, Unit]] = {}
    for key, unit in missing.items():
        program, place = program_of(unit)
        parts.setdefault((unit.seed > 0, program, place % workers), {})[key] = unit
    waiting, found = deque(parts.values()), SimpleQueue[tuple[str, dict] | None]()
    started = get_context("spawn").Value("i", 0)

    def work():
        try:
            while waiting:
                for result in _alone(waiting.popleft(), data, started):
                    found.put(result)
        finally:
            found.put(None)

    num = min(workers, len(parts))
    for _ in range(num):
        Thread(target=work, daemon=True).start()
    while num:
        result = found.get()
        if result is None:
            num -= 1
        else:
            yield result


def _alone(
    units: dict[str, Unit], data: Path | None, started: "Synchronized[int]"
) -> Iterator[tuple[str, dict]]:
    """Measure in a process of their own; a unit that has killed two of them has failed."""
    left, suspect = dict(units), ""
    while left:
        with ProcessPoolExecutor(1, get_context("spawn"), start_worker, (started,)) as pool:
            futures = {key: pool.submit(_measure, unit, data) for key, unit in left.items()}
            try:
                for key, future in futures.items():
                    yield key, future.result()
                    del left[key]
            except BrokenProcessPool as error:
                first = next(iter(left))
                if first == suspect:
                    yield first, _failed(left.pop(first), error)
                suspect = first


def submit(
    missing: dict[str, Unit], data: Path | None, cluster: str, folder: Path
) -> Iterator[tuple[str, dict]]:
    """Measure as jobs of a scheduler, one for all laws that share a program, by submitit.

    Args:
        missing: units by fingerprint.
        data: folder of the benchmark's data, seen by every machine.
        cluster: ``slurm`` or ``local``, then submitit's parameters after a colon:
            ``slurm:slurm_partition=gpu,timeout_min=120``.
        folder: where submitit keeps its logs; seen by every machine.
    """
    import submitit

    name, _, text = cluster.partition(":")
    settings = dict(item.split("=", 1) for item in text.split(",") if item)
    executor = submitit.AutoExecutor(folder=folder / "jobs", cluster=name)
    executor.update_parameters(
        name="jaxsl", **{key: int(value) if value.isdigit() else value for key, value in settings.items()}
    )
    parts: dict[str, list[str]] = {}
    for key, unit in missing.items():
        parts.setdefault(program_of(unit)[0], []).append(key)
    groups = list(parts.values())
    jobs = executor.map_array(
        _measure_all, [[missing[key] for key in keys] for keys in groups], [data] * len(groups)
    )
    keys_of = dict(zip([job.job_id for job in jobs], groups, strict=True))
    for job in submitit.helpers.as_completed(jobs):
        yield from zip(keys_of[job.job_id], job.result(), strict=True)


def _measure_all(units: list[Unit], data: Path | None) -> list[dict]:
    """A job: all units of laws that share a program."""
    start_worker()
    return [_measure(unit, data) for unit in units]


def start_worker(started: "Synchronized[int] | None" = None) -> None:
    """A worker: one thread each, programs compiled once for all sessions, garbage seldom looked for.

    Args:
        started: how many workers were started before, when there are several: they take the devices of this
            machine in turn, and of a card no more memory than they need.
    """
    own = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {own}".strip()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    from jaxsl.host.programs.cache import enable_compilation_cache
    from jaxsl.host.programs.garbage import collect_seldom

    enable_compilation_cache()
    collect_seldom()
    if started is not None:
        with started.get_lock():
            number = started.value
            started.value += 1
        jax.config.update("jax_default_device", jax.local_devices()[number % jax.local_device_count()])


def _measure(unit: Unit, data: Path | None) -> dict:
    try:
        return measure(unit, data)
    except Exception as error:
        return _failed(unit, error)


def _failed(unit: Unit, error: Exception) -> dict:
    task = find_task(unit.task)
    return {**unit.__dict__, "r2": [-1.0] * len(task.checkpoints), "error": repr(error)}
