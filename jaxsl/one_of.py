"""One of several laws, told by a number: what takes a law takes this, and one program serves them all.

To compile a fit takes seconds and to run it a fraction of one, and the program of one law differs from that
of another only where the law is evaluated. There ``OneOf`` branches by its number, which may be traced;
whatever else depends on the law, such as its box, is an array that the number picks.

Parameter vectors are laid out alike: first the parameters in which a law is affine, then the others, each
filled up to the most that one of the laws has. What fills up stands at the centre of a box, 0, has no effect
and so stays there; ``real`` tells it apart, ``places`` says where the parameters of each law went.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.law import Law, Param

WIDEST = 9  # parameters of laws laid out alike: the work of a step grows with their square
FILLING = 1e-30  # half the width of a box around nothing, positive and small in single precision too

R = TypeVar("R")


class OneOf(eqx.Module):
    """The law of number ``index`` among ``laws``, with the interface of a ``Law``.

    Attributes:
        laws: over the same inputs, with equally many outputs, none of them separable.
        index: a scalar int, traced or not.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> up = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> line = Law("line", up, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> flat = Law("flat", lambda theta, x: theta[0], ("x",), params(a=(-9, 9)))
        >>> predict = jax.jit(lambda law, theta, x: law.predict(theta, x))
        >>> theta, x = jnp.array([1.0, 2.0]), jnp.array([[3.0]])
        >>> [predict(OneOf((line, flat), i), theta, x).tolist() for i in jnp.arange(2)]
        [[[7.0]], [[1.0]]]
        >>> OneOf((line, flat), jnp.array(1)).real.tolist()
        [True, False]
    """

    laws: tuple[Law, ...]
    index: Array

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.laws[0].inputs

    @property
    def num_outputs(self) -> int:
        """Number of outputs, D."""
        return self.laws[0].num_outputs

    @property
    def separable(self) -> bool:
        """Never: the outputs of separable laws are fitted one by one, each law in its own way."""
        return False

    @property
    def num_params(self) -> int:
        """Length of a parameter vector, with what fills it up."""
        return alike(self.laws)[0].num_params

    @property
    def linear_index(self) -> tuple[int, ...]:
        """Positions of the parameters that every law is affine in, or that fill up."""
        return alike(self.laws)[0].linear_index

    @property
    def real(self) -> Array:
        """Which entries of a parameter vector the law has, ``(param,)`` of bool."""
        has = [np.isin(np.arange(self.num_params), place) for place in places(self.laws)]
        return jnp.asarray(np.stack(has))[self.index]

    @property
    def num_real(self) -> Array:
        """Number of parameters of the law, P, a scalar int."""
        return jnp.asarray([law.num_params for law in self.laws])[self.index]

    def apply(self, function: Callable[..., R], *args: Array) -> R:
        """``function(law, *args)`` of the law meant, laid out like the others; a branch for each."""
        return jax.lax.switch(
            self.index, [lambda *args, law=law: function(law, *args) for law in alike(self.laws)], *args
        )

    def predict(self, theta: Array, x: Array) -> Array:
        """``f`` at many configurations: ``(param,), (row, feature) -> (row, output)``."""
        return self.apply(Law.predict, theta, x)

    def jacobian(self, theta: Array, x: Array) -> Array:
        """``df/dtheta``: ``(param,), (row, feature) -> (row, output, param)``."""
        return self.linearise(theta, x)[1]

    def linearise(self, theta: Array, x: Array) -> tuple[Array, Array]:
        """``predict`` and ``jacobian`` in one evaluation."""
        return self.apply(Law.linearise, theta, x)


AnyLaw = Law | OneOf


@lru_cache(maxsize=128)
def places(laws: tuple[Law, ...]) -> tuple[tuple[int, ...], ...]:
    """Where the parameters of each law stand in the vectors laid out alike, in the law's own order.

    Example:
        >>> from laws.moe import SL_1, SL_2
        >>> SL_1.num_params, SL_2.num_params, places((SL_1, SL_2))
        (4, 5, ((0, 1, 2, 3), (0, 1, 2, 3, 4)))
        >>> width((SL_1, SL_2)), [law.num_params for law in alike((SL_1, SL_2))]
        (5, [5, 5])
    """
    affine, found = _most_affine(laws), []
    for law in laws:
        order = [*law.linear_index, *(i for i in range(law.num_params) if i not in law.linear_index)]
        gap = affine - len(law.linear_index)
        place = {i: at if at < len(law.linear_index) else at + gap for at, i in enumerate(order)}
        found.append(tuple(place[i] for i in range(law.num_params)))
    return tuple(found)


def _most_affine(laws: tuple[Law, ...]) -> int:
    """The most parameters that one of the laws is affine in."""
    return max(len(law.linear_index) for law in laws)


def width(laws: tuple[Law, ...]) -> int:
    """Length of the parameter vectors of these laws laid out alike."""
    return 1 + max(max(place) for place in places(laws))


@lru_cache(maxsize=128)
def alike(laws: tuple[Law, ...]) -> tuple[Law, ...]:
    """The same laws as functions of parameter vectors laid out alike."""
    size, affine = width(laws), _most_affine(laws)

    def laid_out(law: Law, place: tuple[int, ...]) -> Law:
        slots = [Param(f"none_{slot}", -FILLING, FILLING) for slot in range(size)]
        for at, param in zip(place, law.params, strict=True):
            slots[at] = param
        return Law(
            law.name,
            lambda theta, x: law.function(theta[np.array(place)], x),
            law.inputs,
            tuple(slots),
            law.outputs,
            linear=tuple(slot.name for slot in slots[:affine]),
            nonnegative=law.nonnegative,
        )

    return tuple(laid_out(law, place) for law, place in zip(laws, places(laws), strict=True))


def sharing(laws: Sequence[AnyLaw], widest: int = WIDEST) -> tuple[tuple[int, ...], ...]:
    """Which of the laws may be each ``OneOf`` the others: groups of their numbers, by the first of each.

    Laws over the same inputs with equally many outputs, none separable, none longer than ``widest`` when laid
    out like the others of its group.

    Example:
        >>> from laws import kaplan, moe
        >>> sharing((moe.SL_1, kaplan.SIZE_DATA, moe.SL_2))
        ((0, 2), (1,))
        >>> one = shared(moe.SL_1, (moe.SL_1, kaplan.SIZE_DATA, moe.SL_2))
        >>> one.num_params, places(one.laws)[0]
        (5, (0, 1, 2, 3))
    """
    groups: list[list[int]] = []
    for number, law in enumerate(laws):
        for group in groups:
            if _may_share((*(laws[i] for i in group), law), widest):
                group.append(number)
                break
        else:
            groups.append([number])
    return tuple(map(tuple, groups))


def _may_share(laws: tuple[AnyLaw, ...], widest: int) -> bool:
    plain = tuple(law for law in laws if isinstance(law, Law) and not law.separable)
    same = len({(law.inputs, law.num_outputs) for law in plain}) == 1
    return len(plain) == len(laws) and same and width(plain) <= widest


def companions(law: Law, laws: Sequence[Law]) -> tuple[Law, ...]:
    """Those among ``laws`` that share a program with ``law``, itself included.

    Example:
        >>> from laws import kaplan, moe
        >>> [law.name for law in companions(moe.SL_2, (moe.SL_1, kaplan.SIZE_DATA, moe.SL_2))]
        ['moe/sl_1', 'moe/sl_2']
    """
    (group,) = (group for group in sharing(laws) if laws.index(law) in group)
    return tuple(laws[i] for i in group)


def shared(law: Law, laws: Sequence[Law]) -> AnyLaw:
    """A law as one of its companions among ``laws``; itself where it has none."""
    members = companions(law, laws)
    return law if len(members) == 1 else OneOf(members, cast(Array, np.int64(members.index(law))))


def stacked(laws: tuple[Law, ...], theta: Sequence[Array]) -> Array:
    """Parameter vectors of each law, ``(..., param)`` of its own, laid out alike: ``(law, ..., param)``.

    Example:
        >>> import jax.numpy as jnp
        >>> from laws.moe import SL_1, SL_2
        >>> stacked((SL_1, SL_2), [jnp.ones(4), jnp.ones(5)]).tolist()
        [[1.0, 1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    size = width(laws)
    return jnp.stack(
        [
            jnp.zeros((*one.shape[:-1], size), one.dtype).at[..., np.array(place)].set(one)
            for one, place in zip(theta, places(laws), strict=True)
        ]
    )
