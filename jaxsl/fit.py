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


class PriorUsed(eqx.Module):
    """The prior that a fit was made with, for whoever goes on from its optimum.

    Attributes:
        precision: of the prior of the scaled parameters, a scalar.
        noise: ``sigma^2`` that it was weighed against, a scalar.
        least: the least-squares optimum that ``noise`` is the variance around, ``(param,)``.
    """

    precision: Array
    noise: Array
    least: Array

    def pull(
        self,
        runs: Problem,
        observations: Observations,
        weight: Array | None = None,
        loss: Array | None = None,
    ) -> Array:
        """Its weight in the objective of ``runs``, a scalar, which follows the outcomes.

        Args:
            runs: the problem made of the observations and weights.
            observations, weight: as in ``fit``.
            loss: least loss on them; that of ``least`` when None.
        """
        count = observations.num_outcomes(weight)
        least = negligible_variance(observations, weight)
        loss = runs.loss(self.least) if loss is None else loss
        return _pull(self.precision, _variance(loss * count, count, runs.law.num_real, least), count)


class Fit(eqx.Module):
    """Optima in ascending order of the objective; not yet told apart (see ``jaxsl.basins``).

    Attributes:
        theta: ``(start, param)``.
        loss: mean squared error (or mean robust loss), ``(start,)``; infinite where a start failed.
        objective: the loss, and what the prior adds to it, ``(start,)``.
        status: ``(start,)`` of int, see ``jaxsl.solver.solution.STATUS``.
        steps: evaluations spent, ``(start,)`` of int.
        lower, upper: whether a parameter ended at that bound, ``(start, param)`` of bool.
        prior: that of the fit; None for least squares.
    """

    theta: Array
    loss: Array
    objective: Array
    status: Array
    steps: Array
    lower: Array
    upper: Array
    prior: PriorUsed | None = None

    @property
    def converged(self) -> Array:
        """Which starts converged, ``(start,)`` of bool."""
        return self.status == CONVERGED

    def at(self, place: tuple[int, ...]) -> "Fit":
        """The same with the parameters at these places of ``theta``, as of ``jaxsl.one_of.places``."""
        rows = np.array(place)
        prior = self.prior and replace(self.prior, least=self.prior.least[rows])
        found = {name: getattr(self, name)[:, rows] for name in ("theta", "lower", "upper")}
        return replace(self, prior=prior, **found)

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
    runs, used = problem(law, observations, weight, robust), None
    if prior is None:
        solution = solver(runs, starts)
    else:
        count, least = observations.num_outcomes(weight), negligible_variance(observations, weight)
        runs, solution, used = _mode(runs, count, least, starts, solver, prior)
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
        prior=used,
    )


def _variance(squares: Array, count: Array, num_params: int | Array, least: Array) -> Array:
    """``SSR / (n - P)`` of least squares, with at least one degree of freedom, and the ``least`` noise."""
    return squares / jnp.maximum(count - num_params, 1.0) + least


def _pull(precision: float | Array, noise: Array, count: Array) -> Array:
    """The weight of the prior in the objective, a mean over ``count`` outcomes; 0 without any."""
    return jnp.where(count > 0, precision * noise / jnp.where(count > 0, count, 1.0), 0.0)


def _mode(
    runs: Problem, count: Array, least: Array, starts: Array, solver: Solver, prior: float | Array
) -> tuple[Problem, Solution, PriorUsed]:
    """The problem with its prior, and where its descents end; ``count`` outcomes, ``least`` noise."""
    scouts = jnp.arange(starts.shape[0]) < SCOUTS

    def descend(carry: tuple[Array, Array], some: Array):
        noise, _ = carry
        pulled = replace(runs, pull=_pull(prior, noise, count))
        found = solver(pulled, jnp.where(scouts[:, None] | ~some, starts, jnp.nan))
        squares = jnp.min(jnp.where(jnp.isfinite(found.loss), found.loss, jnp.inf)) * count
        around = _variance(squares, count, runs.law.num_real, least)
        return (jnp.where(jnp.isfinite(around), around, 0.0), noise), found

    # A loop of two, so that the solver is compiled once.
    zero = jnp.zeros((), starts.dtype)
    (_, noise), both = jax.lax.scan(descend, (zero, zero), jnp.array([True, False]))
    first, last = (jax.tree.map(lambda leaf, turn=turn: leaf[turn], both) for turn in (0, 1))
    best = jnp.argmin(jnp.where(jnp.isfinite(first.loss), first.loss, jnp.inf))
    used = PriorUsed(jnp.asarray(prior, starts.dtype), noise, first.theta[best])
    runs = replace(runs, pull=_pull(prior, noise, count))
    return runs, replace(last, steps=jnp.sum(both.steps, axis=0)), used
