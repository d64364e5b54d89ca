"""What the runs say about the parameters: covariance, active bounds, directions that they leave open.

In scaled coordinates ``z`` (a unit is a quarter of the box, the prior's standard deviation) the information
matrix is ``J^T W J / sigma^2``. An eigenvalue below 1 belongs to a direction in which the runs say less than
the box did: a unit's move along it changes the runs' predictions by less than one noise deviation in all.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations
from jaxsl.residual import problem

LONGEST = 4.0  # the box's width in scaled coordinates
HALVINGS = 40


class Identification(eqx.Module):
    """How well one optimum is determined. Parameters at an active bound are held there.

    Attributes:
        theta: the optimum, ``(param,)``.
        noise: variance of the noise, a scalar.
        lower, upper: whether a parameter sits at that bound, ``(param,)`` of bool.
        covariance: of theta, ``sigma^2 (J^T W J)^-1`` over the free parameters, ``(param, param)``; zero at
            a bound. Along directions without any effect it is huge, not infinite.
        deviation: standard errors, its roots, ``(param,)``.
        eigenvalue: of the information matrix, ascending, ``(direction,)``; infinite for held parameters.
        direction: unit vectors in scaled coordinates, ``(direction, param)``, largest entry positive.
        flat: directions with an eigenvalue below 1, ``(direction,)`` of bool.
        reach: how far theta may move along a direction, ``direction reach`` in scaled coordinates, before
            any run's prediction changes by more than one noise deviation, either way, ``(direction,)``;
            by the law itself, not linearised, in powers of two up to a whole box; bounds are not minded.
        moved: the parameters there, ``(direction, param)``.
    """

    theta: Array
    noise: Array
    lower: Array
    upper: Array
    covariance: Array
    deviation: Array
    eigenvalue: Array
    direction: Array
    flat: Array
    reach: Array
    moved: Array

    @property
    def num_flat(self) -> Array:
        """Number of directions that the runs leave open, a scalar."""
        return jnp.sum(self.flat)


def identify(
    law: AnyLaw, observations: Observations, theta: Array, noise: Array, weight: Array | None = None
) -> Identification:
    """What the runs determine around the optimum ``theta (param,)``.

    Args:
        law: the law.
        observations: the runs.
        theta: an optimum of ``fit``.
        noise: variance of the noise, as from ``jaxsl.noise.InverseGamma().variance``.
        weight: as in ``fit``: a run that counts twice carries twice the information.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe
        >>> both = lambda theta, x: (theta[0] + theta[1]) * x[0]
        >>> law = Law("both", both, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> runs = observe(jnp.array([[1.0], [2.0]]), jnp.ones((2, 1)))
        >>> found = jax.jit(identify)(law, runs, jnp.array([0.3, 0.3]), 0.01)
        >>> int(found.num_flat), [round(abs(float(part)), 3) for part in found.direction[0]]
        (1, [0.707, 0.707])
    """
    runs = problem(law, observations, weight)
    box = runs.box
    z, slope = box.scaled(theta), box.slope(theta)
    lower, upper = box.active(theta)
    free = ~(lower | upper) & law.real

    count = observations.times(weight)
    seen = count[:, None] > 0
    jacobian = law.jacobian(theta, runs.x) * slope
    jacobian = jnp.where(seen[..., None] & free, jacobian * jnp.sqrt(count)[:, None, None], 0.0)
    jacobian = jacobian.reshape(-1, law.num_params)

    # A row for each held parameter, longer than all others together, keeps it out of every other direction.
    # Singular values have twice the digits that eigenvalues of the information matrix would have.
    long = 2 * jnp.maximum(jnp.linalg.norm(jacobian), jnp.finfo(theta.dtype).tiny ** 0.5)
    _, values, direction = jnp.linalg.svd(
        jnp.concatenate([jacobian, long * jnp.diag(1.0 - free)]), full_matrices=False
    )
    values, direction = values[::-1], direction[::-1]
    held = jnp.arange(law.num_params) >= jnp.sum(free)
    rounding = jnp.finfo(theta.dtype).eps * law.num_params * long
    root = direction * jnp.where(held, 0.0, 1 / jnp.maximum(values, rounding))[:, None]
    covariance = noise * (root.T @ root) * slope[:, None] * slope
    eigenvalue = jnp.where(held, jnp.inf, values**2 / noise)
    foremost = jnp.argmax(jnp.abs(direction), axis=1)[:, None]
    direction = direction * jnp.sign(jnp.take_along_axis(direction, foremost, axis=1))
    predicted = law.predict(theta, runs.x)

    def reach(unit):
        """The longest of the halved moves, both ways along ``unit``, that the runs would not notice."""

        def quiet(length):
            moved = jnp.stack([box.beyond(z + length * unit), box.beyond(z - length * unit)])
            change = jnp.abs(jax.vmap(law.predict, (0, None))(moved, runs.x) - predicted)
            return jnp.max(jnp.where(seen, change, 0.0)) <= jnp.sqrt(noise)

        lengths = LONGEST * 0.5 ** jnp.arange(HALVINGS)[::-1]
        return jnp.max(jnp.where(jnp.cumprod(jax.lax.map(quiet, lengths)) > 0, lengths, 0.0))

    length = jnp.where(held, 0.0, jax.lax.map(reach, direction))
    return Identification(
        theta=theta,
        noise=jnp.asarray(noise),
        lower=lower,
        upper=upper,
        covariance=covariance,
        deviation=jnp.sqrt(jnp.diagonal(covariance)),
        eigenvalue=eigenvalue,
        direction=direction,
        flat=eigenvalue < 1,
        reach=length,
        moved=jax.vmap(lambda unit, length: box.beyond(z + length * unit))(direction, length),
    )
