"""A Newton step that stays inside a box."""

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl._linalg import solve_spd


def step_in_box(
    matrix: Array, gradient: Array, value: Array, lower: Array, upper: Array, free: Array, num_solves: int
) -> Array:
    """Approximately ``argmin_s s^T matrix s / 2 + gradient^T s`` over ``lower <= value + s <= upper``.

    An active set: coordinates whose step leaves the box move as far as their bound, and the others are solved
    for again, until none leaves it and ``num_solves`` times at most.

    Args:
        matrix: symmetric positive definite, ``(param, param)``.
        gradient, value, lower, upper: ``(param,)``.
        free: which coordinates may move, ``(param,)`` of bool.
        num_solves: static.
    """

    def solve(carry):
        count, move, free, _ = carry
        fixed = jnp.where(free, 0.0, move)
        pull = gradient + matrix @ fixed
        among = jnp.where(free[:, None] & free, matrix, 0.0) + jnp.diag(jnp.where(free, 0.0, 1.0))
        wanted = jnp.where(free, solve_spd(among, jnp.where(free, -pull, 0.0)), fixed)
        goal = value + wanted
        # Not `move == wanted`, which rounding makes false for nearly every coordinate inside the box.
        left = free & (goal >= lower) & (goal <= upper)
        return count + 1, jnp.clip(goal, lower, upper) - value, left, jnp.any(left != free)

    def unsettled(carry):
        return (carry[0] < num_solves) & carry[3]

    first = jnp.zeros((), int), jnp.zeros_like(value), free, jnp.asarray(True)
    return jax.lax.while_loop(unsettled, solve, first)[1]
