"""Upcycled mixtures of experts: loss from the sparsity ratio and the active parameters.

Inputs and their data columns: ``P`` = ``P``, total over active parameters; ``N`` = ``N_active``, in billions.
"""

from functools import partial

import jax.numpy as jnp

from jaxsl.law import Law, params

task_law = partial(
    Law, inputs=("P", "N"), source="Liew et al. 2025, arXiv:2502.03009; boxes of arXiv:2604.22753, table B.2"
)


def sl_1(theta, x):
    """L = exp(ln_A) P^-alpha_P N^-alpha_N exp(gamma ln P ln N) + exp(ln_E)"""
    ln_A, alpha_P, alpha_N, gamma, ln_E = theta
    p, n = jnp.log(x)
    return jnp.exp(ln_A - alpha_P * p - alpha_N * n + gamma * p * n) + jnp.exp(ln_E)


SL_1 = task_law(
    "sparsity/sl_1",
    sl_1,
    params=params(ln_A=(-5, 5), alpha_P=(0.01, 3), alpha_N=(0.01, 3), gamma=(-1, 1), ln_E=(-5, 5)),
)


def sl_2(theta, x):
    """L = exp(ln_A) P^-alpha_P N^-alpha_N + exp(ln_E)"""
    ln_A, alpha_P, alpha_N, ln_E = theta
    p, n = jnp.log(x)
    return jnp.exp(ln_A - alpha_P * p - alpha_N * n) + jnp.exp(ln_E)


SL_2 = task_law(
    "sparsity/sl_2", sl_2, params=params(ln_A=(-5, 5), alpha_P=(0.01, 3), alpha_N=(0.01, 3), ln_E=(-5, 5))
)


def sl_3(theta, x):
    """L = exp(ln_A) P^-alpha_P + exp(ln_B) N^-alpha_N exp(gamma ln P ln N) + exp(ln_E)"""
    ln_A, alpha_P, ln_B, alpha_N, gamma, ln_E = theta
    p, n = jnp.log(x)
    return jnp.exp(ln_A - alpha_P * p) + jnp.exp(ln_B - alpha_N * n + gamma * p * n) + jnp.exp(ln_E)


SL_3 = task_law(
    "sparsity/sl_3",
    sl_3,
    params=params(
        ln_A=(-5, 5), alpha_P=(0.01, 3), ln_B=(-5, 5), alpha_N=(0.01, 3), gamma=(-1, 1), ln_E=(-5, 5)
    ),
)


def sl_4(theta, x):
    """L = exp(ln_A) P^-alpha_P + exp(ln_B) N^-alpha_N + exp(ln_E)"""
    ln_A, alpha_P, ln_B, alpha_N, ln_E = theta
    p, n = jnp.log(x)
    return jnp.exp(ln_A - alpha_P * p) + jnp.exp(ln_B - alpha_N * n) + jnp.exp(ln_E)


SL_4 = task_law(
    "sparsity/sl_4",
    sl_4,
    params=params(ln_A=(-5, 5), alpha_P=(0.01, 3), ln_B=(-5, 5), alpha_N=(0.01, 3), ln_E=(-5, 5)),
)

LAWS = (SL_1, SL_2, SL_3, SL_4)
