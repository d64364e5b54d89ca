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
    for again, ``num_solves`` times in all.

    Args:
        matrix: symmetric positive definite, ``(param, param)``.
        gradient, value, lower, upper: ``(param,)``.
        free: which coordinates may move, ``(param,)`` of bool.
        num_solves: static.
    """

    def solve(_, carry):
        move, free = carry
        fixed = jnp.where(free, 0.0, move)
        pull = gradient + matrix @ fixed
        among = jnp.where(free[:, None] & free, matrix, 0.0) + jnp.diag(jnp.where(free, 0.0, 1.0))
        wanted = jnp.where(free, solve_spd(among, jnp.where(free, -pull, 0.0)), fixed)
        goal = value + wanted
        # Not `move == wanted`, which rounding makes false for nearly every coordinate inside the box.
        return jnp.clip(goal, lower, upper) - value, free & (goal >= lower) & (goal <= upper)

    return jax.lax.fori_loop(0, num_solves, solve, (jnp.zeros_like(value), free))[0]
