"""The paper's simulated study: a known line, known links, ten random small models or the best ones.

``Y = 0.52 X - 0.9 + eps``, noise 0.2, cost ``0.3 e^x``. Base: ten sizes from an exponential of rate 1,
truncated at 3. Optimal: the design for the cost of Base and a target uniform on [4, 7].
"""

from dataclasses import dataclass
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl import ess, linear_model, two_stage
from jaxsl.allocation import two_scale, uniform_region
from jaxsl.link import LogisticCurve
from jaxsl.precision import double_precision

INTERCEPT, SLOPE, SIGMA = -0.9, 0.52, 0.2
REGION = uniform_region(4, 7)
SIZES = np.arange(4.0, 7.01, 0.5)
NUM_BASE, TOP = 10, 3.0
LINKS = {  # slope, intercept, floor
    "word unscramble": (2.0, -6.11, 0.0),
    "Persian QA": (2.35, -8.46, 0.25),
    "3-digit subtraction": (5.04, -8.24, 0.0),
    "2-digit multiplication": (2.22, -4.45, 0.0),
}
METHODS = ("Base", "Optimal")


def cost(x: np.ndarray) -> np.ndarray:
    """``0.3 e^x``."""
    return 0.3 * np.exp(x)


def curve(task: str) -> LogisticCurve:
    """The known link of a task; called in double precision."""
    slope, intercept, floor = LINKS[task]
    return LogisticCurve(jnp.array(floor), jnp.array(slope), jnp.array(intercept))


def base_sizes(rng: np.random.Generator) -> np.ndarray:
    """Ten sizes by inversion of the truncated exponential."""
    return -np.log1p(-rng.random(NUM_BASE) * -np.expm1(-TOP))


@cache
def optimal_sizes(budget: float) -> np.ndarray:
    """The best design for a budget, which is rounded to a hundredth by the caller."""
    return two_scale(cost, budget, REGION).runs


@dataclass(frozen=True)
class Replicate:
    """One simulated study by one method.

    Attributes:
        x, y: the small models.
        mean: predicted Y at ``SIZES``.
        point, lower, upper: predicted performance there, by task.
        ess, exact: Hoeffding's and the exact equivalent sample size, by task.
    """

    x: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    point: dict[str, np.ndarray]
    lower: dict[str, np.ndarray]
    upper: dict[str, np.ndarray]
    ess: dict[str, np.ndarray]
    exact: dict[str, np.ndarray]


@partial(jax.jit, static_argnames="known")
def _predict(x, y, weight, curves, known):
    fitted = linear_model.fit(linear_model.line_terms(x[:, None]), y, weight)
    at = linear_model.line_terms(jnp.asarray(SIZES)[:, None])

    def one(curve):
        found = two_stage.plug_in(fitted, at, curve, sigma=jnp.array(SIGMA) if known else None)
        worth = ess.from_interval(found.lower, found.upper, found.point)
        return found.point, found.lower, found.upper, worth.hoeffding, worth.clopper_pearson

    return at @ fitted.coefficient, [one(curve) for curve in curves]


def replicate(rng: np.random.Generator, known: bool = True) -> dict[str, Replicate]:
    """One study by both methods, at the same cost.

    Args:
        rng: random numbers.
        known: intervals with the true sigma and z, as the paper's figures fit; else estimated, and t.
    """
    base = base_sizes(rng)
    budget = float(np.round(cost(base).sum(), 2))
    found = {}
    for method, x in zip(METHODS, (base, optimal_sizes(budget)), strict=True):
        y = INTERCEPT + SLOPE * x + SIGMA * rng.normal(size=x.size)
        # One shape for all designs, so that one program serves them.
        room = np.zeros(64)
        padded = [np.concatenate([values, room[values.size :]]) for values in (x, y, np.ones(x.size))]
        with double_precision():
            mean, each = _predict(*padded, [curve(task) for task in LINKS], known)
        columns = [
            {task: np.asarray(values[i]) for task, values in zip(LINKS, each, strict=True)} for i in range(5)
        ]
        found[method] = Replicate(x, y, np.asarray(mean), *columns)
    return found
