"""How long an allocation takes: designs, exact subsets, certificates.

Command: ``python -m experiments speed allocation``. Times are the best of some repeats, after one call that
may compile; the first call's time stands beside them.
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import typer

from experiments.report import provenance, shown, write_table
from jaxsl.allocation import (
    CostModel,
    at_least_scales,
    best_line_subset,
    exchange_design,
    line_bound,
    two_scale,
    uniform_region,
)
from jaxsl.host.show.console import console, grid
from jaxsl.linear_model import quadratic_terms
from jaxsl.precision import double_precision

REGION = uniform_region(4, 7)
BUDGETS = (1.0, 5.44, 9.47, 12.5, 16.0)


def cost(x: np.ndarray) -> np.ndarray:
    """``0.3 e^x``."""
    return 0.3 * np.exp(x)


def measured(what: str, call: Callable[[], float], limit: float | None, repeats: int) -> dict[str, object]:
    """A row: the first call, the best of the others, and the limit to keep to."""
    seconds, gap = [], np.nan
    for _ in range(repeats + 1):
        start = perf_counter()
        gap = call()
        seconds.append(perf_counter() - start)
    return {
        "what": what,
        "first_s": seconds[0],
        "best_s": min(seconds[1:]),
        "limit_s": "" if limit is None else limit,
        "gap": gap,
    }


def subset_case(seed: int) -> Callable[[], float]:
    """Forty random candidates."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 5, 40))
    share = rng.choice([0.02, 0.1, 0.3, 0.5])
    return lambda: best_line_subset(x, cost(x), share * cost(x).sum(), uniform_region(6, 8)).gap


def variables_case() -> Callable[[], float]:
    """Two variables with their squares and product."""
    axis = np.linspace(0, 4, 13)
    x = np.stack([grid.ravel() for grid in np.meshgrid(axis, axis)], axis=1)
    price = 0.05 * np.exp(x.sum(axis=1))
    features = np.asarray(quadratic_terms(jnp.asarray(x)))
    wanted = np.asarray(quadratic_terms(jnp.asarray(np.random.default_rng(0).uniform(5, 7, (300, 2)))))
    moment = wanted.T @ wanted / 300
    return lambda: exchange_design(jax.random.key(0), x, features, price, 60.0, moment).gap


def main(repeats: Annotated[int, typer.Option(min=1, help="Calls after the first.")] = 5) -> None:
    """Time designs, subsets of forty candidates and certificates against what they should take."""
    rows = []
    with double_precision():
        for budget in BUDGETS:
            for criterion in ("risk", "t_risk"):
                name = f"budget {budget:g}, {criterion}"
                design = two_scale(cost, budget, REGION, np.array([0.5, 1.0, 1.5, 2.0]), criterion=criterion)

                def plan(budget=budget, criterion=criterion):
                    return two_scale(cost, budget, REGION, criterion=criterion).gap

                def certify(budget=budget, criterion=criterion, value=design.value):
                    existing = np.array([0.5, 1.0, 1.5, 2.0])
                    bound = line_bound(CostModel(cost, budget), REGION, existing, criterion)
                    return value / bound - 1

                rows.append(measured(f"design, {name}", plan, 0.2, repeats))
                rows.append(measured(f"certificate, {name}, four runs there", certify, 1.0, repeats))
        rows += [
            measured(f"exact subset of 40, case {seed}", subset_case(seed), 2.0, repeats) for seed in range(8)
        ]
        spaced = partial(at_least_scales, cost, 9.47, REGION)
        rows.append(measured("design of three scales", lambda: spaced().gap, None, repeats))
        rows.append(measured("two variables, quadratic, exchange", variables_case(), None, repeats))
    write_table("speed_allocation", rows, provenance("python -m experiments speed allocation"))
    console().print(grid(rows[0], ([shown(value) for value in row.values()] for row in rows)))
