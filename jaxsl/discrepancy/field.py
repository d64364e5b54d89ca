"""What a law may be wrong by: smooth fields over the inputs, in a few features each.

Coordinates ``u`` are decimal logarithms of the inputs; an input that may be 0, such as a share, counts in
halves of its range over runs, target and candidates. Two kernels, whose features are stacked:

    smooth     k(u, v) = exp(-|u - v|^2 / 2)                                  bumps a decade wide
    Brownian   k(u, v) = (g(u) + g(v) - |u - v| - h) / 2,  g(u) = sum_t w_t |u - t|,  h = sum_t w_t g(t)

The second is Brownian motion in several dimensions (Lévy's), less its mean over the target ``t``: it is zero
there on average and grows with the distance from it, without a mean to return to. So the law means what
holds near the target, and far runs may have drifted from it.

A field is written in ``features``, ``phi phi^T ~ k``, by a pivoted Cholesky decomposition over runs, target
and candidates (Fine and Scheinberg 2001).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl._linalg import solve_lower
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target

SMOOTH, BROWNIAN = 0, 1
NUM_FEATURES = 24
LEAST = 1e-9  # share of the largest variance below which a landmark tells nothing new
MOST_CANDIDATES = 512  # of which landmarks are taken


class Field(eqx.Module):
    """Features of both kernels at any configuration.

    Attributes:
        plain: which inputs may be 0 and have no logarithm, ``(feature,)`` of bool.
        unit: what counts as one in those, ``(feature,)``.
        aim: coordinates of the target, ``(target, feature)``; ``aim_weight (target,)`` sums to one.
        landmark: coordinates at which the features are anchored, ``(kernel, landmark, feature)``.
        whiten: from kernels with the landmarks to features, ``(kernel, landmark, landmark)``.
    """

    plain: Array
    unit: Array
    aim: Array
    aim_weight: Array
    landmark: Array
    whiten: Array

    def features(self, x: Array) -> Array:
        """``phi`` at ``x (row, feature)``: ``(kernel, row, landmark)``."""
        u = _coordinates(x, self.plain, self.unit)
        return _kernels(u, self.landmark, self.aim, self.aim_weight) @ self.whiten


def field(law: AnyLaw, observations: Observations, target: Target, candidates: Array | None = None) -> Field:
    """The field over the runs, the target and any ``candidates (row, feature)``; it sees no outcome.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe, uniform_target
        >>> law = Law("size", lambda theta, x: theta[0] * x[0], ("N",), params(a=(0, 1)))
        >>> runs = observe(jnp.array([[1e6], [1e7]]), jnp.zeros((2, 1)))
        >>> target, x = uniform_target(jnp.array([[1e9]])), jnp.array([[1e9], [1e7], [1e6]])
        >>> variance = jax.jit(lambda runs, x: (field(law, runs, target).features(x) ** 2).sum(axis=2))
        >>> abs(variance(runs, x).round(3)).tolist()  # and in decades
        [[1.0, 1.0, 1.0], [0.0, 2.0, 3.0]]
    """
    plain = law.apply(lambda law: jnp.array([name in law.nonnegative for name in law.inputs]))
    first = observations.x[jnp.argmax(observations.mask)]
    runs = jnp.where(observations.mask[:, None], observations.x, first)
    rows = [target.x, runs]
    if candidates is not None:
        step = -(-candidates.shape[0] // MOST_CANDIDATES)
        rows.append(candidates[::step])
    every = jnp.concatenate(rows)
    half = (jnp.max(every, axis=0) - jnp.min(every, axis=0)) / 2
    unit = jnp.where(plain & (half > 0), half, 1.0)
    u, aim = _coordinates(every, plain, unit), _coordinates(target.x, plain, unit)

    def column(index: Array) -> Array:
        return _kernels(u, u[index][:, None], aim, target.weight)[..., 0]

    brownian = _distance(u, aim) @ target.weight - _inside(aim, target.weight) / 2
    variance = jnp.stack([jnp.ones_like(brownian), brownian])
    pivots, factor = _pivoted_cholesky(column, variance, NUM_FEATURES)
    return Field(plain, unit, aim, target.weight, u[pivots], factor)


def _pivoted_cholesky(column, variance: Array, num: int) -> tuple[Array, Array]:
    """Landmarks that leave the least variance, and what turns kernels with them into features.

    Args:
        column: kernels of all rows with one each, ``(kernel,) of int -> (kernel, row)``.
        variance: of every row, ``(kernel, row)``.
        num: landmarks; what is left over when the rows are told by fewer has features of 0.
    """
    kernels, rows = variance.shape
    each = jnp.arange(kernels)
    least = max(LEAST, 100 * float(jnp.finfo(variance.dtype).eps)) * jnp.max(variance, axis=1)

    def step(count, carry):
        left, lower, pivots, used = carry
        pivot = jnp.argmax(left, axis=1)
        largest = left[each, pivot]
        good = largest > least
        explained = jnp.einsum("krm,km->kr", lower, lower[each, pivot])
        new = (column(pivot) - explained) / jnp.sqrt(jnp.where(good, largest, 1.0))[:, None]
        new = jnp.where(good[:, None], new, 0.0)
        left = jnp.maximum(left - new**2, 0.0)
        return (
            left,
            lower.at[:, :, count].set(new),
            pivots.at[:, count].set(pivot),
            used.at[:, count].set(good),
        )

    start = (
        jnp.maximum(variance, 0.0),
        jnp.zeros((kernels, rows, num), variance.dtype),
        jnp.zeros((kernels, num), int),
        jnp.zeros((kernels, num), bool),
    )
    _, lower, pivots, used = jax.lax.fori_loop(0, num, step, start)
    square = jnp.tril(jnp.take_along_axis(lower, pivots[:, :, None], axis=1))
    eye = jnp.eye(num, dtype=lower.dtype)
    square = jnp.where(used[:, :, None], square, eye)
    whiten = jax.vmap(lambda square: solve_lower(square, eye).T)(square)
    return pivots, jnp.where(used[:, None, :], whiten, 0.0)


def _coordinates(x: Array, plain: Array, unit: Array) -> Array:
    return jnp.where(plain, x / unit, jnp.log10(jnp.where(plain | (x <= 0), 1.0, x)))


def _distance(u: Array, v: Array) -> Array:
    """Euclidean, ``(row, feature), (column, feature) -> (row, column)``; its slope at no distance is 0.

    A climb (``jaxsl.continuous``) takes it, where the square root alone has none.
    """
    square = _square(u, v)
    apart = square > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, square, 1.0)), 0.0)


def _square(u: Array, v: Array) -> Array:
    """Squared distance; feature by feature, as a sum over a short last axis is slow on a CPU."""
    square = jnp.zeros((len(u), len(v)), u.dtype)
    for index in range(u.shape[1]):
        square += (u[:, index, None] - v[:, index]) ** 2
    return square


def _inside(aim: Array, weight: Array) -> Array:
    """Mean distance between two configurations of the target, a scalar."""
    return weight @ _distance(aim, aim) @ weight


def _kernels(u: Array, v: Array, aim: Array, weight: Array) -> Array:
    """All kernels of ``u (row, feature)`` with each its own ``v (kernel, column, feature)``."""

    smooth = jnp.exp(-_square(u, v[SMOOTH]) / 2)
    away = (_distance(u, aim) @ weight)[:, None] + _distance(v[BROWNIAN], aim) @ weight
    brownian = (away - _distance(u, v[BROWNIAN]) - _inside(aim, weight)) / 2
    return jnp.stack([smooth, brownian])
