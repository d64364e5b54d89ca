"""Data-constrained scaling (Muennighoff): repeated tokens and excess parameters lose their value.

Inputs: ``U`` unique tokens, ``N`` parameters, ``D`` tokens seen, repetitions included.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def data_constrained(theta, x):
    """L = A/N_e^alpha + B/D_e^beta + E, D_e = U_D + U_D R_D (1 - exp(-(D/U_D - 1)/R_D)), U_D = min(D, U),
    N_e = U_N + U_N R_N (1 - exp(-(N/U_N - 1)/R_N)), U_N = min(N, G (G U_D)^(beta/alpha)),
    G = (alpha A/(beta B))^(1/(alpha + beta))
    """
    A, alpha, B, beta, E, R_D, R_N = theta
    U, N, D = x
    U_D = jnp.minimum(D, U)
    log_G = jnp.log(alpha * A / (beta * B)) / (alpha + beta)
    U_N = jnp.minimum(N, jnp.exp(jnp.minimum(log_G + beta / alpha * (log_G + jnp.log(U_D)), jnp.log(2 * N))))
    D_e = U_D * (1 - R_D * jnp.expm1((1 - D / U_D) / R_D))
    N_e = U_N * (1 - R_N * jnp.expm1((1 - N / U_N) / R_N))
    return A * jnp.exp(-alpha * jnp.log(N_e)) + B * jnp.exp(-beta * jnp.log(D_e)) + E


DATA_CONSTRAINED = Law(
    "data_constrained",
    data_constrained,
    inputs=("U", "N", "D"),
    params=params(
        A=(1, 1e6),
        alpha=(0.1, 1),
        B=(1, 1e6),
        beta=(0.1, 1),
        E=(0.01, 10),
        R_D=(0.1, 1e3, "epochs after which repeated tokens fade"),
        R_N=(0.1, 1e3, "the same for excess parameters"),
    ),
    linear=("E",),
    source="Muennighoff et al. 2023, arXiv:2305.16264, eq. 6",
    estimates={"muennighoff": (520.82495, 0.3526596, 1487.71609, 0.3526596, 1.86914368, 15.387756, 5.309743)},
)

LAWS = (DATA_CONSTRAINED,)
