"""Parallel streams (ParScale): loss from parameters and the number of streams run side by side.

Inputs and their data columns: ``N`` = ``num_params``, ``S`` = ``parallel_size`` (at least 1).
"""

from functools import partial

import jax.numpy as jnp

from jaxsl.law import Law, params

FLOOR = 1e-12
task_law = partial(
    Law, inputs=("N", "S"), source="arXiv:2604.22753 (Spend Less, Fit Better), table B.2, parallel"
)


def sl_1(theta, x):
    """L = E + A N^-alpha + B S^-beta + C N^-alpha S^-beta"""
    E, A, alpha, B, beta, C = theta
    n, s = jnp.log(x)
    size, streams = jnp.exp(-alpha * n), jnp.exp(-beta * s)
    return E + A * size + B * streams + C * size * streams


SL_1 = task_law(
    "parallel/sl_1",
    sl_1,
    params=params(E=(-5, 5), A=(0, 500), alpha=(0, 2), B=(-50, 50), beta=(0, 2), C=(-100, 100)),
    linear=("E", "A", "B", "C"),
)


def sl_2(theta, x):
    """L = E + A N^-alpha + B S^-beta"""
    E, A, alpha, B, beta = theta
    n, s = jnp.log(x)
    return E + A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * s)


SL_2 = task_law(
    "parallel/sl_2",
    sl_2,
    params=params(E=(-5, 5), A=(0, 500), alpha=(0, 2), B=(-50, 50), beta=(0, 2)),
    linear=("E", "A", "B"),
)


def sl_3(theta, x):
    """L = A N^e_N + B / (1 + S) + E"""
    A, e_N, B, E = theta
    N, S = x
    return A * jnp.exp(e_N * jnp.log(N)) + B / (1 + S) + E


SL_3 = task_law(
    "parallel/sl_3",
    sl_3,
    params=params(A=(0, 500), e_N=(-2, 0), B=(-5, 5), E=(-5, 5)),
    linear=("A", "B", "E"),
)


def sl_4(theta, x):
    """L = A N^e_N + B S^-0.5 + E"""
    A, e_N, B, E = theta
    n, s = jnp.log(x)
    return A * jnp.exp(e_N * n) + B * jnp.exp(-0.5 * s) + E


SL_4 = task_law(
    "parallel/sl_4",
    sl_4,
    params=params(A=(0, 500), e_N=(-2, 0), B=(-5, 5), E=(-5, 5)),
    linear=("A", "B", "E"),
)


def sl_5(theta, x):
    """L = max(A / max(N (k ln S + 1), 1e-12), 1e-12)^alpha + E

    ParScale's law. ``k`` below ``-1/ln S`` drops the effective size onto the floor.
    """
    A, k, alpha, E = theta
    N, S = x
    size = jnp.maximum(N * (k * jnp.log(S) + 1), FLOOR)
    return jnp.exp(alpha * jnp.log(jnp.maximum(A / size, FLOOR))) + E


SL_5 = task_law(
    "parallel/sl_5",
    sl_5,
    params=params(A=(0, 1e9), k=(-100, 100, "stream efficiency"), alpha=(0, 3), E=(-5, 5)),
    linear=("E",),
    source="Chen et al. 2025, arXiv:2505.10475; box of arXiv:2604.22753, table B.2",
)


def sl_6(theta, x):
    """L = E + A (N^-alpha + S^-beta)"""
    E, A, alpha, beta = theta
    n, s = jnp.log(x)
    return E + A * (jnp.exp(-alpha * n) + jnp.exp(-beta * s))


SL_6 = task_law(
    "parallel/sl_6",
    sl_6,
    params=params(E=(-200, 200), A=(-200, 200), alpha=(0, 2), beta=(0, 2)),
    linear=("E", "A"),
)


def sl_7(theta, x):
    """L = E + A N^-alpha / max(1 + k ln S, 1e-12)"""
    E, A, alpha, k = theta
    n, s = jnp.log(x)
    return E + A * jnp.exp(-alpha * n) / jnp.maximum(1 + k * s, FLOOR)


SL_7 = task_law(
    "parallel/sl_7",
    sl_7,
    params=params(E=(-5, 5), A=(0, 500), alpha=(0, 2), k=(-50, 50, "stream efficiency")),
    linear=("E", "A"),
)


def sl_8(theta, x):
    """L = (A N^e_N + E) / max(1 + k ln S, 1e-12)"""
    A, e_N, E, k = theta
    n, s = jnp.log(x)
    return (A * jnp.exp(e_N * n) + E) / jnp.maximum(1 + k * s, FLOOR)


SL_8 = task_law(
    "parallel/sl_8",
    sl_8,
    params=params(A=(0, 500), e_N=(-2, 0), E=(-5, 5), k=(-10, 10, "stream efficiency")),
    linear=("A", "E"),
)


def sl_9(theta, x):
    """L = A N^-alpha S^-beta"""
    A, alpha, beta = theta
    n, s = jnp.log(x)
    return A * jnp.exp(-alpha * n - beta * s)


SL_9 = task_law("parallel/sl_9", sl_9, params=params(A=(0, 5000), alpha=(0, 2), beta=(0, 2)), linear=("A",))


def sl_10(theta, x):
    """L = (A N^-alpha + E) S^-beta"""
    A, alpha, E, beta = theta
    n, s = jnp.log(x)
    return (A * jnp.exp(-alpha * n) + E) * jnp.exp(-beta * s)


SL_10 = task_law(
    "parallel/sl_10",
    sl_10,
    params=params(A=(0, 500), alpha=(0, 2), E=(-5, 5), beta=(0, 2)),
    linear=("A", "E"),
)

LAWS = (SL_1, SL_2, SL_3, SL_4, SL_5, SL_6, SL_7, SL_8, SL_9, SL_10)
