"""Variable projection: the parameters that a law is affine in, solved for given the others.

In the form of Ruhe and Wedin (1980), inside the box, and with the prior of a fit that has one.
"""

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.residual import Problem
from jaxsl.solver.box_step import step_in_box
from jaxsl.solver.normal_equations import normal_equations
from jaxsl.solver.search import SearchBox
from jaxsl.transform import Box


def eliminate(
    problem: Problem, box: SearchBox, theta: Array, linear: tuple[int, ...], rows: int | None
) -> Array:
    """The best values of the linear parameters given the others: ``(block, linear)``.

    The loss is quadratic in them. The prior is not where it is one of their logarithms: it is expanded about
    the solution, at first of the loss alone, and solved with twice.
    """
    position = jnp.array(linear)
    before = theta[:, position]
    _, gradient, gram = normal_equations(problem, theta, linear, jnp.ones_like(before), rows)
    lower, upper = box.theta_lower[:, position], box.theta_upper[:, position]
    solve = jax.vmap(_bounded_linear)
    if problem.pull is None:
        return solve(gram, gradient, before, lower, upper)
    strength, bounds = problem.pull, jax.tree.map(lambda leaf: leaf[:, position], law_box(problem, theta))

    def again(count, now):
        pull = jnp.where(count > 0, strength, 0.0)
        steep = 1 / bounds.slope(now)
        slope = gradient + jnp.einsum("bpq,bq->bp", gram, now - before)
        slope = slope + pull * (bounds.scaled(now) - bounds.centre) * steep
        return solve(gram + pull * jax.vmap(jnp.diag)(steep**2), slope, now, lower, upper)

    return jax.lax.fori_loop(0, 3, again, before)


def law_box(problem: Problem, theta: Array) -> Box:
    """The law's own box, in which the prior is Gaussian, in the shape of ``theta (block, param)``."""
    return jax.tree.map(lambda leaf: leaf.reshape(theta.shape), problem.box)


def _bounded_linear(gram: Array, pull: Array, value: Array, lower: Array, upper: Array) -> Array:
    """Approximately ``argmin |r + J (c - value)|`` over ``lower <= c <= upper``, from ``J^T J``, ``J^T r``.

    Normal equations with a relative ridge of 1e-11 on the correction, which leaves directions without
    effect where they are; coordinates that leave the box are fixed at the bound and the rest solved again.
    """
    info = jnp.finfo(gram.dtype)
    size = jnp.maximum(jnp.diagonal(gram), info.tiny / info.eps)
    gram = jnp.fill_diagonal(gram, size * (1 + 1e-11), inplace=False)
    move = step_in_box(gram, pull, value, lower, upper, jnp.ones(value.shape, bool), 3)
    return jnp.clip(value + jnp.where(jnp.isfinite(move), move, 0.0), lower, upper)
