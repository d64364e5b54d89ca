"""Precision (Kumar): what training in few bits costs, and what quantising after training costs.

Inputs: ``N`` parameters, ``D`` tokens, ``P_w``, ``P_a``, ``P_kv`` bits of weights, activations and the
key-value cache in training, ``P_post`` bits of the weights after quantisation.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params

PAPER = "Kumar et al. 2024, arXiv:2411.04330"


def training(theta, x):
    """L = A N_e^-alpha + B D^-beta + E,
    N_e = N (1 - exp(-P_w/g_w)) (1 - exp(-P_a/g_a)) (1 - exp(-P_kv/g_kv))
    """
    A, alpha, B, beta, E, *g = theta
    N, D, *bits = x
    kept = jnp.log1p(-jnp.exp(-jnp.stack(bits) / jnp.stack(g)))
    return A * jnp.exp(-alpha * (jnp.log(N) + jnp.sum(kept))) + B * jnp.exp(-beta * jnp.log(D)) + E


TRAINING = Law(
    "precision/training",
    training,
    inputs=("N", "D", "P_w", "P_a", "P_kv"),
    params=params(
        A=(1e-2, 1e10),
        alpha=(0.02, 2),
        B=(1e-2, 1e10),
        beta=(0.02, 2),
        E=(0.01, 10),
        g_w=(0.1, 20, "bits over which weights matter"),
        g_a=(0.1, 20),
        g_kv=(0.1, 20),
    ),
    linear=("A", "B", "E"),
    source=f"{PAPER}, eq. 1 and 4",
)


def post_training(theta, x):
    """delta = C_T D^gamma_D N^-gamma_N exp(-P_post/gamma_post)"""
    C_T, gamma_D, gamma_N, gamma_post = theta
    N, D, P_post = x
    return C_T * jnp.exp(gamma_D * jnp.log(D) - gamma_N * jnp.log(N) - P_post / gamma_post)


POST_TRAINING = Law(
    "precision/post_training",
    post_training,
    inputs=("N", "D", "P_post"),
    outputs=("loss_increase",),
    params=params(C_T=(1e-6, 1e4), gamma_D=(0.02, 2), gamma_N=(0.02, 2), gamma_post=(0.05, 10)),
    linear=("C_T",),
    source=f"{PAPER}, eq. 2",
    estimates={"kumar": (0.0598, 0.5068, 0.3439, 0.5907)},
)

LAWS = (TRAINING, POST_TRAINING)
