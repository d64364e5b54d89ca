"""The least loss at a given cost: Newton's method on logarithms of the inputs, and its derivative.

With ``l(v)`` the loss and ``c(v)`` the logarithm of the cost at logarithms ``v``, a minimum at ``c(v) = t``
solves

    l'(v) - lambda c'(v) = 0,   c(v) = t                       (without the row of an input at a bound)

by steps in the tangent of the cost, with the curvature ``l'' - lambda c''`` of the Lagrangian made positive,
each followed by a return to the cost. The derivative by whatever the loss depends on, and by ``t``, is that
of one more Newton step from a fixed start (the implicit function theorem).
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.decision.space import Space

Tree = TypeVar("Tree")

STEPS = 60
NEAR = 1e-5  # a step so short is the last: its error is of the square, and polishing squares that
LONGEST = 3.0  # of a step: a factor of 20
RETURNS = 4  # Newton steps back to the cost, at most
MET = 1e-13  # how near a logarithm of the cost is the cost
SHRINK = (1.0, 0.5, 0.2, 0.05, 0.01, 1e-3)  # of a step, of which the best is taken


class Found(NamedTuple):
    """A minimum.

    Attributes:
        v: logarithms of the inputs, ``(feature,)``; of what is held they mean nothing.
        loss: there, a scalar; not finite where the cost cannot be met.
        price: ``dl/dt``, negative where more compute helps, a scalar.
        inside: which inputs are free and at no bound, ``(feature,)`` of bool.
        curvature: of the loss along the cost, ``(feature, feature)``, 0 for what is not ``inside``.
    """

    v: Array
    loss: Array
    price: Array
    inside: Array
    curvature: Array


def least(loss: Callable[[Array], Array], space: Space, log_cost: Array, start: Array) -> Found:
    """The least loss at a cost.

    Args:
        loss: of one configuration, ``(feature,) -> ()``; a pytree, such as ``Predict`` within one, if it is
            differentiated by what it holds.
        space: where.
        log_cost: logarithm ``t`` of the cost, a scalar.
        start: logarithms to begin at, ``(start, feature)``; the best end is taken.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> far = jnp.full(2, 50.0)
        >>> space = Space(lambda x: x[0] * x[1], jnp.ones(2, bool), jnp.ones(2), -far, far)
        >>> best = lambda a: least(jax.tree_util.Partial(lambda a, x: a / x[0] + 1 / x[1], a), space,
        ...     jnp.log(100.0), jnp.zeros((1, 2))).v[0]
        >>> a = jnp.array(4.0)  # N = 10 sqrt(a), so that dN/N = da / 2a
        >>> v, slope = jax.jit(jax.value_and_grad(best))(a)
        >>> round(float(jnp.exp(v)), 3), round(float(slope), 4)
        (20.0, 0.125)
        >>> near, given = jnp.log(jnp.array([19.0, 5.2])), lambda x: 4 / x[0] + 1 / x[1]
        >>> near = jax.jit(lambda v: polished(given, space, jnp.log(100.0), v))(near)
        >>> jnp.exp(near.v).round(1).tolist()
        [20.0, 5.0]
    """
    fixed, level = frozen(loss), jax.lax.stop_gradient(log_cost)
    ends, values = jax.vmap(lambda v: _descend(fixed, space, level, v))(jax.lax.stop_gradient(start))
    values = jnp.where(jnp.isfinite(values), values, jnp.inf)
    best = jnp.argmin(values)
    return polished(loss, space, log_cost, ends[best], jnp.isfinite(values[best]))


def frozen(tree: Tree) -> Tree:
    """The same without derivatives by what it holds.

    Example:
        >>> import jax
        >>> jax.grad(lambda a: frozen((a, "name"))[0] * a)(3.0).item()
        3.0
    """
    return jax.tree.map(lambda leaf: jax.lax.stop_gradient(leaf) if eqx.is_array(leaf) else leaf, tree)


def _descend(loss: Callable, space: Space, level: Array, start: Array) -> tuple[Array, Array]:
    """From one start to a minimum and its value, infinite where the cost is not met."""

    def at(v):
        return loss(space.x(v))

    def value(v):
        met = jnp.abs(space.log_cost(v) - level) < 1e-6
        found = at(v)
        return jnp.where(met & jnp.isfinite(found), found, jnp.inf)

    def step(carry):
        v, here, _, count = carry
        slope, curvature = _slope_and_curvature(at, v)
        cost, bend = _slope_and_curvature(space.log_cost, v)
        inside, price = _inside(space, v, slope, cost)
        tangent = _tangent(inside, cost)
        values, vectors = jnp.linalg.eigh(tangent @ (curvature - price * bend) @ tangent)
        scale = jnp.max(jnp.abs(values))
        along = tangent @ vectors
        down = -along @ ((along.T @ slope) / jnp.maximum(jnp.abs(values), 1e-9 * scale + 1e-30))
        length = jnp.sqrt(jnp.sum(down**2))
        down = down * jnp.minimum(1.0, LONGEST / jnp.maximum(length, 1e-30))
        tried = jax.vmap(lambda share: _return(space, level, v + share * down))(jnp.array(SHRINK, v.dtype))
        values = jax.vmap(value)(tried)
        best = jnp.argmin(values)
        better = values[best] < here
        new = jnp.where(better, tried[best], v), jnp.where(better, values[best], here)
        return *new, better & (length > NEAR), count + 1

    v = _return(space, level, start, 4 * RETURNS)
    begin = v, value(v), jnp.array(True), jnp.array(0)
    v, here, _, _ = jax.lax.while_loop(lambda carry: carry[2] & (carry[3] < STEPS), step, begin)
    return v, here


def _slope_and_curvature(function: Callable[[Array], Array], v: Array) -> tuple[Array, Array]:
    """``(feature,)`` and ``(feature, feature)``, by one evaluation."""

    def slope(v):
        found = jax.grad(function)(v)
        return found, found

    curvature, found = jax.jacfwd(slope, has_aux=True)(v)
    return found, curvature


def _inside(space: Space, v: Array, slope: Array, cost: Array) -> tuple[Array, Array]:
    """Which inputs are free and not held by a bound, and the price of cost among them."""

    def price(among):
        some = jnp.where(among, cost, 0.0)
        return (some @ slope) / jnp.maximum(some @ some, 1e-30)

    down = price(space.free) * cost - slope
    stuck = ((v <= space.low) & (down < 0)) | ((v >= space.high) & (down > 0))
    inside = space.free & ~stuck
    return inside, price(inside)


def _tangent(inside: Array, cost: Array) -> Array:
    """Projection onto directions that keep the cost, ``(feature, feature)``."""
    some = jnp.where(inside, cost, 0.0)
    return jnp.diag(inside.astype(cost.dtype)) - jnp.outer(some, some) / jnp.maximum(some @ some, 1e-30)


def _return(space: Space, level: Array, v: Array, num: int = RETURNS) -> Array:
    """The nearest point of that cost within the bounds, by Newton steps along the cost's slope."""

    def once(carry):
        v, short, count = carry
        slope = jax.grad(space.log_cost)(v)
        at_end = ((v <= space.low) & (short * slope < 0)) | ((v >= space.high) & (short * slope > 0))
        slope = jnp.where(space.free & ~at_end, slope, 0.0)
        step = slope * short / jnp.maximum(slope @ slope, 1e-30)
        v = jnp.clip(jnp.where(jnp.isfinite(step), v + step, v), space.low, space.high)
        return v, level - space.log_cost(v), count + 1

    def short_of(carry):  # a product of powers is met at once
        _, short, count = carry
        return (jnp.abs(short) > MET) & (count < num)

    v = jnp.clip(v, space.low, space.high)
    return jax.lax.while_loop(short_of, once, (v, level - space.log_cost(v), 0))[0]


def polished(
    loss: Callable[[Array], Array], space: Space, log_cost: Array, v: Array, known: bool | Array = True
) -> Found:
    """A minimum from logarithms ``v (feature,)`` next to it: one Newton step, which carries all derivatives.

    Args:
        loss, space, log_cost: as of ``least``.
        v: where one is.
        known: whether there is one; the loss is not a number where not.
    """
    v, fixed = jax.lax.stop_gradient(v), frozen(loss)

    def at(v):
        return loss(space.x(v))

    slope, curvature = jax.grad(at)(v), jax.hessian(lambda v: fixed(space.x(v)))(v)
    spent, cost = jax.value_and_grad(space.log_cost)(v)
    inside, price = jax.lax.stop_gradient(_inside(space, v, slope, cost))
    some = jnp.where(inside, cost, 0.0)
    pair = jnp.outer(inside, inside)
    inner = jnp.where(pair, curvature - price * jax.hessian(space.log_cost)(v), 0.0)
    tight = jnp.sum(some**2) > 0
    system = jnp.block(
        [
            [jnp.where(pair, inner, jnp.eye(v.shape[0], dtype=v.dtype)), some[:, None]],
            [some[None], jnp.where(tight, 0.0, 1.0)[None, None]],
        ]
    )
    error = jnp.append(jnp.where(inside, slope - price * cost, 0.0), spent - log_cost)
    step = jnp.linalg.solve(system, error)
    good = known & jnp.all(jnp.isfinite(jax.lax.stop_gradient(step)))
    v = v - jnp.where(good & (jnp.abs(step[:-1]) < LONGEST), step[:-1], 0.0)
    tangent = _tangent(inside, cost)
    return Found(v, jnp.where(good, at(v), jnp.nan), price, inside, tangent @ inner @ tangent)
