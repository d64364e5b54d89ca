"""Runs simulated from published parameters, whose best sizes at any cost are known."""

from functools import cache

import jax.numpy as jnp
import numpy as np

from experiments.report import OUTPUTS
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.decision.report import OptimalReport
from jaxsl.host.laws.estimate import find_estimate
from jaxsl.precision import double_precision

COST = "6*N*D"
BUDGETS = np.geomspace(1e18, 1e20, 5)
SIZES = np.geomspace(1 / 6, 6, 5)  # times the best one of the budget
FOLDER = OUTPUTS / "decide"


@cache
def truth(world: str, *budgets: float) -> OptimalReport:
    """The best sizes by the published parameters ``world``, such as ``chinchilla@epoch``."""
    return optimal(None, world, cost=COST, budget=budgets)


def loss(world: str, x: np.ndarray) -> np.ndarray:
    """Without noise, of runs ``x (run, [N, D])``, ``(run,)``."""
    found = find_estimate(world)
    with double_precision():
        return np.asarray(found.law.predict(jnp.asarray(found.theta), jnp.asarray(x)))[:, 0]


@cache
def sizes(world: str) -> np.ndarray:
    """25 runs: five sizes about the best one at each of five budgets, ``(run, [N, D])``."""
    best = np.array([one["N"].median for one in truth(world, *BUDGETS).decisions])
    n = (best[:, None] * SIZES).ravel()
    return np.stack([n, np.repeat(BUDGETS, len(SIZES)) / 6 / n], axis=1)


def measured(world: str, x: np.ndarray, noise: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A table of runs with normal errors of standard deviation ``noise``."""
    return {"N": x[:, 0], "D": x[:, 1], "loss": loss(world, x) + noise * rng.standard_normal(len(x))}
