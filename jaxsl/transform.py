"""Coordinates of the search: logarithmic where the lower bound is positive, in quarters of the box.

With ``t_j = log theta_j`` (positive lower bound) or ``theta_j``, the scaled coordinate is
``z_j = t_j / tau_j`` where ``tau_j`` is a quarter of the box's width in ``t_j``: the prior standard
deviation, so that the prior precision is the identity in ``z``
(Spend Less, Fit Better, appendix C). Where a parameter has a prior of its own (``jaxsl.law.Param``), its unit
is ``tau_j`` and its mean the centre.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.law import Law
from jaxsl.one_of import AnyLaw


class Box(eqx.Module):
    """A law's box in scaled coordinates.

    Attributes:
        lower, upper: bounds of ``z``, ``(param,)``.
        width: ``tau``, a quarter of the box's (log-)width, ``(param,)``.
        centre: the mean of the prior in ``z``, by default the middle of the box, ``(param,)``.
        log: which parameters are logarithmic, ``(param,)`` of bool.
        theta_lower, theta_upper: the same bounds as parameters, ``(param,)``.
    """

    lower: Array
    upper: Array
    width: Array
    centre: Array
    log: Array
    theta_lower: Array
    theta_upper: Array

    def scaled(self, theta: Array) -> Array:
        """``theta -> z``, both ``(..., param)``; under a logarithm, 0 and below count as the bound."""
        theta = jnp.where(self.log & (theta <= 0), self.theta_lower, theta)
        return jnp.where(self.log, jnp.log(jnp.where(self.log, theta, 1.0)), theta) / self.width

    def theta(self, z: Array) -> Array:
        """``z -> theta``, both ``(..., param)``; rounding never leaves the box."""
        return jnp.clip(self.beyond(z), self.theta_lower, self.theta_upper)

    def beyond(self, z: Array) -> Array:
        """``theta`` at any ``z``, in the box or not: no clip, whose derivative on a bound is one half."""
        t = z * self.width
        return jnp.where(self.log, jnp.exp(jnp.where(self.log, t, 0.0)), t)

    def slope(self, theta: Array) -> Array:
        """``d theta / d z``, ``(..., param)``: multiply a Jacobian's columns by it."""
        return self.width * jnp.where(self.log, theta, 1.0)

    def active(self, theta: Array) -> tuple[Array, Array]:
        """Whether parameters sit at their lower and at their upper bound, ``(..., param)`` of bool each.

        Within 1e-7 of the box's width; at a lower bound of 0 within 1e-18, since a size may matter though it
        is many decades below its upper bound.
        """
        z, width = self.scaled(theta), self.upper - self.lower
        near = jnp.where(self.theta_lower == 0, 1e-18, 1e-7) * width
        return z <= self.lower + near, z >= self.upper - 1e-7 * width

    def clip(self, z: Array) -> Array:
        """The nearest point of the box."""
        return jnp.clip(z, self.lower, self.upper)


def box(law: AnyLaw, dtype=float) -> Box:
    """The box of ``law`` in scaled coordinates, in the given dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> from laws.chinchilla import CHINCHILLA
        >>> bounds = box(CHINCHILLA)
        >>> theta = jnp.array([1.8, 400.0, 0.34, 2000.0, 0.36])
        >>> bool(jnp.allclose(bounds.theta(bounds.scaled(theta)), theta, rtol=1e-4))
        True
    """
    return law.apply(lambda law: _box(law, dtype))


def _box(law: Law, dtype) -> Box:
    log = law.log
    lower = np.where(log, np.log(np.where(log, law.lower, 1.0)), law.lower)
    upper = np.where(log, np.log(np.where(log, law.upper, 1.0)), law.upper)
    centre, width = (lower + upper) / 2, (upper - lower) / 4
    for i, param in enumerate(law.params):
        if param.prior is not None:
            centre[i], width[i] = param.prior
    return Box(
        lower=jnp.asarray(lower / width, dtype),
        upper=jnp.asarray(upper / width, dtype),
        width=jnp.asarray(width, dtype),
        centre=jnp.asarray(centre / width, dtype),
        log=jnp.asarray(log),
        theta_lower=jnp.asarray(law.lower, dtype),
        theta_upper=jnp.asarray(law.upper, dtype),
    )
