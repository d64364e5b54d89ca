"""The best candidates of a pool by any acquisition."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior


def leading(
    acquisition: Callable[..., Array],
    posterior: Posterior,
    pool: Pool,
    target: Target,
    price: Array,
    num: int = 1,
    every: bool | Array = False,
    least: float | Array = -jnp.inf,
) -> Array:
    """Scores ``(pool,)``; -inf, where the acquisition can tell, for those that are not among the best.

    Args:
        acquisition: ``(posterior, pool, target) -> score (pool,)``; one with a method ``leading``, such as
            ``jaxsl.acquisition.MSPE``, can.
        posterior, pool, target: as of the acquisition.
        price: what a score is divided by, ``(pool,)``; infinite where a candidate is out of the question.
        num: how many are wanted.
        every: whether all are, a scalar.
        least: score per price below which none is, a scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.pool import Pool
        >>> cost = lambda posterior, pool, target: pool.cost
        >>> leading(cost, None, Pool(jnp.zeros((2, 1)), jnp.array([3.0, 4.0])), None, jnp.ones(2)).tolist()
        [3.0, 4.0]
    """
    if hasattr(acquisition, "leading"):
        return acquisition.leading(posterior, pool, target, price, num, every, least)
    return jnp.asarray(acquisition(posterior, pool, target))
