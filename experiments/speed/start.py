"""How long one waits for an answer: CPU seconds of commands, with programs kept and with none.

Command: ``python -m experiments speed start``. Every command runs in a process of its own, some times with
an empty folder of programs (cold) and then with the folder that the last of these left (warm). Times are user
and system seconds of the process and its children. Modules are kept as bytecode, which Python does unless it
is told not to. With ``--laws`` each of the benchmark's laws is fitted too, in a process of its own, with its
programs kept.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Console

from experiments.report import OUTPUTS, provenance, shown, write_table
from laws.chinchilla import CHINCHILLA
from laws.tasks import TASKS

SEVEN = (
    *("chinchilla", "kaplan/nd", "kaplan/n", "kaplan/d", "farseer/sl_1", "distillation/supervised"),
    "fine_tuning/rectified",
)
TARGET, COST = ("--target", "N=7e10,D=1.4e12"), ("--cost", "6*N*D")
NOISE = 0.005


class Command(NamedTuple):
    """A command of ``jaxsl``, and the CPU seconds that it should take at most."""

    name: str
    arguments: tuple[str, ...]
    warm: float | str = ""
    cold: float | str = ""


def named(laws: tuple[str, ...]) -> tuple[str, ...]:
    """``--law`` for each."""
    return tuple(word for law in laws for word in ("--law", law))


def commands() -> list[Command]:
    """What is measured, on the tables of ``write_tables``."""
    found = [
        Command("import jax, to compare with", ()),
        Command("--help", ("--help",), 0.2),
        Command("a file that is missing", ("fit", "nowhere.csv", *named(SEVEN[:1])), 0.4),
        Command("a column that is missing", ("fit", "unnamed.csv", *named(SEVEN[:1])), 0.4),
        Command("no candidate", ("next", "old.csv", *named(SEVEN[:1]), *TARGET, *COST), 0.4),
    ]
    for laws, warm, cold in ((SEVEN[:1], 2.0, 8.0), (SEVEN, 3.0, 15.0)):
        of = f"{len(laws)} law{'s' if len(laws) > 1 else ''}"
        found += [
            Command(f"fit, {of}", ("fit", "runs.csv", *named(laws), *TARGET), warm, cold),
            Command(f"next, {of}", ("next", "nine.csv", *named(laws), *TARGET, *COST), warm, cold),
            Command(f"study ask, {of}", ("study", "ask", f"study{len(laws)}.jsonl"), warm, cold),
            Command(f"laws rank, {of}", ("laws", "rank", "runs.csv", *named(laws), *TARGET), warm, cold),
        ]
    decide = (*named(SEVEN[:1]), *COST)
    return [
        *found,
        Command("demo", ("demo",), 3.0, 12.0),
        Command("optimal", ("optimal", "runs.csv", *decide, "--budget", "1e22"), 3.0),
        Command("reach", ("reach", "runs.csv", *decide, "--loss", "2.3"), 3.0),
        Command("multiplier", ("multiplier", "old.csv", "runs.csv", *decide, "--budget", "1e21"), 3.0),
        Command("isoflop", ("isoflop", "isoflop.csv", *COST), 3.0),
    ]


def write_tables(folder: Path) -> None:
    """Runs of Chinchilla's law: a grid with a candidate, one without, nine lines, and three budgets."""
    rng = np.random.default_rng(0)
    theta = np.array(CHINCHILLA.estimates["epoch"])

    def write(name: str, x: np.ndarray, candidates: int = 0, above: float = 0.0, loss: str = "loss") -> None:
        E, A, alpha, B, beta = theta
        y = E + above + A * x[:, 0] ** -alpha + B * x[:, 1] ** -beta + rng.normal(0, NOISE, len(x))
        cells = [f"{value:.4f}" for value in y[: len(x) - candidates]] + [""] * candidates
        rows = [f"{n:.6g},{d:.6g},{cell}" for (n, d), cell in zip(x, cells, strict=True)]
        (folder / name).write_text("\n".join([f"N,D,{loss}", *rows, ""]))

    grid = np.array([[n, d] for n in 1e8 * 2.0 ** np.arange(5) for d in 2e9 * 2.0 ** np.arange(5)])
    write("runs.csv", np.concatenate([grid, [[3.2e9, 6.4e10]]]), 1)
    write("old.csv", grid, above=0.05)
    write("unnamed.csv", grid, loss="value")
    write("nine.csv", grid[::3], 3)
    sizes, budgets = 2.0 ** np.arange(-3.0, 4.0), (1e18, 1e19, 1e20)
    write(
        "isoflop.csv",
        np.array([[n * s, c / (6 * n * s)] for c in budgets for s in sizes for n in [c**0.5 / 11]]),
    )
    for laws in (SEVEN[:1], SEVEN):
        about = (*named(laws), *TARGET, *COST, "--candidates", "nine.csv")
        cpu_seconds(("study", "new", f"study{len(laws)}.jsonl", *about), folder, folder / "aside")


def cpu_seconds(arguments: tuple[str, ...], folder: Path, programs: Path) -> float:
    """Of one process of ``jaxsl`` in a folder, its children included; without arguments of importing JAX."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["JAXSL_CACHE"] = str(programs)
    what = ["-m", "jaxsl.host.cli", *arguments] if arguments else ["-c", "import jax"]
    command = [sys.executable, *what]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 2):
        raise RuntimeError(f"jaxsl {' '.join(arguments)} ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime


def measured(command: Command, tables: Path, repeats: int, cold_repeats: int) -> dict[str, Any]:
    """Medians of one command; each run sees the tables as they were made."""

    def run(programs: Path) -> float:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(tables, folder, dirs_exist_ok=True)
            return cpu_seconds(command.arguments, Path(folder), programs)

    with tempfile.TemporaryDirectory() as folder:
        cold = [run(Path(folder) / str(number)) for number in range(cold_repeats)]
        warm = [run(Path(folder) / str(cold_repeats - 1)) for _ in range(repeats)]
    return {
        "command": command.name,
        "warm, s": median(warm),
        "at most": command.warm,
        "cold, s": median(cold),
        "at most, cold": command.cold,
    }


def benchmark_laws(tables: Path, write: Callable[[str], None]) -> dict[str, Any]:
    """The median over the benchmark's laws of a fit whose programs are kept."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for law in (law for task in TASKS for law in task.laws):
            rng = np.random.default_rng(0)
            x = np.exp(rng.uniform(0, 3, (2 * law.num_params + 8, len(law.inputs))))
            y = rng.uniform(1, 3, (len(x), law.num_outputs))
            rows = [",".join(f"{value:.6g}" for value in row) for row in np.concatenate([x, y], axis=1)]
            (tables / "law.csv").write_text("\n".join([",".join([*law.inputs, *law.outputs]), *rows, ""]))
            arguments = ("fit", "law.csv", *named((law.name,)))
            _, warm = (cpu_seconds(arguments, tables, Path(folder)) for _ in range(2))
            seconds.append(warm)
            write(f"{law.name}: {warm:.2f} s")
    return {
        "command": f"fit, median of {len(seconds)} laws",
        "warm, s": median(seconds),
        "at most": 1.5,
        "cold, s": "",
        "at most, cold": "",
    }


def main(
    repeats: Annotated[int, typer.Option(min=1, help="Runs of every command with its programs kept.")] = 5,
    cold: Annotated[int, typer.Option(min=1, help="Runs of every command without.")] = 5,
    only: Annotated[str, typer.Option(help="Commands whose name begins so; all by default.")] = "",
    laws: Annotated[bool, typer.Option("--laws", help="Also the 65 laws of the benchmark.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = OUTPUTS,
) -> None:
    """Measure the CPU seconds of commands, warm and cold."""
    console, rows = Console(), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder:
        tables = Path(folder)
        write_tables(tables)
        for command in (one for one in commands() if one.name.startswith(only)):
            rows.append(measured(command, tables, repeats, cold))
            console.print(", ".join(f"{name}: {shown(value)}" for name, value in rows[-1].items()))
        if laws:
            rows.append(benchmark_laws(tables, console.print))
    given = f" --repeats {repeats}" * (repeats != 5) + f" --cold {cold}" * (cold != 5)
    given += f" --only {only!r}" * bool(only) + " --laws" * laws
    write_table("speed_start", rows, provenance("python -m experiments speed start" + given), out)
    console.print("wrote speed_start.csv .md in", str(out))
