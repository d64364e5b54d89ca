"""Limited-memory BFGS from optax, on coordinates without bounds: ``z = middle + half sin u``.

The sine reaches the bounds at finite ``u``. On six laws with few runs it ended more often at the best optimum
than a sigmoid, which drifts to infinity there, or than projecting every step.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from jaxsl.residual import Problem
from jaxsl.solver.descent import Step, descend, very_bad
from jaxsl.solver.solution import Solution

# Starts on a bound move inside by this share of the half width: on it the sine has no slope to leave by.
INSIDE = 1e-3


class QuasiNewton(eqx.Module):
    """Settings of optax's L-BFGS with zoom line search.

    Attributes:
        max_steps: iterations per start at most.
        ftol: least relative gain of an iteration, see ``descend``.
        gtol: largest derivative by a coordinate ``u`` at an optimum.
        memory: pairs kept of steps and gradient differences.
        lanes: starts worked on at once; a batch lasts as long as its slowest start.
    """

    max_steps: int = 2000
    ftol: float = 1e-15
    gtol: float = 1e-10
    memory: int = eqx.field(static=True, default=10)
    lanes: int = eqx.field(static=True, default=16)

    def __call__(self, problem: Problem, starts: Array) -> Solution:
        """Minimise from every row of ``starts (start, param)``."""
        box = problem.box
        half, middle = (box.upper - box.lower) / 2, (box.upper + box.lower) / 2
        method = optax.lbfgs(memory_size=self.memory)

        def inside(u):
            return middle + half * jnp.sin(u)

        def objective(u):
            loss = problem.objective(box.theta(inside(u)))
            return jnp.where(jnp.isfinite(loss), loss, very_bad(u.dtype))

        def report(u, state, loss, gradient):
            gradient = jnp.where(jnp.isfinite(gradient), gradient, 0.0)
            return Step((u, state, gradient), inside(u), loss, jnp.max(jnp.abs(gradient)), jnp.asarray(False))

        def advance(step):
            u, state, gradient = step.state
            update, state = method.update(
                gradient, state, u, value=step.loss, grad=gradient, value_fn=objective
            )
            # The line search leaves loss and gradient at the point it moved to.
            loss, gradient = (optax.tree.get(state, name) for name in ("value", "grad"))
            return report(optax.apply_updates(u, update), state, loss, gradient)

        def one(start):
            share = (box.clip(box.scaled(start)) - middle) / half
            u = jnp.arcsin(jnp.clip(share, INSIDE - 1, 1 - INSIDE))
            first = report(u, method.init(u), *jax.value_and_grad(objective)(u))
            return descend(first, advance, self.max_steps, self.ftol, self.gtol)

        z, loss, status, steps = jax.lax.map(one, starts, batch_size=self.lanes)
        return Solution(box.theta(z), loss, status, steps)
