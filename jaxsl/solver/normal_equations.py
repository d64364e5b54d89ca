"""The loss, its gradient and its Gauss-Newton Hessian, summed over runs: all that a step sees of them."""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.residual import Problem, linearise


def normal_equations(
    problem: Problem, theta: Array, index: tuple[int, ...], slope: Array, rows: int | None
) -> tuple[Array, Array, Array]:
    """Loss, half its gradient and ``J^T J`` by the parameters at ``index``, block by block.

    Columns are multiplied by ``slope (block, column)`` first, so that no product of two is out of range.
    Summed over stretches of ``rows`` up to the last run: what is padding beyond costs nothing.
    """

    def part(problem: Problem) -> tuple[Array, ...]:
        residual, columns = linearise(problem, theta, index)
        columns = columns * slope[:, :, None]
        gradient = jnp.einsum("bpn,bn->bp", columns, residual)
        found = jnp.sum(residual**2, 1), gradient, jnp.einsum("bpn,bqn->bpq", columns, columns)
        return found if problem.explained is None else (*found, _explained(problem, residual, columns))

    def less(loss: Array, gradient: Array, gram: Array, explained: Array | None = None):
        """Of errors that hang together, without what others explain."""
        if explained is None:
            return loss, gradient, gram
        own, others = explained[:, 0], explained[:, 1:]
        loss = jnp.maximum(loss - jnp.sum(own**2, 1), 0.0)
        gradient = gradient - jnp.einsum("bpk,bk->bp", others, own)
        return loss, gradient, gram - jnp.einsum("bpk,bqk->bpq", others, others)

    size = problem.root.shape[0]
    if rows is None or size <= rows or problem.new is not None:  # a run may lie in two stretches
        return less(*part(problem))

    def stretch(step):
        by_row = problem.x, problem.y, problem.root, problem.explained
        x, y, root, explained = jax.tree.map(
            lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, step * rows, rows), by_row
        )
        return part(replace(problem, x=x, y=y, root=root, explained=explained))

    total = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(stretch, 0))
    last = jnp.max(jnp.where(problem.root > 0, jnp.arange(size), 0))

    def add(step, total):
        return jax.tree.map(jnp.add, total, stretch(step))

    return less(*jax.lax.fori_loop(0, last // rows + 1, add, total))


def _explained(problem: Problem, residual: Array, columns: Array) -> Array:
    """What other errors explain of residuals and derivatives: ``(block, 1 + column, feature)``."""
    both = jnp.concatenate([residual[:, None], columns], axis=1)
    by_output = both.reshape(*both.shape[:2], problem.x.shape[0], -1)
    return jnp.einsum("bcre,rk->bcke", by_output, problem.explained).reshape(*both.shape[:2], -1)


def padded(problem: Problem, rows: int | None) -> Problem:
    """The problem with as many padded rows as make whole stretches."""
    if rows is None or problem.new is not None:
        return problem
    more = -problem.root.shape[0] % rows
    x = jnp.concatenate([problem.x, jnp.broadcast_to(problem.x[:1], (more, problem.x.shape[1]))])
    y, root = jnp.pad(problem.y, ((0, more), (0, 0))), jnp.pad(problem.root, (0, more))
    explained = problem.explained
    if explained is not None:
        explained = jnp.pad(explained, ((0, more), (0, 0)))
    return replace(problem, x=x, y=y, root=root, explained=explained)
