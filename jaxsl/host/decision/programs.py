"""The compiled programs behind decisions: what a law's components say, what drawn curves say, how flat."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.decision import Flatness, Optimum, Quantity, Reach, Regret, Space, curves, delta, draws
from jaxsl.decision.curve import Curves, DiscrepantCurves
from jaxsl.decision.faithful import log_weights, truncated
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.host.compiled import compiled
from jaxsl.pool import Observations
from jaxsl.posterior import Posterior, Predictive


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


def _quantity(space: Space, inputs: tuple[int, ...], reach: bool, level, start, choice=None) -> Quantity:
    """The best inputs and the loss at a cost, with the regret of a choice; or the cost of a loss and inputs."""
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
    posterior: DiscrepantPosterior, observations: Observations, bad: Array, index: Array, u: Array
) -> tuple[Array, Array]:
    """Shares of drawn curves by how they keep to the runs, and how many draws those are worth."""
    possible = curves(posterior, observations.x[0])
    assert isinstance(possible, DiscrepantCurves)
    return truncated(log_weights(possible, observations, bad, index, u))


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
def regret_root(posterior: Posterior, space: Space, slot: Array, ask: Ask) -> Array:
    """``(H / 2)^(1/2)`` of ``jaxsl.decision.Regret`` at the best of one component, ``(ask, feature, feature)``."""

    def one(ask):
        possible = _curves(posterior, ask.centre)
        predict = possible.curve(slot, jnp.zeros(possible.num_factors))
        optimum = Optimum(space, ask.level[None], ask.start[None], (0,))
        curvature = optimum.found(predict, ask.level, ask.start).curvature
        values, vectors = jnp.linalg.eigh(curvature)
        return (vectors * jnp.sqrt(jnp.maximum(values, 0.0) / 2)) @ vectors.T

    return jax.lax.map(one, ask)


@compiled
def regretted(posterior: Posterior, space: Space, root: Array, ask: Ask) -> Predictive:
    """``jaxsl.decision.Regret`` of one decision in every component, ``(component, feature, 1)``."""
    ask = jax.tree.map(lambda leaf: leaf[0], ask)
    optimum = Optimum(space, ask.level[None], ask.start[None], (0,))
    names = tuple(map(str, range(root.shape[-1])))
    quantity = Quantity(Regret(optimum, root), names, names, (False,) * len(names))
    return delta(quantity, _curves(posterior, ask.centre))
