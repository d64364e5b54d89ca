"""A law tried all over its box on a pool of configurations.

In float64, at parameter vectors from inside the box, drawn as a fit draws its starts, and at corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.law import Law
from jaxsl.precision import double_precision
from jaxsl.transform import box

NUM_INSIDE, NUM_CORNERS, NUM_ROWS = 256, 64, 128

# Ranges of inputs with the names of the field, for a law without a table of runs.
RANGES = {"N": (1e7, 1e11), "D": (1e9, 1e13), "U": (1e8, 1e12), "C": (1e17, 1e24), "lr": (1e-5, 1e-1)}
OTHER_RANGE = (1.0, 1e3)


@dataclass(frozen=True)
class Trial:
    """A law tried at parameter vectors: ``theta (draw, param)``, the first ``NUM_INSIDE`` inside the box.

    Attributes:
        position: place in the box, 0 at the lower bound and 1 at the upper, ``(draw, param)``.
        x: configurations, ``(row, feature)``.
        values: ``(draw, row, output)``.
        effect: derivative times the width of the box, ``(draw, row * output, param)``.
    """

    law: Law
    theta: np.ndarray
    position: np.ndarray
    x: np.ndarray
    values: np.ndarray
    effect: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """Draws at which everything is finite, ``(draw,)``."""
        return np.isfinite(self.values).all((1, 2)) & np.isfinite(self.effect).all((1, 2))

    def names(self, index: Sequence[int] | np.ndarray) -> tuple[str, ...]:
        """Names of parameters."""
        return tuple(self.law.params[i].name for i in index)


def tried(law: Law, x: np.ndarray, rng: np.random.Generator) -> Trial:
    """The law at drawn parameter vectors and at some of the configurations ``x (row, feature)``."""
    x = np.unique(x, axis=0)
    x = x[np.unique(np.linspace(0, len(x) - 1, NUM_ROWS).round().astype(int))]
    inside = rng.random((NUM_INSIDE, law.num_params))
    position = np.concatenate([inside, rng.integers(0, 2, (NUM_CORNERS, law.num_params))])

    @jax.jit
    def evaluate(position, x):
        def one(position):
            theta = whole.theta(whole.lower + (whole.upper - whole.lower) * position)
            width = 4 * whole.slope(theta)
            effect = law.jacobian(theta, x).reshape(-1, law.num_params) * width
            return theta, law.predict(theta, x), effect

        whole = box(law)
        return jax.lax.map(one, position, batch_size=16)

    with double_precision():
        theta, values, effect = map(np.asarray, evaluate(position, jnp.asarray(x)))
    return Trial(law, theta, position, x, values, effect)


def typical_rows(law: Law, num: int = NUM_ROWS, seed: int = 0) -> np.ndarray:
    """Configurations in the ranges usual for the names of the inputs, ``(row, feature)``.

    Inputs that may be 0 are shares: together they sum to one where there are several.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> typical_rows(CHINCHILLA).shape[1]
        2
    """
    rng = np.random.default_rng(seed)
    ranges = np.log([RANGES.get(name, OTHER_RANGE) for name in law.inputs])
    x = np.exp(rng.uniform(ranges[:, 0], ranges[:, 1], (num, len(law.inputs))))
    shares = [i for i, name in enumerate(law.inputs) if name in law.nonnegative]
    if len(shares) > 1:
        x[:, shares] = rng.dirichlet(np.ones(len(shares)), num)
    elif shares:
        x[:, shares] = rng.random((num, 1))
    return x
