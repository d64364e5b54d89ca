"""How long the fit takes to compile: as XLA does it, as the host does it, and in a second process.

Command: ``python -m experiments speed compile``. Three processes, one after the other, compile the fit of
every law (64 starts, a buffer of 128 runs): one with XLA's own settings; one with those of
``jaxsl.host.compiled`` and the persistent cache of ``jaxsl.host.programs.cache`` in a fresh folder; one that
finds that cache.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import typer
from rich.console import Console

from experiments.report import OUTPUTS, provenance, write_table
from experiments.speed.growth import alone
from jaxsl.fit import fit
from jaxsl.host.compiled import accepted
from jaxsl.host.programs.cache import enable_compilation_cache
from jaxsl.pool import Observations
from jaxsl.precision import double_precision
from laws.tasks import TASKS

RUNS, STARTS = 128, 64


def compile_all(folder: str, names: list[str], options: dict[str, Any]) -> list[tuple[float, float]]:
    """CPU seconds of tracing and of compiling (or of reading the cache) for every law, in this process."""
    os.environ["JAXSL_CACHE"] = folder
    enable_compilation_cache()
    laws = {law.name: law for task in TASKS for law in task.laws}
    seconds = []
    with double_precision():
        for law in (laws[name] for name in names):
            observations = Observations(
                jnp.ones((RUNS, len(law.inputs))),
                jnp.ones((RUNS, law.num_outputs)),
                jnp.ones(RUNS, bool),
            )
            starts = jnp.ones((STARTS, law.num_params))
            begin = time.process_time()
            lowered = jax.jit(lambda o, s, law=law: fit(law, o, s)).lower(observations, starts)
            middle = time.process_time()
            lowered.compile(compiler_options=options)
            seconds.append((middle - begin, time.process_time() - middle))
    return seconds


def main(
    laws: Annotated[str, typer.Option(help="Laws or tasks, with commas between; all by default.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = OUTPUTS,
) -> None:
    """Measure tracing and compiling of the fit, with an empty and with a filled persistent cache."""
    wanted = [name for name in laws.split(",") if name]
    names = [
        law.name
        for task in TASKS
        for law in task.laws
        if not wanted or law.name in wanted or task.name in wanted
    ]
    with tempfile.TemporaryDirectory() as folder:
        plain = alone(compile_all, "", names, {})
        first, second = (alone(compile_all, folder, names, accepted()) for _ in range(2))
    rows: list[dict[str, Any]] = [
        {
            "law": name,
            "XLA's settings, s": sum(default),
            "the host's, s": sum(cold),
            "second process, s": sum(warm),
            "of it tracing, s": warm[0],
        }
        for name, default, cold, warm in zip(names, plain, first, second, strict=True)
    ]
    columns = list(rows[0])[1:]
    for what, statistic in (("median", np.median), ("largest", np.max)):
        rows.append({"law": what, **{c: float(statistic([row[c] for row in rows])) for c in columns}})
    command = "python -m experiments speed compile" + f" --laws {laws}" * bool(laws)
    write_table("speed_compile", rows, provenance(command), out)
    console = Console()
    for row in rows[-2:]:
        console.print(
            ", ".join(f"{key} {value:.3g}" for key, value in row.items() if key != "law"), row["law"]
        )
    console.print("wrote speed_compile.csv .md in", str(out))
