"""Many episodes: two processes or the jobs of a cluster, resumable at any moment, nothing lost or doubled.

One result is one line of JSON, written whole and flushed to the disk; a half-written last line is dropped on
the next start. A result is found again by its fingerprint: task, law, method, seed, protocol, and digests of
the data and of the code that made it. Laws that share a program share a process, and its compilation.
"""

import ast
import hashlib
import importlib
import inspect
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from laws.tasks import TASKS, find_task

if TYPE_CHECKING:
    from experiments.datasets import Group

PROTOCOL = "64 starts, warm 2.5 P / D to 2 %, gamma 0.4"
BUDGETS = np.geomspace(0.02, 1, 12)  # shares of the last checkpoint, for figures


@dataclass(frozen=True)
class Unit:
    """One law of one task, by one method, with one seed.

    Attributes:
        inside: a part of the pool takes the place of the target, see ``experiments.several.aside``.
    """

    task: str
    law: str
    method: str
    seed: int
    inside: bool = False

    @property
    def several(self) -> bool:
        """Whether all laws of the task are used at once: the law is then named ``TASK/all``."""
        return self.law == f"{self.task}/all"


def units(
    tasks: Iterable[str], laws: Iterable[str], methods: Iterable[str], seeds: int, inside: bool = False
) -> list[Unit]:
    """All combinations, the first seed of everything first, so that an early table covers all laws."""
    tasks, laws, methods = set(tasks), set(laws), list(methods)
    return [
        Unit(task.name, law, method, seed, inside)
        for seed in range(seeds)
        for task in sorted(TASKS, key=lambda task: len(task.laws) * (task.name == "lr_bsz"))
        if not tasks or task.name in tasks
        for law in (*(law.name for law in task.laws), f"{task.name}/all")
        if (law in laws if laws else not law.endswith("/all"))
        for method in methods
    ]


def groups_of(unit: Unit, data: Path | None = None) -> dict[str, "Group"]:
    """The pools and targets of a unit, by group."""
    from experiments.datasets import load
    from experiments.several.aside import set_aside

    task = find_task(unit.task)
    groups = load(task, data)
    return {name: set_aside(task, group) for name, group in groups.items()} if unit.inside else groups


def digest(groups: dict[str, "Group"]) -> str:
    """Fingerprint of a task's runs."""
    total = hashlib.sha256()
    for name, group in groups.items():
        total.update(name.encode())
        for part in (*group.train, *group.test):
            total.update(np.ascontiguousarray(part).tobytes())
    return total.hexdigest()[:16]


class _Bare(ast.NodeTransformer):
    """Source without its docstrings, whose words change no result."""

    def visit_Expr(self, node):
        """Drop an expression that is a string alone."""
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node


@cache
def code(task: str, several: bool = False) -> str:
    """Fingerprint of the source that an episode runs: the core, the task's laws and the methods."""
    laws = {law.function.__module__ for law in find_task(task).laws}
    return fingerprint_of_source({f"experiments.{'several' if several else 'benchmark'}.episode", *laws})


def fingerprint_of_source(names: set[str]) -> str:
    """Fingerprint of modules and all they import of the core and of the experiments, without docstrings."""
    total = hashlib.sha256()
    for source in _sources(names).values():
        total.update(ast.dump(_Bare().visit(ast.parse(source))).encode())
    return total.hexdigest()[:16]


def _sources(names: set[str]) -> dict[str, str]:
    """Sources by name of modules and of all they import of the core and of the benchmark's episodes."""
    found: dict[str, str] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = inspect.getsource(importlib.import_module(name))
        for node in ast.walk(ast.parse(found[name])):
            if isinstance(node, ast.ImportFrom) and node.module:
                core = node.module.startswith("jaxsl.") and not node.module.startswith("jaxsl.host")
                if core or node.module.startswith("experiments."):
                    waiting.append(node.module)
    return dict(sorted(found.items()))


def fingerprint(unit: Unit, data: str) -> str:
    """What a result is keyed by."""
    made = code(unit.task, unit.several)
    text = json.dumps([*unit.__dict__.values(), PROTOCOL, data, made])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


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


def spread(missing: dict[str, Unit], data: Path | None, workers: int) -> Iterator[tuple[str, dict]]:
    """Measure over processes of this machine, results as they come.

    The first seed of every law comes before the others. Laws that share a program have a process of their own
    for them, one for each worker: one that compiled many programs is large, and has been seen to die.
    """
    parts: dict[tuple[bool, str, int], dict[str, Unit]] = {}
    for key, unit in missing.items():
        program, place = _program(unit)
        parts.setdefault((unit.seed > 0, program, place % workers), {})[key] = unit
    waiting, found = deque(parts.values()), SimpleQueue[tuple[str, dict] | None]()

    def work():
        try:
            while waiting:
                for result in _alone(waiting.popleft(), data):
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


def _program(unit: Unit) -> tuple[str, int]:
    """The first of the laws that share a unit's program, and the place of its own among them."""
    from jaxsl.one_of import companions

    if unit.several:
        return unit.law, 0
    task = find_task(unit.task)
    law = task.law(unit.law)
    members = companions(law, task.laws)
    return members[0].name, members.index(law)


def _alone(units: dict[str, Unit], data: Path | None) -> Iterator[tuple[str, dict]]:
    """Measure in a process of their own; a unit that has killed two of them has failed."""
    left, suspect = dict(units), ""
    while left:
        with ProcessPoolExecutor(1, get_context("spawn"), initializer=start_worker) as pool:
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
        parts.setdefault(_program(unit)[0], []).append(key)
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


def start_worker() -> None:
    """A worker: one thread each, programs compiled once for all sessions, garbage seldom looked for."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from jaxsl.host.programs.cache import enable_compilation_cache
    from jaxsl.host.programs.garbage import collect_seldom

    enable_compilation_cache()
    collect_seldom()


def _measure(unit: Unit, data: Path | None) -> dict:
    try:
        return measure(unit, data)
    except Exception as error:
        return _failed(unit, error)


def _failed(unit: Unit, error: Exception) -> dict:
    task = find_task(unit.task)
    return {**unit.__dict__, "r2": [-1.0] * len(task.checkpoints), "error": repr(error)}
