"""Batched bounded Levenberg-Marquardt: the default solver.

With coordinates ``z`` (see ``jaxsl.solver.search``), residuals ``r`` and their Jacobian ``J``, a step solves

    (J^T J + lambda S + kappa diag(|g| / v)) s = -g,      g = J^T r,   S_jj = sqrt(H_jj max_k H_kk)

with ``v_j`` the distance to the bound that ``-g`` points to: Coleman and Li's interior scaling (1996) while
a start is young (``kappa = 1``), later a projection with an active set and a second solve for the free
coordinates (``kappa = 0``). ``lambda`` follows Nielsen (1999). Parameters that the law declares itself
affine in are eliminated after every step (``jaxsl.solver.variable_projection``), so a start needs no luck
with amplitudes. A prior adds its gradient and its Hessian to both solves. Every fourth start does without the
interior scaling: where one way is trapped, the other seldom is. The outputs of a separable law are problems
of their own, stepped side by side with one evaluation, and their optima are put together by rank.

Starts run in ``lanes``: a lane whose start has ended takes the next one from the queue, so neither
stragglers nor the number of starts decide the working set, which is about
``lanes x row x output x (param + 4)`` numbers; there are fewer lanes where that would pass ``bytes``.
Where there are many runs, starts go down on a sample of them first (``jaxsl.solver.sample``).
"""

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.residual import Problem
from jaxsl.solver.box_step import step_in_box
from jaxsl.solver.normal_equations import normal_equations, padded
from jaxsl.solver.sample import descend_by_sample, sample
from jaxsl.solver.search import SearchBox, eliminated, num_blocks, search_box
from jaxsl.solver.solution import CONVERGED, INVALID, OUT_OF_STEPS, STALLED, Solution
from jaxsl.solver.variable_projection import eliminate, law_box

RUNNING = -1
DAMPING = 1e-2  # of the first step
# From an optimum on a sample of the runs: half as many steps as with 1e-2, and with 1e-8 some starts stall.
WARM_DAMPING = 1e-5
# Tolerance on a sample: with 1e-4 some of its ends are so far off that all runs cost more steps.
COARSE = 1e-6


class _Point(NamedTuple):
    """The model of the loss at a point: half its gradient and the Gauss-Newton Hessian, block by block."""

    z: Array
    theta: Array
    loss: Array
    gradient: Array
    hessian: Array


class _Lane(NamedTuple):
    """One start on its way: how it works, the accepted point, the damping; every field by block."""

    box: SearchBox
    interior: Array
    point: _Point
    damping: Array
    growth: Array
    steps: Array
    small: Array
    status: Array


class LevenbergMarquardt(eqx.Module):
    """Settings of the batched bounded Levenberg-Marquardt solver.

    Attributes:
        max_steps: evaluations per start at most.
        tolerance: relative reduction of the loss, expected and obtained, at which a start has converged.
        young: steps that use the interior scaling.
        lanes: starts worked on at once, at most; None for no such limit. More of them idle while the last
            start goes on, fewer leave the processor's vector units empty on small laws.
        bytes: of residuals and Jacobians at a time, which limits the lanes too. The default stays in the
            cache of a CPU core.
            On a GPU take ``LevenbergMarquardt(lanes=None, bytes=2**32)``.
        rows: runs worked on at once, so that a stretch of padded rows costs nothing; None for all. For
            buffers with much room; full ones are faster whole, since XLA then takes the logarithm of an
            input once and not at every step.
    """

    max_steps: int = 200
    tolerance: float | Array = 1e-9
    young: int = 10
    lanes: int | None = eqx.field(static=True, default=8)
    bytes: int = eqx.field(static=True, default=2**17)
    rows: int | None = eqx.field(static=True, default=None)

    def __call__(self, problem: Problem, starts: Array) -> Solution:
        """Minimise from every row of ``starts (start, param)``.

        Args:
            problem: residuals and box.
            starts: parameter vectors; those outside the box are moved to its boundary.
        """
        few = sample(problem, starts.shape[0])
        if few is None:
            return self._descend(problem, starts, starts.shape[0], DAMPING)
        coarse = replace(self, tolerance=jnp.maximum(self.tolerance, COARSE), rows=None)
        dampings = DAMPING, WARM_DAMPING
        return descend_by_sample(coarse._descend, self._descend, problem, few, starts, dampings)

    def _descend(self, problem: Problem, starts: Array, num: Array | int, damping: float | Array) -> Solution:
        """The same from the first ``num`` rows of ``starts``, on all runs at once, with a first damping."""
        problem = padded(problem, self.rows)
        size = starts.shape[0]
        width = self.num_lanes(problem, size)
        blocks = num_blocks(problem)
        starts = starts.reshape(size, blocks, -1)
        step = jax.vmap(lambda lane: self._step(problem, lane))

        def fresh(index):
            return _fresh(problem, starts[jnp.clip(index, 0, size - 1)], index, index < size, damping)

        def advance(carry):
            lanes, index, taken, theta, loss, status, steps = carry
            idle = jnp.all(lanes.status != RUNNING, 1)
            following = taken + jnp.cumsum(idle) - 1
            index = jnp.where(idle, jnp.where(following < num, following, size), index)
            taken = jnp.minimum(taken + jnp.sum(idle), num)
            new = jax.vmap(fresh)(index)
            lanes = step(jax.tree.map(lambda old, new: jnp.where(_like(idle, old), new, old), lanes, new))
            ended = jnp.all(lanes.status != RUNNING, 1)
            where = jnp.where(ended, index, size)
            theta = theta.at[where].set(lanes.point.theta, mode="drop")
            loss = loss.at[where].set(lanes.point.loss, mode="drop")
            status = status.at[where].set(lanes.status, mode="drop")
            steps = steps.at[where].set(lanes.steps, mode="drop")
            return lanes, index, taken, theta, loss, status, steps

        def unfinished(carry):
            return (carry[2] < num) | jnp.any(carry[0].status == RUNNING)

        index = jnp.full(width, size)
        # Lanes of zeros have no start: their status is not RUNNING.
        idle = jax.tree.map(
            lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(jax.vmap(fresh), index)
        )
        carry = (
            idle,
            index,
            jnp.asarray(0),
            starts,
            jnp.full((size, blocks), jnp.inf, starts.dtype),
            jnp.full((size, blocks), INVALID),
            jnp.zeros((size, blocks), int),
        )
        _, _, _, theta, loss, status, steps = jax.lax.while_loop(unfinished, advance, carry)
        if blocks > 1:  # the best of one output goes with the best of the others: any pairing is an optimum
            order = jnp.argsort(loss, 0)
            loss, status = (jnp.take_along_axis(part, order, 0) for part in (loss, status))
            theta = jnp.take_along_axis(theta, order[:, :, None], 0)
        return Solution(theta.reshape(size, -1), jnp.sum(loss, 1), jnp.max(status, 1), jnp.max(steps, 1))

    def num_lanes(self, problem: Problem, num_starts: int) -> int:
        """How many of the starts are worked on at once: ``lanes``, or as many as ``bytes`` hold, but one."""
        size = problem.law.num_params // num_blocks(problem)
        rows = min(self.rows or problem.y.shape[0], problem.y.shape[0])
        each = rows * problem.y.shape[1] * (size + 4) * problem.y.dtype.itemsize
        return max(1, min(self.lanes or num_starts, num_starts, self.bytes // each))

    def _step(self, problem: Problem, lane: _Lane) -> _Lane:
        """Propose, evaluate once, accept or refuse; all blocks of a start in one evaluation."""
        move, expected = jax.vmap(_propose)(lane.box, lane.point, lane.damping, self._young(lane))
        fresh = (lane.steps == 0)[:, None]
        point = _evaluate(problem, lane.box, lane.point.z + jnp.where(fresh, 0.0, move), self.rows)
        square = jnp.sum((problem.root[:, None] * problem.y) ** 2, 0)
        return jax.vmap(self._decide)(lane, point, expected, square.reshape(expected.size, -1).sum(1))

    def _young(self, lane: _Lane) -> Array:
        return lane.interior & (lane.steps < self.young)

    def _decide(self, lane: _Lane, point: _Point, expected: Array, square: Array) -> _Lane:
        """The lane after it has seen the proposed point; ``square`` is the loss of predicting nothing."""
        old, first = lane.point, lane.steps == 0
        finite = jnp.isfinite(point.loss) & jnp.all(jnp.isfinite(point.hessian))
        accept = finite & (point.loss < old.loss)
        ratio = (old.loss - point.loss) / jnp.where(expected > 0, expected, 1.0)
        ratio = jnp.where(first, 1.0, jnp.where(accept, jnp.minimum(ratio, 1.0), 0.0))
        shrink = jnp.maximum(1 / 3, 1 - (2 * ratio - 1) ** 3)
        damping = jnp.where(accept, jnp.where(first, 1.0, shrink), lane.growth) * lane.damping
        # A refused step with a tiny expected gain ends a start too: rounding decides from there on.
        gain = jnp.where(accept, jnp.maximum(expected, old.loss - point.loss), expected)
        small = jnp.where(~first & (gain <= self.tolerance * old.loss), lane.small + 1, 0)
        steps = lane.steps + 1
        kept = jax.tree.map(lambda new, old: jnp.where(accept, new, old), point, old)
        tiny = kept.loss <= jnp.finfo(square.dtype).eps ** 2 * square
        status = jnp.where(steps >= self.max_steps, OUT_OF_STEPS, RUNNING)
        status = jnp.where(damping > 1e12, STALLED, status)
        status = jnp.where((small >= 2) | tiny, CONVERGED, status)
        status = jnp.where(first & ~finite, INVALID, status)
        return _Lane(
            box=lane.box,
            interior=lane.interior,
            point=kept,
            damping=jnp.maximum(damping, 1e-12),
            growth=jnp.where(accept, 2.0, 2 * lane.growth),
            steps=steps,
            small=small,
            status=jnp.where(lane.status == RUNNING, status, lane.status),
        )


def _fresh(problem: Problem, start: Array, index: Array, real: Array, damping: float | Array) -> _Lane:
    """A start before its first evaluation; an infinite loss makes the first point accepted."""
    blocks, size = start.shape
    box = search_box(problem, start)
    z = box.clip(box.scaled(start))
    zero, count = jnp.zeros(blocks, z.dtype), jnp.zeros(blocks, int)
    identity = jnp.broadcast_to(jnp.eye(size, dtype=z.dtype), (blocks, size, size))
    return _Lane(
        box=box,
        interior=jnp.full(blocks, index % 4 != 2),
        point=_Point(z, box.theta(z), zero + jnp.inf, jnp.zeros_like(z), identity),
        damping=zero + damping,
        growth=zero + 2,
        steps=count,
        small=count,
        status=count + jnp.where(real, RUNNING, OUT_OF_STEPS),
    )


def _like(mask: Array, leaf: Array) -> Array:
    return mask.reshape(mask.shape + (1,) * (leaf.ndim - 1))


def _propose(box: SearchBox, point: _Point, damping: Array, young: Array) -> tuple[Array, Array]:
    """A step inside the box and the reduction of the loss the quadratic model expects of it."""
    z, _, _, gradient, hessian = point
    diagonal = jnp.diagonal(hessian)
    largest = jnp.maximum(jnp.max(diagonal), jnp.finfo(z.dtype).tiny)
    scaling = jnp.sqrt(jnp.maximum(diagonal, 1e-12 * largest) * largest)
    room = jnp.where(gradient < 0, box.upper - z, z - box.lower)
    interior = jnp.where(young, jnp.abs(gradient) / jnp.maximum(room, 1e-6), 0.0)
    damped = hessian + jnp.diag(damping * scaling + interior)

    move = step_in_box(damped, gradient, z, box.lower, box.upper, room > 0, 2)
    expected = -(2 * gradient @ move + move @ hessian @ move)
    return move, expected


def _evaluate(problem: Problem, box: SearchBox, z: Array, rows: int | None) -> _Point:
    """The point after elimination of linear parameters, its loss, half-gradient and Gauss-Newton Hessian."""
    z = box.clip(z)
    theta = box.theta(z)
    linear = eliminated(problem)
    if linear:
        position = jnp.array(linear)
        theta = theta.at[:, position].set(eliminate(problem, box, theta, linear, rows))
        z = box.clip(box.scaled(theta))
    every, slope = tuple(range(z.shape[1])), box.slope(theta)
    loss, gradient, hessian = normal_equations(problem, theta, every, slope, rows)
    if problem.pull is not None:
        bounds = law_box(problem, theta)
        away, slope = bounds.scaled(theta) - bounds.centre, slope / bounds.slope(theta)
        loss = loss + problem.pull * jnp.sum(away**2, 1)
        gradient = gradient + problem.pull * away * slope
        hessian = hessian + problem.pull * jax.vmap(jnp.diag)(slope**2)
    return _Point(z, theta, loss, gradient, hessian)
