"""Starting points of the multi-start fit."""

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.law import Law
from jaxsl.transform import box


def random_starts(key: Array, law: Law, num_starts: int, dtype=float) -> Array:
    """Points in the box, log-uniform where the lower bound is positive, else uniform: ``(start, param)``.

    (Spend Less, Fit Better, section 5.1: 64 of them.)
    """
    bounds = box(law, dtype)
    share = jax.random.uniform(key, (num_starts, law.num_params), dtype)
    return bounds.theta(bounds.lower + (bounds.upper - bounds.lower) * share)


def warm_starts(key: Array, law: Law, num_starts: int, earlier: Array, valid: Array) -> Array:
    """Earlier optima first, fresh random points for the rest: ``(start, param)``.

    Args:
        key: for the fresh points.
        law: whose box they are drawn from.
        num_starts: number of rows returned; at least as many as ``earlier`` has.
        earlier: optima of the previous round, ``(earlier, param)``.
        valid: which of them to use, ``(earlier,)``; the others are replaced by fresh points.
    """
    fresh = random_starts(key, law, num_starts, earlier.dtype)
    head = jnp.where(valid[:, None], earlier, fresh[: earlier.shape[0]])
    return jnp.concatenate([head, fresh[earlier.shape[0] :]])
