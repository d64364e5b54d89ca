"""Values of a law all over its box."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.host.compiled import compiled
from jaxsl.law import Law
from jaxsl.unit import added


def box_draws(law: Law, num: int) -> np.ndarray:
    """Parameter vectors drawn in the box of a law, ``(num, param)``, always the same.

    Uniformly, but for the outermost twentieths; logarithmically where the box is positive.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> found = box_draws(CHINCHILLA, 8)
        >>> found.shape, bool((found > CHINCHILLA.lower).all())
        ((8, 5), True)
    """
    share = np.random.default_rng(0).uniform(0.05, 0.95, (num, law.num_params))
    lower, upper = np.where(law.log, law.lower, 1.0), np.where(law.log, law.upper, 1.0)
    return np.where(law.log, lower * (upper / lower) ** share, law.lower + (law.upper - law.lower) * share)


@compiled
def ever_finite(law: Law, theta: jax.Array, x: jax.Array) -> jax.Array:
    """Which rows have a finite value somewhere: ``(draw, param), (row, feature) -> (row,)`` of bool."""
    return jnp.isfinite(jax.vmap(law.predict, (0, None))(theta, x)).all(axis=2).any(axis=0)


@compiled
def floors(law: Law, x: jax.Array) -> jax.Array:
    """``jaxsl.unit.added``."""
    return added(law, x)


@compiled
def law_values(law: Law, theta: jax.Array, x: jax.Array) -> jax.Array:
    """``(draw, param), (row, feature) -> (draw, row, output)``."""
    return jax.vmap(law.predict, (0, None))(theta, x)
