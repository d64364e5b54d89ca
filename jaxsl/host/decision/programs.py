"""The compiled programs behind decisions: what a law's components say, what drawn curves say, how flat."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.decision import Flatness, Optimum, Quantity, Reach, Regret, Space, aimed, curves, delta, draws
from jaxsl.decision.curve import Curves, DiscrepantCurves
from jaxsl.decision.faithful import log_weights, truncated
from jaxsl.host.compiled import compiled
from jaxsl.pool import Observations
from jaxsl.posterior import Posterior, Predictive, Tabulated


class Ask(eqx.Module):
    """Decisions that are asked for together.

    Attributes:
        level: of each, ``(ask,)``: the logarithm of a cost, or a loss to reach.
        centre: configurations about which a discrepancy is a plane, ``(ask, feature)``.
        start: logarithms of inputs to search from, ``(ask, start, feature)``.
    """

    level: Array
    centre: Array
    start: Array


def _curves(posterior: Posterior, centre: Array) -> Curves:
    possible = curves(posterior, centre)
    return possible.about(centre) if isinstance(possible, DiscrepantCurves) else possible


def num_factors(posterior: Posterior) -> int:
    """How many standard normal numbers make a curve; in double precision."""
    return curves(posterior, jnp.ones(1)).num_factors


def _quantity(space: Space, inputs: tuple[int, ...], reach: bool, level, start, choice=None) -> Quantity:
    """The best inputs and the loss at a cost, with a choice's regret; or the cost of a loss, and inputs."""
    if reach:
        names = ("cost", *map(str, inputs))
        return Quantity(Reach(space, level, start, inputs), names, ("",) * len(names), (True,) * len(names))
    names = (*map(str, inputs), "loss", *(() if choice is None else ("regret",)))
    optimum = Optimum(space, level[None], start[None], inputs, None if choice is None else choice[None])
    log = tuple(name not in ("loss", "regret") for name in names)
    return Quantity(optimum, names, ("",) * len(names), log)


@compiled
def believed(
    posterior: Posterior, space: Space, inputs: tuple[int, ...], reach: bool, ask: Ask
) -> Predictive:
    """Every decision in every component by the delta method.

    Returns:
        mean ``(ask, component, k, 1)``, root ``(ask, component, k, 1, factor)``.
    """

    def one(ask):
        quantity = _quantity(space, inputs, reach, ask.level, ask.start)
        return delta(quantity, _curves(posterior, ask.centre))

    return jax.lax.map(one, ask)


@compiled
def drawn(
    posterior: Posterior,
    space: Space,
    inputs: tuple[int, ...],
    reach: bool,
    ask: Ask,
    choice: Array,
    index: Array,
    u: Array,
) -> Array:
    """Every decision of drawn curves, the same in all: ``(ask, draw, k)``; see ``jaxsl.decision.draws``.

    Args:
        posterior, space, inputs, reach, ask: as above.
        choice: configurations whose regret is the last of the values at a cost, ``(ask, feature)``.
        index, u: component and standard normal numbers of each draw.
    """

    def one(item):
        ask, choice = item
        quantity = _quantity(space, inputs, reach, ask.level, ask.start, None if reach else choice)
        return draws(quantity, _curves(posterior, ask.centre), index, u)

    return jax.lax.map(one, (ask, choice))


@compiled
def faithful(
    posterior: Posterior, observations: Observations, bad: Array, index: Array, u: Array, scale: Array
) -> tuple[Array, Array]:
    """Shares of drawn curves by how they keep to the runs, and how many draws those are worth."""
    possible = curves(posterior, observations.x[0])
    assert isinstance(possible, DiscrepantCurves)
    return truncated(log_weights(possible, observations, bad, index, u, scale))


@compiled
def flatness(
    posterior: Posterior, space: Space, inputs: tuple[int, ...], slot: Array, ask: Ask, factor: Array
) -> Array:
    """Times the cost to be as good with an input off its best, ``(ask, input, factor)``; by one component."""

    def one(ask):
        possible = _curves(posterior, ask.centre)
        predict = possible.curve(slot, jnp.zeros(possible.num_factors))

        def of(index):
            return Flatness(space, ask.level, ask.start, index, factor)(predict)

        return jax.lax.map(of, jnp.array(inputs))

    return jax.lax.map(one, ask)


@compiled
def regretted(
    posterior: Posterior, space: Space, slot: Array, root: Array | None, ask: Ask, x: Array
) -> tuple[Tabulated, Array]:
    """A law's components with the regret of one decision as their target (``jaxsl.decision.Regret``).

    Args:
        posterior, space, ask: the law, where, and the one decision.
        slot: the component whose curvature counts where no root is given.
        root: ``(H / 2)^(1/2)``, ``(feature, feature)``.
        x: candidates, ``(row, feature)``.

    Returns:
        a table whose first rows are the regret's coordinates and whose others are candidates, and the root.
    """
    ask = jax.tree.map(lambda leaf: leaf[0], ask)
    possible = _curves(posterior, ask.centre)
    optimum = Optimum(space, ask.level[None], ask.start[None], (0,))
    if root is None:
        predict = possible.curve(slot, jnp.zeros(possible.num_factors))
        values, vectors = jnp.linalg.eigh(optimum.found(predict, ask.level, ask.start).curvature)
        root = (vectors * jnp.sqrt(jnp.maximum(values, 0.0) / 2)) @ vectors.T
    num = root.shape[0]
    names = tuple(map(str, range(num)))
    # A target's rows are averaged; a regret is the sum of its coordinates.
    quantity = Quantity(Regret(optimum, num**0.5 * root[None]), names, names, (False,) * num)
    table, _, _ = aimed(posterior, delta(quantity, possible), x)
    return table, root


@compiled
def least_losses(
    posterior: Posterior, space: Space, slot: Array, ask: Ask, x: Array
) -> tuple[Tabulated, Array]:
    """A law's components with the least loss at one cost as their target.

    Args:
        posterior, space, ask, x: as of ``regretted``.
        slot: the component whose price is told.

    Returns:
        a table whose first row is the least loss and whose others are candidates, and what that loss
        changes by when the logarithm of the cost rises by one.
    """
    ask = jax.tree.map(lambda leaf: leaf[0], ask)
    possible = _curves(posterior, ask.centre)
    optimum = Optimum(space, ask.level[None], ask.start[None], (0,))
    found = delta(Quantity(optimum, ("0", "loss"), ("", ""), (True, False)), possible)
    table, _, _ = aimed(posterior, Predictive(found.mean[:, 1:], found.root[:, 1:]), x)
    predict = possible.curve(slot, jnp.zeros(possible.num_factors))
    return table, optimum.found(predict, ask.level, ask.start).price
