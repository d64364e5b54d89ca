"""How long the best of many candidates takes to find: every score, or those alone that a bound leaves open.

Command: ``python -m experiments speed scorer``. The default belief in chinchilla's law on 14 made runs, its 8
heaviest components, 100 targets; candidates spread over three decades of both inputs. CPU seconds of one
core, compilation apart, both ways in one process; a process of its own for each size, whose peak memory is
that of the bounded way, the first it does. Operations are those of the products of matrices in the
candidates' Gaussians and in the bound; ``scored`` are the candidates whose expectation was taken.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import typer
from rich.console import Console

from experiments.report import OUTPUTS, provenance, write_table
from experiments.speed.growth import alone, most_memory
from experiments.speed.solvers import one_core
from jaxsl.acquisition import MSPE
from jaxsl.design import Design
from jaxsl.discrepancy.field import NUM_FEATURES
from jaxsl.pool import Pool, Target, observe, uniform_target
from jaxsl.posterior import Posterior
from jaxsl.precision import double_precision
from laws.chinchilla import CHINCHILLA

SIZES = "1e3,1e4,1e5,1e6,1e7"
MOST_WHOLE = 1e6  # candidates of which all are scored, for comparison
NUM_RUNS, NUM_TARGETS, NUM_COMPONENTS = 14, 100, 8
NOISE, EXPONENT = 0.01, 0.4


def spread(rng: np.random.Generator, num: int, low: tuple[float, float], decades: float) -> np.ndarray:
    """Sizes and tokens, ``(num, 2)``, log-uniform over some decades above ``low``."""
    return 10 ** (np.log10(low) + rng.uniform(0, decades, (num, 2)))


def case(num: int, dtype: Any = float) -> tuple[Posterior, Pool, Target, jax.Array]:
    """What is believed, ``num`` candidates, the targets, and the price of every candidate."""
    rng = np.random.default_rng(0)
    runs, aims = spread(rng, NUM_RUNS, (1e7, 3e8), 1.3), spread(rng, NUM_TARGETS, (3e10, 3e11), 0.7)
    theta = jnp.asarray(CHINCHILLA.estimates["hoffmann"], dtype)
    x, target = jnp.asarray(runs, dtype), uniform_target(jnp.asarray(aims, dtype))
    y = CHINCHILLA.predict(theta, x) + NOISE * jnp.asarray(rng.normal(size=(NUM_RUNS, 1)), dtype)
    candidates = jnp.asarray(spread(rng, num, (1e7, 3e8), 3.0), dtype)
    design = Design((CHINCHILLA,), num_scored=NUM_COMPONENTS, least_scored=0.0)
    some = candidates[:512]

    @eqx.filter_jit
    def believed():
        runs = observe(x, y, 32)
        state = design.start(Pool(runs.x, jnp.ones_like(runs.y[:, 0])), runs)
        return design.believe(state, target, jax.random.key(0), Pool(some, some[:, 0])).posterior

    cost = candidates[:, 0] / candidates[:, 0].max() * candidates[:, 1]
    return design.scored(believed()), Pool(candidates, cost), target, cost**EXPONENT


def seconds(
    function: Callable[..., Any], *arguments: Any, clock: Callable[[], float] = time.process_time
) -> Any:
    """What a compiled function returns, and the seconds of its second call."""
    jax.block_until_ready(function(*arguments))
    begin = clock()
    found = jax.block_until_ready(function(*arguments))
    return found, clock() - begin


@eqx.filter_jit
def bounded(posterior: Posterior, pool: Pool, target: Target, price: jax.Array) -> jax.Array:
    """The best alone."""
    return MSPE().leading(posterior, pool, target, price)


@eqx.filter_jit
def whole(posterior: Posterior, pool: Pool, target: Target) -> jax.Array:
    """Every score."""
    return MSPE()(posterior, pool, target)


def operations(num: int) -> float:
    """Million, of the products of matrices in the candidates' Gaussians and in the bound."""
    params, features = CHINCHILLA.num_params, NUM_FEATURES
    factors = params + features
    gaussians = features * params + params**2 + features**2
    return 2e-6 * num * NUM_COMPONENTS * (gaussians + factors * (factors + NUM_COMPONENTS))


def measure(num: int) -> dict[str, Any]:
    """One row of the table; in a process of its own, on one core."""
    one_core()
    with double_precision():
        posterior, pool, target, price = case(num)
        scores, fast = seconds(bounded, posterior, pool, target, price)
        row = {"candidates": num, "scored": int(np.isfinite(scores).sum()), "bounded, s": fast}
        row |= {"peak memory, GB": most_memory(), "million operations": operations(num)}
        row |= {"every score, s": float("nan"), "ratio": float("nan"), "same best": ""}
        if num <= MOST_WHOLE:
            every, slow = seconds(whole, posterior, pool, target)
            same = int(jnp.argmax(every / price)) == int(jnp.argmax(scores / price))
            row |= {"every score, s": slow, "ratio": slow / fast, "same best": str(same)}
    return row


def main(
    sizes: Annotated[str, typer.Option(help="Numbers of candidates, with commas between.")] = SIZES,
    out: Annotated[Path, typer.Option(help="Folder of table and plot.")] = OUTPUTS,
) -> None:
    """Measure how the time to find the best candidate grows with their number."""
    rows = [alone(measure, int(float(size))) for size in sizes.split(",") if size]
    facts = provenance("python -m experiments speed scorer", 0)
    write_table("speed_scorer", rows, facts, out)
    plot(rows, out / "speed_scorer.png")
    Console().print("wrote speed_scorer.csv .md .png in", str(out))


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Both times against the number of candidates, with slope one in operations."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    ax = figure.subplots()
    num = np.array([row["candidates"] for row in rows])
    for name in ("every score, s", "bounded, s"):
        ax.loglog(num, [row[name] for row in rows], "o-", label=name.removesuffix(", s"))
    count = np.array([row["million operations"] for row in rows])
    ax.loglog(num, count / 4e3, "k:", label="operations at 4 GFLOP/s")
    ax.set(xlabel="candidates", ylabel="CPU s of one core")
    ax.legend()
    figure.savefig(path, dpi=150)
