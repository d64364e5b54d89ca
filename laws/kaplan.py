"""Kaplan's laws: loss as a power of size, data and compute, of pairs of them, and the critical batch size.

Inputs: ``N`` non-embedding parameters, ``D`` tokens, ``C`` compute in PF-days, ``S`` optimisation steps at
large batch, ``loss`` in nats per token for the critical batch size in tokens.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params

PAPER = "Kaplan et al. 2020, arXiv:2001.08361"


def size(theta, x):
    """L = (N_c/N)^alpha_N"""
    N_c, alpha_N = theta
    return jnp.exp(alpha_N * jnp.log(N_c / x[0]))


SIZE = Law(
    "kaplan/n",
    size,
    inputs=("N",),
    params=params(N_c=(1, 1e26), alpha_N=(0.01, 1)),
    source=f"{PAPER}, eq. 1.1",
    estimates={"kaplan": (8.8e13, 0.076)},
)


def data(theta, x):
    """L = (D_c/D)^alpha_D"""
    D_c, alpha_D = theta
    return jnp.exp(alpha_D * jnp.log(D_c / x[0]))


DATA = Law(
    "kaplan/d",
    data,
    inputs=("D",),
    params=params(D_c=(1, 1e26), alpha_D=(0.01, 1)),
    source=f"{PAPER}, eq. 1.2",
    estimates={"kaplan": (5.4e13, 0.095)},
)


def compute(theta, x):
    """L = (C_c/C)^alpha_C"""
    C_c, alpha_C = theta
    return jnp.exp(alpha_C * jnp.log(C_c / x[0]))


COMPUTE = Law(
    "kaplan/c",
    compute,
    inputs=("C",),
    params=params(C_c=(1, 1e26), alpha_C=(0.01, 1)),
    source=f"{PAPER}, eq. 1.3",
    estimates={"kaplan": (3.1e8, 0.050)},
)


def size_data(theta, x):
    """L = ((N_c/N)^(alpha_N/alpha_D) + D_c/D)^alpha_D"""
    N_c, alpha_N, D_c, alpha_D = theta
    N, D = x
    return jnp.exp(alpha_D * jnp.logaddexp(alpha_N / alpha_D * jnp.log(N_c / N), jnp.log(D_c / D)))


SIZE_DATA = Law(
    "kaplan/nd",
    size_data,
    inputs=("N", "D"),
    params=params(N_c=(1, 1e26), alpha_N=(0.01, 1), D_c=(1, 1e26), alpha_D=(0.01, 1)),
    source=f"{PAPER}, eq. 1.5",
    estimates={"kaplan": (6.4e13, 0.076, 1.8e13, 0.103)},  # table 2
)


def size_steps(theta, x):
    """L = (N_c/N)^alpha_N + (S_c/S)^alpha_S"""
    N_c, alpha_N, S_c, alpha_S = theta
    N, S = x
    return jnp.exp(alpha_N * jnp.log(N_c / N)) + jnp.exp(alpha_S * jnp.log(S_c / S))


SIZE_STEPS = Law(
    "kaplan/ns",
    size_steps,
    inputs=("N", "S"),
    params=params(N_c=(1, 1e26), alpha_N=(0.01, 1), S_c=(1, 1e8), alpha_S=(0.01, 2)),
    source=f"{PAPER}, eq. 1.6",
    estimates={"kaplan": (6.5e13, 0.077, 2.1e3, 0.76)},  # table 3
)


def critical_batch(theta, x):
    """B_crit = B_star / L^(1/alpha_B)"""
    B_star, alpha_B = theta
    return B_star * jnp.exp(-jnp.log(x[0]) / alpha_B)


CRITICAL_BATCH = Law(
    "kaplan/critical_batch",
    critical_batch,
    inputs=("loss",),
    outputs=("batch_tokens",),
    params=params(B_star=(1e3, 1e14), alpha_B=(0.02, 2)),
    linear=("B_star",),
    source=f"{PAPER}, eq. 1.4",
    estimates={"kaplan": (2e8, 0.21), "minicpm": (1.21e9, 1 / 6.24)},
    estimate_sources={"minicpm": "Hu et al. 2024, arXiv:2404.06395"},
)

LAWS = (SIZE, DATA, COMPUTE, SIZE_DATA, SIZE_STEPS, CRITICAL_BATCH)
