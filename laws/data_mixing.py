"""Data mixing laws (Ye): the loss on every domain from the shares of all of them.

Inputs ``p_1 .. p_5`` and outputs ``L_1 .. L_5`` are those of the benchmark's ``domain`` task, so that it can
be fitted there; none of its ten laws is this one.
"""

import jax.numpy as jnp

from jaxsl.law import Law
from laws.domain import NUM, per_domain

PARAMS = per_domain(c_i=(0, 6), k_i=(1e-3, 20), t_ik=(-10, 10))
NAMES = tuple(f"p_{i + 1}" for i in range(NUM))


def data_mixing(theta, x):
    """L_i = c_i + k_i exp(sum_k t_ik p_k), k over all domains

    As shares sum to one, ``k_i`` and a common shift of ``t_ik`` are the same thing; fix one of them to fit.
    """
    theta = theta.reshape(NUM, 2 + NUM)
    return theta[:, 0] + theta[:, 1] * jnp.exp(jnp.sum(theta[:, 2:] * x, 1))


DATA_MIXING = Law(
    "data_mixing",
    data_mixing,
    inputs=NAMES,
    outputs=tuple(f"L_{i + 1}" for i in range(NUM)),
    params=PARAMS,
    linear=tuple(param.name for param in PARAMS if param.name[0] in "ck"),
    source="Ye et al. 2024, arXiv:2403.16952",
    nonnegative=NAMES,
    separable=True,
)

LAWS = (DATA_MIXING,)
