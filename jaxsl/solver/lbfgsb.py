"""Bounded L-BFGS of Byrd et al. (1995) as jaxopt implements it: the papers' optimiser behind our interface.

The only file that imports jaxopt, which is no longer developed and says so when it is imported.
"""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.residual import Problem
from jaxsl.solver.descent import Step, descend, very_bad
from jaxsl.solver.solution import Solution

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import jaxopt


class LBFGSB(eqx.Module):
    """Settings of jaxopt's L-BFGS-B in scaled coordinates, with the protocol's tolerances.

    Attributes:
        max_steps: iterations per start at most (the protocol's 2000).
        ftol: least relative gain of an iteration (1e-15; jaxopt has none of its own, see ``descend``).
        gtol: largest coordinate of the projected gradient at an optimum (1e-10).
        memory: pairs kept of steps and gradient differences (SciPy's 10).
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
        bounds = (box.lower, box.upper)

        def objective(z):
            loss, gradient = jax.value_and_grad(lambda z: problem.objective(box.theta(z)))(z)
            finite = jnp.isfinite(loss) & jnp.all(jnp.isfinite(gradient))
            return jnp.where(finite, loss, very_bad(z.dtype)), jnp.where(finite, gradient, 0.0)

        method = jaxopt.LBFGSB(
            objective, value_and_grad=True, history_size=self.memory, tol=0.0, implicit_diff=False
        )

        def report(z, state):
            return Step(state, z, state.value, state.error, state.failed_linesearch)

        def advance(step):
            return report(*method.update(step.z, step.state, bounds=bounds))

        def one(start):
            z = box.clip(box.scaled(start))
            # Some counts of the first state are plain numbers, which a loop cannot carry.
            state = jax.tree.map(jnp.asarray, method.init_state(z, bounds=bounds))
            return descend(report(z, state), advance, self.max_steps, self.ftol, self.gtol)

        z, loss, status, steps = jax.lax.map(one, starts, batch_size=self.lanes)
        return Solution(box.theta(z), loss, status, steps)
