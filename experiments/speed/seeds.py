"""Ten seeds of an episode: one after the other in one program, or vmapped in another.

Command: ``python -m experiments speed seeds``. CPU seconds of one core for episodes of mspe to the last
checkpoint, compilation apart; the purchases are compared too. Under ``vmap`` every loop of every seed runs as
long as the slowest seed's: starts, rounds, and the steps of the solver.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import typer
from rich.console import Console

from experiments.benchmark.episode import begin, pool_of, target_of
from experiments.benchmark.methods import METHODS
from experiments.datasets import load
from experiments.report import OUTPUTS, provenance, write_table
from experiments.speed.growth import alone
from experiments.speed.solvers import one_core
from jaxsl.episode import episode
from jaxsl.precision import double_precision
from laws.tasks import find_task

LAWS = ("moe/sl_1", "data_con/sl_1", "parallel/sl_1", "sparsity/sl_1", "farseer/sl_1")
ROUNDS = 64


def measure(name: str, num_seeds: int, data: Path | None) -> dict[str, Any]:
    """One row of the table; in a process of its own, on one core."""
    one_core()
    task = find_task(name.split("/")[0])
    law = task.law(name)
    group = next(iter(load(task, data).values()))
    with double_precision():
        pool, hidden = pool_of(group, 0)
        target, design = target_of(group.test.x, 0), METHODS["mspe"].design(law, float("nan"))
        state, _ = begin(design, pool, hidden)
        keys = jax.random.split(jax.random.key(0), num_seeds)
        budget = jnp.asarray(max(task.checkpoints))

        @eqx.filter_jit
        def single(key):
            return episode(design, state, pool, target, hidden.reveal, budget, key, ROUNDS)[1].index

        vmapped = eqx.filter_jit(jax.vmap(single))
        first = [_seconds(lambda: single(keys[0]))[0], _seconds(lambda: vmapped(keys))[0]]
        each, apart = _seconds(lambda: jnp.stack([single(key) for key in keys]))
        together, index = _seconds(lambda: vmapped(keys))
        same = bool(jnp.all(apart == index))
    return {
        "law": name,
        "first episode, s": first[0],
        "first ten vmapped, s": first[1],
        "ten one by one, s": each,
        "ten vmapped, s": together,
        "ratio": together / each,
        "same purchases": same,
    }


def _seconds(function: Any) -> tuple[float, Any]:
    begin = time.process_time()
    found = jax.block_until_ready(function())
    return time.process_time() - begin, found


def main(
    data: Annotated[Path | None, typer.Option(help="Folder that holds scalebench/.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = OUTPUTS,
) -> None:
    """Measure ten seeds one by one and vmapped."""
    rows = []
    for name in LAWS:
        rows.append(alone(measure, name, 10, data))
        Console().print(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    write_table("speed_seeds", rows, provenance("python -m experiments speed seeds", 0), out)
