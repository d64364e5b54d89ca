"""Data-constrained training: loss from unique tokens, parameters and tokens seen, repetitions included.

Inputs and their data columns: ``U`` = ``unique_tokens``, ``N`` = ``params``, ``D`` = ``tokens``. In every law
``u, n, d`` are their natural logarithms. A floor of 1e-12 is written only where the box reaches it.
"""

from functools import partial

import jax.numpy as jnp

from jaxsl.law import Law, params, power

LOG_FLOOR = -27.631021115928547  # ln 1e-12
task_law = partial(
    Law, inputs=("U", "N", "D"), source="arXiv:2604.22753 (Spend Less, Fit Better), table B.2, data_con"
)


def sl_1(theta, x):
    """L = A N^-alpha + B D^-beta + E U^gamma N^delta"""
    A, alpha, B, beta, E, gamma, delta = theta
    u, n, d = jnp.log(x)
    return A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * d) + E * jnp.exp(gamma * u + delta * n)


SL_1 = task_law(
    "data_con/sl_1",
    sl_1,
    params=params(
        A=(1e-3, 1e9),
        alpha=(0.05, 2),
        B=(1e-3, 1e8),
        beta=(0.05, 2),
        E=(-100, 200, "amplitude of the U-N term, which is the floor"),
        gamma=(-0.5, 0.5),
        delta=(-0.5, 0.5),
    ),
    linear=("A", "B", "E"),
)


def sl_2(theta, x):
    """L = E + A_U U^e_U + A_N N^e_N + A_D D^e_D"""
    E, A_U, A_N, A_D, e_U, e_N, e_D = theta
    u, n, d = jnp.log(x)
    return E + A_U * jnp.exp(e_U * u) + A_N * jnp.exp(e_N * n) + A_D * jnp.exp(e_D * d)


SL_2 = task_law(
    "data_con/sl_2",
    sl_2,
    params=params(
        E=(-3, 10),
        A_U=(-1e6, 1e6),
        A_N=(-1e6, 1e6),
        A_D=(-1e7, 1e7),
        e_U=(-1.5, 0.5),
        e_N=(-1.5, 0.5),
        e_D=(-1.5, 0.5),
    ),
    linear=("E", "A_U", "A_N", "A_D"),
)


def sl_3(theta, x):
    """L = A N_e^-alpha + B D_e^-alpha + E, N_e = U_N + tau_N U_N (1 - exp(-(N/U_N - 1)/tau_N)),
    D_e = U + tau_D U (1 - exp(-(D/U - 1)/tau_D)), U_N = min(rho U, N)

    Muennighoff's law with one exponent and ``rho U`` for the optimal size. Where ``rho U >= N`` neither
    ``rho`` nor ``tau_N`` has an effect.
    """
    A, tau_N, B, tau_D, alpha, E, rho = theta
    U, N, D = x
    U_N = jnp.minimum(rho * U, N)
    N_e = U_N * (1 - tau_N * jnp.expm1((1 - N / U_N) / tau_N))
    D_e = U * (1 - tau_D * jnp.expm1((1 - D / U) / tau_D))
    return A * jnp.exp(-alpha * jnp.log(N_e)) + B * jnp.exp(-alpha * jnp.log(D_e)) + E


SL_3 = task_law(
    "data_con/sl_3",
    sl_3,
    params=params(
        A=(1e-3, 1e7),
        tau_N=(1e-3, 500, "decay constant of excess parameters"),
        B=(1e-3, 1e7),
        tau_D=(1e-3, 500, "decay constant of repeated tokens"),
        alpha=(0.05, 2),
        E=(-3, 10),
        rho=(1e-3, 100, "parameters per unique token that count in full"),
    ),
    linear=("A", "B", "E"),
)


def sl_4(theta, x):
    """L = E + A N^-alpha + B D_e^-beta, D_e = max(1/(1/D + 1/K), 1e-12), K = s U N^kappa"""
    E, A, alpha, B, beta, s, kappa = theta
    u, n, d = jnp.log(x)
    k = jnp.log(s) + u + kappa * n
    d_e = jnp.maximum(-jnp.logaddexp(-d, -k), LOG_FLOOR)
    return E + A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * d_e)


SL_4 = task_law(
    "data_con/sl_4",
    sl_4,
    params=params(
        E=(-3, 8),
        A=(1e-3, 1e11),
        alpha=(0.05, 2.5),
        B=(1e-3, 1e9),
        beta=(0.05, 2.5),
        s=(1e-5, 1e7, "saturation scale per unique token at N = 1"),
        kappa=(-2, 1.5),
    ),
    linear=("E", "A", "B"),
)


def sl_5(theta, x):
    """L = A N^-alpha + B (U^gamma D^(1-gamma))^-beta + E"""
    A, alpha, B, beta, E, gamma = theta
    u, n, d = jnp.log(x)
    return A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * (gamma * u + (1 - gamma) * d)) + E


SL_5 = task_law(
    "data_con/sl_5",
    sl_5,
    params=params(A=(1e-3, 1e10), alpha=(0.05, 2), B=(1e-3, 1e10), beta=(0.05, 2), E=(-3, 10), gamma=(0, 1)),
    linear=("A", "B", "E"),
)


def sl_6(theta, x):
    """L = E + A N^-alpha + B D_e^-beta, D_e = max(D / (1 + C (D/U - 1)^c N^d), 1e-12)

    At ``c = 0`` runs without repetition jump, because ``0^0 = 1``.
    """
    E, A, alpha, B, beta, C, c, d = theta
    U, N, D = x
    n = jnp.log(N)
    penalty = C * power(jnp.maximum(D / U - 1, 0), c) * jnp.exp(d * n)
    d_e = jnp.maximum(jnp.log(D) - jnp.log1p(penalty), LOG_FLOOR)
    return E + A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * d_e)


SL_6 = task_law(
    "data_con/sl_6",
    sl_6,
    params=params(
        E=(-3, 10),
        A=(1e-3, 1e11),
        alpha=(0.05, 2),
        B=(1e-3, 1e12),
        beta=(0.05, 2),
        C=(0, 1e4, "amplitude of the repetition penalty"),
        c=(0, 2, "exponent of the excess repetitions"),
        d=(-1, 1, "exponent of N in the penalty"),
    ),
    linear=("E", "A", "B"),
)


def sl_7(theta, x):
    """L = E + A (N U)^e_NU + B D^e_D + C N^e_N"""
    E, A, e_NU, B, e_D, C, e_N = theta
    u, n, d = jnp.log(x)
    return E + A * jnp.exp(e_NU * (n + u)) + B * jnp.exp(e_D * d) + C * jnp.exp(e_N * n)


SL_7 = task_law(
    "data_con/sl_7",
    sl_7,
    params=params(
        E=(-3, 10),
        A=(1e-3, 1e9),
        e_NU=(-2, 0.5),
        B=(1e-3, 1e9),
        e_D=(-2, 0.5),
        C=(-1e13, 1e13),
        e_N=(-2.5, 0.5),
    ),
    linear=("E", "A", "B", "C"),
)


def sl_8(theta, x):
    """L = E + B D^-beta + A N^-alpha + C ln(1 + U/D)^gamma"""
    E, B, A, C, beta, alpha, gamma = theta
    U, N, D = x
    fresh = jnp.log(jnp.log1p(U / D))
    return E + B * jnp.exp(-beta * jnp.log(D)) + A * jnp.exp(-alpha * jnp.log(N)) + C * jnp.exp(gamma * fresh)


SL_8 = task_law(
    "data_con/sl_8",
    sl_8,
    params=params(
        E=(-3, 10),
        B=(-1e8, 1e8),
        A=(-1e8, 1e8),
        C=(-200, 200, "amplitude of the freshness of the data"),
        beta=(0.05, 2),
        alpha=(0.05, 2),
        gamma=(0.05, 5),
    ),
    linear=("E", "B", "A", "C"),
)


def sl_9(theta, x):
    """L = A N^-alpha + B D^-beta (1 + C U^-gamma) + E"""
    A, alpha, B, beta, C, gamma, E = theta
    u, n, d = jnp.log(x)
    return A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * d) * (1 + C * jnp.exp(-gamma * u)) + E


SL_9 = task_law(
    "data_con/sl_9",
    sl_9,
    params=params(
        A=(1e-3, 1e7),
        alpha=(0.05, 2),
        B=(1e-3, 1e7),
        beta=(0.05, 2),
        C=(0, 1e11),
        gamma=(0.05, 2),
        E=(-3, 10),
    ),
    linear=("A", "B", "E"),
)


def sl_10(theta, x):
    """L = E + A N^-alpha + B S^(1/q), S = max(D^(-beta q) + (k U)^(-beta q), 1e-12)

    The floor of ``S`` is reached in most of the box; there the data term is ``B 10^(-12/q)``.
    """
    E, A, B, alpha, beta, k, q = theta
    u, n, d = jnp.log(x)
    log_sum = jnp.logaddexp(-beta * q * d, -beta * q * (jnp.log(k) + u))
    return E + A * jnp.exp(-alpha * n) + B * jnp.exp(jnp.maximum(log_sum, LOG_FLOOR) / q)


SL_10 = task_law(
    "data_con/sl_10",
    sl_10,
    params=params(
        E=(-3, 8),
        A=(1e-3, 1e9),
        B=(1e-3, 1e9),
        alpha=(0.05, 2),
        beta=(0.05, 2),
        k=(1e-3, 1e4, "useful passes over the unique tokens"),
        q=(0.1, 50, "sharpness of the soft minimum of D and k U"),
    ),
    linear=("E", "A", "B"),
)

LAWS = (SL_1, SL_2, SL_3, SL_4, SL_5, SL_6, SL_7, SL_8, SL_9, SL_10)
