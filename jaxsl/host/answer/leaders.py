"""The best of many candidates, which are predicted and scored in blocks."""

from collections.abc import Callable
from typing import Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.design import Design
from jaxsl.host.programs.packing import pad
from jaxsl.host.programs.screening import prices, scores
from jaxsl.posterior import Tabulated

# A table of the target's rows and of such configurations ``(row, feature)``, and the weights of the former.
View = Callable[[np.ndarray], tuple[Tabulated, Array]]

MANY = 32768  # candidates of a pool that is scored at once
BLOCK = 8192  # candidates of a larger one that are predicted at once: a size of buffers
MOST_SOUGHT = 4096  # of the best; where more are wanted all are scored


class Priced(Protocol):
    """Candidates, each with a cost."""

    @property
    def x(self) -> np.ndarray:
        """Configurations, ``(row, feature)``."""

    @property
    def cost(self) -> np.ndarray:
        """What each costs, ``(row,)``."""


def leaders(
    view: View,
    design: Design,
    pool: Priced,
    sale: np.ndarray,
    money: float,
    spent: float,
    places: np.ndarray,
) -> np.ndarray:
    """Rows of the pool at some places of its ranking, by ``jaxsl.host.programs.learning.rank_rows``.

    Args:
        view: the belief; in double precision.
        design: how to choose, without a look ahead.
        pool: the candidates.
        sale: which may be bought, ``(candidate,)`` of bool; at least as many as places.
        money, spent: as of ``rank_rows``.
        places: rising, the best has place 0.
    """
    num = int(places[-1]) + 1
    every = num > min(len(places), MOST_SOUGHT)
    cost, available = jnp.asarray(pool.cost), jnp.asarray(sale)
    price, within = (
        np.asarray(prices(design, cost, available, jnp.asarray(money), jnp.asarray(limit)))
        for limit in (np.inf, spent)
    )
    order = _best(view, design, pool.x, within, num, every)
    if len(order) < num:
        dearer = np.where(np.isfinite(within), np.inf, price)
        order = np.concatenate([order, _best(view, design, pool.x, dearer, num - len(order), every)])
    return order[places]


def _best(view: View, design: Design, x: np.ndarray, price: np.ndarray, num: int, every: bool) -> np.ndarray:
    """Rows of the ``num`` best by score per price, best first; fewer where fewer have a finite price."""
    rows = np.flatnonzero(np.isfinite(price))
    value, best, sought = np.full(len(rows), -np.inf), np.full(num, -np.inf), 1 if every else num
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        table, weight = view(pad(x[block], BLOCK))
        own = np.concatenate([price[block], np.full(BLOCK - len(block), np.inf)])
        least, wanted = jnp.asarray(best[0]), jnp.asarray(every)
        scored = scores(design, table, jnp.asarray(own), weight, sought, least, wanted)
        value[start : start + BLOCK] = np.asarray(scored)[: len(block)] / price[block]
        best = np.sort(np.concatenate([best, value[start : start + BLOCK]]))[-sought:]
    return rows[np.argsort(-value, kind="stable")][:num]
