"""A Gaussian process on what the laws leave over, to measure whether it helps; it is not part of jaxsl.

``r(x) ~ GP(0, a^2 (exp(-|u - u'|^2 / 2 l^2) + s delta))`` on the residuals of the bought runs; ``u`` are the
logarithms of the inputs in deviations of runs and target. Of a grid of ``l`` and ``s`` the pair with the
highest marginal likelihood counts; ``a`` has a closed form (Kennedy and O'Hagan 2001).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

LENGTHS = (0.5, 1.0, 2.0, 4.0)  # deviations
NOISES = (0.01, 0.1, 1.0, 10.0, 100.0)  # variance of the noise over that of the process


def correction(x: Array, mask: Array, residual: Array, at: Array) -> Array:
    """Mean of the process at ``at (target, feature)``: ``(target, output)``.

    Args:
        x: configurations of the runs, ``(row, feature)``.
        mask: which rows are runs, ``(row,)`` of bool.
        residual: what the laws leave over, ``(row, output)``.
        at: where it is wanted.
    """
    both = jnp.concatenate([x, at])
    both = jnp.where(jnp.all(both > 0, axis=0), jnp.log(jnp.maximum(both, jnp.finfo(x.dtype).tiny)), both)
    weight = jnp.concatenate([mask / jnp.maximum(mask.sum(), 1), jnp.full(len(at), 1 / len(at))])[:, None] / 2
    scale = jnp.sqrt(jnp.sum(weight * (both - jnp.sum(weight * both, axis=0)) ** 2, axis=0))
    runs, goal = jnp.split(both / jnp.where(scale > 0, scale, 1.0), [len(x)])
    pairs = mask[:, None] & mask
    residual = jnp.where(mask[:, None], residual, 0.0)

    def kernel(left, right, length):
        return jnp.exp(-jnp.sum((left[:, None] - right) ** 2, axis=2) / (2 * length**2))

    def one(setting):
        length, noise = setting
        matrix = jnp.where(pairs, kernel(runs, runs, length) + noise * jnp.eye(len(runs)), jnp.eye(len(runs)))
        factor = jnp.linalg.cholesky(matrix)
        solved = jax.scipy.linalg.cho_solve((factor, True), residual)
        size = jnp.sum(residual * solved, axis=0) / jnp.maximum(mask.sum(), 1)
        size = jnp.maximum(size, jnp.finfo(x.dtype).tiny)
        likelihood = -mask.sum() / 2 * jnp.log(size) - jnp.sum(jnp.log(jnp.diagonal(factor)))
        return likelihood, jnp.where(mask, kernel(goal, runs, length), 0.0) @ solved

    grid = np.array([(length, noise) for length in LENGTHS for noise in NOISES])
    likelihood, mean = jax.lax.map(one, jnp.asarray(grid, x.dtype))
    best = jnp.argmax(likelihood, axis=0)
    return jnp.take_along_axis(mean, best[None, None], axis=0)[0]
