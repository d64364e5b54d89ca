"""Laws in the unit of the outcomes: losses in thousandths or per cent have floors and amplitudes in it too.

The boxes of a law are written for outcomes of some size, and tell it by the box of its floor, the parameter
that is added to everything: outcomes lie above it, but not by orders of magnitude. Where they do, or lie far
below the box, they are taken to be in another unit, a power of ten ``s`` away, and the law becomes
``s f(x; theta)`` with its floors and amplitudes, the parameters that it is affine in, in that unit too.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxsl.law import Law

LOSS, USUAL = "loss", 10.0  # an outcome whose laws may have no floor, and an upper bound of floors
BEYOND, BELOW = 2.0, 1e-3  # the floor's upper bound times these is where outcomes of the same unit lie
SHARE = 0.1  # of the outcomes are smaller than the one that is looked at, so that a bad run decides nothing


def unit(law: Law, x: Array, y: ArrayLike, floors: Callable[[Law, Array], Array] | None = None) -> float:
    """The power of ten ``s`` that outcomes ``y (row, output)`` at ``x (row, feature)`` are counted in.

    With ``u`` the upper bound of the floor's box and ``y_0`` the size of a small outcome (its tenth part is
    smaller), ``s`` is 1 where ``u / 1000 <= y_0 <= 2 u``, else such that ``u / 10 < y_0 / s <= u``. 1 of a
    law without a floor, unless it predicts a loss, for which ``u`` is 10.

    Args:
        law: the law. x, y: the runs.
        floors: ``added``, which None stands for, or that compiled.

    Example:
        >>> import numpy as np
        >>> from laws.chinchilla import CHINCHILLA
        >>> x, y = np.array([[1e8, 2e9], [2e8, 4e9]]), np.array([[3.4], [3.1]])
        >>> [unit(CHINCHILLA, x, factor * y) for factor in (1, 100, 1000, 0.001)]
        [1.0, 100.0, 1000.0, 0.001]
    """
    is_floor = np.asarray((floors or added)(law, x))
    bounds = [param.upper for param, here in zip(law.params, is_floor, strict=True) if here]
    largest = max(bounds, default=USUAL if LOSS in law.outputs else 0.0)
    outcomes = np.abs(np.asarray(y))
    size = float(np.quantile(outcomes, SHARE)) if outcomes.size else 0.0
    if not largest or not size or BELOW * largest <= size <= BEYOND * largest:
        return 1.0
    return float(f"1e{int(np.ceil(np.log10(size / largest) - 1e-9))}")


def added(law: Law, x: Array) -> Array:
    """Which of the parameters that a law is affine in are added to outputs at ``x`` and do nothing else.

    ``(param,)`` of bool: those of which all derivatives in the middle of the box are 1 or 0, and one is 1.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> added(CHINCHILLA, jnp.array([[1e8, 2e9]])).tolist()
        [True, False, False, False, False]
    """
    change = law.jacobian(jnp.asarray((law.lower + law.upper) / 2), x)
    alone = jnp.any(change == 1, axis=(0, 1)) & jnp.all((change == 0) | (change == 1), axis=(0, 1))
    return alone & np.isin(np.arange(law.num_params), law.linear_index)


@cache
def in_unit(law: Law, size: float) -> Law:
    """``s f(x; theta)`` with floors and amplitudes in the outcome's own unit; the law itself in the unit 1.

    Those are the parameters that the law is affine in: they are divided by ``s`` inside, and their boxes are
    ``s`` times as large.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> [(param.lower, param.upper) for param in in_unit(CHINCHILLA, 1000.0).params[:3]]
        [(10.0, 10000.0), (10.0, 10000000000000.0), (0.02, 2)]
    """
    if size == 1:
        return law
    within = np.array([size if param.name in law.linear else 1.0 for param in law.params])

    def function(theta: Array, x: Array) -> Array:
        return size * law.function(theta / jnp.asarray(within, theta.dtype), x)

    params = tuple(
        replace(param, lower=param.lower * size, upper=param.upper * size)
        if param.name in law.linear
        else param
        for param in law.params
    )
    return replace(law, function=function, params=params, formula=law.formula)
