"""Over-training and downstream error (Gadre).

Inputs: ``C`` training FLOPs and ``M`` tokens per parameter; then ``loss`` for the downstream error.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params

PAPER = "Gadre et al. 2024, arXiv:2403.08540"


def loss(theta, x):
    """L = E + (a M^eta + b M^-eta) C^-eta"""
    E, a, b, eta = theta
    c, m = jnp.log(x)
    return E + a * jnp.exp(eta * (m - c)) + b * jnp.exp(-eta * (m + c))


LOSS = Law(
    "over_training/loss",
    loss,
    inputs=("C", "M"),
    params=params(E=(0.01, 10), a=(1e-2, 1e8), b=(1e-2, 1e8), eta=(0.02, 1, "half of Chinchilla's alpha")),
    linear=("E", "a", "b"),
    source=f"{PAPER}, eq. 4",
)


def error(theta, x):
    """Err = eps - k exp(-gamma L)"""
    eps, k, gamma = theta
    return eps - k * jnp.exp(-gamma * x[0])


ERROR = Law(
    "over_training/error",
    error,
    inputs=("loss",),
    outputs=("error",),
    params=params(eps=(0.1, 1, "error of a random guess"), k=(1e-2, 1e3), gamma=(0.05, 5)),
    linear=("eps", "k"),
    source=f"{PAPER}, eq. 5 and 6",
)

LAWS = (LOSS, ERROR)
