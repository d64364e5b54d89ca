"""Several runs at once: choices that account for runs whose outcome is not known yet.

How much is known after a pending run does not depend on its outcome, but the weights of the basins do, and
they are what the score's second term is about. So scores are averaged over imagined outcomes of all pending
runs together: each draw takes one basin for the truth, in proportion to the weights, and the runs' outcomes
one after the other from what that basin says after those before (``jaxsl.conditioned``).
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition import leading
from jaxsl.choice import Chooser
from jaxsl.conditioned import Conditioned, Update, imagine, learn_variance, nothing_learned
from jaxsl.moments import moments
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior

MOST_DRAWS = 16  # imagined outcomes of all pending runs


class Pending(eqx.Module):
    """Runs without an outcome yet, in a buffer of fixed size.

    Attributes:
        x: configurations, ``(row, feature)``; padded rows repeat a valid one.
        mask: which rows are real, ``(row,)`` of bool.
    """

    x: Array
    mask: Array


class Imagined(eqx.Module):
    """Imagined outcomes of pending runs: one ``Update`` a draw, and what makes further ones.

    Attributes:
        learned: stacked, ``(draw, ...)``.
        basin: the basin that is taken for the truth, ``(draw,)``.
        normal: standard normal numbers, ``(draw, run, output)``; of the runs that are still to come.
        count: draws in use, a scalar; one suffices where nothing is pending or one basin is all there is.
    """

    learned: Update
    basin: Array
    normal: Array
    count: Array


def imagine_pending(
    posterior: Posterior, pending: Pending, room: int, num_draws: Array, key: Array
) -> Imagined:
    """Imagine outcomes for pending runs.

    Args:
        posterior: what is believed.
        pending: the runs.
        room: runs that may be imagined after them.
        num_draws: at most ``MOST_DRAWS``; traced.
        key: of the draws.
    """
    one_basin = jnp.sum(posterior.weight > 0) <= 1
    num_draws = jnp.where(one_basin, 1, num_draws)
    rows, outputs = pending.mask.shape[0], jax.eval_shape(posterior.at, pending.x).mean.shape[-1]
    start = nothing_learned(posterior, pending.x)
    normal = jax.random.normal(key, (MOST_DRAWS, rows + room, outputs), start.shift.dtype)
    level = (jnp.arange(MOST_DRAWS) + 0.5) / num_draws
    basin = jnp.sum(level[:, None] >= jnp.cumsum(posterior.weight), axis=1)
    basin = jnp.minimum(basin, jnp.max(jnp.where(posterior.weight > 0, jnp.arange(len(posterior.weight)), 0)))

    def all_of(basin, normal):
        def step(row, learned):
            after = imagine(posterior, learned, pending.x[row], basin, normal[row])
            return jax.tree.map(lambda new, old: jnp.where(pending.mask[row], new, old), after, learned)

        return jax.lax.fori_loop(0, jnp.sum(pending.mask), step, start)

    learned = jax.vmap(all_of)(basin, normal[:, :rows])
    return Imagined(learned, basin, normal[:, rows:], num_draws)


def once_in(posterior: Posterior, pending: Pending) -> Conditioned:
    """What is believed once all pending runs are in, of which the variance alone is taken away."""

    def step(row, learned):
        after = learn_variance(posterior, learned, pending.x[row])
        return jax.tree.map(lambda new, old: jnp.where(pending.mask[row], new, old), after, learned)

    start = nothing_learned(posterior, pending.x)
    return Conditioned(posterior, jax.lax.fori_loop(0, jnp.sum(pending.mask), step, start))


def averaged(
    posterior: Posterior, draws: Imagined, score: Callable[[Conditioned], Array], like: Array
) -> Array:
    """The mean of ``score`` over the draws in use; its result has the shape and dtype of ``like``."""

    def step(index, total):
        one = jax.tree.map(lambda leaf: leaf[index], draws.learned)
        return total + score(Conditioned(posterior, one))

    return jax.lax.fori_loop(0, draws.count, step, jnp.zeros_like(like)) / draws.count


def variance_once_in(posterior: Posterior, pending: Pending, draws: Imagined, target: Target) -> Array:
    """Variance at the target, noise apart, as expected once all pending runs are in: a scalar.

    Averaged by the target's weights and over outputs. Inside components it is known before any outcome, as
    their weights are expected to stay what they are; between them it is the mean over draws, and never
    expected to rise.
    """

    def between(after: Posterior) -> Array:
        return target.weight @ jnp.mean(moments(after, target.x).between, axis=1)

    within = target.weight @ jnp.mean(moments(once_in(posterior, pending), target.x).within, axis=1)
    now = between(posterior)
    return within + jnp.minimum(averaged(posterior, draws, between, now), now)


class Plan(eqx.Module):
    """Runs to start, in the order in which they were chosen; rows from ``count`` on are padding.

    Attributes:
        index: row of the pool, ``(run,)``; -1 once nothing may be bought.
        score: expected fall of the target's variance by this run after those before, ``(run,)``.
        first: score of every candidate as the first choice, ``(pool,)``.
        value: the same per cost, ``(pool,)``; -inf where not for sale.
        variance: of the target, noise apart, as expected once all pending runs are in, a scalar.
    """

    index: Array
    score: Array
    first: Array
    value: Array
    variance: Array


def plan(
    acquisition: Callable[..., Array],
    chooser: Chooser,
    posterior: Posterior,
    pool: Pool,
    target: Target,
    uses: Array,
    money: Array,
    pending: Pending,
    count: Array,
    num_draws: Array,
    key: Array,
    room: int,
    spent: float | Array = jnp.inf,
    group: Array | None = None,
) -> Plan:
    """The best next runs, one after the other, each in the light of all that are pending or chosen before it.

    Args:
        acquisition, chooser: as in ``jaxsl.design.Design``.
        posterior: what is believed.
        pool, target: candidates and what to predict.
        uses: how often each candidate may still be run, ``(pool,)`` of int; more than once where a
            replicate, should it teach the most for its cost, is allowed.
        money: what may be spent on all of them, a scalar.
        pending: runs that were started.
        count: how many to choose, at most ``room``; traced.
        num_draws: imagined outcomes, at most ``MOST_DRAWS``; traced.
        key: of draws and ties.
        room: rows of the answer; static.
        spent: cost of all runs so far, pending ones included, as of ``jaxsl.choice.Chooser``.
        group: of each candidate, ``(pool,)`` of int: a run may be had once less in all of its group, such as
            a training run to one length or another; each its own when None.
    """
    group = jnp.arange(pool.cost.shape[0]) if group is None else group
    draws = imagine_pending(posterior, pending, room, num_draws, jax.random.fold_in(key, 0))

    def wanted(carry):
        number, going_on, _ = carry
        return going_on & (number < count)

    def step(carry):
        number, _, (found, draws, uses, money, spent) = carry
        score = averaged(posterior, draws, lambda after: acquisition(after, pool, target), pool.cost)
        choice = chooser(score, pool, uses > 0, money, jax.random.fold_in(key, number + 1), spent)
        row = jnp.maximum(choice.index, 0)
        bought = choice.index >= 0
        learned = jax.vmap(lambda one, basin, normal: imagine(posterior, one, pool.x[row], basin, normal))(
            draws.learned, draws.basin, draws.normal[:, number]
        )
        found = Plan(
            found.index.at[number].set(choice.index),
            found.score.at[number].set(jnp.where(bought, score[row], 0.0)),
            jnp.where(number == 0, score, found.first),
            jnp.where(number == 0, choice.value, found.value),
            found.variance,
        )
        draws = eqx.tree_at(lambda d: d.learned, draws, learned)
        cost = jnp.where(bought, pool.cost[row], 0.0)
        left = uses - (bought & (group == group[row])), money - cost, spent + cost
        return number + 1, bought, (found, draws, *left)

    zeros = jnp.zeros_like(pool.cost)
    spent = jnp.asarray(spent, zeros.dtype)
    variance = variance_once_in(posterior, pending, draws, target)
    found = Plan(jnp.full(room, -1), jnp.zeros(room, zeros.dtype), zeros, zeros - jnp.inf, variance)
    start = jnp.zeros_like(count), jnp.asarray(True), (found, draws, uses, money, spent)
    return jax.lax.while_loop(wanted, step, start)[2][0]


def shortlist(
    acquisition: Callable[..., Array],
    chooser: Chooser,
    posterior: Posterior,
    pool: Pool,
    target: Target,
    available: Array,
    money: Array,
    pending: Pending,
    size: int,
    spent: float | Array = jnp.inf,
) -> Array:
    """Rows of the ``size`` most valuable candidates once all pending runs are in: ``(size,)``, -1 if fewer.

    Of the pending runs only the variance they take away is counted here, which needs one score for each
    candidate; ``plan`` then averages over outcomes on the short list.
    """
    price = chooser.price(pool, available, money, spent)
    score = leading(acquisition, once_in(posterior, pending), pool, target, price, size)
    value = chooser(score, pool, available, money, jax.random.key(0), spent).value
    top, index = jax.lax.top_k(value, size)
    return jnp.where(top > -jnp.inf, index, -1)
