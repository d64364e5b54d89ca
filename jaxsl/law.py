"""What a scaling law is: one function of one parameter vector and one configuration, with a box.

A law file needs nothing else from jaxsl:

>>> from jaxsl.law import Law, params, power
>>> def loss(theta, x):
...     "L = E + A N^-alpha"
...     E, A, alpha = theta
...     (N,) = x
...     return E + A * power(N, -alpha)
>>> law = Law("mine", loss, inputs=("N",),
...     params=params(E=(0, 10), A=(1, 1e6), alpha=(0.05, 2)), linear=("E", "A"))
>>> law.num_params, law.num_outputs, law.formula
(3, 1, 'L = E + A N^-alpha')
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

R = TypeVar("R")

# Derivatives an outcome above which they are taken backward: with 31 of them (lr_bsz/sl_7) in a fifth of the
# time, with 14 in three quarters; with 9 (farseer/sl_1) forward is faster.
WIDE = 12


@dataclass(frozen=True)
class Param:
    """One parameter of a law and the closed interval it is searched in.

    A positive ``lower`` bound means the parameter is fitted, started and given its prior in
    logarithmic coordinates, unless ``prior`` says what is thought of the parameter itself: the mean, and the
    unit that its prior's deviation is counted in, in place of the box's middle and quarter.

    Example:
        >>> Param("alpha", 0.05, 2).log, Param("E", 0, 10).log
        (True, False)
    """

    name: str
    lower: float
    upper: float
    doc: str = ""
    prior: tuple[float, float] | None = None

    def __post_init__(self):
        if not (np.isfinite(self.lower) and np.isfinite(self.upper) and self.lower < self.upper):
            raise ValueError(
                f"parameter {self.name}: box [{self.lower}, {self.upper}] must be finite with lower < upper"
            )

    @property
    def log(self) -> bool:
        """Whether the parameter lives in logarithmic coordinates."""
        return self.lower > 0 and self.prior is None


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False)
class Law:
    """A scaling law ``y = f(x; theta)``.

    ``function(theta, x)`` takes ``theta (param,)`` and one configuration ``x (feature,)`` in the order
    of ``params`` and ``inputs`` and returns a scalar, or ``(output,)`` for several outputs. It must be
    traceable by JAX. A law is compared by identity and is a pytree without leaves, so it can be an
    argument of ``jit``, static or not.

    Args:
        name: the id, such as ``"data_con/sl_5"``.
        function: the law itself.
        inputs: names of the features, in the order of ``x``.
        params: parameters with their boxes, in the order of ``theta``.
        outputs: names of the outputs, in the order of ``y``.
        linear: names of parameters in which the law is jointly affine while the others are held
            fixed; the solver eliminates them exactly (variable projection).
        formula: the formula in plain text; by default the first paragraph of the function's docstring.
        source: where the law comes from, with the number of the equation.
        estimates: published parameter vectors by name.
        estimate_sources: where one of those comes from, by its name, when that is not ``source``.
        nonnegative: names of inputs that may be 0, such as a share of a mixture; all others are positive.
        separable: whether output ``i`` depends on the ``i``-th of equal consecutive stretches of ``theta``
            alone; the solver then fits the outputs one by one and combines their optima.

    Raises:
        ValueError: when names repeat, a box is empty, ``linear`` or ``estimates`` do not match ``params``,
            ``estimate_sources`` does not match ``estimates``, ``nonnegative`` does not match ``inputs``, or
            the parameters of a separable law are not a multiple of its outputs.
    """

    name: str
    function: Callable[[Array, Array], Array]
    inputs: tuple[str, ...]
    params: tuple[Param, ...]
    outputs: tuple[str, ...] = ("loss",)
    linear: tuple[str, ...] = ()
    formula: str = ""
    source: str = ""
    estimates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    nonnegative: tuple[str, ...] = ()
    separable: bool = False
    estimate_sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        names = [param.name for param in self.params]
        for what, values in (("parameter", names), ("input", self.inputs), ("output", self.outputs)):
            if not values:
                raise ValueError(f"law {self.name}: needs at least one {what}")
            repeated = sorted({value for value in values if list(values).count(value) > 1})
            if repeated:
                raise ValueError(f"law {self.name}: {what} names repeat: {', '.join(repeated)}")
        unknown = [name for name in self.linear if name not in names]
        if unknown:
            raise ValueError(f"law {self.name}: linear names no parameter: {', '.join(unknown)}")
        unknown = [name for name in self.nonnegative if name not in self.inputs]
        if unknown:
            raise ValueError(f"law {self.name}: nonnegative names no input: {', '.join(unknown)}")
        if self.separable and len(names) % len(self.outputs):
            raise ValueError(
                f"law {self.name}: separable needs equally many parameters for each of {len(self.outputs)} "
                f"outputs; there are {len(names)} in all"
            )
        for label, theta in self.estimates.items():
            if len(theta) != len(names):
                raise ValueError(
                    f"law {self.name}: estimate {label!r} has {len(theta)} values for {len(names)} parameters"
                )
        unknown = [name for name in self.estimate_sources if name not in self.estimates]
        if unknown:
            raise ValueError(f"law {self.name}: estimate_sources names no estimate: {', '.join(unknown)}")
        for which in ("estimates", "estimate_sources"):
            object.__setattr__(self, which, MappingProxyType(dict(getattr(self, which))))
        paragraph = (getattr(self.function, "__doc__", None) or "").strip().split("\n\n")[0]
        object.__setattr__(self, "formula", self.formula or " ".join(paragraph.split()))

    def __repr__(self) -> str:
        return f"Law({self.name!r}: {self.formula or ', '.join(self.inputs)})"

    @property
    def num_params(self) -> int:
        """Number of parameters, P."""
        return len(self.params)

    @property
    def num_outputs(self) -> int:
        """Number of outputs, D."""
        return len(self.outputs)

    @property
    def real(self) -> np.ndarray:
        """Which entries of ``theta`` the law has, ``(param,)`` of bool: all; see ``jaxsl.one_of``."""
        return np.ones(self.num_params, bool)

    @property
    def num_real(self) -> int:
        """How many those are."""
        return self.num_params

    @cached_property
    def lower(self) -> np.ndarray:
        """Lower bounds, ``(param,)``."""
        return np.array([param.lower for param in self.params])

    @cached_property
    def upper(self) -> np.ndarray:
        """Upper bounds, ``(param,)``."""
        return np.array([param.upper for param in self.params])

    @cached_property
    def log(self) -> np.ndarray:
        """Which parameters live in logarithmic coordinates, ``(param,)`` of bool."""
        return np.array([param.log for param in self.params])

    @cached_property
    def linear_index(self) -> tuple[int, ...]:
        """Positions of the parameters the law is affine in."""
        return tuple(i for i, param in enumerate(self.params) if param.name in self.linear)

    def apply(self, function: Callable[..., R], *args: Array) -> R:
        """``function(law, *args)``; of ``jaxsl.one_of.OneOf`` with the law that is meant."""
        return function(self, *args)

    def point(self, theta: Array, x: Array) -> Array:
        """``f(x; theta)`` at one configuration: ``(param,), (feature,) -> (output,)``."""
        return jnp.reshape(self.function(theta, x), (self.num_outputs,))

    def predict(self, theta: Array, x: Array) -> Array:
        """``f`` at many configurations: ``(param,), (row, feature) -> (row, output)``."""
        return jax.vmap(self.point, (None, 0))(theta, x)

    def jacobian(self, theta: Array, x: Array) -> Array:
        """``df/dtheta``: ``(param,), (row, feature) -> (row, output, param)``."""
        return self.linearise(theta, x)[1]

    def linearise(self, theta: Array, x: Array) -> tuple[Array, Array]:
        """``predict`` and ``jacobian`` in one evaluation."""

        def twice(theta, x):
            value = self.point(theta, x)
            return value, value

        along = jax.jacrev if self.num_params > WIDE * self.num_outputs else jax.jacfwd
        jacobian, value = jax.vmap(along(twice, has_aux=True), (None, 0))(theta, x)
        return value, jacobian


def params(**intervals: tuple) -> tuple[Param, ...]:
    """Parameters in the order given: ``params(E=(0, 10), alpha=(0.05, 2, "decay exponent in N"))``.

    Example:
        >>> [param.name for param in params(E=(0, 10), alpha=(0.05, 2, "decay exponent in N"))]
        ['E', 'alpha']
    """
    return tuple(Param(name, *interval) for name, interval in intervals.items())


def power(base: Array, exponent: Array) -> Array:
    """``base ** exponent`` for ``base >= 0`` as ``exp(exponent log base)``, with finite derivatives at 0.

    ``0 ** 0`` is 1, ``0 ** c`` is 0 for ``c > 0``. Where the base is data, XLA takes its logarithm once
    for a whole fit.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> float(power(jnp.array(0.0), 0.5)), float(jax.grad(power)(0.0, 0.5))
        (0.0, 0.0)
    """
    positive = base > 0
    value = jnp.exp(exponent * jnp.log(jnp.where(positive, base, 1.0)))
    return jnp.where(positive, value, jnp.where(exponent == 0, 1.0, 0.0))
