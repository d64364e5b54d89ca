"""How far an estimate moves without each run in turn, from its covariance alone.

With the covariance ``C`` of the parameters given all runs, by linearisation, with a prior in it or not, and a
run's Jacobian ``J_i``, residuals ``r_i`` and variance ``sigma^2 / w_i``, the estimate without the run is

    theta_(-i) = theta - C J_i^T (sigma^2 / w_i I - J_i C J_i^T)^-1 r_i

exact for a linear law (Cook and Weisberg, Residuals and Influence in Regression, 1982, chapter 3). It is the
implicit derivative of ``jaxsl.sensitivity`` with the Gauss-Newton Hessian that the covariance has in it, and
costs one evaluation of the law.
"""

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.law import Law
from jaxsl.pool import Observations

MOST = 1 - 1e-6  # leverage: a run that carries a parameter alone leaves nothing to estimate it by


def without_each(
    law: Law,
    observations: Observations,
    theta: Array,
    root: Array,
    noise: Array,
    weight: Array | None = None,
) -> Array:
    """``theta_(-i) - theta``, ``(row, param)``; 0 in padded rows.

    Args:
        law: the law.
        observations: the runs.
        theta: the estimate, ``(param,)``.
        root: of its covariance, ``C = root root^T``, ``(param, factor)``.
        noise: ``sigma^2``, a scalar.
        weight: how much each run counts, ``(row,)``; one each when None.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe
        >>> law = Law("level", lambda theta, x: theta[0] + 0 * x[0], ("x",), params(a=(-9, 9)))
        >>> runs = observe(jnp.zeros((4, 1)), jnp.array([[1.0], [1.0], [1.0], [5.0]]))
        >>> moves = jax.jit(without_each)(law, runs, jnp.array([2.0]), jnp.array([[0.5]]), jnp.array(1.0))
        >>> [round(float(move), 4) for move in moves[:, 0]]  # the mean of the others less 2
        [0.3333, 0.3333, 0.3333, -1.0]
    """
    first = observations.x[jnp.argmax(observations.mask)]
    x = jnp.where(observations.mask[:, None], observations.x, first)
    value, jacobian = law.linearise(theta, x)
    times = observations.times(weight)[:, None]
    felt = jnp.einsum("rdp,pf->rdf", jacobian, root) / jnp.sqrt(noise)

    def one(felt: Array, residual: Array, times: Array) -> Array:
        lever = felt @ felt.T * times
        size = jnp.linalg.norm(lever)  # at least the largest eigenvalue
        lever = lever * jnp.minimum(1.0, MOST / jnp.where(size > 0, size, 1.0))
        back = jnp.linalg.solve(jnp.eye(len(residual), dtype=lever.dtype) - lever, residual)
        return -(felt.T @ back) * times[0]

    inner = jax.vmap(one)(felt, observations.y - value, times)
    return jnp.where(observations.mask[:, None], inner @ root.T / jnp.sqrt(noise), 0.0)
