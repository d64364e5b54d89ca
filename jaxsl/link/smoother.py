"""Links without a formula: a kernel's mean and nearest neighbours."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

BANDWIDTHS = 30
NEIGHBOURS = (1, 2, 3, 5, 8, 13, 21)


class KernelCurve(eqx.Module):
    """Nadaraya-Watson: the mean of P weighted by ``exp(-((y - Y_i) / bandwidth)^2 / 2)``."""

    y: Array
    p: Array
    weight: Array
    bandwidth: Array

    def __call__(self, y: Array) -> Array:
        """Performance at ``y``; far outside the models it is the nearest model's."""
        exponent = -0.5 * ((y[..., None] - self.y) / self.bandwidth) ** 2
        return jax.nn.softmax(exponent + jnp.log(self.weight), axis=-1) @ self.p


class NeighbourCurve(eqx.Module):
    """The mean P of the ``num`` nearest models; a model of weight 2 is two neighbours."""

    y: Array
    p: Array
    weight: Array
    num: Array

    def __call__(self, y: Array) -> Array:
        """Performance at ``y``."""
        return _nearest(jnp.abs(y[..., None] - self.y), self.p, self.weight, self.num)


class KernelLink(eqx.Module):
    """Nadaraya-Watson with the bandwidth of the least leave-one-out error on a grid.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> y = jnp.linspace(0.0, 1.0, 9)
        >>> curve = jax.jit(KernelLink().fit)(y, y**2, jnp.ones(9))
        >>> bool(0 < curve(jnp.array([0.5]))[0] < 1)
        True
    """

    fewest: ClassVar[int] = 5

    def fit(self, y: Array, p: Array, weight: Array) -> KernelCurve:
        """Choose the bandwidth between 0.03 and 3 standard deviations of Y."""
        bandwidths = jnp.std(y) * jnp.geomspace(0.03, 3.0, BANDWIDTHS, dtype=y.dtype)
        squared = (y[:, None] - y) ** 2

        def error(bandwidth):
            exponent = -0.5 * squared / bandwidth**2 + jnp.log(weight)
            exponent = jnp.fill_diagonal(exponent, -jnp.inf, inplace=False)
            return jnp.sum(weight * (jax.nn.softmax(exponent, axis=-1) @ p - p) ** 2)

        return KernelCurve(y, p, weight, bandwidths[jnp.argmin(jax.vmap(error)(bandwidths))])


class NeighbourLink(eqx.Module):
    """k nearest neighbours.

    Attributes:
        num: k; None for that of ``NEIGHBOURS`` with the least leave-one-out error.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> y = jnp.linspace(0.0, 1.0, 9)
        >>> curve = jax.jit(NeighbourLink(num=1).fit)(y, y, jnp.ones(9))
        >>> curve(jnp.array([0.26])).tolist()
        [0.25]
    """

    num: int | None = eqx.field(static=True, default=None)
    fewest: ClassVar[int] = 5

    def fit(self, y: Array, p: Array, weight: Array) -> NeighbourCurve:
        """Choose k."""
        if self.num is not None:
            return NeighbourCurve(y, p, weight, jnp.asarray(self.num, y.dtype))
        distance = jnp.fill_diagonal(jnp.abs(y[:, None] - y), jnp.inf, inplace=False)
        choices = jnp.array(NEIGHBOURS, y.dtype)

        def error(num):
            return jnp.sum(weight * (_nearest(distance, p, weight, num) - p) ** 2)

        return NeighbourCurve(y, p, weight, choices[jnp.argmin(jax.vmap(error)(choices))])


def _nearest(distance: Array, p: Array, weight: Array, num: Array) -> Array:
    """Mean P of the nearest models whose weights reach ``num``: ``(..., model) -> (...,)``."""
    order = jnp.argsort(distance, axis=-1)
    counted = jnp.where(jnp.isfinite(jnp.take_along_axis(distance, order, -1)), weight[order], 0.0)
    before = jnp.cumsum(counted, axis=-1) - counted
    taken = jnp.clip(num - before, 0.0, counted)
    return jnp.sum(taken * p[order], axis=-1) / jnp.sum(taken, axis=-1)
