"""All cases of the chosen environments by the chosen methods, resumable: one line of JSON a result."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.benchmark.fingerprint import code_of_robust, digest
from experiments.benchmark.kept import known
from experiments.benchmark.workers import start_worker
from experiments.robust.environments import Case
from jaxsl.host.laws.identity import fingerprint
from jaxsl.law import Law

Environment = Callable[[int], Iterable[Case]]  # from a number of seeds to its cases


def results(
    environments: Mapping[str, Environment], methods: list[str], seeds: int, path: Path, workers: int
) -> list[dict]:
    """Results with environment, law, seed and method, measured or read; a failure has its message."""
    done = known(path)
    parts: dict[tuple, list[tuple[str, str, int]]] = {}
    keys = []
    for environment, cases in environments.items():
        for number, case in enumerate(cases(seeds)):
            for method in methods:
                key = _key(environment, case, method)
                keys.append(key)
                if key not in done:
                    part = environment, method, case.law if "lr_bsz" in environment else "", case.seed // 5
                    parts.setdefault(part, []).append((key, method, number))
    path.parent.mkdir(parents=True, exist_ok=True)
    total = sum(map(len, parts.values()))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    context = get_context("spawn")
    with (
        Progress(*columns, disable=not sys.stdout.isatty()) as progress,
        path.open("a") as file,
        ProcessPoolExecutor(
            workers, context, start_worker, (context.Value("i", 0),), max_tasks_per_child=1
        ) as pool,
    ):
        bar = progress.add_task("episodes", total=total)
        waiting = [
            pool.submit(_measure, part[0], environments[part[0]], seeds, wanted)
            for part, wanted in parts.items()
        ]
        for future in as_completed(waiting):
            for result in future.result():
                file.write(json.dumps(result) + "\n")
                done[result["fingerprint"]] = result
                progress.advance(bar)
            file.flush()
            os.fsync(file.fileno())
    return [done[key] for key in keys]


def _key(environment: str, case: Case, method: str) -> str:
    target = next(iter(case.groups.values())).test.x[:1]
    laws = [_print(law, tuple(map(float, target[0]))) for law in case.fitted]
    made = code_of_robust(), digest(case.groups), case.law, laws, case.seed, method, environment, case.budgets
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:20]


@cache
def _print(law: Law, target: tuple[float, ...]) -> str:
    """What a law is known by, of any source."""
    found = fingerprint(law, [target])
    return json.dumps(found, default=str)


def _measure(
    environment: str, cases: Environment, seeds: int, wanted: list[tuple[str, str, int]]
) -> list[dict]:
    from experiments.robust.episode import SCORES, measure

    every, found = list(cases(seeds)), []
    for key, method, number in wanted:
        case = every[number]
        said = {
            "fingerprint": key,
            "code": code_of_robust(),
            "environment": environment,
            "data": digest(case.groups),
            "law": case.law,
            "seed": case.seed,
            "method": method,
        }
        try:
            found.append({**said, **measure(case, method)})
        except Exception as error:
            nothing: list[None] = [None] * len(case.budgets)
            failed = {name: nothing for name in SCORES} | {"r2": [-1.0] * len(nothing), "interval": nothing}
            found.append({**said, "error": repr(error), **failed})
    return found
