"""How the fit's time and memory grow: with runs, parameters and starts.

Command: ``python -m experiments speed growth``. Time is CPU time of one core for one step of one start: the
law, its Jacobian, the linear algebra. Memory is the peak of a process of its own.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import typer
from rich.console import Console

from experiments.datasets import load
from experiments.report import OUTPUTS, provenance, write_table
from experiments.speed.solvers import one_core
from jaxsl.fit import fit
from jaxsl.host.errors import UserError
from jaxsl.law import Law
from jaxsl.pool import Observations, observe
from jaxsl.precision import double_precision
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import random_starts
from laws.tasks import FARSEER, LR_BSZ, TASKS, Task

ROWS = (32, 128, 512, 2048, 8192)
STARTS = (64, 256, 1024, 4096)
LARGEST = ("lr_bsz/sl_7", 2702, 1024)  # law, runs, starts of the memory figure
STEPS = LevenbergMarquardt(max_steps=20)  # enough to time a step


def runs(task: Task, law: Law, rows: int, data: Path | None) -> Observations:
    """``rows`` runs of a task's first group, drawn with replacement where it has fewer."""
    group = next(iter(load(task, data).values())).train
    num = len(group.cost)
    chosen = np.random.default_rng(0).permutation(num)[:rows] if rows <= num else np.arange(rows) % num
    return observe(jnp.asarray(group.x[chosen]), jnp.asarray(group.y[chosen]))


def per_step(task: Task, law: Law, rows: int, num_starts: int, data: Path | None) -> dict[str, Any]:
    """CPU microseconds for each evaluation of each start."""
    observations = runs(task, law, rows, data)
    starts = random_starts(jax.random.key(0), law, num_starts, float)
    solve: Any = jax.jit(lambda o, s: fit(law, o, s, STEPS)).lower(observations, starts).compile()
    seconds, evaluations = [], 0
    for _ in range(3):
        begin = time.process_time()
        found = jax.block_until_ready(solve(observations, starts))
        seconds.append(time.process_time() - begin)
        evaluations = int(found.steps.sum())
    size = rows * law.num_outputs
    return {
        "law": law.name,
        "rows": rows,
        "outputs": law.num_outputs,
        "params": law.num_params,
        "starts": num_starts,
        "us per step": 1e6 * min(seconds) / evaluations,
        "million operations": 2e-6 * size * law.num_params**2 / 2 + 2e-6 * law.num_params**3 / 3,
    }


def peak(name: str, rows: int, num_starts: int, data: Path | None) -> float:
    """Peak memory of this process in GB after one whole fit; of the imports alone for no starts."""
    law = LR_BSZ.law(name)
    with double_precision():
        observations = runs(LR_BSZ, law, rows, data)
        if num_starts:
            starts = random_starts(jax.random.key(0), law, num_starts, float)
            jax.block_until_ready(jax.jit(lambda o, s: fit(law, o, s))(observations, starts))
    return most_memory()


def most_memory() -> float:
    """GB; the kernel's ``ru_maxrss`` would count the process that started this one too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 2**20
    raise UserError("peak memory is read from /proc/self/status, which has no VmHWM here")


def alone(function: Any, *arguments: Any) -> Any:
    """The answer of ``function`` from a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main(
    data: Annotated[Path | None, typer.Option(help="Folder that holds scalebench/.")] = None,
    memory: Annotated[bool, typer.Option(help="Measure the peak memory too.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of tables and plot.")] = OUTPUTS,
) -> None:
    """Measure how time and memory of the fit grow with runs, parameters and starts."""
    one_core()
    console, facts = Console(), provenance("python -m experiments speed growth", 0)
    largest = LR_BSZ.law(LARGEST[0])
    laws = {law.num_params: (task, law) for task in TASKS for law in task.laws if law.num_outputs == 1}
    with double_precision():
        rows = [
            *(per_step(LR_BSZ, largest, num, 64, data) for num in ROWS),
            *(per_step(FARSEER, FARSEER.laws[0], num, 64, data) for num in ROWS),
            *(per_step(*laws[num], 512, 64, data) for num in sorted(laws)),
            *(per_step(FARSEER, FARSEER.laws[0], 128, num, data) for num in STARTS),
        ]
    facts["million operations"] = "of J^T J (half, by symmetry) and the factorisation, for one step"
    if memory:
        facts["peak memory of the imports and the data"] = f"{alone(peak, *LARGEST[:2], 0, data):.2f} GB"
        facts["peak memory of {} on {} runs from {} starts".format(*LARGEST)] = (
            f"{alone(peak, *LARGEST, data):.2f} GB"
        )
    write_table("speed_growth", rows, facts, out)
    plot(rows, out / "speed_growth.png")
    console.print(*(f"{key}: {value}" for key, value in facts.items()), sep="\n")
    console.print("wrote speed_growth.csv .md .png in", str(out))


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Time of a step against runs and against parameters, with slopes one and two."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, params in (("lr_bsz/sl_7", 31), ("farseer/sl_1", 9)):
        own = [row for row in rows if row["law"] == name and row["starts"] == 64 and row["rows"] in ROWS]
        own = sorted({row["rows"]: row for row in own}.values(), key=lambda row: row["rows"])
        left.loglog(
            [row["rows"] for row in own], [row["us per step"] for row in own], "o-", label=f"P = {params}"
        )
    left.loglog(ROWS, np.array(ROWS) / 8, "k:", label="slope 1")
    left.set(xlabel="runs", ylabel="CPU µs for a step of a start")
    own = [row for row in rows if row["rows"] == 512 and row["starts"] == 64]
    right.loglog([row["params"] for row in own], [row["us per step"] for row in own], "o")
    scale = np.array([4.0, 40.0])
    right.loglog(scale, scale, "k:", label="slope 1")
    right.loglog(scale, scale**2 / 4, "k--", label="slope 2")
    right.set(xlabel="parameters (512 runs)")
    left.legend()
    right.legend()
    figure.savefig(path, dpi=150)
