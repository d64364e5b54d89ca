"""Work on many rows in blocks of bounded size."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def in_blocks(function: Callable[[Any], Any], items: Any, size: int) -> Any:
    """``function`` of ``size`` rows at a time, one block after the other; the memory is that of one block.

    Args:
        function: from a pytree of arrays ``(size, ...)`` to another; what it says of a row does not depend on
            the others.
        items: the pytree of all rows, ``(row, ...)``.
        size: of a block.

    Example:
        >>> import jax.numpy as jnp
        >>> in_blocks(lambda x: x**2, jnp.arange(5.0), 2).tolist()
        [0.0, 1.0, 4.0, 9.0, 16.0]
    """
    num = jax.tree.leaves(items)[0].shape[0]
    found = jax.lax.map(function, blocks(items, size))
    return rows_of(found, num)


def blocks(items: Any, size: int) -> Any:
    """All rows of a pytree in blocks of ``size``, ``(block, size, ...)``; padding repeats the first row.

    Block b has the rows b, b + blocks, b + 2 blocks and so on: each is a fair sample of all, and rows that
    are spread over devices are spread in every block.
    """
    num = jax.tree.leaves(items)[0].shape[0]
    size = min(size, num)
    count = -(-num // size)

    def cut(item: Array) -> Array:
        padding = jnp.broadcast_to(item[:1], (size * count - num, *item.shape[1:]))
        return jnp.moveaxis(jnp.concatenate([item, padding]).reshape(size, count, *item.shape[1:]), 1, 0)

    return jax.tree.map(cut, items)


def rows_of(found: Any, num: int) -> Any:
    """The first ``num`` rows, in their order, of a pytree in ``blocks``."""
    return jax.tree.map(lambda part: jnp.moveaxis(part, 0, 1).reshape(-1, *part.shape[2:])[:num], found)
