"""Routed language models (Clark): loss from the dense size and the number of experts.

Inputs: ``N`` parameters of the dense model, ``E`` experts. Logarithms are decimal, as in the paper's numbers.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def saturating_experts(E, E_start, E_max):
    """``ln E_hat``, ``1/E_hat = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max``."""
    return -jnp.log(1 / (E - 1 + 1 / (1 / E_start - 1 / E_max)) + 1 / E_max)


def clark(theta, x):
    """lg L = a lg N + b lg E_hat + c lg N lg E_hat + d,
    1/E_hat = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max
    """
    a, b, c, d, E_start, E_max = theta
    N, E = x
    ten = jnp.log(10.0)
    n, e = jnp.log(N) / ten, saturating_experts(E, E_start, E_max) / ten
    return jnp.exp(ten * (a * n + b * e + c * n * e + d))


CLARK = Law(
    "clark",
    clark,
    inputs=("N", "E"),
    params=params(
        a=(-0.5, 0), b=(-1, 0.5), c=(-0.1, 0.1), d=(-2, 4), E_start=(1, 10), E_max=(20, 1e4, "useful experts")
    ),
    source="Clark et al. 2022, arXiv:2202.01169",
    estimates={
        "s_base": (-0.082, -0.108, 0.009, 1.104, 1.847, 314.478),
        "rl_r": (-0.083, -0.126, 0.012, 1.111, 1.880, 469.982),
        "hash": (-0.087, -0.136, 0.012, 1.157, 4.175, 477.741),
    },
)

LAWS = (CLARK,)
