"""Hestness: error as a power of the size of the training set, above a floor. Input: ``D``, its size."""

import jax.numpy as jnp

from jaxsl.law import Law, params


def hestness(theta, x):
    """eps = a D^b + g"""
    a, b, g = theta
    return a * jnp.exp(b * jnp.log(x[0])) + g


HESTNESS = Law(
    "hestness",
    hestness,
    inputs=("D",),
    outputs=("error",),
    params=params(a=(1e-3, 1e4), b=(-1, -0.01, "theory has -0.5"), g=(0, 10)),
    linear=("a", "g"),
    source="Hestness et al. 2017, arXiv:1712.00409",
)

LAWS = (HESTNESS,)
