"""Domain-specific continual pre-training (D-CPT).

Inputs: ``N`` parameters, ``D`` tokens, ``r`` share of the domain's corpus in the mixture, above 0.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def d_cpt(theta, x):
    """L = E + A N^-alpha + B r^eta D^-beta + C (r + eps)^-gamma"""
    E, A, alpha, B, eta, beta, C, eps, gamma = theta
    N, D, r = x
    data = B * jnp.exp(eta * jnp.log(r) - beta * jnp.log(D))
    return E + A * jnp.exp(-alpha * jnp.log(N)) + data + C * jnp.exp(-gamma * jnp.log(r + eps))


D_CPT = Law(
    "d_cpt",
    d_cpt,
    inputs=("N", "D", "r"),
    params=params(
        E=(0.01, 10),
        A=(1e-2, 1e8),
        alpha=(0.05, 1),
        B=(1e-2, 1e8),
        eta=(-2, 2),
        beta=(0.05, 1),
        C=(1e-4, 1e2),
        eps=(1e-4, 0.5),
        gamma=(0.05, 2),
    ),
    linear=("E", "A", "B", "C"),
    source="Que et al. 2024, arXiv:2406.01375",
)

LAWS = (D_CPT,)
