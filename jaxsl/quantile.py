"""Quantiles that ``jax.scipy`` lacks, by bisection on the regularised incomplete beta function."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import betainc, ndtri
from jax.typing import ArrayLike

HALVINGS = 60


def normal(probability: ArrayLike) -> Array:
    """Quantile of the standard normal distribution.

    Example:
        >>> round(float(normal(0.975)), 3)
        1.96
    """
    return ndtri(probability)


@jax.jit
def beta(probability: ArrayLike, a: ArrayLike, b: ArrayLike) -> Array:
    """Quantile of the Beta distribution with ``a > 0`` and ``b > 0``; broadcasts.

    Good to 1e-9 while ``a + b < 1e5``; the incomplete beta function of JAX loses digits beyond.

    Example:
        >>> round(float(beta(0.5, 2.0, 2.0)), 3)
        0.5
    """
    dtype = jnp.result_type(float, probability, a, b)
    shape = jnp.broadcast_shapes(jnp.shape(probability), jnp.shape(a), jnp.shape(b))
    zero, one = jnp.zeros(shape, dtype), jnp.ones(shape, dtype)

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        below = betainc(one * a, one * b, middle) < probability
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (zero, one))
    return (low + high) / 2


@jax.jit
def student_t(probability: ArrayLike, dof: ArrayLike) -> Array:
    """Quantile of Student's t distribution; infinite for ``dof <= 0``; broadcasts.

    ``P(T > t) = I_w(dof/2, 1/2) / 2`` with ``w = dof / (dof + t^2)``; bisected in ``log t``, so that one
    degree of freedom keeps its digits too.

    Example:
        >>> round(float(student_t(0.975, 5)), 3)
        2.571
    """
    dtype = jnp.result_type(float, probability, dof)
    probability, dof = jnp.broadcast_arrays(jnp.asarray(probability, dtype), jnp.asarray(dof, dtype))
    safe = jnp.where(dof > 0, dof, 1.0)
    tail = jnp.minimum(probability, 1 - probability)
    half = jnp.full_like(safe, 0.5)

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        above = betainc(safe / 2, half, safe / (safe + jnp.exp(2 * middle))) / 2 > tail
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    ends = jnp.full_like(safe, -30.0), jnp.full_like(safe, 30.0)
    low, high = jax.lax.fori_loop(0, HALVINGS, halve, ends)
    size = jnp.where(tail == 0.5, 0.0, jnp.where(dof > 0, jnp.exp((low + high) / 2), jnp.inf))
    return jnp.where(probability < 0.5, -size, size)
