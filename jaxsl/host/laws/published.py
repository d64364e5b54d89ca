"""Laws published as ``f(data_points, params)``, the form of discovered laws, wrapped as ``Law``.

Such a function takes ``data_points (row, feature)`` and ``params (param,)`` and is written with NumPy
(arXiv:2507.21184 fixed the form). Here it is rebuilt with ``jax.numpy`` in NumPy's place, and refused where
that cannot be traced.
"""

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.laws.traceable import check_traceable
from jaxsl.law import Law, params


def law_from_function(
    function: Callable,
    name: str,
    inputs: Sequence[str],
    intervals: Mapping[str, tuple],
    outputs: Sequence[str] = ("loss",),
    source: str = "",
) -> Law:
    """A law from ``function(data_points (row, feature), params (param,)) -> (row,) or (row, output)``.

    Args:
        function: the law as published; it is not changed.
        name, inputs, outputs, source: as in ``Law``.
        intervals: parameter -> ``(lower, upper)``, in the order of ``params``.

    Raises:
        UserError: when it cannot be traced by JAX; says where and why.
    """
    rebuilt = with_jax_numpy(function)

    def point(theta, x):
        return jnp.asarray(rebuilt(x[None, :], theta))

    point.__doc__ = function.__doc__
    law = Law(name, point, tuple(inputs), params(**intervals), outputs=tuple(outputs), source=source)
    check_traceable(law)
    return law


def with_jax_numpy(function: Callable) -> Callable:
    """The same function with ``jax.numpy`` where its module says ``numpy``, in its helpers too."""
    if not isinstance(function, FunctionType):
        return function
    scope: dict[str, Any] = {}
    scope.update({name: _replaced(value, function, scope) for name, value in function.__globals__.items()})
    return _replaced(function, function, scope)


def _replaced(value: Any, origin: FunctionType, scope: dict[str, Any]) -> Any:
    """``value`` for the rebuilt module ``scope``."""
    if value is np:
        return jnp
    if isinstance(value, np.ufunc):
        return getattr(jnp, value.__name__, value)
    if isinstance(value, FunctionType) and value.__globals__ is origin.__globals__:
        copy = FunctionType(value.__code__, scope, value.__name__, value.__defaults__, value.__closure__)
        copy.__kwdefaults__ = value.__kwdefaults__
        return copy
    return value


def published_law(module: ModuleType, place: str, attribute: str) -> Law:
    """The law in a file that gives ``INPUTS`` and ``PARAMS`` beside the function called ``attribute``.

    Raises:
        UserError: when the two are missing or no lists of names and intervals, or the law cannot be traced.
    """
    inputs, intervals = getattr(module, "INPUTS", None), getattr(module, "PARAMS", None)
    if inputs is None or intervals is None:
        raise UserError(
            f"{attribute} of {place} is a function and no Law; make it one with Law(...), or, where it takes "
            f"(data_points, params), say beside it what it takes: INPUTS = ('N', 'D') and "
            f"PARAMS = {{'A': (1, 1e6), 'alpha': (0.05, 1)}}"
        )
    try:
        outputs = getattr(module, "OUTPUTS", ("loss",))
        return law_from_function(
            getattr(module, attribute), f"{place}:{attribute}", inputs, intervals, outputs
        )
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{place}: {error}; INPUTS lists names, PARAMS maps names to (lower, upper)"
        ) from None
