"""Compiled programs for fits as papers make them: least squares of one law, and intervals around it."""

import jax.numpy as jnp
from jax import Array

from jaxsl.basins import Basins
from jaxsl.bootstrap import Bootstrap, Draw, bootstrap
from jaxsl.deletion import without_each
from jaxsl.fit import Fit, fit
from jaxsl.host.compiled import compiled, compiled_fit
from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.profile import Profile, parameter_interval
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.standard_errors import StandardErrors, standard_errors
from jaxsl.starts import random_starts

NUM_STARTS = 32
TOLERANCE = 1e-13  # an interval is made of differences of losses


@compiled_fit
def least_squares(law: Law, observations: Observations, near: Array, key: Array) -> Fit:
    """The fit without any prior, from ``near (start, param)`` and from starting points all over the box."""
    starts = jnp.concatenate([near, random_starts(key, law, NUM_STARTS, near.dtype)])
    return fit(law, observations, starts, LevenbergMarquardt(tolerance=TOLERANCE))


@compiled
def linearised(law: Law, observations: Observations, theta: Array) -> StandardErrors:
    """``jaxsl.standard_errors.standard_errors``."""
    return standard_errors(law, observations, theta)


@compiled_fit
def profiled(law: Law, observations: Observations, found: Fit, index: Array, level: float) -> Profile:
    """``jaxsl.profile.parameter_interval``."""
    return parameter_interval(law, observations, found, index, level)


@compiled_fit
def drawn(
    law: Law, observations: Observations, found: Fit, num_draws: int, draw: Draw, key: Array
) -> Bootstrap:
    """``jaxsl.bootstrap.bootstrap``."""
    return bootstrap(key, law, observations, found, num_draws, draw)


@compiled
def moved_without(
    law: Law, observations: Observations, basins: Basins, weight: Array, x: Array
) -> tuple[Array, Array]:
    """How far the heaviest basin moves without each run in turn, by ``jaxsl.deletion``.

    Args:
        law: the law.
        observations: the runs, each of which counts ``weight (row,)``.
        basins: of the belief.
        x: where to predict, ``(target, feature)``.

    Returns:
        How far the parameters move, ``(row, param)``, and the predictions, ``(row, target, output)``.
    """
    theta = basins.theta[0]
    moves = without_each(law, observations, theta, basins.root[0], basins.noise, weight)
    return moves, jnp.einsum("tdp,rp->rtd", law.jacobian(theta, x), moves)
