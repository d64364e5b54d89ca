"""A discrepancy near one configuration: a plane through it, whose slope is that over half a decade.

The features of a field may have kinks and no curvature worth the name (Brownian motion), and a quantity such
as the best size needs slopes. A plane keeps what the field says over distances that matter to a decision.
"""

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from jaxsl.discrepancy.field import Field

REACH = 0.25  # decades each way over which the slope is taken


class Plane(eqx.Module):
    """Features of a field as planes; takes the place of ``jaxsl.discrepancy.field.Field``.

    Attributes:
        plain: which inputs have no logarithm, ``(feature,)`` of bool.
        unit: what counts as one in those, ``(feature,)``.
        centre: coordinates, ``(feature,)``: decimal logarithms, or units.
        value: of the features there, ``(kernel, landmark)``.
        slope: ``(kernel, feature, landmark)``.
    """

    plain: Array
    unit: Array
    centre: Array
    value: Array
    slope: Array

    def features(self, x: Array) -> Array:
        """``phi`` at ``x (row, feature)``: ``(kernel, row, landmark)``."""
        away = _coordinates(x, self.plain, self.unit) - self.centre
        return self.value[:, None] + away @ self.slope


def plane(field: Field, x: Array) -> Plane:
    """The features of a field about ``x (feature,)``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.discrepancy.field import field
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe, uniform_target
        >>> law = Law("size", lambda theta, x: theta[0] * x[0], ("N",), params(a=(0, 1)))
        >>> runs = observe(jnp.array([[1e6], [1e7]]), jnp.zeros((2, 1)))
        >>> whole = jax.jit(field)(law, runs, uniform_target(jnp.array([[1e9]])))
        >>> of_both = jax.jit(lambda x: (plane(whole, x).features(x[None]), whole.features(x[None])))
        >>> near, there = of_both(jnp.array([3e6]))
        >>> bool(jnp.allclose(near, there))
        True
    """
    step = REACH * jnp.eye(x.shape[0], dtype=x.dtype)
    centre = _coordinates(x, field.plain, field.unit)
    around = jnp.concatenate([centre[None], centre + step, centre - step])
    rows = jnp.where(field.plain, around * field.unit, 10.0 ** jnp.where(field.plain, 0.0, around))
    value, above, below = jnp.split(field.features(rows), [1, 1 + x.shape[0]], axis=1)
    return Plane(field.plain, field.unit, centre, value[:, 0], (above - below) / (2 * REACH))


def _coordinates(x: Array, plain: Array, unit: Array) -> Array:
    return jnp.where(plain, x / unit, jnp.log10(jnp.where(plain | (x <= 0), 1.0, x)))
