"""Over-optimisation of a reward model (Gao). Input: ``d``, the square root of the KL divergence."""

import jax.numpy as jnp

from jaxsl.law import Law, params

PAPER = "Gao et al. 2022, arXiv:2210.10760"


def best_of_n(theta, x):
    """R = d (alpha - beta d)"""
    alpha, beta = theta
    (d,) = x
    return d * (alpha - beta * d)


BEST_OF_N = Law(
    "reward/best_of_n",
    best_of_n,
    inputs=("d",),
    outputs=("reward",),
    params=params(alpha=(1e-3, 10), beta=(1e-4, 10)),
    linear=("alpha", "beta"),
    source=PAPER,
)


def reinforcement(theta, x):
    """R = d (alpha - beta ln d)"""
    alpha, beta = theta
    (d,) = x
    return d * (alpha - beta * jnp.log(d))


REINFORCEMENT = Law(
    "reward/reinforcement",
    reinforcement,
    inputs=("d",),
    outputs=("reward",),
    params=params(alpha=(1e-3, 10), beta=(1e-4, 10)),
    linear=("alpha", "beta"),
    source=PAPER,
)

LAWS = (BEST_OF_N, REINFORCEMENT)
