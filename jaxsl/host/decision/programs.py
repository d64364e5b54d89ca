"""The compiled programs behind decisions: what a law's components say, what drawn curves say, how flat."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.decision import Flatness, Optimum, Quantity, Reach, Regret, Space, aimed, curves, delta, draws
from jaxsl.decision.curve import Curves, DiscrepantCurves
from jaxsl.decision.faithful import log_weights, truncated
from jaxsl.host.compiled import compiled
from jaxsl.host.programs.packing import array, pad
from jaxsl.pool import Observations, buffer_size
from jaxsl.posterior import Posterior, Predictive, Tabulated

FEWEST = 16  # decisions that a buffer has room for,
FEW_DRAWN = 4  # and one whose work is that of thousands of curves each
MANY = 2**13  # numbers of candidates: of so many, block after block, compiling at length is worth its 3 s
QUICK = 64  # numbers of few drawn decisions: of sixteen, of two inputs each, 0.3 s a call are worth 1.1 s


class Ask(eqx.Module):
    """Decisions that are asked for together, padded so that one program serves however many there are.

    Attributes:
        num: how many there are; those after them mean nothing, and no time is spent on them.
        level: of each, ``(ask,)``: the logarithm of a cost, or a loss to reach.
        centre: configurations about which a discrepancy is a plane, ``(ask, feature)``.
        start: logarithms of inputs to search from, ``(ask, start, feature)``.
    """

    num: Array
    level: Array
    centre: Array
    start: Array

    def at(self, place: int | Array) -> "Ask":
        """One of them, whose leaves have no ``ask`` axis."""
        return Ask(self.num, self.level[place], self.centre[place], self.start[place])


def ask(level: np.ndarray, centre: np.ndarray, start: np.ndarray, fewest: int = FEWEST) -> Ask:
    """Decisions, padded; arguments as the attributes of ``Ask``, and room for so many at least.

    Example:
        >>> found = ask(np.array([1.0, 2.0]), np.ones((2, 3)), np.zeros((2, 1, 3)))
        >>> int(found.num), found.level.shape
        (2, (16,))
    """
    size = buffer_size(len(level), fewest)
    return Ask(array(len(level)), *(array(pad(part, size)) for part in (level, centre, start)))


def _each(function: Callable[[Array], Any], num: Array, size: int) -> Any:
    """``function`` of the first ``num`` places, in rows of a buffer of so many; the others are 0."""
    function = jax.jit(function)  # traced once for its shapes and for its values
    shapes = jax.eval_shape(function, jnp.array(0))
    empty = jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape), leaf.dtype), shapes)

    def fill(place, found):
        return jax.tree.map(lambda rows, one: rows.at[place].set(one), found, function(place))

    return jax.lax.fori_loop(0, num, fill, empty)


def _curves(posterior: Posterior, centre: Array) -> Curves:
    possible = curves(posterior, centre)
    return possible.about(centre) if isinstance(possible, DiscrepantCurves) else possible


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

    def one(place):
        here = ask.at(place)
        return delta(_quantity(space, inputs, reach, here.level, here.start), _curves(posterior, here.centre))

    return _each(one, ask.num, len(ask.level))


@partial(compiled, small=QUICK, of=4)
def drawn(
    posterior: Posterior,
    space: Space,
    inputs: tuple[int, ...],
    reach: bool,
    ask: Ask,
    choice: Array,
    index: Array,
    u: Array | None,
) -> Array:
    """Every decision of drawn curves, the same in all: ``(ask, draw, k)``; see ``jaxsl.decision.draws``.

    Args:
        posterior, space, inputs, reach, ask: as above.
        choice: configurations whose regret is the last of the values at a cost, ``(ask, feature)``.
        index, u: component and standard normal numbers of each draw; without these its middle.
    """

    def one(place):
        here, chosen = ask.at(place), None if reach else choice[place]
        quantity = _quantity(space, inputs, reach, here.level, here.start, chosen)
        possible = _curves(posterior, here.centre)
        numbers = jnp.zeros((len(index), possible.num_factors)) if u is None else u
        return draws(quantity, possible, index, numbers)

    return _each(one, ask.num, len(ask.level))


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

    def one(place):
        here = ask.at(place)
        possible = _curves(posterior, here.centre)
        predict = possible.curve(slot, jnp.zeros(possible.num_factors))

        def of(index):
            return Flatness(space, here.level, here.start, index, factor)(predict)

        return jax.lax.map(of, jnp.array(inputs))

    return _each(one, ask.num, len(ask.level))


@partial(compiled, small=MANY, of=5)
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
    ask = ask.at(0)
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


@partial(compiled, small=MANY, of=4)
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
    ask = ask.at(0)
    possible = _curves(posterior, ask.centre)
    optimum = Optimum(space, ask.level[None], ask.start[None], (0,))
    found = delta(Quantity(optimum, ("0", "loss"), ("", ""), (True, False)), possible)
    table, _, _ = aimed(posterior, Predictive(found.mean[:, 1:], found.root[:, 1:]), x)
    predict = possible.curve(slot, jnp.zeros(possible.num_factors))
    return table, optimum.found(predict, ask.level, ask.start).price
