"""Laws with different inputs, side by side: each over all of their inputs, from which it picks its own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp

from jaxsl.host.laws.declared import listed
from jaxsl.law import Law, params


def common_inputs(laws: Sequence[Law]) -> tuple[Law, ...]:
    """The laws over one list of inputs, in the order of their first appearance.

    An input may be 0 where one law at least allows it, so that all laws agree on what is near the target.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> from laws.kaplan import DATA
        >>> tokens, both = common_inputs((DATA, CHINCHILLA))
        >>> tokens.inputs, both.inputs
        (('D', 'N'), ('D', 'N'))
    """
    inputs = tuple(dict.fromkeys(name for law in laws for name in law.inputs))
    nonnegative = tuple(name for name in inputs if any(name in law.nonnegative for law in laws))
    return tuple(over(law, inputs, nonnegative) for law in laws)


@cache
def over(law: Law, inputs: tuple[str, ...], nonnegative: tuple[str, ...] = ()) -> Law:
    """``law`` as a function of ``inputs``, of which its own are some; the law itself where they agree.

    The same arguments give the same law, so that a program is compiled once for it.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> law = Law("size", lambda theta, x: theta[0] * x[0], ("N",), params(a=(0, 9)))
        >>> wider = over(law, ("U", "N"))
        >>> wider.predict(jnp.array([2.0]), jnp.array([[7.0, 5.0]])).tolist()
        [[10.0]]
    """
    if inputs == law.inputs and set(nonnegative) == set(law.nonnegative):
        return law
    columns = tuple(inputs.index(name) for name in law.inputs)

    def picked(theta, x):
        return law.function(theta, jnp.stack([x[column] for column in columns]))

    return replace(law, function=picked, inputs=inputs, nonnegative=nonnegative)


def whole(laws: Sequence[Law]) -> Law:
    """The law; of several over the same inputs, their ``stand_in``.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> whole((CHINCHILLA,)) is CHINCHILLA
        True
    """
    return laws[0] if len(laws) == 1 else stand_in(laws)


def stand_in(laws: Sequence[Law]) -> Law:
    """A law of the same inputs and outputs that is finite everywhere, to read tables with for all of them.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> from laws.kaplan import DATA
        >>> both = stand_in(common_inputs((DATA, CHINCHILLA)))
        >>> both.name, both.inputs, both.outputs
        ('kaplan/d, chinchilla', ('D', 'N'), ('loss',))
    """

    def level(theta: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.broadcast_to(theta[0], (laws[0].num_outputs,))

    return Law(
        listed([law.name for law in laws]),
        level,
        laws[0].inputs,
        params(level=(-1, 1)),
        laws[0].outputs,
        nonnegative=laws[0].nonnegative,
    )
