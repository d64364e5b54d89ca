"""Rosenfeld: error from model and data size, levelling off at the error of a random guess.

Inputs: ``N`` parameters, ``D`` size of the training set.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def rosenfeld(theta, x):
    """eps = e_0 / sqrt(1 + (eta/t)^2), t = a D^-alpha + b N^-beta + c_inf

    Scaling ``a``, ``b``, ``c_inf`` and ``eta`` together changes nothing; fix one of them to fit.
    """
    e_0, a, alpha, b, beta, c_inf, eta = theta
    n, d = jnp.log(x)
    error = a * jnp.exp(-alpha * d) + b * jnp.exp(-beta * n) + c_inf
    return e_0 / jnp.sqrt(1 + (eta / error) ** 2)


ROSENFELD = Law(
    "rosenfeld",
    rosenfeld,
    inputs=("N", "D"),
    outputs=("error",),
    params=params(
        e_0=(0.01, 20, "error of a random guess"),
        a=(1e-2, 1e6),
        alpha=(0.05, 1),
        b=(1e-2, 1e6),
        beta=(0.05, 1),
        c_inf=(1e-3, 10),
        eta=(1e-2, 1e3, "where it levels off"),
    ),
    linear=("e_0",),
    source="Rosenfeld et al. 2020, arXiv:1909.12673",
)

LAWS = (ROSENFELD,)
