"""How long whole episodes take: compiled anew, with compiled programs on disk, and in the same process.

Command: ``python -m experiments speed episodes``. Every law of five tasks, one seed of mspe to the last
checkpoint, one thread, CPU seconds. The public implementation (github.com/PlanarG/active-sl, its own
``mspe.py`` with one repetition) took 1,358 CPU seconds for the same 35 laws on one core of the machine the
stored table is from, with NumPy 2.4 and SciPy 1.17, beside other work on the other core.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.report import OUTPUTS, provenance, tell_table
from experiments.speed.growth import alone
from laws.tasks import TASKS

PUBLIC = {"data_con": 629.2, "moe": 423.3, "farseer": 77.2, "sparsity": 208.6, "parallel": 19.9}


def measure_all(folder: str, tasks: list[str], data: Path | None, repeats: int) -> list[dict[str, Any]]:
    """CPU seconds of the first and of the fastest later episode of every law, in this process."""
    os.environ["JAXSL_CACHE"] = folder
    from experiments.benchmark.measure import measure
    from experiments.benchmark.unit import Unit
    from experiments.benchmark.workers import start_worker

    start_worker()
    rows = []
    for task in TASKS:
        for law in task.laws if task.name in tasks else ():
            unit = Unit(task.name, law.name, "mspe", 0)
            begin = time.process_time()
            measure(unit, data)
            first = time.process_time() - begin
            later = [measure(unit, data)["cpu_seconds"] for _ in range(repeats)]
            rows.append(
                {"task": task.name, "law": law.name, "first": first, "later": min(later, default=0.0)}
            )
    return rows


def main(
    tasks: Annotated[str, typer.Option(help="With commas between.")] = ",".join(PUBLIC),
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the benchmark's data.")] = None,
    repeats: Annotated[int, typer.Option(help="Later episodes, of which the fastest counts.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = OUTPUTS,
) -> None:
    """Measure episodes of mspe: cold, with a filled cache, and without compilation."""
    chosen = [task for task in tasks.split(",") if task]
    with tempfile.TemporaryDirectory() as folder:
        cold = alone(measure_all, folder, chosen, data, repeats)
        warm = alone(measure_all, folder, chosen, data, 0)
    rows: list[dict[str, Any]] = []
    for task in chosen:
        mine = [(a, b) for a, b in zip(cold, warm, strict=True) if a["task"] == task]
        rows.append(
            {
                "task": task,
                "laws": len(mine),
                "cold cache, s": sum(a["first"] for a, _ in mine),
                "warm cache, s": sum(b["first"] for _, b in mine),
                "compiled, s": sum(a["later"] for a, _ in mine),
                "public, s": PUBLIC.get(task, float("nan")),
            }
        )
    total = {key: sum(row[key] for row in rows) for key in list(rows[0])[1:]}
    rows.append({"task": "all", **total})
    for row in rows:
        for name in ("cold cache", "warm cache", "compiled"):
            row[f"ratio, {name}"] = row["public, s"] / row[f"{name}, s"]
    facts = provenance(f"python -m experiments speed episodes --tasks {tasks} --repeats {repeats}", 0)
    tell_table("speed_episodes", rows, facts, out)
