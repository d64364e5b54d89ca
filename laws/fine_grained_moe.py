"""Fine-grained mixtures of experts: loss from parameters, tokens and granularity.

Inputs: ``N`` parameters, ``D`` tokens, ``G`` granularity (how many parts an expert is cut into).
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def fine_grained_moe(theta, x):
    """L = c + (g G^-gamma + a) N^-alpha + b D^-beta"""
    a, alpha, b, beta, g, gamma, c = theta
    n, d, granularity = jnp.log(x)
    return c + (g * jnp.exp(-gamma * granularity) + a) * jnp.exp(-alpha * n) + b * jnp.exp(-beta * d)


FINE_GRAINED_MOE = Law(
    "fine_grained_moe",
    fine_grained_moe,
    inputs=("N", "D", "G"),
    params=params(
        a=(1e-2, 1e6),
        alpha=(0.02, 1),
        b=(1e-2, 1e6),
        beta=(0.02, 1),
        g=(1e-2, 1e6),
        gamma=(0.05, 3),
        c=(0.01, 10),
    ),
    linear=("a", "b", "g", "c"),
    source="Krajewski et al. 2024, arXiv:2402.07871",
    estimates={"64_experts": (18.1, 0.115, 30.8, 0.147, 2.1, 0.58, 0.47)},
)

LAWS = (FINE_GRAINED_MOE,)
