"""Compiled programs that look for the best of many candidates, block by block."""

import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition import leading
from jaxsl.design import Design
from jaxsl.host.compiled import compiled
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Tabulated


@compiled
def prices(design: Design, cost: Array, available: Array, money: Array, spent: Array) -> Array:
    """What scores are divided by, ``(candidate,)``, as ``jaxsl.choice.Chooser.price``."""
    return design.chooser.price(Pool(cost[:, None], cost), available, money, spent)


@compiled
def scores(
    design: Design, table: Tabulated, price: Array, target_weight: Array, num: int, least: Array, every: Array
) -> Array:
    """Scores of those of a block that may be among the ``num`` best, ``(candidate,)``; -inf of others.

    Args:
        design: how to choose; its laws do not matter.
        table: what candidates are scored by; their rows follow those of the targets.
        price: what scores are divided by, ``(candidate,)``; infinite where none is wanted.
        target_weight: ``(target,)``.
        num: how many are wanted.
        least: score per price below which none is.
        every: whether all are.
    """
    num_target = target_weight.size
    rows = jnp.arange(num_target + price.size, dtype=price.dtype)[:, None]
    target, pool = Target(rows[:num_target], target_weight), Pool(rows[num_target:], price)
    return leading(design.acquisition, table, pool, target, price, num, every, least)
