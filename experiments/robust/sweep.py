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
    """Results with environment, law, seed and method, measured or read.

    A failure has its message, and is measured again the next time.
    """
    done = {key: one for key, one in known(path).items() if "error" not in one}
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
        try:
            for future in as_completed(waiting):
                for result in future.result():
                    file.write(json.dumps(result) + "\n")
                    done[result["fingerprint"]] = result
                    progress.advance(bar)
                file.flush()
                os.fsync(file.fileno())
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[key] for key in keys]


def failures(found: Iterable[dict]) -> dict[str, str]:
    """What a table says of results that failed, with the message of the first."""
    failed = [one for one in found if "error" in one]
    if not failed:
        return {"failed episodes": "0"}
    first = f"{failed[0]['method']}, seed {failed[0]['seed']}: {failed[0]['error']}"
    return {"failed episodes": f"{len(failed)}, the first of {first}"}


def _key(environment: str, case: Case, method: str) -> str:
    data, laws = digest(case.groups), _prints(case)
    made = code_of_robust(), data, case.law, laws, case.seed, method, environment, case.budgets
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:20]


def _prints(case: Case) -> list[str]:
    """What the laws that are fitted are known by, each of any source."""
    target = next(iter(case.groups.values())).test.x[:1]
    return [_print(law, tuple(map(float, target[0]))) for law in case.fitted]


@cache
def _print(law: Law, target: tuple[float, ...]) -> str:
    """The same of one law at one target."""
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
            "laws": hashlib.sha256(json.dumps(_prints(case)).encode()).hexdigest()[:16],
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
