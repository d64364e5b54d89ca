"""The multi-start fit: every optimum that any start reached.

Few runs leave a law with valleys along which the loss hardly changes, and the lowest point of a valley is one
of its ends, often at a bound. With a prior, that which the belief has anyway (``Sigma`` of ``jaxsl.basins``),
an optimum is the mode of the posterior in its valley.
"""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.noise import negligible_variance
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations
from jaxsl.residual import Problem, problem
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.solver.solution import CONVERGED, Solution
from jaxsl.transform import box

Solver = Callable[[Problem, Array], Solution]
PRIOR = 0.3  # precision of the parameters' prior in the fits of a design
SCOUTS = 16  # starts that look for the noise


class Fit(eqx.Module):
    """Optima in ascending order of the objective; not yet told apart (see ``jaxsl.basins``).

    Attributes:
        theta: ``(start, param)``.
        loss: mean squared error (or mean robust loss), ``(start,)``; infinite where a start failed.
        objective: the loss, and what the prior adds to it, ``(start,)``.
        status: ``(start,)`` of int, see ``jaxsl.solver.solution.STATUS``.
        steps: evaluations spent, ``(start,)`` of int.
        lower, upper: whether a parameter ended at that bound, ``(start, param)`` of bool.
    """

    theta: Array
    loss: Array
    objective: Array
    status: Array
    steps: Array
    lower: Array
    upper: Array

    @property
    def converged(self) -> Array:
        """Which starts converged, ``(start,)`` of bool."""
        return self.status == CONVERGED

    def at(self, place: tuple[int, ...]) -> "Fit":
        """The same with the parameters at these places of ``theta``, as of ``jaxsl.one_of.places``."""
        found = {name: getattr(self, name)[:, np.array(place)] for name in ("theta", "lower", "upper")}
        return replace(self, **found)

    def num_best(self, tolerance: float = 0.01) -> Array:
        """How many starts reached the best objective within a relative ``tolerance``; a scalar."""
        return jnp.sum(self.objective <= self.objective[0] * (1 + tolerance))


def fit(
    law: AnyLaw,
    observations: Observations,
    starts: Array,
    solver: Solver | None = None,
    weight: Array | None = None,
    robust: Callable[[Array], Array] | None = None,
    prior: float | Array | None = None,
) -> Fit:
    """Fit ``law`` to ``observations`` from every row of ``starts``.

    ``theta* = argmin_theta sum_i w_i rho(f(x_i; theta) - y_i) / (D sum_i w_i)`` inside the law's box; with a
    prior, ``argmin_theta sum_i w_i rho(...) + prior sigma^2 |z - z_c|^2``: the mode of the posterior for
    ``z ~ N(z_c, I / prior)``, ``z`` in quarters of the (log-)box around its centre (Spend Less, Fit Better,
    appendix C), with ``sigma^2 = SSR / (n - P)``, ``n = D sum_i w_i``, of the best of the first ``SCOUTS``
    starts without prior.

    Args:
        law: the law; static under ``jit``.
        observations: runs in a masked buffer, float64 for reliable convergence.
        starts: ``(start, param)``, as from ``jaxsl.starts``.
        solver: any ``(problem, starts) -> Solution``; ``LevenbergMarquardt()`` when None.
        weight: times each run counts, ``(row,)``; one each when None. A weight of k is k equal runs.
        robust: residual transformation such as ``Huber()``; least squares when None.
        prior: precision of the prior; None for none.

    Returns:
        The optima, best first. A start that was never finite has an infinite loss.
    """
    solver = LevenbergMarquardt() if solver is None else solver
    runs = problem(law, observations, weight, robust)
    if prior is None:
        solution = solver(runs, starts)
    else:
        count, least = observations.num_outcomes(weight), negligible_variance(observations, weight)
        runs, solution = _mode(runs, count, least, starts, solver, prior)
    objective = jnp.where(jnp.isfinite(solution.loss), solution.loss, jnp.inf)
    order = jnp.argsort(objective)
    theta, objective = solution.theta[order], objective[order]
    lower, upper = box(law, starts.dtype).active(theta)
    return Fit(
        theta=theta,
        loss=jnp.maximum(objective - runs.penalty(theta), 0.0),
        objective=objective,
        status=solution.status[order],
        steps=solution.steps[order],
        lower=lower,
        upper=upper,
    )


def _mode(
    runs: Problem, count: Array, least: Array, starts: Array, solver: Solver, prior: float | Array
) -> tuple[Problem, Solution]:
    """The problem with its prior, and where its descents end; ``count`` outcomes, ``least`` noise."""
    scouts = jnp.arange(starts.shape[0]) < SCOUTS

    def descend(carry: tuple[Array, Array], some: Array):
        pull, _ = carry
        found = solver(replace(runs, pull=pull), jnp.where(scouts[:, None] | ~some, starts, jnp.nan))
        squares = jnp.min(jnp.where(jnp.isfinite(found.loss), found.loss, jnp.inf)) * count
        noise = squares / jnp.maximum(count - runs.law.num_real, 1.0) + least
        known = jnp.isfinite(noise) & (count > 0)
        return (jnp.where(known, prior * noise / jnp.where(count > 0, count, 1.0), 0.0), pull), found

    # A loop of two, so that the solver is compiled once.
    zero = jnp.zeros((), starts.dtype)
    (_, pull), both = jax.lax.scan(descend, (zero, zero), jnp.array([True, False]))
    last = jax.tree.map(lambda leaf: leaf[-1], both)
    return replace(runs, pull=pull), replace(last, steps=jnp.sum(both.steps, axis=0))
