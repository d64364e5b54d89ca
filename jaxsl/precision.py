"""Double precision as a scope. Only the host enters it; the core follows the dtype of its inputs.

An array taken out of the scope turns into float32 at the next operation outside it, so what leaves the
scope should be NumPy: ``to_numpy``.
"""

from contextlib import AbstractContextManager
from typing import TypeVar

import jax
import numpy as np

Tree = TypeVar("Tree")


def double_precision() -> AbstractContextManager:
    """A scope in which JAX computes in float64; thread-local, and part of the key of the jit cache.

    Example:
        >>> import jax.numpy as jnp
        >>> with double_precision():
        ...     jnp.ones(1).dtype.name
        'float64'
    """
    return jax.enable_x64(True)


def to_numpy(tree: Tree) -> Tree:
    """Every array of a pytree as NumPy, dtype kept.

    Example:
        >>> import jax.numpy as jnp
        >>> type(to_numpy({"a": jnp.ones(2)})["a"]).__name__
        'ndarray'
    """
    return jax.tree.map(lambda leaf: np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf, tree)
