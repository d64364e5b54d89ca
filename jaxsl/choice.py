"""From scores to the run that is bought: cost, budget, mask and ties."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.pool import Pool


class Choice(eqx.Module):
    """What to run next.

    Attributes:
        index: row of the pool, a scalar int; -1 when nothing may be bought.
        value: score per cost of every candidate, ``(pool,)``; -inf where it may not be bought.
    """

    index: Array
    value: Array


class Chooser(eqx.Module):
    """How a choice is made.

    Attributes:
        cost_exponent: gamma in ``a(x) = score / cost^gamma`` (public value 0.4).
        draw: draw with probability proportional to ``a`` instead of taking the largest, traced or not.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.pool import Pool
        >>> pool = Pool(jnp.arange(3.0)[:, None], jnp.array([1.0, 10.0, 100.0]))
        >>> choice = Chooser()(jnp.array([1.0, 2.0, 9.0]), pool, jnp.ones(3, bool), 50.0, jax.random.key(0))
        >>> int(choice.index), [round(float(value), 2) for value in choice.value]
        (0, [6.31, 5.02, -inf])
    """

    cost_exponent: float | Array = 0.4
    draw: bool | Array = False

    def __call__(self, score: Array, pool: Pool, available: Array, money: Array, key: Array) -> Choice:
        """The affordable candidate with the largest ``score / cost^gamma``; exact ties are broken by ``key``.

        Args:
            score: ``(pool,)``, never negative; NaN or -inf where it failed, which is never bought.
            pool: for its costs. A free run costs as little as 1e-12 of the dearest; one whose cost is NaN or
                infinite is never bought, whatever the money, and changes nothing for the others.
            available: which candidates may be bought, ``(pool,)`` of bool.
            money: what is left of the budget, a scalar in the unit of the costs.
            key: for draws and ties.
        """
        known = jnp.isfinite(pool.cost)
        cost = jnp.where(known, pool.cost, 0.0)
        affordable = available & known & (cost <= money * (1 + 1e-9))
        share = cost / jnp.maximum(jnp.max(cost), jnp.finfo(cost.dtype).tiny)
        value = score / jnp.maximum(share, 1e-12) ** self.cost_exponent
        value = jnp.where(affordable & ~jnp.isnan(value), value, -jnp.inf)
        eligible = value > -jnp.inf
        noise = jax.random.gumbel(key, value.shape, value.dtype)
        drawn = jnp.log(jnp.maximum(value, jnp.finfo(value.dtype).tiny)) + noise
        largest = jnp.where(value == jnp.max(value), noise, -jnp.inf)
        rank = jnp.where(self.draw, drawn, largest)
        index = jnp.argmax(jnp.where(eligible, rank, -jnp.inf))
        return Choice(jnp.where(jnp.any(eligible), index, -1), value)
