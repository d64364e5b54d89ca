"""Repeated sampling: the share of problems solved by at least one of ``k`` attempts. Input: ``k``."""

import jax.numpy as jnp
from jax.scipy.special import gammaln

from jaxsl.law import Law, params


def power(theta, x):
    """coverage = exp(a k^b)"""
    a, b = theta
    return jnp.exp(a * jnp.exp(b * jnp.log(x[0])))


POWER = Law(
    "pass_at_k/power",
    power,
    inputs=("k",),
    outputs=("coverage",),
    params=params(a=(-20, -1e-3), b=(-3, -0.01)),
    source="Brown et al. 2024, arXiv:2407.21787",
)


def beta_mixture(theta, x):
    """coverage = 1 - Beta(p, q + k) / Beta(p, q)

    The chance of one attempt differs from problem to problem as Beta(p, q) does.
    """
    p, q = theta
    (k,) = x
    return -jnp.expm1(gammaln(q + k) + gammaln(p + q) - gammaln(p + q + k) - gammaln(q))


BETA_MIXTURE = Law(
    "pass_at_k/beta",
    beta_mixture,
    inputs=("k",),
    outputs=("coverage",),
    params=params(p=(1e-2, 1e2), q=(1e-2, 1e4)),
    source="mean of 1 - (1 - chance)^k under a beta distribution",
)

LAWS = (POWER, BETA_MIXTURE)
