"""Many runs: every start descends on a sample of them first, and what is promising there on all of them.

The optima of a sample lie close to those of all runs, and a step on it costs as much less as it is smaller:
of 64 starts on 1,080 or 2,702 runs of a law it is nearly all steps, and 2 to 50 starts go on.
"""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.residual import Problem
from jaxsl.solver.solution import Solution

RUNS, RUNS_A_PARAMETER = 128, 8  # in a sample, at least
FEWEST_STARTS = 16  # fewer are sent down on all runs at once: most often they come from there
# Optima count up to 1.5 times the best loss (``jaxsl.basins``); on a sample of lr_bsz one of 1.3 is at 2.1.
PROMISING, EXACT = 3.0, 1e-8
GOLDEN = 0.6180339887498949

#: ``(problem, starts, number of them) -> solution``; of the starts beyond that number nothing is said.
Descent = Callable[[Problem, Array, Array | int], Solution]


def sample(problem: Problem, num_starts: int) -> Problem | None:
    """The problem on evenly drawn rows; None where that would save nothing or where errors hang together.

    Drawn in the order of the fractional part of a row's number times the golden ratio, which no pattern
    of a table repeats. With no more runs than the sample has rows it has all of them.
    """
    rows, outputs = problem.y.shape
    size = max(RUNS, -(-RUNS_A_PARAMETER * problem.law.num_params // outputs))
    coupled = problem.explained is not None or problem.new is not None
    if coupled or rows < 4 * size or num_starts < FEWEST_STARTS:
        return None
    share = jnp.arange(rows) * GOLDEN % 1
    drawn = jnp.argsort(jnp.where(problem.root > 0, share, 2.0))[:size]
    weight, total = problem.root[drawn] ** 2, jnp.sum(problem.root**2)
    root = jnp.sqrt(weight * total / jnp.maximum(jnp.sum(weight), jnp.finfo(weight.dtype).tiny))
    return replace(problem, x=problem.x[drawn], y=problem.y[drawn], root=root)


def descend_by_sample(
    coarsely: Descent, finely: Descent, problem: Problem, few: Problem, starts: Array
) -> Solution:
    """Minimise on the sample ``few`` from every row of ``starts``, and go on from the promising optima.

    A start that is left behind keeps its optimum on the sample, with the status it had there and what is
    minimised on all runs.
    """
    num = starts.shape[0]
    first = coarsely(few, starts, num)
    order = jnp.argsort(jnp.where(jnp.isfinite(first.loss), first.loss, jnp.inf))
    first = jax.tree.map(lambda leaf: leaf[order], first)
    nothing = jnp.sum((problem.root[:, None] * problem.y) ** 2)
    promising = first.loss <= PROMISING * first.loss[0] + EXACT * nothing
    all_seen = jnp.sum(problem.root > 0) <= few.root.shape[0]
    num_promising = jnp.where(all_seen, 0, jnp.sum(promising))
    last = finely(problem, first.theta, num_promising)
    left = jnp.arange(num) >= num_promising
    left_loss = jax.lax.map(problem.objective, first.theta)
    return Solution(
        theta=jnp.where(left[:, None], first.theta, last.theta),
        loss=jnp.where(left, jnp.where(jnp.isfinite(first.loss), left_loss, jnp.inf), last.loss),
        status=jnp.where(left, first.status, last.status),
        steps=first.steps + jnp.where(left, 0, last.steps),
    )
