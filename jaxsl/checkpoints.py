"""Which rows of a run are worth their price, and whether a run is worth going on with.

A run passes every place on its way; to know the outcome there costs an evaluation, or a decay of the rate
from there on. Rows are chosen one after the other, each in the light of those before it, by what it adds to
the joint fall of the target's variance (``jaxsl.curves``) for its price.
"""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition import MSPE
from jaxsl.along import Along
from jaxsl.curves import told_together
from jaxsl.lookahead import Rollout
from jaxsl.pool import Observations, Pool, Target
from jaxsl.posterior import Posterior

EQUAL = 1e-12  # gain per price below the best that ties with it


class Checkpoints(eqx.Module):
    """Rows of one run, best first.

    Attributes:
        row: number among the run's rows, ``(count,)`` of int; -1 once none is left.
        fall: of the target's variance by the rows up to this one together, ``(count,)``.
        spent: the prices of these together, ``(count,)``.
    """

    row: Array
    fall: Array
    spent: Array


def checkpoints(
    posterior: Posterior,
    along: Along | None,
    pool: Pool,
    index: int | Array,
    price: Array,
    target: Target,
    count: int,
    observations: Observations | None = None,
    acquisition: MSPE | None = None,
) -> Checkpoints:
    """Where to evaluate candidate run ``index``: ``count`` of its rows, the best for its price first.

    The path is paid for in any case, so a row costs its own price alone. A row that adds nothing for nothing
    comes last.

    Args:
        posterior, along, target, observations: as of ``jaxsl.curves.told_together``.
        pool: candidates with rows.
        index: of the run.
        price: of knowing the outcome at each of its rows, ``(row,)``, above 0.
        count: how many rows; static.
        acquisition: what a set of rows is worth; the fall within basins alone when None.

    Example:
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import Rows, uniform_target
        >>> from jaxsl.posterior import LawPosterior
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
        >>> x = jnp.array([[[1.0], [2.9], [3.0]]])
        >>> every, ones = jnp.ones((1, 3), bool), jnp.ones((1, 3))
        >>> rows = Rows(x, x[..., 0], every, jnp.array([0]), ones, jnp.array(0.0))
        >>> pool, target = Pool(x[:, -1], jnp.full(1, 3.0), rows), uniform_target(jnp.array([[4.0]]))
        >>> checkpoints(belief, None, pool, 0, jnp.ones(3), target, 2).row.tolist()
        [2, 1]
    """
    assert pool.rows is not None
    score = MSPE(between=False) if acquisition is None else acquisition
    num = pool.rows.mask.shape[1]

    def repeated(leaf: Array) -> Array:
        return jnp.broadcast_to(leaf[index], (num, *leaf.shape[1:]))

    rows = replace(
        jax.tree.map(repeated, replace(pool.rows, restart=pool.rows.run)), restart=pool.rows.restart
    )
    real = pool.rows.mask[index]

    def worth(masks: Array) -> Array:
        """Of sets of rows, ``(set, row)`` of bool."""
        several = Pool(repeated(pool.x), repeated(pool.cost), replace(rows, mask=masks))
        return score(*told_together(posterior, along, several, target, observations))

    def choose(carry: tuple[Array, Array, Array], _: None):
        chosen, before, spent = carry
        after = worth(chosen | jnp.eye(num, dtype=bool))
        value = jnp.where(real & ~chosen, (after - before) / price, -jnp.inf)
        best = jnp.argmax(value >= jnp.max(value) * (1 - EQUAL))
        some = jnp.any(real & ~chosen)
        chosen = chosen.at[best].set(chosen[best] | some)
        fall, spent = jnp.where(some, after[best], before), spent + jnp.where(some, price[best], 0.0)
        return (chosen, fall, spent), Checkpoints(jnp.where(some, best, -1), fall, spent)

    zero = jnp.zeros((), price.dtype)
    return jax.lax.scan(choose, (jnp.zeros(num, bool), zero, zero), length=count)[1]


def worth_going_on(
    posterior: Posterior,
    along: Along | None,
    pool: Pool,
    target: Target,
    available: Array,
    money: Array,
    observations: Observations,
    key: Array,
    rollout: Rollout | None = None,
) -> Array:
    """Whether anything that the run of each candidate can still tell is worth its price, ``(pool,)`` of bool.

    It is when the plan for the rest of the money that leaves the least variance at the target
    (``jaxsl.lookahead``) buys a candidate of that run, of which each is taken one way at most. A run of which
    nothing is bought may be stopped: other runs teach more for the money.

    Args:
        posterior, along, target, observations: as of ``jaxsl.curves.told_together``.
        pool: candidates with rows, as by ``jaxsl.curves.left``.
        available: which may be bought, ``(pool,)`` of bool.
        money: what is left of the budget, a scalar.
        key: for ties.
        rollout: the plans.
    """
    assert pool.rows is not None
    rollout = Rollout() if rollout is None else rollout
    given = told_together(posterior, along, pool, target, observations)
    bought = rollout.bought(*given, available, money, key, pool.rows.run)
    return jnp.any(bought & (pool.rows.run[:, None] == pool.rows.run), axis=1)
