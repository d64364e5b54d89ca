"""How well drawn curves keep to the runs: what corrects draws where a law bends.

The belief is Gaussian for the law's linearisation ``l_u``; a drawn curve ``f_u`` is the law itself. The prior
of both is the same, so draws of the first stand for the belief in the second with weights

    log w(u) = -sum_i (1 - bad_i) (|y_i - f_u(x_i)|^2 - |y_i - l_u(x_i)|^2) / (2 noise)

(importance sampling about a Laplace approximation; Ionides 2008 for the truncation of large weights).
"""

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.decision.curve import DiscrepantCurves
from jaxsl.pool import Observations


def log_weights(
    possible: DiscrepantCurves, observations: Observations, bad: Array, index: Array, u: Array, scale: Array
) -> Array:
    """Of drawn curves, ``(draw,)``; 0 throughout for a law that is linear in its coordinates.

    Args:
        possible: the curves.
        observations: the runs.
        bad: probability that each is bad, ``(row,)``.
        index, u: component and numbers of each draw, ``(draw,)``, ``(draw, factor)``.
        scale: ``u`` is so many times standard normal, for a noise whose deviation is, ``(draw,)``.
    """
    posterior, x = possible.posterior, observations.x
    weight = jnp.where(observations.mask, 1 - bad, 0.0)[:, None]

    def one(item):
        index, u, scale = item
        curve = possible.curve(index, u)
        value, slope = posterior.law.linearise(posterior.theta[index], x)
        told = posterior.root[index] @ u[: slope.shape[2]]
        step = posterior.slope[index] * (posterior.shift[index] + told)
        bent = posterior.law.predict(curve.theta, x) - value - slope @ step
        straight = value + slope @ step + posterior.field.features(x)[curve.kernel] @ curve.bump
        left = observations.y - straight
        change = jnp.sum(weight * ((left - bent) ** 2 - left**2))
        return -change / (2 * posterior.noise[index] * scale**2)

    return jax.lax.map(one, (index, u, scale), batch_size=256)


def truncated(log_weight: Array) -> tuple[Array, Array]:
    """Shares that sum to one, none above ``1 / sqrt(draw)`` before that, and how many draws they are worth.

    Example:
        >>> import jax.numpy as jnp
        >>> share, worth = truncated(jnp.array([0.0, 0.0, 0.0, -jnp.inf]))
        >>> share.round(3).tolist(), round(float(worth), 3)
        ([0.333, 0.333, 0.333, 0.0], 3.0)
    """
    share = jax.nn.softmax(jnp.where(jnp.isnan(log_weight), -jnp.inf, log_weight))
    share = jnp.minimum(share, 1 / jnp.sqrt(share.shape[0]))
    share = share / jnp.sum(share)
    return share, 1 / jnp.sum(share**2)
