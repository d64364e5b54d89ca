"""The compiled programs behind a study's plans: padded arrays in, plans out."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl import batch
from jaxsl.acquisition.mspe import WHOLE
from jaxsl.batch import Pending, Plan
from jaxsl.continuous import Bounds, Climb, climb
from jaxsl.design import Design
from jaxsl.host.compiled import compiled
from jaxsl.host.input.expression import Expression
from jaxsl.lookahead import Rollout
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, tabulate

R = TypeVar("R")
# Numbers in the pool: a plan for 128 candidates takes 0.2 s longer if 1.7 s are saved in compiling it.
FEW = 2**10


def _planning(function: Callable[..., R]) -> Callable[..., R]:
    """``compiled``, where the pool decides how long it works; it follows the design and the posterior."""
    return compiled(function, FEW, of=2)


@_planning
def cost_exponent(
    design: Design,
    posterior: Posterior,
    pool: Pool,
    target: Target,
    available: Array,
    money: Array,
    key: Array,
) -> Array:
    """How much cost counts, by ``jaxsl.design.Design.priced``."""
    return jnp.asarray(design.priced(posterior, pool, target, available, money, key).cost_exponent)


@compiled
def words_after(key: Array, counts: Array) -> Array:
    """Words of a key of its own after each of some counts, ``(count,)``, such as of runs that were done."""

    def after(index: Array, key: Array) -> Array:
        return jax.random.fold_in(key, counts[index])

    return jax.random.key_data(jax.lax.fori_loop(0, counts.shape[0], after, key))


@compiled
def limit(design: Design, pool: Pool, available: Array, money: Array, spent: Array) -> Array:
    """What the next run should cost at most, by ``jaxsl.choice.Chooser.limit``."""
    return design.chooser.limit(pool, available, money, spent)


@_planning
def plan(
    design: Design,
    posterior: Posterior,
    pool: Pool,
    target: Target,
    uses: Array,
    money: Array,
    spent: Array,
    pending: Pending,
    count: Array,
    num_draws: Array,
    key: Array,
    group: Array,
    room: int,
) -> Plan:
    """``jaxsl.batch.plan``."""
    rule, chooser = design.acquisition, design.chooser
    posterior, pool, target, pending = _looked_up(posterior, pool, target, pending)
    given = posterior, pool, target, uses, money, pending, count, num_draws, key, room, spent, group
    return batch.plan(rule, chooser, *given)


@compiled
def bought(
    posterior: Posterior,
    pool: Pool,
    target: Target,
    available: Array,
    money: Array,
    pending: Pending,
    key: Array,
    group: Array,
) -> Array:
    """What the plan for the rest of the money buys once all pending runs are in, ``(pool,)`` of bool."""
    posterior, pool, target, pending = _looked_up(posterior, pool, target, pending)
    return Rollout().bought(batch.once_in(posterior, pending), pool, target, available, money, key, group)


@_planning
def shortlist(
    design: Design,
    posterior: Posterior,
    pool: Pool,
    target: Target,
    available: Array,
    money: Array,
    spent: Array,
    pending: Pending,
    size: int,
) -> Array:
    """``jaxsl.batch.shortlist``."""
    rule, chooser = design.acquisition, design.chooser
    if len(pool.x) <= WHOLE:  # of more, what is believed of all at once would fill the memory
        posterior, pool, target, pending = _looked_up(posterior, pool, target, pending)
    return batch.shortlist(rule, chooser, posterior, pool, target, available, money, pending, size, spent)


def _looked_up(
    posterior: Posterior, pool: Pool, target: Target, pending: Pending
) -> tuple[Posterior, Pool, Target, Pending]:
    """The posterior at all that is asked of it, which is then named by row numbers."""
    parts = target.x, pool.x, pending.x
    table, row = tabulate(posterior, jnp.concatenate(parts))
    at_target, here, there = jnp.split(row, [len(target.x), len(target.x) + len(pool.x)])
    return table, replace(pool, x=here), replace(target, x=at_target), replace(pending, x=there)


@compiled
def climb_from(
    design: Design,
    inputs: tuple[str, ...],
    cost: Expression,
    posterior: Posterior,
    target: Target,
    bounds: Bounds,
    start: Array,
    money: Array,
    pending: Pending,
    num_draws: Array,
    key: Array,
) -> Climb:
    """``jaxsl.continuous.climb`` on the acquisition, once all pending runs are in; ``cost`` by the plan."""
    draws = batch.imagine_pending(posterior, pending, 1, num_draws, key)

    def score(x):
        def one(after):
            return design.acquisition(after, Pool(x, jnp.ones(x.shape[0])), target)

        return batch.averaged(posterior, draws, one, x[:, 0])

    def planned(x):
        columns = {name: x[:, index] for index, name in enumerate(inputs)}
        return jnp.broadcast_to(cost.traced(columns, jnp), x.shape[:1])

    return climb(score, planned, bounds, start, money, design.chooser.cost_exponent)
