"""Many runs: every start descends on a sample of them first, and what is promising there on all of them.

The optima of a sample lie close to those of all runs, and a step on it costs as much less as it is smaller.
Of 64 starts on 1,080 or 2,702 runs nearly all steps are made there: 2 to 50 optima, told apart, go on.
"""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.residual import Problem
from jaxsl.solver.solution import Solution

RUNS, RUNS_A_PARAMETER = 128, 8  # in a sample, at least
ROOM, MANY = 4, 2  # samples that a buffer has room for, and that it must hold, to be worth one
FEWEST_STARTS = 16  # fewer are sent down on all runs at once: most often they come from there
# Optima count up to 1.5 times the best loss (``jaxsl.basins``); on a sample of lr_bsz one of 1.3 is at 2.1.
PROMISING, EXACT = 3.0, 1e-8
SAME = 0.01  # of a prior deviation in every parameter: as near as two ends of one descent are
GOLDEN = 0.6180339887498949

#: ``(problem, starts, number of them, first damping) -> solution``, which says nothing of starts beyond.
Descent = Callable[[Problem, Array, Array | int, float | Array], Solution]


def sample(problem: Problem, num_starts: int) -> Problem | None:
    """The problem on evenly drawn rows; None where that would save nothing or where errors hang together.

    Drawn in the order of the fractional part of a row's number times the golden ratio, which no pattern
    of a table repeats. With no more runs than the sample has rows it has all of them.
    """
    rows, outputs = problem.y.shape
    size = max(RUNS, -(-RUNS_A_PARAMETER * problem.law.num_params // outputs))
    coupled = problem.explained is not None or problem.new is not None
    if coupled or rows < ROOM * size or num_starts < FEWEST_STARTS:
        return None
    share = jnp.arange(rows) * GOLDEN % 1
    drawn = jnp.argsort(jnp.where(problem.root > 0, share, 2.0))[:size]
    weight, total = problem.root[drawn] ** 2, jnp.sum(problem.root**2)
    root = jnp.sqrt(weight * total / jnp.maximum(jnp.sum(weight), jnp.finfo(weight.dtype).tiny))
    return replace(problem, x=problem.x[drawn], y=problem.y[drawn], root=root)


def descend_by_sample(
    coarsely: Descent,
    finely: Descent,
    problem: Problem,
    few: Problem,
    starts: Array,
    dampings: tuple[float, float],
) -> Solution:
    """Minimise on the sample ``few`` from every row of ``starts``, and go on from the promising optima.

    Starts that end at one point of the sample go on as one. A start that is left behind keeps its optimum on
    the sample, with the status it had there and what is minimised on all runs. While there are fewer than
    ``MANY`` samples of runs, all starts go down on all of them.

    Args:
        coarsely, finely: how starts go down on the sample, and on all runs.
        problem, few: all runs, and a ``sample`` of them.
        starts: ``(start, param)``.
        dampings: of the first step from a start, and from an optimum of the sample.
    """
    num = starts.shape[0]
    number = jnp.arange(num)
    many = jnp.sum(problem.root > 0) >= MANY * few.root.shape[0]
    first = coarsely(few, starts, jnp.where(many, num, 0), dampings[0])
    order = jnp.argsort(jnp.where(jnp.isfinite(first.loss), first.loss, jnp.inf))
    first = jax.tree.map(lambda leaf: leaf[order], first)
    leader = jnp.where(many, _leader(problem.box.scaled(first.theta), first.loss), number)
    nothing = jnp.sum((problem.root[:, None] * problem.y) ** 2)
    promising = ~many | (first.loss <= PROMISING * first.loss[0] + EXACT * nothing)[leader]
    goes = promising & (leader == number)
    queue = jnp.argsort(~goes)
    last = finely(problem, first.theta[queue], jnp.sum(goes), jnp.where(many, dampings[1], dampings[0]))
    last = jax.tree.map(lambda leaf: leaf[jnp.argsort(queue)[leader]], last)
    behind = jax.lax.cond(
        many, lambda theta: jax.lax.map(problem.objective, theta), lambda theta: theta[:, 0], first.theta
    )
    return Solution(
        theta=jnp.where(promising[:, None], last.theta, first.theta),
        loss=jnp.where(promising, last.loss, jnp.where(jnp.isfinite(first.loss), behind, jnp.inf)),
        status=jnp.where(promising, last.status, first.status),
        steps=first.steps + jnp.where(goes, last.steps, 0),
    )


def _leader(z: Array, loss: Array) -> Array:
    """The first start that ended where each did, ``(start,)`` of int, by ``z (start, param)`` and loss."""
    near = jnp.all(jnp.abs(z[:, None] - z) <= SAME, axis=2)
    alike = jnp.abs(loss[:, None] - loss) <= SAME * jnp.maximum(loss[:, None], loss)
    leader = jnp.argmax(near & alike | jnp.eye(len(loss), dtype=bool), axis=1)
    for _ in range(len(loss).bit_length()):  # one that leads may follow another
        leader = leader[leader]
    return leader
