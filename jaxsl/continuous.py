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

NEAR = 1e-4  # share of the box; runs are rounded to fewer digits


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
    cost_exponent: float | Array = 0.4,
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
        num_steps: gradient steps of each start, unless all are shorter than ``NEAR`` before.
    """
    tiny = jnp.finfo(start.dtype).tiny
    axes = jnp.eye(start.shape[1], dtype=start.dtype)

    def log_cost(share):
        return jnp.log(jnp.maximum(cost(bounds.x(share)), tiny))

    def objective(share):
        return jnp.log(jnp.maximum(score(bounds.x(share)), tiny)) - cost_exponent * log_cost(share)

    def linearise(function, share):
        """Value and gradient of every row for itself, by one forward derivative a feature."""

        def along(axis):
            return jax.jvp(function, (share,), (jnp.broadcast_to(axis, share.shape),))

        value, slope = jax.vmap(along, out_axes=(None, 1))(axes)
        return value, jnp.where(jnp.isfinite(slope), slope, 0.0)

    def affordable(_, share):
        """The nearest affordable point, to first order, along the coordinates that the box leaves free."""
        value, slope = linearise(log_cost, share)
        over = jnp.maximum(value - jnp.log(jnp.maximum(money, tiny)), 0.0)
        slope = jnp.where(((share <= 0) & (slope > 0)) | ((share >= 1) & (slope < 0)), 0.0, slope)
        size = jnp.maximum(jnp.sum(slope**2, axis=1), tiny)
        return jnp.clip(share - (over / size)[:, None] * slope, 0.0, 1.0)

    def moving(carry):
        number, (*_, length) = carry
        return (number <= num_steps) & jnp.any(length > NEAR)

    def step(carry):
        number, (share, value, slope, length) = carry
        free = ~((share <= 0) & (slope < 0)) & ~((share >= 1) & (slope > 0))
        slope = jnp.where(free, slope, 0.0)
        size = jnp.sqrt(jnp.sum(slope**2, axis=1, keepdims=True))
        tried = jnp.clip(share + length[:, None] * slope / jnp.maximum(size, tiny), 0.0, 1.0)
        tried = jax.lax.fori_loop(0, 3, affordable, tried)
        reached, steepness = linearise(objective, tried)
        within = cost(bounds.x(tried)) <= money * (1 + 1e-9)
        reached = jnp.where(within & jnp.isfinite(reached), reached, -jnp.inf)
        better = reached > value
        arrived = (
            jnp.where(better[:, None], tried, share),
            jnp.where(better, reached, value),
            jnp.where(better[:, None], steepness, slope),
            length * jnp.where(better, 1.5, 0.4),
        )
        return number + 1, arrived

    # The first step goes nowhere and only evaluates the start: one evaluation is compiled, not two.
    rows = start.shape[0]
    nowhere = (
        start,
        jnp.full(rows, -jnp.inf, start.dtype),
        jnp.zeros_like(start),
        jnp.full(rows, 0.1, start.dtype),
    )
    _, (share, value, *_) = jax.lax.while_loop(moving, step, (0, nowhere))
    return Climb(share, value)
