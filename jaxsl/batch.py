"""Several runs at once: choices that account for runs whose outcome is not known yet.

A run with outcome ``y`` at ``x`` changes basin k by one rank-one update an output (Spend Less, Fit Better,
appendix D), here of the root of its covariance, ``R_k = df/dtheta Sigma_k^(1/2)``, with ``v`` for ``R_k(x)``:

    s^2 = noise_k + |v|^2,    R_k+ = R_k (I - v v^T / (s (s + sqrt(noise_k)))),
    F_k+ = F_k + R_k v (y - m_k) / s^2,    w_k+ ~ w_k N(y; m_k, s^2).

How much is known after a pending run does not depend on its outcome, but the weights of the basins do, and
they are what the score's second term is about. So scores are averaged over imagined outcomes of all pending
runs together: each draw takes one basin for the truth, in proportion to the weights, and the runs' outcomes
one after the other from what that basin says after those before.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.choice import Chooser
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, Predictive, moments, predict

MOST_DRAWS = 16  # imagined outcomes of all pending runs


class Learned(eqx.Module):
    """What runs have changed in a posterior, in the coordinates of its roots' columns.

    Attributes:
        log_weight: unnormalised, ``(basin,)``.
        shift: the mean moves by ``root @ shift``, ``(basin, factor)``.
        transform: the root becomes ``root @ transform``, ``(basin, factor, factor)``.
    """

    log_weight: Array
    shift: Array
    transform: Array


class Conditioned(eqx.Module):
    """A posterior after some runs: itself a posterior."""

    prior: Posterior
    learned: Learned

    @property
    def weight(self) -> Array:
        """Weights of the basins after the runs, ``(basin,)``."""
        return jax.nn.softmax(self.learned.log_weight)

    @property
    def noise(self) -> Array:
        """Noise variances, ``(basin,)``, as before."""
        return self.prior.noise

    def at(self, x: Array) -> Predictive:
        """The local Gaussians at ``x (row, feature)`` after the runs."""
        before = predict(self.prior, x)
        mean = before.mean + jnp.einsum("kroi,ki->kro", before.root, self.learned.shift)
        return Predictive(mean, jnp.einsum("kroi,kij->kroj", before.root, self.learned.transform))


def nothing_learned(posterior: Posterior, x: Array) -> Learned:
    """The state before the first run; ``x (row, feature)`` is any configuration."""
    shape = jax.eval_shape(posterior.at, x)
    basins, factors = shape.root.shape[0], shape.root.shape[-1]
    one = jnp.eye(factors, dtype=shape.root.dtype)
    return Learned(
        jnp.log(posterior.weight),
        jnp.zeros((basins, factors), shape.root.dtype),
        jnp.broadcast_to(one, (basins, factors, factors)),
    )


def learn(posterior: Posterior, learned: Learned, x: Array, y: Array) -> Learned:
    """After one more run gave ``y (output,)`` at ``x (feature,)``."""
    return _update(posterior, learned, x, lambda output, mean, deviation: y[output])


def imagine(posterior: Posterior, learned: Learned, x: Array, basin: Array, normal: Array) -> Learned:
    """After one more run at ``x (feature,)``, whose outcome basin ``basin`` says.

    ``normal (output,)`` are the standard normal numbers that make its outcome.
    """

    def outcome(output, mean, deviation):
        return mean[basin] + deviation[basin] * normal[output]

    return _update(posterior, learned, x, outcome)


def learn_variance(posterior: Posterior, learned: Learned, x: Array) -> Learned:
    """After one more run at ``x (feature,)`` that gave every basin what it expected: the weights stay."""
    after = _update(posterior, learned, x, lambda output, mean, deviation: mean)
    return Learned(learned.log_weight, after.shift, after.transform)


def _update(posterior: Posterior, learned: Learned, x: Array, outcome: Callable) -> Learned:
    """One rank-one update for each output, whose noises are independent."""
    before = predict(posterior, x[None])
    noise = jnp.where(posterior.weight > 0, posterior.noise, 1.0)

    def step(learned, output):
        root, mean = before.root[:, 0, output], before.mean[:, 0, output]
        mean = mean + jnp.sum(root * learned.shift, axis=1)
        row = jnp.einsum("ki,kij->kj", root, learned.transform)
        variance = noise + jnp.sum(row**2, axis=1)
        deviation = jnp.sqrt(variance)
        surprise = outcome(output, mean, deviation) - mean
        gain = jnp.einsum("kij,kj->ki", learned.transform, row)
        shrink = row / (deviation * (deviation + jnp.sqrt(noise)))[:, None]
        return Learned(
            learned.log_weight - jnp.log(deviation) - surprise**2 / (2 * variance),
            learned.shift + gain * (surprise / variance)[:, None],
            learned.transform - gain[:, :, None] * shrink[:, None, :],
        ), None

    after, _ = jax.lax.scan(step, learned, jnp.arange(before.mean.shape[-1]))
    sane = jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in (after.shift, after.transform)]))
    return jax.tree.map(lambda new, old: jnp.where(sane, new, old), after, learned)


class Pending(eqx.Module):
    """Runs without an outcome yet, in a buffer of fixed size.

    Attributes:
        x: configurations, ``(row, feature)``; padded rows repeat a valid one.
        mask: which rows are real, ``(row,)`` of bool.
    """

    x: Array
    mask: Array


class Draws(eqx.Module):
    """Imagined outcomes of pending runs: one ``Learned`` a draw, and what makes further ones.

    Attributes:
        learned: stacked, ``(draw, ...)``.
        basin: the basin that is taken for the truth, ``(draw,)``.
        normal: standard normal numbers, ``(draw, run, output)``; of the runs that are still to come.
        count: draws in use, a scalar; one suffices where nothing is pending or one basin is all there is.
    """

    learned: Learned
    basin: Array
    normal: Array
    count: Array


def draw(posterior: Posterior, pending: Pending, room: int, num_draws: Array, key: Array) -> Draws:
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
    return Draws(learned, basin, normal[:, rows:], num_draws)


def target_variance(posterior: Posterior, target: Target) -> Array:
    """Variance at the target without noise, averaged by weight and over outputs: a scalar."""
    found = moments(posterior, target.x)
    return target.weight @ jnp.mean(found.within + found.between, axis=1)


def averaged(posterior: Posterior, draws: Draws, score: Callable[[Conditioned], Array], like: Array) -> Array:
    """The mean of ``score`` over the draws in use; its result has the shape and dtype of ``like``."""

    def step(index, total):
        one = jax.tree.map(lambda leaf: leaf[index], draws.learned)
        return total + score(Conditioned(posterior, one))

    return jax.lax.fori_loop(0, draws.count, step, jnp.zeros_like(like)) / draws.count


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
    """
    draws = draw(posterior, pending, room, num_draws, jax.random.fold_in(key, 0))

    def step(number, carry):
        found, draws, uses, money, spent = carry
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
        return found, draws, uses.at[row].add(jnp.where(bought, -1, 0)), money - cost, spent + cost

    zeros = jnp.zeros_like(pool.cost)
    spent = jnp.asarray(spent, zeros.dtype)
    variance = averaged(posterior, draws, lambda after: target_variance(after, target), zeros[0])
    found = Plan(jnp.full(room, -1), jnp.zeros(room, zeros.dtype), zeros, zeros - jnp.inf, variance)
    return jax.lax.fori_loop(0, count, step, (found, draws, uses, money, spent))[0]


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

    def step(row, learned):
        after = learn_variance(posterior, learned, pending.x[row])
        return jax.tree.map(lambda new, old: jnp.where(pending.mask[row], new, old), after, learned)

    learned = jax.lax.fori_loop(0, jnp.sum(pending.mask), step, nothing_learned(posterior, pending.x))
    score = acquisition(Conditioned(posterior, learned), pool, target)
    value = chooser(score, pool, available, money, jax.random.key(0), spent).value
    top, index = jax.lax.top_k(value, size)
    return jnp.where(top > -jnp.inf, index, -1)
