"""Where a run may lie: which inputs are free, within which bounds, and what a run costs."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jax import Array


class Space(eqx.Module):
    """Configurations, in logarithms where they are free.

    Attributes:
        cost: of one configuration, ``(feature,) -> ()``, positive.
        free: which inputs may be chosen, ``(feature,)`` of bool.
        held: values of the others, ``(feature,)``.
        low, high: bounds of the logarithms of those that are free, ``(feature,)``.

    Example:
        >>> import jax.numpy as jnp
        >>> free = jnp.array([True, False])
        >>> space = Space(lambda x: 6 * x[0] * x[1], free, jnp.array([0.0, 2.0]), jnp.zeros(2), jnp.ones(2))
        >>> space.x(jnp.zeros(2)).tolist(), round(float(jnp.exp(space.log_cost(jnp.zeros(2)))), 3)
        ([1.0, 2.0], 12.0)
    """

    cost: Callable[[Array], Array]
    free: Array
    held: Array
    low: Array
    high: Array

    def x(self, v: Array) -> Array:
        """The configuration at logarithms ``v (feature,)``."""
        return jnp.where(self.free, jnp.exp(jnp.where(self.free, v, 0.0)), self.held)

    def log_cost(self, v: Array) -> Array:
        """Logarithm of its cost, a scalar."""
        return jnp.log(self.cost(self.x(v)))

    def hold(self, index: int | Array, v: Array) -> "Space":
        """The same with input ``index`` held at its value in ``v (feature,)``."""
        chosen = jnp.arange(self.free.shape[0]) == index
        held = jnp.where(chosen, self.x(v), self.held)
        return Space(self.cost, self.free & ~chosen, held, self.low, self.high)
