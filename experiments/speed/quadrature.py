"""Error of the between-basin expectation against time, for every rule of ``jaxsl.quadrature``.

Command: ``python -m experiments speed quadrature`` (about three minutes on two cores); with ``--outputs 5``
the same for laws of several outputs (about two minutes of CPU).

Errors are in the score of ``MSPE``, relative to the largest score of the pool, against Gauss-Legendre on
panels of half a deviation (several outputs: 4,096 quasi-random points a basin from another seed); the worst
candidate of the worst pool counts. Basins have equal deviations in one
half of the pools and deviations 1 to 100 in the other; their means overlap, stand apart or far apart.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import equinox as eqx
import jax
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from experiments.report import provenance, shown, write_table
from experiments.speed.mixtures import random_mixture
from experiments.speed.rules import LeadingDirection, Shared, Trapezoid
from jaxsl.acquisition import MSPE
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior
from jaxsl.precision import double_precision
from jaxsl.quadrature import GaussHermite, GaussLegendre, QuasiMonteCarlo

SEPARATIONS = (0.3, 3.0, 30.0)  # overlapping, apart, far apart, in deviations
RATIOS = {"equal": (1.0,), "unequal": (10.0, 100.0)}
PANELS = tuple(np.arange(0.5, 9.1, 0.5).tolist())
REFERENCE = GaussLegendre(edges=PANELS, num_nodes=10)
RULES = {
    **{f"GaussHermite({num})": GaussHermite(num) for num in (8, 16, 32, 64)},
    **{f"Trapezoid({num})": Trapezoid(num) for num in (64, 128, 256, 512)},
    "QuasiMonteCarlo(256)": QuasiMonteCarlo(256),
    "GaussLegendre((2.5, 5), 4)": GaussLegendre(num_nodes=4),
    "GaussLegendre((2.5, 5), 6)": GaussLegendre(),
    "GaussLegendre((2, 4, 7), 16)": GaussLegendre(edges=(2.0, 4.0, 7.0), num_nodes=16),
}
SEVERAL_REFERENCE = QuasiMonteCarlo(4096, seed=1)
SEVERAL_RULES = {
    "GaussHermite(2)": GaussHermite(2),
    "LeadingDirection(8)": LeadingDirection(8),
    **{f"Shared({num})": Shared(num) for num in (256, 512)},
    **{f"QuasiMonteCarlo({num})": QuasiMonteCarlo(num) for num in (32, 64, 128, 256)},
}


@eqx.filter_jit
def score(rule: Any, posterior: Posterior, pool: Pool, target: Target) -> jax.Array:
    """Score a pool by one rule; compiled once a rule and number of basins."""
    return MSPE(rule=rule)(posterior, pool, target)


def num_nodes(rule: Any, num_basins: int, num_outputs: int) -> int:
    """Nodes a candidate, all basins together."""
    mean = np.ones((num_basins, num_outputs))
    return jax.eval_shape(rule, mean, mean[..., None] * np.eye(num_outputs), mean[:, 0])[0].shape[0]


def measure(
    num_basins: int, seed: int, num_pool: int, repeats: int, num_outputs: int = 1
) -> list[dict[str, Any]]:
    """One row a rule for mixtures of ``num_basins`` basins."""
    rules, reference = (RULES, REFERENCE) if num_outputs == 1 else (SEVERAL_RULES, SEVERAL_REFERENCE)
    rng = np.random.default_rng([seed, num_basins])
    pools = {
        kind: [
            random_mixture(rng, num_basins, apart, ratio, num_pool, num_outputs=num_outputs)
            for apart in SEPARATIONS
            for ratio in ratios
        ]
        for kind, ratios in RATIOS.items()
    }
    exact = {kind: [np.asarray(score(reference, *case)) for case in cases] for kind, cases in pools.items()}
    rows = []
    for name, rule in rules.items():
        found = {kind: [np.asarray(score(rule, *case)) for case in cases] for kind, cases in pools.items()}
        pairs = {kind: list(zip(found[kind], exact[kind], strict=True)) for kind in pools}
        every = [pair for kind in pairs for pair in pairs[kind]]
        same = sum(ours.argmax() == best.argmax() for ours, best in every)
        seconds = []
        for _ in range(repeats):
            begin = time.process_time()
            jax.block_until_ready(score(rule, *pools["unequal"][0]))
            seconds.append(time.process_time() - begin)
        rows.append(
            {
                "basins": num_basins,
                "rule": name,
                "nodes": num_nodes(rule, num_basins, num_outputs),
                **{f"error, {kind}": worst(pairs[kind]) for kind in pairs},
                "same choice": f"{same}/{len(every)}",
                "CPU ms / 1000": 1e6 * min(seconds) / num_pool,
            }
        )
    return rows


def worst(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The largest error relative to the largest score, over pools."""
    return max(float(np.max(np.abs(ours - exact)) / np.max(exact)) for ours, exact in pairs)


def main(
    basins: Annotated[
        list[int] | None, typer.Option(help="Numbers of basins; 2 8 32, for several outputs 3 8.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the mixtures.")] = 0,
    pool: Annotated[int | None, typer.Option(help="Candidates a pool; 128, for several outputs 16.")] = None,
    outputs: Annotated[int, typer.Option(min=1, help="Outputs of the law.")] = 1,
    repeats: Annotated[int, typer.Option(help="Timed runs, of which the fastest counts.")] = 5,
    out: Annotated[Path | None, typer.Option(help="Folder of the table; outputs/ by default.")] = None,
) -> None:
    """Measure the quadrature rules: error relative to the largest score, same choice, CPU time."""
    counts = basins or ([2, 8, 32] if outputs == 1 else [3, 8])
    pool = pool or (128 if outputs == 1 else 16)
    console = Console()
    with double_precision():
        rows = [
            row
            for count in track(counts, "quadrature", console=console, disable=not console.is_terminal)
            for row in measure(count, seed, pool, repeats, outputs)
        ]
    options = "".join(f" --basins {count}" for count in counts)
    command = (
        f"python -m experiments speed quadrature{options} --seed {seed} --pool {pool} "
        f"--outputs {outputs} --repeats {repeats}"
    )
    written = write_table(
        "quadrature" if outputs == 1 else f"quadrature_{outputs}", rows, provenance(command, seed), out
    )
    table = Table(box=None, header_style="bold")
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "rule" else "right")
    for row in rows:
        table.add_row(*(shown(value) for value in row.values()))
    # A pipe has no width of its own.
    console.width = console.width if console.is_terminal else 160
    console.print(table)
    console.print("wrote", *(path.name for path in written), "in", str(written[0].parent))
