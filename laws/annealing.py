"""Loss along a learning-rate schedule (Tissue).

Inputs: ``S_1`` sum of the learning rates so far; ``S_2`` the annealing area, the running sum of
``m_i = lam m_(i-1) + (lr_(i-1) - lr_i)`` with ``lam`` of 0.99 to 0.999.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def annealing(theta, x):
    """L = L_0 + A S_1^-alpha - C S_2"""
    L_0, A, alpha, C = theta
    S_1, S_2 = x
    return L_0 + A * jnp.exp(-alpha * jnp.log(S_1)) - C * S_2


ANNEALING = Law(
    "annealing",
    annealing,
    inputs=("S_1", "S_2"),
    params=params(L_0=(0.01, 10), A=(1e-3, 1e3), alpha=(0.02, 2), C=(0, 10)),
    linear=("L_0", "A", "C"),
    source="Tissue et al. 2024, arXiv:2408.11029",
    nonnegative=("S_2",),
)

LAWS = (ANNEALING,)
