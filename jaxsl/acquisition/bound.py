"""At most how much a run would teach: an upper bound of the acquisition, at a fraction of its cost.

The expected fall of the target's variance is what is believed now less what is expected to be left. With
``Z_k(y) = F_k + U_k (y - m_k)`` for the target's mean in basin k after the outcome y, see
``jaxsl.acquisition.mspe``,

    within + between = within + sum_(k<j) w_k w_j ( |F_k - F_j|^2 - L_kj ),
    L_kj = integral of p_k p_j |Z_k - Z_j|^2 / p,                  p = sum_k w_k p_k,

and by the inequality of Cauchy and Schwarz, as ``p`` integrates to one and ``sqrt(p_k p_j)`` is a Gaussian
about ``a = (m_k / s_k^2 + m_j / s_j^2) / (1 / s_k^2 + 1 / s_j^2)`` times the coefficient of Bhattacharyya
(1943) ``B_kj``, with the unit vector ``e`` along ``F_k - F_j``,

    L_kj >= |integral of sqrt(p_k p_j) (Z_k - Z_j)|^2 >= B_kj^2 (e . (Z_k(a) - Z_j(a)))^2,
    B_kj^2 = 2 s_k s_j / (s_k^2 + s_j^2) exp(-(m_k - m_j)^2 / (2 (s_k^2 + s_j^2))).

It is exact for one basin, for basins that say the same of the run, and for basins so far apart that the run
tells which is right. For one output.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array


def most_fall(
    weight: Array, noise: Array, mean: Array, root: Array, here_mean: Array, here_root: Array
) -> Array:
    """The bound of ``within + between`` for every candidate, ``(row,)``.

    Args:
        weight, noise: ``(basin,)``.
        mean, root: on the target, ``(basin, aim)``, ``(basin, aim, factor)``, by
            ``jaxsl.acquisition.aim.target_stack``.
        here_mean, here_root: of the candidates, ``(basin, row)``, ``(basin, row, factor)``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> half, one = jnp.full(2, 0.5), jnp.ones(2)
        >>> mean, root = jnp.array([[-3.0], [3.0]]), jnp.zeros((2, 1, 1))
        >>> here = jnp.array([[0.0, -1.0, -40.0], [0.0, 1.0, 40.0]])
        >>> jax.jit(most_fall)(half, one, mean, root, here, jnp.zeros((2, 3, 1))).round(3).tolist()
        [0.0, 5.689, 9.0]
    """
    num_factors = root.shape[-1]
    moment = root.mT @ root
    across = jnp.einsum("ja,kaf->kfj", mean, root)
    both = here_root @ jnp.concatenate([moment, across], axis=2)
    square = noise[:, None] + jnp.sum(here_root**2, axis=2)
    explained, toward = jnp.sum(both[..., :num_factors] * here_root, axis=2), both[..., num_factors:]
    within = weight @ (explained / square)
    if len(weight) == 1:
        return within
    k, j = np.triu_indices(len(weight), 1)
    inner = mean @ mean.T
    apart = jnp.maximum(inner[k, k] + inner[j, j] - 2 * inner[k, j], 0.0)[:, None]
    total, step = square[k] + square[j], here_mean[j] - here_mean[k]
    # (F_k - F_j) . (Z_k(a) - Z_j(a)) is apart + moved: U_k = R_k g_k / s_k^2, a - m_k = step s_k^2 / total.
    moved = (step / total) * (toward[k, :, k] - toward[k, :, j] + toward[j, :, k] - toward[j, :, j])
    deviation = jnp.sqrt(square)
    ratio = 2 * deviation[k] * deviation[j] / total
    # 1 - B^2 without cancellation: V may be far larger than what is left of it.
    exponent = -(step**2) / (2 * total)
    differ = (deviation[k] - deviation[j]) ** 2 / total - ratio * jnp.expm1(exponent)
    same = ratio * jnp.exp(exponent)
    more = moved * (2 + moved / jnp.where(apart > 0, apart, 1.0))
    return within + (weight[k] * weight[j]) @ (apart * differ - same * more)
