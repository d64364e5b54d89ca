"""Sparse autoencoders (Gao): reconstruction error. Inputs: ``n`` latents, ``k`` of them active."""

import jax.numpy as jnp

from jaxsl.law import Law, params


def sparse_autoencoder(theta, x):
    """L = exp(alpha + beta_k ln k + beta_n ln n + gamma ln k ln n) + exp(zeta + eta ln k)"""
    alpha, beta_k, beta_n, gamma, zeta, eta = theta
    n, k = jnp.log(x)
    return jnp.exp(alpha + beta_k * k + beta_n * n + gamma * k * n) + jnp.exp(zeta + eta * k)


SPARSE_AUTOENCODER = Law(
    "sparse_autoencoder",
    sparse_autoencoder,
    inputs=("n", "k"),
    params=params(
        alpha=(-10, 10), beta_k=(-1, 1), beta_n=(-1, 1), gamma=(-0.1, 0.1), zeta=(-10, 5), eta=(-1, 1)
    ),
    source="Gao et al. 2024, arXiv:2406.04093",
)

LAWS = (SPARSE_AUTOENCODER,)
