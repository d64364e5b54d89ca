"""Laws take turns: one function of every law, one after the other, those that share a program in a loop.

Programs that need nothing of each other would be run at once by XLA, on the threads of one pool, and nested
loops there have been seen to wait for each other for ever.
"""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.basins import Basins
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.fit import Fit
from jaxsl.one_of import AnyLaw, OneOf, places, sharing, stacked
from jaxsl.pool import Observations


def in_turn(
    function: Callable,
    laws: tuple[AnyLaw, ...],
    runs: Observations,
    optima: Sequence[Array],
    num_optima: Sequence[Array],
) -> list:
    """``function(law, number, runs, optima, num_optima)`` of every law, in turn.

    Args:
        function: what is learned of one law, a pytree; any ``Fit``, ``Basins`` or ``DiscrepantPosterior`` in
            it comes back in the law's own parameters.
        laws: the laws; ``number`` is a law's place among them.
        runs: the observations.
        optima: earlier best fits of each law, ``(warm, param)``.
        num_optima: how many of them there are, a scalar int a law.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.pool import observe
        >>> from laws import kaplan, moe
        >>> laws = moe.SL_1, kaplan.SIZE_DATA
        >>> runs = observe(jnp.ones((2, 1)), jnp.array([[3.0], [4.0]]))
        >>> optima, num = [jnp.ones((1, law.num_params)) for law in laws], [jnp.array(1)] * 2
        >>> in_turn(lambda law, number, runs, *_: number + jnp.sum(runs.y), laws, runs, optima, num)
        [Array(7., dtype=float64), Array(8., dtype=float64)]
    """
    found = dict[int, Any]()
    for group in sharing(laws):
        given = [(optima[number], num_optima[number]) for number in group]
        if len(group) == 1:
            results = [function(laws[group[0]], group[0], runs, *given[0])]
        else:
            results = _loop(tuple(laws[number] for number in group), group, function, runs, given)
        found |= zip(group, results, strict=True)
        runs = _after(runs, jnp.max(jnp.abs(jax.tree.leaves(results)[0])))
    return [found[number] for number in range(len(laws))]


def _loop(laws: tuple, numbers: tuple[int, ...], function: Callable, runs: Observations, given: list) -> list:
    """``in_turn`` of laws that share a program; what is found is in the parameters of each law."""
    optima, num_optima = zip(*given, strict=True)
    each = jnp.arange(len(laws)), jnp.array(numbers), stacked(laws, optima), jnp.stack(num_optima)
    many = jax.lax.map(lambda one: function(OneOf(laws, one[0]), one[1], runs, *one[2:]), each)

    def has_params(part: Any) -> bool:
        return isinstance(part, Fit | Basins | DiscrepantPosterior)

    def own(index: int, place: tuple[int, ...]) -> Any:
        one = jax.tree.map(lambda leaf: leaf[index], many)

        def of(part: Any) -> Any:
            if isinstance(part, DiscrepantPosterior):
                return part.of(laws[index], place)
            return part.at(place) if has_params(part) else part

        return jax.tree.map(of, one, is_leaf=has_params)

    return [own(index, place) for index, place in enumerate(places(laws))]


def _after(observations: Observations, earlier: Array) -> Observations:
    """The same observations, but not before ``earlier``, a number that is never negative, is known.

    By arithmetic: XLA for CPUs (JAX 0.10) takes ``jax.lax.optimization_barrier`` out before it schedules, and
    two loops with a barrier between them then need nothing of each other.
    """
    return eqx.tree_at(lambda runs: runs.y, observations, observations.y + jnp.where(earlier < 0, 1.0, 0.0))
