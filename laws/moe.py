"""Mixtures of experts: loss from the number of experts and the size of the dense backbone.

Inputs and their data columns: ``E`` = ``num_experts``, ``N`` = ``dense_parameter_count``. ``E`` is a count
here (1 is a dense model), so the irreducible loss is ``L_inf``.
"""

from functools import partial

import jax.numpy as jnp

from jaxsl.law import Law, params

task_law = partial(Law, inputs=("E", "N"), source="arXiv:2604.22753 (Spend Less, Fit Better), table B.2, moe")


def sl_1(theta, x):
    """L = L_inf + B / (N^alpha E^beta)"""
    L_inf, B, alpha, beta = theta
    e, n = jnp.log(x)
    return L_inf + B * jnp.exp(-alpha * n - beta * e)


SL_1 = task_law(
    "moe/sl_1",
    sl_1,
    params=params(L_inf=(0, 3), B=(0.1, 500), alpha=(0, 1.5), beta=(-0.5, 1.5)),
    linear=("L_inf", "B"),
)


def sl_2(theta, x):
    """L = L_inf + K (N^alpha E^beta)^-gamma

    Only ``alpha gamma`` and ``beta gamma`` can be told from data.
    """
    L_inf, K, alpha, beta, gamma = theta
    e, n = jnp.log(x)
    return L_inf + K * jnp.exp(-gamma * (alpha * n + beta * e))


SL_2 = task_law(
    "moe/sl_2",
    sl_2,
    params=params(L_inf=(0, 3), K=(0, 500), alpha=(0, 2), beta=(0, 2), gamma=(0, 2)),
    linear=("L_inf", "K"),
)


def sl_3(theta, x):
    """L = A N^a / (1 + B E^beta) + C N^(0.6 a) + L_inf"""
    A, a, B, beta, C, L_inf = theta
    e, n = jnp.log(x)
    return A * jnp.exp(a * n) / (1 + B * jnp.exp(beta * e)) + C * jnp.exp(0.6 * a * n) + L_inf


SL_3 = task_law(
    "moe/sl_3",
    sl_3,
    params=params(A=(0, 5000), a=(-1.5, 0), B=(0, 20), beta=(0, 2), C=(-1e4, 1e4), L_inf=(-5, 5)),
    linear=("A", "C", "L_inf"),
)


def sl_4(theta, x):
    """L = A / (N^alpha (1 + b E)^gamma) + L_inf + d (ln N - 0.4 ln(1 + E))"""
    A, alpha, b, gamma, L_inf, d = theta
    E, N = x
    n = jnp.log(N)
    return A * jnp.exp(-alpha * n - gamma * jnp.log1p(b * E)) + L_inf + d * (n - 0.4 * jnp.log1p(E))


SL_4 = task_law(
    "moe/sl_4",
    sl_4,
    params=params(A=(0.1, 500), alpha=(0, 1.5), b=(0, 20), gamma=(0, 1.5), L_inf=(-5, 5), d=(-1, 1)),
    linear=("A", "L_inf", "d"),
)


def sl_5(theta, x):
    """L = L_inf + exp(clip(c_0 + c_E ln E + c_N ln N + c_EN ln E ln N, -50, 50)) + d ln E"""
    L_inf, c_0, c_E, c_N, c_EN, d = theta
    e, n = jnp.log(x)
    return L_inf + jnp.exp(jnp.clip(c_0 + c_E * e + c_N * n + c_EN * e * n, -50, 50)) + d * e


SL_5 = task_law(
    "moe/sl_5",
    sl_5,
    params=params(L_inf=(0, 3), c_0=(-5, 10), c_E=(-1, 1), c_N=(-1, 1), c_EN=(-0.1, 0.1), d=(-1, 1)),
    linear=("L_inf", "d"),
)


def sl_6(theta, x):
    """L = A N^-alpha (1 + C E^-delta) + L_inf + F / (E N^0.05)"""
    A, alpha, C, delta, L_inf, F = theta
    e, n = jnp.log(x)
    return A * jnp.exp(-alpha * n) * (1 + C * jnp.exp(-delta * e)) + L_inf + F * jnp.exp(-e - 0.05 * n)


SL_6 = task_law(
    "moe/sl_6",
    sl_6,
    params=params(A=(0, 200), alpha=(0, 1.5), C=(-5, 20), delta=(-0.5, 2), L_inf=(-5, 5), F=(-20, 20)),
    linear=("A", "L_inf", "F"),
)


def sl_7(theta, x):
    """L = A E^e_E N^e_N + B N^e_2 + L_inf"""
    A, e_E, e_N, B, e_2, L_inf = theta
    e, n = jnp.log(x)
    return A * jnp.exp(e_E * e + e_N * n) + B * jnp.exp(e_2 * n) + L_inf


SL_7 = task_law(
    "moe/sl_7",
    sl_7,
    params=params(
        A=(-500, 500), e_E=(-1, 0.5), e_N=(-1.5, 0.5), B=(-500, 500), e_2=(-1.5, 0.5), L_inf=(-5, 5)
    ),
    linear=("A", "B", "L_inf"),
)


def sl_8(theta, x):
    """L = A N^e_N E^e_E + L_inf"""
    A, e_N, e_E, L_inf = theta
    e, n = jnp.log(x)
    return A * jnp.exp(e_N * n + e_E * e) + L_inf


SL_8 = task_law(
    "moe/sl_8",
    sl_8,
    params=params(A=(0, 500), e_N=(-1.5, 0.5), e_E=(-1.5, 0.5), L_inf=(0, 3)),
    linear=("A", "L_inf"),
)


def sl_9(theta, x):
    """L = L_inf + A (N E^g)^-alpha"""
    L_inf, A, g, alpha = theta
    e, n = jnp.log(x)
    return L_inf + A * jnp.exp(-alpha * (n + g * e))


SL_9 = task_law(
    "moe/sl_9",
    sl_9,
    params=params(
        L_inf=(0, 3), A=(0, 500), g=(-1, 2, "an expert multiplies the effective size by E^g"), alpha=(0, 2)
    ),
    linear=("L_inf", "A"),
)


def sl_10(theta, x):
    """L = L_inf + A (N/1e9)^-alpha ((1 + B E^gamma)/(1 + B))^-beta"""
    L_inf, A, alpha, B, gamma, beta = theta
    e, n = jnp.log(x)
    experts = jnp.log1p(B * jnp.exp(gamma * e)) - jnp.log1p(B)
    return L_inf + A * jnp.exp(-alpha * (n - jnp.log(1e9)) - beta * experts)


SL_10 = task_law(
    "moe/sl_10",
    sl_10,
    params=params(
        L_inf=(0, 3),
        A=(0, 15, "amplitude of a dense model of 1e9 parameters"),
        alpha=(0, 2),
        B=(0, 100),
        gamma=(0, 6),
        beta=(0, 2),
    ),
    linear=("L_inf", "A"),
)

LAWS = (SL_1, SL_2, SL_3, SL_4, SL_5, SL_6, SL_7, SL_8, SL_9, SL_10)
