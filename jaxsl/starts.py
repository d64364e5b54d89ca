"""Starting points of the multi-start fit."""

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.one_of import AnyLaw
from jaxsl.sobol import sobol
from jaxsl.transform import box


def random_starts(key: Array, law: AnyLaw, num_starts: int, dtype=float) -> Array:
    """Points in the box, log-uniform where the lower bound is positive, else uniform: ``(start, param)``.

    (Spend Less, Fit Better, section 5.1: 64 of them.) The points are a scrambled Sobol sequence shifted by
    ``key``, modulo the box: each is uniform, together they leave no large hole, and only one random vector
    is drawn, which compiles in a fifth of the time of drawing them all.

    Example:
        >>> import jax
        >>> from laws.chinchilla import CHINCHILLA
        >>> starts = random_starts(jax.random.key(0), CHINCHILLA, 8)
        >>> starts.shape, bool((starts >= CHINCHILLA.lower * 0.999).all())
        ((8, 5), True)
    """
    bounds = box(law, dtype)
    shift = jax.random.uniform(key, (law.num_params,), dtype)
    share = (jnp.asarray(sobol(num_starts, law.num_params), dtype) + shift) % 1
    share = jnp.where(law.real, share, 0.5)
    return bounds.theta(bounds.lower + (bounds.upper - bounds.lower) * share)


def warm_starts(key: Array, law: AnyLaw, num_starts: int, earlier: Array, valid: Array) -> Array:
    """Earlier optima first, fresh random points for the rest: ``(start, param)``.

    Args:
        key: for the fresh points.
        law: whose box they are drawn from.
        num_starts: number of rows returned; at least as many as ``earlier`` has.
        earlier: optima of the previous round, ``(earlier, param)``.
        valid: which of them to use, ``(earlier,)``; the others are replaced by fresh points.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from laws.chinchilla import CHINCHILLA
        >>> earlier = jnp.array([[1.8, 400.0, 0.34, 2000.0, 0.36]])
        >>> starts = warm_starts(jax.random.key(0), CHINCHILLA, 4, earlier, jnp.array([True]))
        >>> bool((starts[0] == earlier[0]).all())
        True
    """
    fresh = random_starts(key, law, num_starts, earlier.dtype)
    head = jnp.where(valid[:, None], earlier, fresh[: earlier.shape[0]])
    return jnp.concatenate([head, fresh[earlier.shape[0] :]])
