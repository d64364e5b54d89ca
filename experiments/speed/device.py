"""Fits and scores on an accelerator and on the CPU of the same machine, in float64 and float32.

Command: ``python -m experiments speed device``, prepared for at most ten minutes: sizes of a series rise
until one takes longer than its share, and nothing is begun after ``--seconds``. Wall seconds of the second
call. Without an accelerator it measures the CPU alone and says so.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import typer
from rich.console import Console

from experiments.report import OUTPUTS, provenance, write_table
from experiments.speed.growth import most_memory
from experiments.speed.scorer import bounded, case, seconds, whole
from jaxsl.fit import fit
from jaxsl.pool import Observations, observe
from jaxsl.starts import random_starts
from laws.chinchilla import CHINCHILLA

STARTS = (64, 256, 1024, 4096, 16_384, 65_536)
DATA_SETS = (1, 16, 64, 256, 1024, 4096)  # from 64 starts each
CANDIDATES = (1e3, 1e4, 1e5, 1e6, 1e7)
SHARE = 0.02  # of all seconds: a size that takes longer ends its series
NUM_RUNS = 128


def drawn(num: int, dtype: Any) -> Observations:
    """``num`` data sets of made runs, ``(num, run, ...)``."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(10 ** rng.uniform([7, 8.5], [9, 10.5], (NUM_RUNS, 2)), dtype)
    y = CHINCHILLA.predict(jnp.asarray(CHINCHILLA.estimates["hoffmann"], dtype), x)
    noise = jnp.asarray(rng.normal(0, 0.01, (num, NUM_RUNS, 1)), dtype)
    return jax.vmap(lambda noise: observe(x, y + noise))(noise)


@eqx.filter_jit
def fitted(runs: Observations, key: jax.Array, num_starts: int) -> jax.Array:
    """The best loss of every data set, ``(data set,)``."""

    def one(runs: Observations) -> jax.Array:
        return fit(CHINCHILLA, runs, random_starts(key, CHINCHILLA, num_starts, runs.y.dtype)).loss[0]

    return jax.vmap(one)(runs)


def timed_fit(num_sets: int, num_starts: int, dtype: Any) -> float:
    """Wall seconds of the fits."""
    return seconds(fitted, drawn(num_sets, dtype), jax.random.key(0), num_starts, clock=time.perf_counter)[1]


def timed_scores(num: int, dtype: Any, every: bool) -> float:
    """Wall seconds of every score, or of the best alone."""
    posterior, pool, target, price = case(num, dtype)
    if every:
        return seconds(whole, posterior, pool, target, clock=time.perf_counter)[1]
    return seconds(bounded, posterior, pool, target, price, clock=time.perf_counter)[1]


SERIES = {
    "starts of one fit": (STARTS, lambda num, dtype: timed_fit(1, num, dtype)),
    "data sets, 64 starts each": (DATA_SETS, lambda num, dtype: timed_fit(num, 64, dtype)),
    "candidates, the best": (CANDIDATES, lambda num, dtype: timed_scores(int(num), dtype, False)),
    "candidates, every score": (CANDIDATES, lambda num, dtype: timed_scores(int(num), dtype, True)),
}


def measured(device: jax.Device, dtype: Any, until: float, most: float) -> Iterator[dict[str, Any]]:
    """One row a size, on one device, until the clock says stop."""
    for name, (sizes, measure) in SERIES.items():
        for size in sizes:
            if time.perf_counter() > until:
                return
            begin = time.perf_counter()
            with jax.default_device(device), jax.enable_x64(dtype is np.float64):
                took = measure(size, dtype)
            used = device.memory_stats() or {}
            yield {
                "device": device.device_kind if device.platform != "cpu" else "CPU",
                "dtype": np.dtype(dtype).name,
                "what": name,
                "number": int(size),
                "s": took,
                "peak memory so far, GB": used.get("peak_bytes_in_use", most_memory() * 2**30) / 2**30,
            }
            if time.perf_counter() - begin > most:
                break


def main(
    limit: Annotated[float, typer.Option("--seconds", help="After which nothing is begun.")] = 540.0,
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = OUTPUTS,
) -> None:
    """Measure fits and scores on every kind of device that this machine has."""
    begin, console = time.perf_counter(), Console()
    devices = list(
        {device.platform: device for device in (*jax.devices("cpu")[:1], *jax.devices()[:1])}.values()
    )
    devices.reverse()  # the accelerator first
    if len(devices) == 1:
        console.print("no accelerator here: the CPU alone is measured")
    rows = list[dict[str, Any]]()
    parts = [(device, dtype) for device in devices for dtype in (np.float64, np.float32)]
    for number, (device, dtype) in enumerate(parts, 1):
        until = begin + limit * number / len(parts)
        for row in measured(device, dtype, until, SHARE * limit):
            rows.append(row)
            console.print(*(str(value) for value in row.values()), sep="  ")
    write_table("speed_device", rows, provenance("python -m experiments speed device", 0), out)
    console.print("wrote speed_device.csv .md in", str(out))
