"""Whole episodes of sequential design in one compiled program.

What ``Design.ask`` and ``Design.tell`` do step by step, an episode does in a ``lax`` loop: the purchases are
the same. Outcomes come from ``reveal``, which is called only with the index of a run that was just bought.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.design import Belief, Design, State
from jaxsl.pool import Observations, Pool, Target


class Trace(eqx.Module):
    """What happened, one row a round; rows from ``num_rounds`` on are padding.

    Attributes:
        spent: cost of all runs bought before the round's fit, ``(round,)``.
        index: run bought in the round, ``(round,)`` of int; -1 when nothing was affordable.
        theta: best fit of each law, ``(round, param)`` a law.
        loss: its loss, ``(round,)`` a law.
        share: weight of each law, ``(round, law)``.
        num_basins: basins in use, ``(round,)``.
        watched: what ``watch`` kept of every belief, ``(round, ...)``; None without.
        num_rounds: a scalar int.
    """

    spent: Array
    index: Array
    theta: tuple[Array, ...]
    loss: tuple[Array, ...]
    share: Array
    num_basins: Array
    watched: Any
    num_rounds: Array


def episode(
    design: Design,
    state: State,
    pool: Pool,
    target: Target,
    reveal: Callable[[Array], Array],
    budget: Array,
    key: Array,
    num_rounds: int,
    watch: Callable[[Belief], Any] | None = None,
) -> tuple[State, Trace]:
    """Ask, buy and tell until nothing is affordable, the buffer is full or ``num_rounds`` have passed.

    Args:
        design: the method; static but for its arrays.
        state: where to begin, with room in its buffer.
        pool, target: candidates and what to predict.
        reveal: outcome ``(output,)`` of the run at an index, traceable; not finite where it diverges.
        budget: total that may be spent, in the unit of the costs.
        key: as for ``Design.ask``.
        num_rounds: rows of the trace.
        watch: arrays to keep of every round's belief, such as its prediction.

    Returns:
        The last state and the trace. The last row is a fit on all that was bought, unless the buffer was
        full: then continue in a larger one with ``enlarge``.
    """
    dtype = state.observations.y.dtype

    def unfinished(carry):
        _, trace, going = carry
        return going & (trace.num_rounds < num_rounds)

    @eqx.filter_jit  # traced once, for the shapes of what is watched and for the loop
    def look(design, state, pool, target, budget, key):
        choice, belief = design.ask(state, pool, target, budget, key)
        return choice, belief, watch and watch(belief)

    def step(carry):
        state, trace, _ = carry
        choice, belief, seen = look(design, state, pool, target, budget, key)
        now = trace.num_rounds
        trace = Trace(
            spent=trace.spent.at[now].set(state.spent),
            index=trace.index.at[now].set(choice.index),
            theta=tuple(
                old.at[now].set(fit.theta[0]) for old, fit in zip(trace.theta, belief.fits, strict=True)
            ),
            loss=tuple(
                old.at[now].set(fit.loss[0]) for old, fit in zip(trace.loss, belief.fits, strict=True)
            ),
            share=trace.share.at[now].set(belief.share),
            num_basins=trace.num_basins.at[now].set(jnp.sum(belief.posterior.weight > 0)),
            watched=jax.tree.map(lambda old, new: old.at[now].set(new), trace.watched, seen),
            num_rounds=now + 1,
        )
        room = ~jnp.all(state.observations.mask)
        bought = jnp.where(room, choice.index, -1)
        state = design.tell(state, pool, bought, reveal(jnp.maximum(bought, 0)), belief)
        return state, trace, bought >= 0

    *_, watched = eqx.filter_eval_shape(look, design, state, pool, target, budget, key)
    trace = Trace(
        spent=jnp.zeros(num_rounds, pool.cost.dtype),
        index=jnp.full(num_rounds, -1),
        theta=tuple(jnp.zeros((num_rounds, law.num_params), dtype) for law in design.laws),
        loss=tuple(jnp.zeros(num_rounds, dtype) for _ in design.laws),
        share=jnp.zeros((num_rounds, len(design.laws)), dtype),
        num_basins=jnp.zeros(num_rounds, int),
        watched=jax.tree.map(lambda leaf: jnp.zeros((num_rounds, *leaf.shape), leaf.dtype), watched),
        num_rounds=jnp.zeros((), int),
    )
    state, trace, _ = jax.lax.while_loop(unfinished, step, (state, trace, jnp.asarray(True)))
    return state, trace


def buy(design: Design, state: State, pool: Pool, chosen: Array, reveal: Callable[[Array], Array]) -> State:
    """Buy all runs marked in ``chosen (pool,)`` of bool, cheapest first: the warm start of an episode.

    Raises:
        ValueError: when they do not fit into the buffer; under ``jit`` see ``State.lost``.
    """
    order, num = jnp.argsort(jnp.where(chosen, pool.cost, jnp.inf)), jnp.sum(chosen)
    state.observations.require_room(num)

    def one(step, state):
        index = jnp.where(chosen[order[step]], order[step], -1)
        return design.tell(state, pool, index, reveal(jnp.maximum(index, 0)))

    return jax.lax.fori_loop(0, num, one, state)


def enlarge(state: State, size: int) -> State:
    """The same state in a buffer of ``size`` rows, at least as many as before."""
    more = size - state.observations.mask.shape[0]

    def pad(leaf, value):
        return jnp.concatenate([leaf, jnp.broadcast_to(value, (more, *leaf.shape[1:])).astype(leaf.dtype)])

    old = state.observations
    observations = Observations(
        x=pad(old.x, old.x[:1]),
        y=pad(old.y, jnp.zeros(())),
        mask=pad(old.mask, jnp.asarray(False)),
        weight=None if old.weight is None else pad(old.weight, jnp.ones(())),
        course=None if old.course is None else old.course.padded(size),
    )
    return eqx.tree_at(lambda state: state.observations, state, observations)
