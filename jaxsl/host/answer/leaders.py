"""The best of many candidates, which are predicted and scored in blocks."""

import jax.numpy as jnp
import numpy as np

from jaxsl.design import Design
from jaxsl.host.answer.believed import Believed
from jaxsl.host.input.problem import Runs
from jaxsl.host.programs.packing import pad
from jaxsl.host.programs.screening import prices, scores
from jaxsl.pool import Target

MANY = 32768  # candidates of a pool that is scored at once
BLOCK = 16384  # candidates of a larger one that are predicted at once
MOST_SOUGHT = 4096  # of the best; where more are wanted all are scored


def leaders(
    found: Believed,
    design: Design,
    aim: Target,
    pool: Runs,
    sale: np.ndarray,
    money: float,
    spent: float,
    places: np.ndarray,
) -> np.ndarray:
    """Rows of the pool at some places of its ranking, by ``jaxsl.host.programs.learning.rank_rows``.

    Args:
        found: the belief.
        design: how to choose, without a look ahead.
        aim: targets, padded; in double precision.
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
    order = _best(found, design, aim, pool.x, within, num, every)
    if len(order) < num:
        dearer = np.where(np.isfinite(within), np.inf, price)
        order = np.concatenate([order, _best(found, design, aim, pool.x, dearer, num - len(order), every)])
    return order[places]


def _best(
    found: Believed, design: Design, aim: Target, x: np.ndarray, price: np.ndarray, num: int, every: bool
) -> np.ndarray:
    """Rows of the ``num`` best by score per price, best first; fewer where fewer have a finite price."""
    rows = np.flatnonzero(np.isfinite(price))
    value, best, sought = np.full(len(rows), -np.inf), np.full(num, -np.inf), 1 if every else num
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        here = np.concatenate([np.asarray(aim.x), pad(x[block], BLOCK)])
        table = found.at(here, design.num_scored, design.least_scored, whole=True).table
        own = np.concatenate([price[block], np.full(BLOCK - len(block), np.inf)])
        least, wanted = jnp.asarray(best[0]), jnp.asarray(every)
        scored = scores(design, table, jnp.asarray(own), aim.weight, sought, least, wanted)
        value[start : start + BLOCK] = np.asarray(scored)[: len(block)] / price[block]
        best = np.sort(np.concatenate([best, value[start : start + BLOCK]]))[-sought:]
    return rows[np.argsort(-value, kind="stable")][:num]
