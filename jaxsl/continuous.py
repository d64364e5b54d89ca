"""The best run anywhere inside bounds: many starts climb the acquisition per cost by its gradient.

The search runs in the unit cube, each input's interval or log-interval stretched to [0, 1]. The logarithm of
``score / cost^gamma`` is climbed by normalised gradient steps that grow after a success and shrink after a
failure. A point too dear is moved along the gradient of the logarithm of the cost to what is affordable: one
Newton step, exact where the cost is a product of powers and the inputs are logarithmic.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array


class Bounds(eqx.Module):
    """A box of configurations.

    Attributes:
        low, high: in search coordinates, ``(feature,)``.
        log: which of them are logarithms, ``(feature,)`` of bool.
    """

    low: Array
    high: Array
    log: Array

    def x(self, share: Array) -> Array:
        """Configurations at shares of the box, ``(..., feature)`` in and out."""
        value = self.low + (self.high - self.low) * share
        return jnp.where(self.log, jnp.exp(jnp.where(self.log, value, 0.0)), value)


class Climb(eqx.Module):
    """Where the starts arrived: ``share (start, feature)`` and the objective there, ``(start,)``."""

    share: Array
    value: Array


def climb(
    score: Callable[[Array], Array],
    cost: Callable[[Array], Array],
    bounds: Bounds,
    start: Array,
    money: Array,
    cost_exponent: float = 0.4,
    num_steps: int = 60,
) -> Climb:
    """Maximise ``log score - gamma log cost`` from every start.

    Args:
        score: ``(row, feature) -> (row,)``, each row for itself, never negative.
        cost: ``(row, feature) -> (row,)``, never negative.
        bounds: of the search.
        start: shares of the box, ``(start, feature)``.
        money: what a run may cost, a scalar.
        cost_exponent: gamma of ``jaxsl.choice.Chooser``.
        num_steps: gradient steps of each start.
    """
    tiny = jnp.finfo(start.dtype).tiny
    axes = jnp.eye(start.shape[1], dtype=start.dtype)

    def log_cost(share):
        return jnp.log(jnp.maximum(cost(bounds.x(share)), tiny))

    def objective(share):
        return jnp.log(jnp.maximum(score(bounds.x(share)), tiny)) - cost_exponent * log_cost(share)

    def gradient(function, share):
        """Of every row for itself, by one forward derivative a feature: ``(row, feature)``."""

        def along(axis):
            return jax.jvp(function, (share,), (jnp.broadcast_to(axis, share.shape),))[1]

        slope = jax.vmap(along)(axes).T
        return jnp.where(jnp.isfinite(slope), slope, 0.0)

    def affordable(share):
        """The nearest affordable point, to first order, along the coordinates that the box leaves free."""
        over = jnp.maximum(log_cost(share) - jnp.log(jnp.maximum(money, tiny)), 0.0)
        slope = gradient(log_cost, share)
        slope = jnp.where(((share <= 0) & (slope > 0)) | ((share >= 1) & (slope < 0)), 0.0, slope)
        size = jnp.maximum(jnp.sum(slope**2, axis=1), tiny)
        return jnp.clip(share - (over / size)[:, None] * slope, 0.0, 1.0)

    def value_at(share):
        value = objective(share)
        within = cost(bounds.x(share)) <= money * (1 + 1e-9)
        return jnp.where(within & jnp.isfinite(value), value, -jnp.inf)

    def step(_, carry):
        share, value, length = carry
        slope = gradient(objective, share)
        free = ~((share <= 0) & (slope < 0)) & ~((share >= 1) & (slope > 0))
        slope = jnp.where(free, slope, 0.0)
        size = jnp.sqrt(jnp.sum(slope**2, axis=1, keepdims=True))
        tried = jnp.clip(share + length[:, None] * slope / jnp.maximum(size, tiny), 0.0, 1.0)
        tried = jax.lax.fori_loop(0, 3, lambda _, share: affordable(share), tried)
        reached = value_at(tried)
        better = reached > value
        share = jnp.where(better[:, None], tried, share)
        return share, jnp.where(better, reached, value), length * jnp.where(better, 1.5, 0.4)

    length = jnp.full(start.shape[0], 0.1, start.dtype)
    start = jax.lax.fori_loop(0, 3, lambda _, share: affordable(share), start)
    share, value, _ = jax.lax.fori_loop(0, num_steps, step, (start, value_at(start), length))
    return Climb(share, value)
