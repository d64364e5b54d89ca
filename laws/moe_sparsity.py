"""Sparsity of mixtures of experts in pre-training (Abnar).

Inputs: ``N`` total parameters, ``D`` tokens, ``S`` share of inactive parameters, from 0 to below 1.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def moe_sparsity(theta, x):
    """L = a N^-alpha + b D^-beta + c (1-S)^-lam + d (1-S)^-delta N^-gamma + e"""
    a, alpha, b, beta, c, lam, d, delta, gamma, e = theta
    N, D, S = x
    n, active = jnp.log(N), jnp.log1p(-S)
    dense = a * jnp.exp(-alpha * n) + b * jnp.exp(-beta * jnp.log(D))
    return dense + c * jnp.exp(-lam * active) + d * jnp.exp(-delta * active - gamma * n) + e


MOE_SPARSITY = Law(
    "moe_sparsity",
    moe_sparsity,
    inputs=("N", "D", "S"),
    params=params(
        a=(1e-2, 1e8),
        alpha=(0.02, 2),
        b=(1e-2, 1e8),
        beta=(0.02, 2),
        c=(1e-3, 1e3),
        lam=(-1, 1),
        d=(1e-3, 1e5),
        delta=(-1, 1),
        gamma=(0.01, 1),
        e=(0.01, 10),
    ),
    linear=("a", "b", "c", "d", "e"),
    source="Abnar et al. 2025, arXiv:2501.12370, eq. 6 and table 3",
    estimates={"abnar": (16612.50, 0.5962, 5455.67, 0.3954, 0.4598, -0.1666, 17.26, 0.1603, 0.1595, 0.94)},
    nonnegative=("S",),
)

LAWS = (MOE_SPARSITY,)
