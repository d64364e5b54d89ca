"""The best next runs among options, as arrays: a short list of many, how much cost counts, and the plan."""

import math
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np

from jaxsl.batch import Pending, Plan
from jaxsl.design import Design
from jaxsl.host.programs.packing import array, pad
from jaxsl.host.study import programs
from jaxsl.pool import Pool, Target, buffer_size
from jaxsl.posterior import Posterior
from jaxsl.precision import to_numpy

SHORT = 512  # candidates among which a batch is planned; of more, the best are short-listed
ROOM = 32  # runs planned at once without compiling again


class View(NamedTuple):
    """What candidates are scored by, and how it knows options ``(row, feature)``, pending runs, targets."""

    posterior: Posterior
    x: np.ndarray
    pending: Pending
    target: Target


class Offer(NamedTuple):
    """What may be bought.

    Attributes:
        cost: expected, ``(row,)``.
        uses: how often each option may still be run, ``(row,)`` of int.
        group: options of one number share these times, ``(row,)`` of int.
        money: what may be spent on all of them.
        spent: cost of all runs so far.
    """

    cost: np.ndarray
    uses: np.ndarray
    group: np.ndarray
    money: float
    spent: float


class Planned(NamedTuple):
    """A plan, the options of its rows, their expected costs, the design, and what its first run may cost."""

    plan: Plan
    rows: np.ndarray
    cost: np.ndarray
    design: Design
    most: float


def planned(
    design: Design,
    view: View,
    offer: Offer,
    count: int,
    draws: int,
    key: jax.Array,
    priced: bool,
    broad: bool,
) -> Planned:
    """At most ``count`` of the options to run next; in double precision.

    Args:
        design: what chooses.
        view: how the options are seen.
        offer: what they cost, how often they may be run, and the money.
        count: of runs.
        draws: imagined outcomes of pending runs, over which scores are averaged.
        key: of the draws, and for ties.
        priced: whether the design knows how much cost counts; else that is decided for the money left.
        broad: whether there is room for ``SHORT`` options however few there are.
    """
    posterior, x, pending, target = view
    money, spent = np.asarray(offer.money), np.asarray(offer.spent)
    rows = np.arange(len(x))
    if len(x) > SHORT:
        size = 1 << (len(x) - 1).bit_length()
        pool, uses, _ = for_sale(view, offer, rows, size)
        found = programs.shortlist(
            design, posterior, pool, target, np.asarray(uses > 0), money, spent, pending, SHORT
        )
        rows = np.asarray(found)
        rows = rows[rows >= 0] if (rows >= 0).any() else np.arange(1)
    pool, uses, group = for_sale(
        view, offer, rows, SHORT if broad or len(x) > SHORT else buffer_size(len(rows))
    )
    if not priced and design.lookahead is not None and math.isfinite(offer.money):
        exponent = programs.cost_exponent(design, posterior, pool, target, array(uses > 0), money, key)
        design = replace(design, chooser=replace(design.chooser, cost_exponent=exponent))
    plan = programs.plan(
        design,
        posterior,
        pool,
        target,
        uses,
        money,
        spent,
        pending,
        np.asarray(count),
        np.asarray(draws),
        key,
        group,
        buffer_size(count, ROOM),
    )
    limit = programs.limit(design, pool, uses > 0, money, spent)
    return Planned(to_numpy(plan), rows, offer.cost[rows], design, float(limit))


def for_sale(view: View, offer: Offer, rows: np.ndarray, size: int) -> tuple[Pool, np.ndarray, np.ndarray]:
    """The options of some rows, padded to a size; how often each may be run, and its group."""
    more = size - len(rows)
    pool = Pool(array(pad(view.x[rows], size)), array(pad(offer.cost[rows], size)))
    uses = np.concatenate([offer.uses[rows], np.zeros(more, int)])
    return pool, uses, np.concatenate([offer.group[rows], np.full(more, -1)])
