"""Chinchilla: loss from parameters and tokens, with the original and the corrected estimates.

Inputs: ``N`` parameters, ``D`` training tokens. The box holds losses in nats per token or per byte and
runs from a thousand parameters on.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def chinchilla(theta, x):
    """L = E + A N^-alpha + B D^-beta"""
    E, A, alpha, B, beta = theta
    n, d = jnp.log(x)
    return E + A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * d)


CHINCHILLA = Law(
    "chinchilla",
    chinchilla,
    inputs=("N", "D"),
    params=params(
        E=(0.01, 10, "irreducible loss"), A=(1e-2, 1e10), alpha=(0.02, 2), B=(1e-2, 1e10), beta=(0.02, 2)
    ),
    linear=("E", "A", "B"),
    source="Hoffmann et al. 2022, arXiv:2203.15556, eq. 2 and appendix D.3",
    estimates={
        "hoffmann": (1.69, 406.4, 0.34, 410.7, 0.28),  # as printed; the rounded exponents bias predictions
        "hoffmann_unrounded": (1.6934, 406.4, 0.3392, 410.7, 0.2849),  # the paper's TeX source
        "epoch": (1.8172, 482.01, 0.3478, 2085.43, 0.3658),
    },
    estimate_sources={"epoch": "Besiroglu et al. 2024, arXiv:2404.10102"},
)

LAWS = (CHINCHILLA,)
