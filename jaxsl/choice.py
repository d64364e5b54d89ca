"""From scores to the run that is bought: cost, budget, mask and ties."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.pool import Pool

BAD = 0.5  # probability of being bad above which a run counts as bad
WARY = 0.25  # share of what was spent that the next run may cost once a run was bad


class Choice(eqx.Module):
    """What to run next.

    Attributes:
        index: row of the pool, a scalar int; -1 when nothing may be bought.
        value: score per cost of every candidate, ``(pool,)``; -inf where it may not be bought, and in a large
            pool where it is not the best (``jaxsl.acquisition.leading``).
    """

    index: Array
    value: Array


class Chooser(eqx.Module):
    """How a choice is made.

    Attributes:
        cost_exponent: gamma in ``a(x) = score / cost^gamma`` (public value 0.4).
        growth: a run costs at most so many times what was spent before it, so that predictions get better all
            along and no run takes the budget before the law is known; the cheapest run that can be paid for
            always may be bought. Infinite for no such limit.
        draw: draw with probability proportional to ``a`` instead of taking the largest, traced or not.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.pool import Pool
        >>> pool = Pool(jnp.arange(3.0)[:, None], jnp.array([1.0, 10.0, 100.0]))
        >>> choice = Chooser()(jnp.array([1.0, 2.0, 9.0]), pool, jnp.ones(3, bool), 50.0, jax.random.key(0))
        >>> int(choice.index), [round(float(value), 2) for value in choice.value]
        (0, [6.31, 5.02, -inf])
        >>> most = Chooser(0.0, growth=1.0).limit(pool, jnp.ones(3, bool), 50.0, jnp.array([0.0, 30.0, 70.0]))
        >>> most.tolist()  # what a run may cost at most
        [1.0, 30.0, 50.0]
    """

    cost_exponent: float | Array = 0.4
    growth: float | Array = jnp.inf
    draw: bool | Array = False

    def __call__(
        self,
        score: Array,
        pool: Pool,
        available: Array,
        money: Array,
        key: Array,
        spent: float | Array = jnp.inf,
    ) -> Choice:
        """The affordable candidate with the largest ``score / cost^gamma``; exact ties are broken by ``key``.

        Args:
            score: ``(pool,)``, never negative; NaN or -inf where it failed, which is never bought.
            pool: for its costs. A free run costs as little as 1e-12 of the dearest; one whose cost is NaN or
                infinite is never bought, whatever the money, and changes nothing for the others.
            available: which candidates may be bought, ``(pool,)`` of bool.
            money: what is left of the budget, a scalar in the unit of the costs.
            key: for draws and ties.
            spent: cost of all runs so far, a scalar, or what of it counts (``checked``); infinite where it is
                not known, for no limit of growth.
        """
        value = self.value(score, pool, available, money, spent)
        eligible = value > -jnp.inf
        noise = jax.random.gumbel(key, value.shape, value.dtype)
        drawn = jnp.log(jnp.maximum(value, jnp.finfo(value.dtype).tiny)) + noise
        largest = jnp.where(value == jnp.max(value), noise, -jnp.inf)
        rank = jnp.where(self.draw, drawn, largest)
        index = jnp.argmax(jnp.where(eligible, rank, -jnp.inf))
        return Choice(jnp.where(jnp.any(eligible), index, -1), value)

    def value(
        self, score: Array, pool: Pool, available: Array, money: Array, spent: float | Array = jnp.inf
    ) -> Array:
        """What candidates are ordered by, ``score / cost^gamma``; -inf where not for sale: ``(pool,)``.

        Arguments as of a call.
        """
        price = self.price(pool, available, money, spent)
        value = score / price
        return jnp.where((price < jnp.inf) & ~jnp.isnan(value), value, -jnp.inf)

    def price(self, pool: Pool, available: Array, money: Array, spent: float | Array = jnp.inf) -> Array:
        """What a score is divided by, ``(cost / largest)^gamma``; infinite where not for sale: ``(pool,)``.

        Arguments as of a call.
        """
        known = jnp.isfinite(pool.cost)
        cost = jnp.where(known, pool.cost, 0.0)
        most = self.limit(pool, available, money, jnp.asarray(spent, cost.dtype))
        affordable = available & known & (cost <= most * (1 + 1e-9))
        share = cost / jnp.maximum(jnp.max(cost), jnp.finfo(cost.dtype).tiny)
        return jnp.where(affordable, jnp.maximum(share, 1e-12) ** self.cost_exponent, jnp.inf)

    def limit(self, pool: Pool, available: Array, money: Array, spent: Array) -> Array:
        """What the next run may cost, of the shape of ``spent``; arguments as of a call."""
        payable = available & jnp.isfinite(pool.cost) & (pool.cost <= money * (1 + 1e-9))
        cheapest = jnp.min(jnp.where(payable, pool.cost, jnp.inf))
        grown = jnp.where(jnp.isinf(self.growth), jnp.inf, self.growth * jnp.asarray(spent))
        return jnp.minimum(jnp.maximum(grown, cheapest), money)


def checked(spent: Any, bad: Any) -> Any:
    """What of the cost of the runs so far limits that of the next: all, a quarter once a run was bad.

    A run that costs as much as all others together carries the fit alone, and hides an error of its own.
    Where runs are bad now and then, others are to check it.

    Args:
        spent: cost of all runs so far, a scalar.
        bad: probability that each run is bad, ``(run,)``.

    Example:
        >>> import numpy as np
        >>> [float(checked(8.0, np.array([0.1, worst]))) for worst in (0.2, 0.9)]
        [8.0, 2.0]
    """
    return spent * (1 - (1 - WARY) * (bad > BAD).any())
