"""Campaigns whose best decision is known: a pool of runs, a cost, and the loss of any choice there.

    simulated    64 runs of chinchilla with parameters drawn about the estimate ``epoch``, and normal errors;
                 the best size is asked for at 1e22, eighty times the cost of the dearest run
    farseer      100 runs drawn from the pool of that task, law chinchilla, at 2e22
    data_con     80 runs drawn from that pool, law data_constrained, at 1e22 with ten billion unique tokens

The truth of a pool is the law at the parameters that all runs give it, those of the target region too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize_scalar

from experiments.datasets import load
from jaxsl.host.answer.fit import fit
from jaxsl.law import Law
from jaxsl.precision import double_precision
from laws.chinchilla import CHINCHILLA
from laws.data_constrained import DATA_CONSTRAINED
from laws.tasks import find_task

DONE = 12  # runs that are done at first, the cheapest
NOISE = 0.005
SPREAD = np.array([0.1, 0.3, 0.06, 0.3, 0.06])  # of the logarithms of the parameters
EPOCH = np.array(CHINCHILLA.estimates["epoch"])

Table = dict[str, np.ndarray]


@dataclass(frozen=True)
class Campaign:
    """A pool, cheapest run first, and what is to be decided.

    Attributes:
        law: that is fitted, with the parameters ``theta`` of the truth.
        x, y: of the runs, ``(run, feature)``, ``(run,)``.
        budget: the cost at which the best size is wanted. hold: values of what may not be chosen.
        rng: for whatever is drawn.
    """

    law: Law
    theta: np.ndarray
    x: np.ndarray
    y: np.ndarray
    budget: float
    rng: np.random.Generator
    hold: dict[str, float] = field(default_factory=dict)

    @property
    def cost(self) -> np.ndarray:
        """Of every run, ``(run,)``."""
        return 6 * self.column("N") * self.column("D")

    def column(self, name: str) -> np.ndarray:
        """An input of every run, ``(run,)``."""
        return self.x[:, self.law.inputs.index(name)]

    def at_budget(self, n: float) -> float:
        """The true loss of a model of ``n`` parameters at the budget."""
        chosen = {"N": n, "D": self.budget / 6 / n} | self.hold
        return float(
            predicted(self.law, self.theta, np.array([[chosen[name] for name in self.law.inputs]]))[0]
        )

    @property
    def best(self) -> float:
        """The truly best number of parameters there."""
        grid = np.linspace(np.log(1e7), np.log(1e13), 200)
        near = grid[np.argmin([self.at_budget(np.exp(v)) for v in grid])]
        found = minimize_scalar(
            lambda v: self.at_budget(np.exp(v)), bounds=(near - 0.1, near + 0.1), method="bounded"
        )
        return float(np.exp(found.x))

    def table(self, bought: list[int], hidden: bool = True) -> Table:
        """The runs that were bought, and the others without an outcome unless they are left out."""
        y = np.full(len(self.x), np.nan)
        y[bought] = self.y[bought]
        rows = np.arange(len(self.x)) if hidden else np.array(sorted(bought))
        columns = zip(self.law.inputs, self.x[rows].T, strict=True)
        return {**dict(columns), self.law.outputs[0]: y[rows]}


def predicted(law: Law, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The first output of a law, ``(run,)``."""
    with double_precision():
        return np.asarray(law.predict(jnp.asarray(theta), jnp.asarray(x)))[:, 0]


def simulated(seed: int) -> Campaign:
    """A world about published parameters."""
    rng = np.random.default_rng(seed)
    theta = EPOCH * np.exp(SPREAD * rng.standard_normal(5))
    n = np.geomspace(1e7, 1e9, 8)
    x = np.array([[size, size * ratio] for size in n for ratio in np.geomspace(1, 20, 8)])
    x = x[np.argsort(x.prod(axis=1), kind="stable")]
    y = predicted(CHINCHILLA, theta, x) + NOISE * rng.standard_normal(len(x))
    return Campaign(CHINCHILLA, theta, x, y, 1e22, rng)


def inside(task: str, law: Law, num: int, budget: float, hold: dict[str, float]) -> Callable[[int], Campaign]:
    """Parts of a pool, by seed."""

    @cache
    def whole():
        (group,) = load(find_task(task)).values()
        x, y = (np.concatenate([group.train[i], group.test[i]]) for i in (0, 1))
        table = {**dict(zip(law.inputs, x.T, strict=True)), law.outputs[0]: y[:, 0]}
        return group.train, np.array([one.value for one in fit(table, law).laws[0].basins[0].parameters])

    def part(seed: int) -> Campaign:
        (x, y, cost), theta = whole()
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(x), num, replace=False)
        rows = rows[np.argsort(cost[rows], kind="stable")]
        return Campaign(law, theta, x[rows], y[rows, 0], budget, rng, hold)

    return part


CAMPAIGNS: dict[str, Callable[[int], Campaign]] = {
    "simulated": simulated,
    "farseer": inside("farseer", CHINCHILLA, 100, 2e22, {}),
    "data_con": inside("data_con", DATA_CONSTRAINED, 80, 1e22, {"U": 1e10}),
}
