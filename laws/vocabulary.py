"""Scaling with vocabulary (Tao): unigram-normalised loss, negative where the model beats unigram counts.

Inputs: ``N`` parameters outside the vocabulary, ``N_v`` parameters of the vocabulary (its size times the
width), ``D`` tokens.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def vocabulary(theta, x):
    """L_u = -E + A_1 N^-alpha_1 + A_2 N_v^-alpha_2 + B D^-beta"""
    E, A_1, alpha_1, A_2, alpha_2, B, beta = theta
    n, v, d = jnp.log(x)
    return -E + A_1 * jnp.exp(-alpha_1 * n) + A_2 * jnp.exp(-alpha_2 * v) + B * jnp.exp(-beta * d)


VOCABULARY = Law(
    "vocabulary",
    vocabulary,
    inputs=("N", "N_v", "D"),
    params=params(
        E=(0.01, 20),
        A_1=(1e-2, 1e10),
        alpha_1=(0.05, 1),
        A_2=(1e-2, 1e10),
        alpha_2=(0.05, 1),
        B=(1e-2, 1e10),
        beta=(0.05, 1),
    ),
    linear=("E", "A_1", "A_2", "B"),
    source="Tao et al. 2024, arXiv:2407.13623",
)

LAWS = (VOCABULARY,)
