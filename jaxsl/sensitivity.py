"""How the fit moves when an outcome does: the implicit function theorem at an optimum.

At an optimum the gradient of the loss by the free scaled coordinates is zero, ``g(z, y) = 0``, so

    dz/dy = -H^+ dg/dy,      H = d^2 loss / dz^2 (all of it, not its Gauss-Newton part),

and coordinates at an active bound do not move: those that sit on it and are pushed outwards. Directions
without effect (eigenvalues of the equilibrated Hessian below rounding) do not move either.

With the prior of a fit (``Fit.prior``) ``g`` and ``H`` are those of its objective, and the prior's pull moves
with the outcomes too: ``sigma^2`` is what least squares leaves of them.
"""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.fit import PriorUsed
from jaxsl.law import Law
from jaxsl.pool import Observations, Target
from jaxsl.residual import Problem, problem

Robust = Callable[[Array], Array]


class LeaveOneOut(eqx.Module):
    """The fit without each run in turn, without refitting.

    Attributes:
        theta: parameters without the run, ``(row, param)``; the optimum itself in padded rows.
        prediction: of the run that was left out, ``(row, output)``.
        error: outcome minus prediction, ``(row, output)``; 0 in padded rows.
    """

    theta: Array
    prediction: Array
    error: Array


def differentiable_fit(
    law: Law,
    observations: Observations,
    theta: Array,
    weight: Array | None = None,
    robust: Robust | None = None,
    prior: PriorUsed | None = None,
) -> Array:
    """The optimum ``theta`` as a function of the runs that any transformation of JAX may differentiate.

    ``jax.grad(lambda y: f(differentiable_fit(law, Observations(x, y, mask), theta)))`` is implicit: no
    solver step is differentiated. It holds for ``x``, ``y`` and ``weight``, forward, backward and repeated.

    Args:
        law: the law.
        observations: the runs that ``theta`` was fitted to.
        theta: an optimum of exactly this problem, ``(param,)``, as from ``fit`` or ``polish``; its own
            derivative is taken to be zero.
        weight: as in ``fit``.
        robust: as in ``fit``.
        prior: that of the fit, ``Fit.prior``; None for least squares.

    Returns:
        ``theta (param,)``.
    """
    runs = _problem(law, observations, weight, robust, prior)
    theta = jax.lax.stop_gradient(theta)
    z = runs.box.scaled(theta)
    free = _free(jax.lax.stop_gradient(runs), z)

    def condition(point):
        return jnp.where(free, _gradient(runs, point), point - z)

    def tangent_solve(linear, rhs):
        return _solve(jax.jacfwd(linear)(jnp.zeros_like(rhs)), free, rhs)

    root = jax.lax.custom_root(condition, z, lambda _, guess: guess, tangent_solve)
    return jnp.where(free, runs.box.beyond(root), theta)


def polish(
    law: Law,
    observations: Observations,
    theta: Array,
    weight: Array | None = None,
    robust: Robust | None = None,
    num_steps: int = 5,
    prior: PriorUsed | None = None,
) -> Array:
    """``theta (param,)`` after Newton steps on the gradient, each taken if its decrement ``g H^+ g`` falls.

    A solver that compares losses stops at half the digits of the arithmetic in ``theta``; the gradient
    knows the others. Active bounds stay active.
    """
    runs = _problem(law, observations, weight, robust, prior)
    free = _free(runs, runs.box.scaled(theta))

    def step(_, carry):
        z, gradient, hessian = carry
        move = _solve(hessian, free, gradient)
        new = runs.box.clip(z - move)
        after = _gradient(runs, new)
        # Both by the Hessian before the step, or a flatter place would pass for a better one.
        better = jnp.abs(after @ _solve(hessian, free, after)) < jnp.abs(gradient @ move)
        new, after = (jnp.where(better, *pair) for pair in ((new, z), (after, gradient)))
        return new, after, _hessian(runs, new)

    z = runs.box.scaled(theta)
    z, _, _ = jax.lax.fori_loop(0, num_steps, step, (z, _gradient(runs, z), _hessian(runs, z)))
    return jnp.where(free, runs.box.theta(z), theta)


def response(
    law: Law,
    observations: Observations,
    theta: Array,
    weight: Array | None = None,
    robust: Robust | None = None,
    prior: PriorUsed | None = None,
) -> Array:
    """``d theta / d y``: how the optimum moves with each outcome, ``(row, output, param)``.

    Arguments as of ``differentiable_fit``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> runs = observe(jnp.array([[0.0], [1.0], [2.0]]), jnp.array([[1.0], [3.0], [5.0]]))
        >>> moves = jax.jit(response, static_argnums=0)(law, runs, jnp.array([1.0, 2.0]))[:, 0].tolist()
        >>> [[round(part, 3) + 0.0 for part in row] for row in moves]  # by each outcome: (a, b)
        [[0.833, -0.5], [0.333, 0.0], [-0.167, 0.5]]
    """
    runs = _problem(law, observations, weight, robust, prior)
    z = runs.box.scaled(theta)
    free = _free(runs, z)

    def gradient(y):
        return _gradient(_problem(law, replace(observations, y=y), weight, robust, prior), z)

    mixed = jax.jacrev(gradient)(runs.y)
    move = -_solve(_hessian(runs, z), free, mixed.reshape(theta.shape[0], -1))
    return move.T.reshape(*runs.y.shape, -1) * runs.box.slope(theta)


def influence(
    law: Law,
    observations: Observations,
    theta: Array,
    target: Target,
    weight: Array | None = None,
    robust: Robust | None = None,
    prior: PriorUsed | None = None,
) -> Array:
    """Derivative of every prediction by every observed outcome, ``(target, output, row, output)``.

    Entry ``[t, d, i, e]`` is ``d f_d(x_t; theta*) / d y_ie`` with the fit following.
    """
    moves = response(law, observations, theta, weight, robust, prior)
    return jnp.einsum("tdp,iep->tdie", law.jacobian(theta, target.x), moves)


def leave_one_out(
    law: Law,
    observations: Observations,
    theta: Array,
    weight: Array | None = None,
    robust: Robust | None = None,
    prior: PriorUsed | None = None,
) -> LeaveOneOut:
    """The fit without each run, by one Newton step of the objective without it: exact for a linear law.

    ``z_(-i) = z + (H - H_i)^+ (g_i - g)``, with ``g_i, H_i`` the run's own share. Active bounds stay active;
    free coordinates stop at the box.
    """
    runs = _problem(law, observations, weight, robust, prior)
    z = runs.box.scaled(theta)
    free = _free(runs, z)
    gradient, hessian = _gradient(runs, z), _hessian(runs, z)
    change = jnp.zeros_like(runs.root)
    if prior is not None:
        pull = prior.pull(runs, observations, weight)
        change = _pulls_without(law, observations, weight, robust, prior) - pull

    def without(x, y, root, change):
        own = Problem(law, runs.box, x[None], y[None], root[None], robust, -change)  # what is taken away
        move = _solve(hessian - _hessian(own, z), free, _gradient(own, z) - gradient)
        moved = jnp.where(free & (root > 0), runs.box.theta(runs.box.clip(z + move)), theta)
        return moved, law.point(moved, x)

    moved, prediction = jax.vmap(without)(runs.x, runs.y, runs.root, change)
    error = jnp.where(observations.mask[:, None], runs.y - prediction, 0.0)
    return LeaveOneOut(moved, prediction, error)


def _problem(
    law: Law,
    observations: Observations,
    weight: Array | None,
    robust: Robust | None,
    prior: PriorUsed | None,
) -> Problem:
    """The problem with its prior, as a function of the runs that may be differentiated."""
    runs = problem(law, observations, weight, robust)
    if prior is None:
        return runs
    least = differentiable_fit(law, observations, prior.least, weight, robust)
    return replace(runs, pull=replace(prior, least=least).pull(runs, observations, weight))


def _pulls_without(
    law: Law,
    observations: Observations,
    weight: Array | None,
    robust: Robust | None,
    prior: PriorUsed,
) -> Array:
    """The pull of the prior without each run, on the scale of the loss with all of them, ``(row,)``.

    The least loss without the run is that of the quadratic at the optimum, which never exceeds what the other
    runs have there: that of the Newton step may, by far, where few runs hold a law.
    """
    runs, times = problem(law, observations, weight, robust), observations.times(weight)
    count = observations.num_outcomes(weight)
    z, loss = runs.box.scaled(prior.least), runs.loss(prior.least)
    free, gradient, hessian = _free(runs, z), _gradient(runs, z), _hessian(runs, z)

    def without(row, x, y, root):
        own = Problem(law, runs.box, x[None], y[None], root[None], robust)
        slope, rest = gradient - _gradient(own, z), loss - own.loss(prior.least)
        fall = slope @ _solve(hessian - _hessian(own, z), free, slope) / 2
        others = times.at[row].set(0.0)
        left = observations.num_outcomes(others) / jnp.where(count > 0, count, 1.0)
        rest = (rest - jnp.clip(fall, 0.0, rest)) / jnp.where(left > 0, left, 1.0)
        return prior.pull(runs, observations, others, rest) * left

    return jax.vmap(without)(jnp.arange(times.shape[0]), runs.x, runs.y, runs.root)


def _gradient(runs: Problem, z: Array) -> Array:
    """Of the objective; the prior's in ``z`` itself, where it is a square."""
    gradient = jax.grad(lambda z: runs.loss(runs.box.beyond(z)))(z)
    return gradient if runs.pull is None else gradient + 2 * runs.pull * (z - runs.box.centre)


def _hessian(runs: Problem, z: Array) -> Array:
    return jax.jacfwd(lambda z: _gradient(runs, z))(z)


def _free(runs: Problem, z: Array) -> Array:
    """Coordinates that are not held by a bound, ``(param,)`` of bool."""
    gradient = _gradient(runs, z)
    lower, upper = runs.box.active(runs.box.theta(z))
    return ~((lower & (gradient >= 0)) | (upper & (gradient <= 0)))


def _solve(hessian: Array, free: Array, rhs: Array) -> Array:
    """``H^+ rhs`` over the free coordinates, zero elsewhere; ``rhs (param,)`` or ``(param, column)``."""
    block = jnp.where(free[:, None] & free, hessian, 0.0)
    diagonal = jnp.abs(jnp.diagonal(block))
    scale = jnp.where(diagonal > 0, jax.lax.rsqrt(jnp.where(diagonal > 0, diagonal, 1.0)), 0.0)
    values, vectors = jnp.linalg.eigh(block * scale[:, None] * scale)
    size = jnp.abs(values)
    known = size > 8 * values.shape[0] * jnp.finfo(values.dtype).eps * jnp.max(size)
    inverse = jnp.where(known, 1 / jnp.where(known, values, 1.0), 0.0)
    held = scale if rhs.ndim == 1 else scale[:, None]
    inner = vectors.T @ (held * rhs)
    return held * (vectors @ (inverse * inner if rhs.ndim == 1 else inverse[:, None] * inner))
