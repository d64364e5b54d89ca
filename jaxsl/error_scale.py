"""On which scale errors are counted: of the outcomes themselves, of their logarithms, of their log odds.

With a scale ``g`` a law is fitted as ``g(f(x; theta))`` to ``g(y)``, and everything said of outcomes is
mapped back: medians and quantiles exactly, since ``g`` rises. Errors of logarithms are relative ones, and
intervals are positive; errors of log odds suit shares, and intervals lie between 0 and 1.

>>> import jax.numpy as jnp
>>> [float(scale.back(scale.of(jnp.array(0.25))).round(6)) for scale in SCALES.values()]
[0.25, 0.25, 0.25]
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import expit, logit

from jaxsl.law import Law


@dataclass(frozen=True)
class Scale:
    """A scale of outcomes.

    Attributes:
        name: of the scale.
        what: what errors are of, in words.
        of: from outcomes to the scale. back: from the scale to outcomes.
        lower, upper: outcomes lie strictly between.
    """

    name: str
    what: str
    of: Callable[[Any], Array]
    back: Callable[[Any], Array]
    lower: float = -jnp.inf
    upper: float = jnp.inf


ABSOLUTE = Scale("absolute", "the outcome", jnp.asarray, jnp.asarray)
LOG = Scale("log", "the outcome's logarithm", jnp.log, jnp.exp, 0.0)
ACCURACY = Scale("accuracy", "the share's log odds", logit, expit, 0.0, 1.0)
SCALES = {scale.name: scale for scale in (ABSOLUTE, LOG, ACCURACY)}


@cache
def on_scale(law: Law, scale: Scale) -> Law:
    """``g(f(x; theta))``: the law on a scale; itself on that of outcomes. Not a number where it has no value.

    It is affine in no parameter any more.

    Example:
        >>> import jax.numpy as jnp
        >>> from laws.kaplan import DATA
        >>> law = on_scale(DATA, LOG)
        >>> round(float(law.point(jnp.array([1e10, 0.1]), jnp.array([1e9]))[0]), 4)  # 0.1 log 10
        0.2303
    """
    if scale is ABSOLUTE:
        return law

    def function(theta: Array, x: Array) -> Array:
        value = jnp.asarray(law.function(theta, x))
        inside = (value > scale.lower) & (value < scale.upper)
        # The value is made safe before the function as well as after it: a derivative is never 0 times inf.
        safe = jnp.where(inside, value, 0.5)
        return jnp.where(inside, scale.of(safe), jnp.nan)

    return replace(law, function=function, formula=law.formula, linear=())
