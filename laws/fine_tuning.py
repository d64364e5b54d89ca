"""Fine-tuning and transfer.

Inputs: ``D`` fine-tuning examples or tokens; ``X`` model size, pre-training tokens or tuned parameters; ``N``
parameters.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def rectified(theta, x):
    """L = B / (D_l + D^beta) + E"""
    B, D_l, beta, E = theta
    return B / (D_l + jnp.exp(beta * jnp.log(x[0]))) + E


RECTIFIED = Law(
    "fine_tuning/rectified",
    rectified,
    inputs=("D",),
    params=params(
        B=(1e-2, 1e10), D_l=(1e-2, 1e8, "what pre-training taught already"), beta=(0.05, 1.5), E=(0, 10)
    ),
    linear=("B", "E"),
    source="Lin et al. 2024, arXiv:2402.02314",
)


def multiplicative(theta, x):
    """L = A X^-alpha D^-beta + E"""
    A, alpha, beta, E = theta
    size, d = jnp.log(x)
    return A * jnp.exp(-alpha * size - beta * d) + E


MULTIPLICATIVE = Law(
    "fine_tuning/multiplicative",
    multiplicative,
    inputs=("X", "D"),
    params=params(A=(1e-2, 1e10), alpha=(0.005, 1), beta=(0.005, 1), E=(0, 10)),
    linear=("A", "E"),
    source="Zhang et al. 2024, arXiv:2402.17193",
)


def transfer(theta, x):
    """D_T = k D^alpha N^beta"""
    k, alpha, beta = theta
    d, n = jnp.log(x)
    return k * jnp.exp(alpha * d + beta * n)


TRANSFER = Law(
    "fine_tuning/transfer",
    transfer,
    inputs=("D", "N"),
    outputs=("effective_data",),
    params=params(k=(1e-2, 1e10), alpha=(0.01, 1), beta=(0.01, 1)),
    linear=("k",),
    source="Hernandez et al. 2021, arXiv:2102.01293",
    estimates={"text_to_python": (1.9e4, 0.18, 0.38)},
)

LAWS = (RECTIFIED, MULTIPLICATIVE, TRANSFER)
