"""SciPy's solvers behind the engine's interface, for checking: one start after the other, outside jit."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jax import Array

from jaxsl.residual import Problem, linearise
from jaxsl.solver.solution import CONVERGED, INVALID, OUT_OF_STEPS, STALLED, Solution

WORST = 1e300


@jax.jit
def _loss_and_gradient(problem: Problem, theta: Array) -> tuple[Array, Array]:
    """A point that is not finite is very bad and flat, so that the line search turns back."""
    loss, gradient = jax.value_and_grad(problem.objective)(theta)
    return jnp.where(jnp.isfinite(loss), loss, WORST), jnp.where(jnp.isfinite(gradient), gradient, 0.0)


@jax.jit
def _residual_and_jacobian(problem: Problem, z: Array) -> tuple[Array, Array]:
    theta = problem.box.theta(z)
    residual, jacobian = linearise(problem, theta[None], tuple(range(theta.shape[0])))
    return residual[0], jacobian[0].T * problem.box.slope(theta)


class ScipyLBFGSB(eqx.Module):
    """SciPy's L-BFGS-B on the parameters themselves, with the tolerances of the papers' protocol.

    Attributes:
        max_steps: iterations per start at most.
        ftol: least relative gain of an iteration.
        gtol: largest coordinate of the projected gradient at an optimum.
    """

    max_steps: int = 2000
    ftol: float = 1e-15
    gtol: float = 1e-10

    def __call__(self, problem: Problem, starts: Array) -> Solution:
        """Minimise from every row of ``starts (start, param)``; not under ``jit``."""
        lower, upper = np.asarray(problem.box.theta_lower), np.asarray(problem.box.theta_upper)

        def objective(theta):
            loss, gradient = _loss_and_gradient(problem, theta)
            return float(loss), np.asarray(gradient)

        def one(start):
            result = scipy.optimize.minimize(
                objective,
                start,
                jac=True,
                method="L-BFGS-B",
                bounds=list(zip(lower, upper, strict=True)),
                options={"maxiter": self.max_steps, "maxfun": 15000, "ftol": self.ftol, "gtol": self.gtol},
            )
            status = {0: CONVERGED, 1: OUT_OF_STEPS}.get(result.status, STALLED)
            return result.x, result.fun, status if result.fun < WORST else INVALID, result.nfev

        return _collect(one, np.clip(np.asarray(starts), lower, upper))


class ScipyLeastSquares(eqx.Module):
    """SciPy's ``least_squares``, trust region reflective, in scaled coordinates.

    Attributes:
        max_steps: evaluations per start at most.
        tolerance: of the loss, the step and the gradient alike (SciPy's default).
    """

    max_steps: int = 2000
    tolerance: float = 1e-8

    def __call__(self, problem: Problem, starts: Array) -> Solution:
        """Minimise from every row of ``starts (start, param)``; not under ``jit``."""
        box = problem.box
        lower, upper = np.asarray(box.lower), np.asarray(box.upper)
        latest = _Latest(lambda z: _residual_and_jacobian(problem, z))

        def one(start):
            try:
                result = scipy.optimize.least_squares(
                    lambda z: latest(z)[0],
                    start,
                    lambda z: latest(z)[1],
                    bounds=(lower, upper),
                    max_nfev=self.max_steps,
                    ftol=self.tolerance,
                    xtol=self.tolerance,
                    gtol=self.tolerance,
                )
            except (ValueError, np.linalg.LinAlgError):  # SciPy's answers to residuals that are not finite
                return start, np.inf, INVALID, 1
            status = CONVERGED if result.status > 0 else OUT_OF_STEPS
            return result.x, 2 * result.cost, status, result.nfev

        solution = _collect(one, np.clip(np.asarray(box.scaled(starts)), lower, upper))
        return eqx.tree_at(lambda solution: solution.theta, solution, box.theta(solution.theta))


class _Latest:
    """A function that remembers its last answer, since SciPy asks for value and Jacobian apart."""

    def __init__(self, function: Callable[[np.ndarray], tuple[Array, Array]]):
        self.function = function
        self.point = np.empty(0)
        self.answer: tuple[np.ndarray, ...] = ()

    def __call__(self, point: np.ndarray) -> tuple[np.ndarray, ...]:
        if not np.array_equal(point, self.point):
            self.point = point.copy()
            self.answer = tuple(np.asarray(part) for part in self.function(point))
        return self.answer


def _collect(one: Callable, starts: np.ndarray) -> Solution:
    ends = [one(start) if np.all(np.isfinite(start)) else (start, np.inf, INVALID, 0) for start in starts]
    theta, loss, status, steps = zip(*ends, strict=True)
    finite = np.where(np.asarray(loss) < WORST, loss, np.inf)
    return Solution(jnp.asarray(np.stack(theta)), jnp.asarray(finite), jnp.array(status), jnp.array(steps))
