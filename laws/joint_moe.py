"""Joint scaling of mixtures of experts: loss from active parameters, tokens and experts.

Inputs: ``N`` active parameters, ``D`` tokens, ``E`` experts.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params
from laws.clark import saturating_experts


def joint_moe(theta, x):
    """L = a E_hat^delta N^(alpha + gamma ln E_hat) + b E_hat^omega D^(beta + zeta ln E_hat) + c,
    1/E_hat = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max
    """
    a, alpha, delta, gamma, b, beta, omega, zeta, c, E_start, E_max = theta
    N, D, E = x
    e = saturating_experts(E, E_start, E_max)
    size = a * jnp.exp(delta * e + (alpha + gamma * e) * jnp.log(N))
    return size + b * jnp.exp(omega * e + (beta + zeta * e) * jnp.log(D)) + c


JOINT_MOE = Law(
    "joint_moe",
    joint_moe,
    inputs=("N", "D", "E"),
    params=params(
        a=(1e-2, 1e6),
        alpha=(-1, -0.02),
        delta=(-2, 2),
        gamma=(-0.1, 0.1),
        b=(1e-2, 1e6),
        beta=(-1, -0.02),
        omega=(-2, 2),
        zeta=(-0.1, 0.1),
        c=(0.01, 10),
        E_start=(1, 10),
        E_max=(20, 1e4),
    ),
    linear=("a", "b", "c"),
    source="Ludziejewski et al. 2025, arXiv:2502.05172",
)

LAWS = (JOINT_MOE,)
