"""Quantiles that ``jax.scipy`` lacks: of weighted values, and by bisection on the incomplete beta."""

import jax
import jax.numpy as jnp
import numpy as np
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


def weighted_median(value: Array, weight: Array) -> Array:
    """Median over the first axis of ``value (item, ...)`` with ``weight (item,)``; what is no number is last.

    Between two values it is linear in the weight, so that two equal weights give the mean.

    Example:
        >>> jax.jit(weighted_median)(jnp.array([1.0, 9.0, 2.0]), jnp.array([0.2, 0.2, 0.6])).item()
        2.0
        >>> jax.jit(weighted_median)(jnp.array([1.0, 3.0]), jnp.array([0.5, 0.5])).item()
        2.0
    """
    largest = jnp.finfo(value.dtype).max / 4
    value = jnp.clip(jnp.where(jnp.isnan(value), largest, value), -largest, largest)
    weight = jnp.broadcast_to(weight.reshape(-1, *[1] * (value.ndim - 1)), value.shape)
    order = jnp.argsort(jnp.where(weight > 0, value, jnp.inf), axis=0)
    value, weight = (jnp.take_along_axis(array, order, axis=0) for array in (value, weight))
    middle = jnp.cumsum(weight, axis=0) - weight / 2
    half = jnp.sum(weight, axis=0) / 2
    used = weight > 0
    below = jnp.maximum(jnp.sum(used & (middle <= half), axis=0) - 1, 0)[None]
    above = jnp.minimum(below + 1, jnp.maximum(jnp.sum(used, axis=0) - 1, 0))
    low, high = (jnp.take_along_axis(value, place, axis=0)[0] for place in (below, above))
    start, end = (jnp.take_along_axis(middle, place, axis=0)[0] for place in (below, above))
    share = jnp.clip((half - start) / jnp.where(end > start, end - start, 1.0), 0.0, 1.0)
    return low + share * (high - low)


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


def student_over_normal(probability: float, dof: Array) -> Array:
    """Quantile of Student's t as a multiple of the normal one, ``t_(dof, p) / z_p``, for ``dof >= 1``.

    Interpolated in ``1 / dof`` on a table, to 1e-4: a loop in every round of an episode for the same number
    took longer than all else.

    Args:
        probability: not traced, other than a half.
        dof: any shape; infinite for the normal distribution.

    Example:
        >>> student_over_normal(0.95, jnp.array([1.0, 10.0, jnp.inf])).round(2).tolist()  # 6.31, 1.81, 1.64
        [3.84, 1.1, 1.0]
    """
    from scipy.special import ndtri as normal_quantile
    from scipy.special import stdtrit

    inverse = np.linspace(0, 1, 129)
    with np.errstate(divide="ignore"):
        ratio = stdtrit(1 / inverse, probability) / normal_quantile(probability)
    ratio[0] = 1.0
    return jnp.interp(
        1 / jnp.maximum(dof, 1.0), jnp.asarray(inverse, dof.dtype), jnp.asarray(ratio, dof.dtype)
    )
