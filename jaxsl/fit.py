"""The multi-start fit: every optimum that any start reached."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.residual import Problem, problem
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.solver.solution import CONVERGED, Solution
from jaxsl.transform import box

Solver = Callable[[Problem, Array], Solution]


class Fit(eqx.Module):
    """Optima in ascending order of loss; not yet told apart (see ``jaxsl.basins``).

    Attributes:
        theta: ``(start, param)``.
        loss: mean squared error (or mean robust loss), ``(start,)``; infinite where a start failed.
        status: ``(start,)`` of int, see ``jaxsl.solver.solution.STATUS``.
        steps: evaluations spent, ``(start,)`` of int.
        lower, upper: whether a parameter ended at that bound, ``(start, param)`` of bool.
    """

    theta: Array
    loss: Array
    status: Array
    steps: Array
    lower: Array
    upper: Array

    @property
    def converged(self) -> Array:
        """Which starts converged, ``(start,)`` of bool."""
        return self.status == CONVERGED

    def num_best(self, tolerance: float = 0.01) -> Array:
        """How many starts reached the best loss within a relative ``tolerance``; a scalar."""
        return jnp.sum(self.loss <= self.loss[0] * (1 + tolerance))


def fit(
    law: Law,
    observations: Observations,
    starts: Array,
    solver: Solver | None = None,
    weight: Array | None = None,
    robust: Callable[[Array], Array] | None = None,
) -> Fit:
    """Fit ``law`` to ``observations`` from every row of ``starts``.

    ``theta* = argmin_theta sum_i w_i rho(f(x_i; theta) - y_i) / (D sum_i w_i)`` inside the law's box.

    Args:
        law: the law; static under ``jit``.
        observations: runs in a masked buffer, float64 for reliable convergence.
        starts: ``(start, param)``, as from ``jaxsl.starts``.
        solver: any ``(problem, starts) -> Solution``; ``LevenbergMarquardt()`` when None.
        weight: times each run counts, ``(row,)``; one each when None.
        robust: residual transformation such as ``Huber()``; least squares when None.

    Returns:
        The optima, best first. A start that was never finite has an infinite loss.
    """
    solver = LevenbergMarquardt() if solver is None else solver
    solution = solver(problem(law, observations, weight, robust), starts)
    loss = jnp.where(jnp.isfinite(solution.loss), solution.loss, jnp.inf)
    order = jnp.argsort(loss)
    theta = solution.theta[order]
    lower, upper = box(law, starts.dtype).active(theta)
    return Fit(
        theta=theta,
        loss=loss[order],
        status=solution.status[order],
        steps=solution.steps[order],
        lower=lower,
        upper=upper,
    )
