"""Where a quadratic through noisy values has its minimum, and how well that is known.

With ``y = c + b^T u + u^T A u / 2 + noise`` fitted by least squares, the minimum is ``u* = -A^-1 b`` where
``A`` is positive definite, with the covariance ``G Cov(coefficients) G^T``, ``G = du*/dcoefficients``: the
delta method.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.linear_model import LinearFit, fit, polynomial_terms, quadratic_terms


class Minimum(eqx.Module):
    """A minimum.

    Attributes:
        at: its place, ``(variable,)``; meaningless where ``curved`` is false.
        deviation: standard error of the place, ``(variable,)``; not a number without a degree of freedom.
        curved: whether the quadratic has a minimum at all, a scalar of bool.
        bent: whether it is curved upwards along each variable, ``(variable,)`` of bool.
        known: whether the rows determine the quadratic, a scalar of bool.
        dof: degrees of freedom, a scalar.
        sigma: standard deviation of what the quadratic leaves, a scalar.
    """

    at: Array
    deviation: Array
    curved: Array
    bent: Array
    known: Array
    dof: Array
    sigma: Array


def quadratic_minimum(u: Array, y: Array, weight: Array | None = None) -> Minimum:
    """The minimum of the quadratic through ``u (row, variable)``, ``y (row,)``; rows of weight 0 are none.

    Where the rows tell nothing of the products of two variables, as those of one sweep after the other, the
    quadratic is without.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> u = jnp.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
        >>> found = jax.jit(quadratic_minimum)(u, (u[:, 0] - 0.5) ** 2)
        >>> round(float(found.at[0]), 4), bool(found.curved), int(found.dof)
        (0.5, True, 2)
    """
    num = u.shape[1]
    first, second = jnp.triu_indices(num)
    squares = 1 + num + jnp.flatnonzero(first == second, size=num)
    whole, plain = fit(quadratic_terms(u), y, weight), fit(polynomial_terms(u, 2), y, weight)
    place = jnp.concatenate([jnp.arange(1 + num), squares])
    spread = LinearFit(
        jnp.zeros_like(whole.coefficient).at[place].set(plain.coefficient),
        jnp.zeros_like(whole.root).at[place[:, None], place].set(plain.root),
        plain.sigma,
        plain.dof,
    )
    determined = jnp.all(jnp.isfinite(whole.root)) & (whole.dof >= 0)
    found: LinearFit = jax.tree.map(lambda one, other: jnp.where(determined, one, other), whole, spread)
    known = determined | (jnp.all(jnp.isfinite(plain.root)) & (plain.dof >= 0))

    def curvature(coefficient: Array) -> Array:
        half = jnp.zeros((num, num), u.dtype).at[first, second].set(coefficient[1 + num :])
        return half + half.T

    def place_of(coefficient: Array) -> Array:
        return -jnp.linalg.solve(curvature(coefficient), coefficient[1 : 1 + num])

    coefficient = jnp.where(known, found.coefficient, 1.0)
    bend = curvature(coefficient)
    move = jax.jacfwd(place_of)(coefficient) @ jnp.where(known, found.root, 0.0)
    return Minimum(
        at=place_of(coefficient),
        deviation=found.sigma * jnp.linalg.norm(move, axis=1),
        curved=known & (jnp.linalg.eigvalsh(bend)[0] > 0),
        bent=known & (jnp.diagonal(bend) > 0),
        known=known,
        dof=found.dof,
        sigma=found.sigma,
    )
