"""Laws with fewer parameters, or other boxes and priors: from a law to a law.

What papers do to a fit is done to the law, so that whatever takes a law takes the result:

- ``constrained``: parameters fixed, tied or in a linear relation. Each relation eliminates one parameter, so
  that ``theta = M phi + c`` with the parameters ``phi`` that are left.
- ``boxed``: other bounds.
- ``with_priors``: a Gaussian prior of a parameter.

The same arguments give the same law, so that a program is compiled once for it.

>>> from laws.chinchilla import CHINCHILLA
>>> law = constrained(CHINCHILLA, (fixed("E", 1.69), Relation((("alpha", 1.0), ("beta", -2.0)))))
>>> [param.name for param in law.params], law.linear
(['A', 'B', 'beta'], ('A', 'B'))
>>> law.original.names, law.original.theta([400.0, 2000.0, 0.2]).tolist()
(('E', 'A', 'alpha', 'B', 'beta'), [1.69, 400.0, 0.4, 2000.0, 0.2])
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.law import Law, Param

NO_PART = 1e-12  # of a relation's largest coefficient, below which a parameter has no part in it
REACH = 6.0  # deviations of its prior within which a parameter is searched


@dataclass(frozen=True)
class Relation:
    """``sum_j coefficient_j theta_j = value``.

    Attributes:
        coefficients: pairs of a parameter's name and its coefficient; the first with a part in it that is
            still free is eliminated.
        value: the right-hand side.
        text: as a person wrote it.
    """

    coefficients: tuple[tuple[str, float], ...]
    value: float = 0.0
    text: str = ""

    def __str__(self) -> str:
        terms = " + ".join(f"{coefficient:g} {name}" for name, coefficient in self.coefficients)
        return self.text or f"{terms} = {self.value:g}"


def fixed(name: str, value: float) -> Relation:
    """A parameter held at a value."""
    return Relation(((name, 1.0),), value, f"{name} = {value:g}")


@dataclass(frozen=True, eq=False)
class Original:
    """The parameters ``theta = M phi + c`` of a law before it was constrained.

    Attributes:
        params: of the original law.
        matrix, constant: ``M (param, free)`` and ``c (param,)``.
        relation: the one that eliminated each parameter, as text; empty of those that are free.
    """

    params: tuple[Param, ...]
    matrix: np.ndarray
    constant: np.ndarray
    relation: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(param.name for param in self.params)

    def theta(self, free: np.ndarray) -> np.ndarray:
        """``(..., free) -> (..., param)``."""
        return np.asarray(free) @ self.matrix.T + self.constant


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False)
class Constrained(Law):
    """A law in the parameters that relations leave free.

    Attributes:
        original: from those to all parameters.
    """

    original: Original | None = None


@cache
def constrained(law: Law, relations: tuple[Relation, ...]) -> Law:
    """``law`` in the parameters that are left when all ``relations`` hold; itself without any.

    A parameter that equals a multiple of one that is left keeps its own box too: the box of the latter is
    narrowed. The law is affine in what is left where it only acts through parameters the law is affine in.

    Args:
        law: whose parameters are related.
        relations: in any order.

    Raises:
        ValueError: when a relation names no parameter of the law, contradicts the others, leaves no
            parameter or none of a box.
    """
    if not relations:
        return law
    names = [param.name for param in law.params]
    matrix, constant, free = np.eye(len(names)), np.zeros(len(names)), list(names)
    by: dict[str, str] = {}
    for relation in relations:
        row = np.zeros(len(names))
        for name, coefficient in relation.coefficients:
            if name not in names:
                raise ValueError(f"law {law.name} has no parameter {name!r}; it has {', '.join(names)}")
            row[names.index(name)] += coefficient
        left, value = row @ matrix, relation.value - row @ constant
        size = NO_PART * max(1.0, float(np.abs(row).max()))
        order = [free.index(name) for name, _ in relation.coefficients if name in free]
        order += [column for column in range(len(free)) if column not in order]
        pivots = [column for column in order if abs(left[column]) > size]
        if not pivots:
            if abs(value) > size * max(1.0, abs(relation.value)):
                raise ValueError(f"{relation} contradicts {', '.join(by.values()) or 'itself'}")
            continue
        pivot = pivots[0]
        if len(free) == 1:
            raise ValueError(f"{relation} leaves no parameter of {law.name} to fit")
        constant = constant + matrix[:, pivot] * (value / left[pivot])
        matrix = matrix - np.outer(matrix[:, pivot], left / left[pivot])
        matrix = np.delete(matrix, pivot, axis=1)
        by[free.pop(pivot)] = str(relation)
    original = Original(law.params, matrix, constant, tuple(by.get(name, "") for name in names))
    linear = [
        name
        for column, name in enumerate(free)
        if all(names[row] in law.linear for row in np.flatnonzero(matrix[:, column]))
    ]

    def function(theta: Array, x: Array) -> Array:
        return law.function(jnp.asarray(matrix, theta.dtype) @ theta + jnp.asarray(constant, theta.dtype), x)

    settings = {name: getattr(law, name) for name in ("name", "inputs", "outputs", "formula", "source")}
    return Constrained(
        **settings,
        function=function,
        params=tuple(_narrowed(law, original, column, name) for column, name in enumerate(free)),
        linear=tuple(linear),
        nonnegative=law.nonnegative,
        original=original,
    )


def _narrowed(law: Law, original: Original, column: int, name: str) -> Param:
    """A free parameter within its own box and those of the parameters that are multiples of it."""
    own = law.params[original.names.index(name)]
    lower, upper = own.lower, own.upper
    for param, row, constant in zip(law.params, original.matrix, original.constant, strict=True):
        if np.flatnonzero(row).tolist() == [column]:
            ends = sorted((end - constant) / row[column] for end in (param.lower, param.upper))
            lower, upper = max(lower, ends[0]), min(upper, ends[1])
    if not lower < upper:
        raise ValueError(
            f"law {law.name}: no {name} is within all boxes under "
            f"{', '.join(filter(None, original.relation))}; widen one"
        )
    return replace(own, lower=float(lower), upper=float(upper))


@cache
def boxed(law: Law, boxes: tuple[tuple[str, float, float], ...]) -> Law:
    """``law`` with other bounds, ``(name, lower, upper)`` each; itself without any.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> boxed(CHINCHILLA, (("alpha", 0.1, 1.0),)).params[2].upper
        1.0
    """
    bounds = {name: ends for name, *ends in boxes}
    return _with(law, bounds, lambda param, ends: replace(param, lower=ends[0], upper=ends[1]))


@cache
def with_priors(law: Law, priors: tuple[tuple[str, float, float], ...], precision: float) -> Law:
    """``law`` with Gaussian priors ``N(mean, deviation^2)``, ``(name, mean, deviation)`` each.

    Such a parameter is searched as it is and not by its logarithm, within ``REACH`` deviations of the mean
    where its box reaches so far.

    Args:
        law: whose parameters they are.
        priors: the priors.
        precision: of the prior of all scaled parameters in the fit (``kappa`` of ``jaxsl.fit``), against
            which the deviation is meant.

    Raises:
        ValueError: when a prior is outside its box, or has no positive deviation.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> found = with_priors(CHINCHILLA, (("E", 1.7, 0.05),), 0.25).params[0]
        >>> found.prior, round(found.lower, 3), round(found.upper, 3), found.log
        ((1.7, 0.025), 1.4, 2.0, False)
    """

    def believed(param: Param, prior: list[float]) -> Param:
        mean, deviation = prior
        if not deviation > 0:
            raise ValueError(
                f"the prior of {param.name} has the deviation {deviation:g}; give a positive one"
            )
        lower = max(param.lower, mean - REACH * deviation)
        upper = min(param.upper, mean + REACH * deviation)
        if not lower < upper:
            raise ValueError(
                f"the prior {mean:g}+-{deviation:g} of {param.name} is outside its box "
                f"[{param.lower:g}, {param.upper:g}]; widen the box"
            )
        return replace(param, lower=lower, upper=upper, prior=(mean, deviation * precision**0.5))

    return _with(law, {name: prior for name, *prior in priors}, believed)


def _with(law: Law, values: dict[str, list[float]], change: Callable[[Param, list[float]], Param]) -> Law:
    """``law`` with some of its parameters changed; itself where there is nothing to change."""
    unknown = [name for name in values if name not in [param.name for param in law.params]]
    if unknown:
        raise ValueError(f"law {law.name} has no parameter {unknown[0]!r}")
    if not values:
        return law
    params = tuple(
        change(param, values[param.name]) if param.name in values else param for param in law.params
    )
    return replace(law, params=params)
