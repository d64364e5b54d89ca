"""Agglomerative clustering at fixed size, inside jit."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array


class Clusters(eqx.Module):
    """A flat clustering.

    Attributes:
        label: cluster of each item, ``(item,)`` of int: the index of one of its members.
        silhouette: mean silhouette of the chosen cut, a scalar.
    """

    label: Array
    silhouette: Array


def complete_linkage(distance: Array, valid: Array, threshold: float = 0.01) -> Clusters:
    """Complete-linkage clustering, cut where the mean silhouette is best.

    All cuts with ``2 <= clusters < items`` compete; of equal scores the one with fewer clusters wins. One
    cluster where the best score is below ``threshold``.

    Args:
        distance: symmetric, ``(item, item)``; what is not finite counts as very far.
        valid: items to cluster, ``(item,)`` of bool; the others keep their own label and count nowhere.
        threshold: least silhouette worth a division.

    Source: Spend Less, Fit Better, appendix C; silhouette of Rousseeuw (1987).

    Example:
        >>> import jax.numpy as jnp
        >>> place = jnp.array([0.0, 0.1, 5.0, 5.1, 0.2])
        >>> complete_linkage(jnp.abs(place[:, None] - place), jnp.ones(5, bool)).label.tolist()
        [0, 0, 2, 2, 0]
    """
    num = distance.shape[0]
    pair = valid[:, None] & valid
    # Infinity marks what is merged already, and sums over items must stay finite.
    largest = jnp.finfo(distance.dtype).max / num
    distance = jnp.where(pair, jnp.where(distance < largest, distance, largest), 0.0)
    index = jnp.arange(num)
    num_valid = jnp.sum(valid)

    def merge(step, carry):
        between, total, size, label, best, best_label = carry
        first = jnp.argmin(jnp.min(between, axis=1))
        second = jnp.argmin(between[first])
        joined = jnp.maximum(between[first], between[second]).at[first].set(jnp.inf)
        between = between.at[first].set(joined).at[:, first].set(joined)
        between = between.at[second].set(jnp.inf).at[:, second].set(jnp.inf)
        total = total.at[:, first].add(total[:, second]).at[:, second].set(0.0)
        size = size.at[first].add(size[second]).at[second].set(0)
        label = jnp.where(label == second, first, label)
        clusters = num_valid - step - 1
        score = _silhouette(total, size, label, valid)
        better = (clusters >= 2) & (score >= best)
        return (
            between,
            total,
            size,
            label,
            jnp.where(better, score, best),
            jnp.where(better, label, best_label),
        )

    between = jnp.where(pair & (index[:, None] != index), distance, jnp.inf)
    carry = (between, distance, valid.astype(int), index, jnp.full((), -1.0, distance.dtype), index)
    *_, best, label = jax.lax.fori_loop(0, jnp.maximum(num_valid - 1, 0), merge, carry)
    together = jnp.where(valid, jnp.argmax(valid), index)
    divided = best >= threshold
    return Clusters(jnp.where(divided, label, together), jnp.where(divided, best, 0.0))


def _silhouette(total: Array, size: Array, label: Array, valid: Array) -> Array:
    """Mean silhouette from ``total[i, c]``, the summed distance of item i to cluster c of ``size[c]``."""
    own_size = size[label]
    own = jnp.take_along_axis(total, label[:, None], axis=1)[:, 0] / jnp.maximum(own_size - 1, 1)
    index = jnp.arange(label.shape[0])
    other = jnp.where((size > 0) & (index != label[:, None]), total / jnp.maximum(size, 1), jnp.inf)
    nearest = jnp.min(other, axis=1)
    larger = jnp.maximum(own, nearest)
    score = jnp.where(
        (own_size > 1) & (larger > 0), (nearest - own) / jnp.where(larger > 0, larger, 1.0), 0.0
    )
    return jnp.sum(jnp.where(valid, score, 0.0)) / jnp.maximum(jnp.sum(valid), 1)
