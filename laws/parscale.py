"""Parallel scaling (ParScale): loss from parameters and parallel streams, in a box that fits it.

Inputs: ``N`` parameters, ``P`` streams, at least 1.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def parscale(theta, x):
    """L = (A / (N (k ln P + 1)))^alpha + E"""
    A, k, alpha, E = theta
    N, P = x
    return jnp.exp(alpha * (jnp.log(A / N) - jnp.log1p(k * jnp.log(P)))) + E


PARSCALE = Law(
    "parscale",
    parscale,
    inputs=("N", "P"),
    params=params(A=(1, 1e20), k=(0, 2, "stream efficiency"), alpha=(0.02, 1), E=(0.01, 10)),
    linear=("E",),
    source="Chen et al. 2025, arXiv:2505.10475",
    estimates={
        "stack": (1.130616e7, 0.393463, 0.189371, 0.691237),
        "pile": (1.973520e8, 0.334456, 0.196333, 1.288766),
    },
)

LAWS = (PARSCALE,)
