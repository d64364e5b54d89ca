"""Fits with a prior: against the closed form, against SciPy, in valleys, and by every solver."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares
from synthetic import DECAY, LINE, runs_of

from jaxsl.fit import fit
from jaxsl.law import Law, params
from jaxsl.noise import NEGLIGIBLE
from jaxsl.residual import problem
from jaxsl.solver.lbfgsb import LBFGSB
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import random_starts
from jaxsl.transform import box
from laws.chinchilla import CHINCHILLA

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(3)
SIZE = np.logspace(1, 4, 7)[:, None]
LOSS = 1.4 + 40 * SIZE**-0.4 + 0.02 * np.random.default_rng(4).normal(size=SIZE.shape)


@eqx.filter_jit
def fitted(law, runs, prior):
    return fit(law, runs, random_starts(KEY, law, 24), prior=prior)


def found(law, runs, prior):
    return jax.tree.map(np.asarray, fitted(law, runs, prior))


@eqx.filter_jit
def found_tightly(law, runs, prior, weight):
    tight = LevenbergMarquardt(tolerance=1e-13)
    return fit(law, runs, random_starts(KEY, law, 12), tight, weight, prior=prior)


def noise_of(law, runs):
    """``SSR / (n - P)`` of least squares, and the floor for exact fits."""
    count = runs.mask.sum() * law.num_outputs
    squares = float(found(law, runs, None).loss[0]) * count
    return squares / max(count - law.num_params, 1) + NEGLIGIBLE**2 * np.mean(runs.y[runs.mask] ** 2)


@pytest.mark.slow
@pytest.mark.parametrize("prior", [0.1, 1.0, 30.0])
def test_a_line_is_bayesian_regression(prior):
    x = np.array([[0.1], [0.5], [0.6], [0.9]])
    y = 0.5 + x + np.array([[0.1], [-0.2], [0.15], [0.0]])
    runs, tau = runs_of(x, y, 6), np.array([1.0, 1.5])  # quarters of the boxes, which are centred on zero
    features = np.concatenate([np.ones_like(x), x], axis=1)
    noise = np.linalg.lstsq(features, y, rcond=None)[1][0] / 2
    matrix = features.T @ features / noise + prior * np.diag(tau**-2)
    mode = np.linalg.solve(matrix, features.T @ y[:, 0] / noise)
    np.testing.assert_allclose(found(LINE, runs, np.array(prior)).theta[0], mode, rtol=1e-6)


@pytest.mark.slow
def test_the_mode_of_a_curved_law_is_that_of_scipy():
    """E and A are eliminated, their prior is on their logarithms."""
    runs, bounds = runs_of(SIZE, LOSS, 9), box(DECAY)
    noise, prior = noise_of(DECAY, runs), 5.0

    missed = jax.jit(lambda z: (DECAY.predict(bounds.theta(z), SIZE) - LOSS).ravel())

    def residual(z):
        prior_rows = np.sqrt(prior * noise) * (z - np.asarray(bounds.centre))
        return np.append(missed(z), prior_rows)

    limits = np.asarray(bounds.lower), np.asarray(bounds.upper)
    first = np.asarray(bounds.scaled(jnp.array([1.0, 30.0, 0.5])))
    best = least_squares(residual, first, bounds=limits, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    here = found(DECAY, runs, np.array(prior))
    np.testing.assert_allclose(here.objective[0] * len(SIZE), 2 * best.cost, rtol=1e-6)
    np.testing.assert_allclose(bounds.scaled(here.theta[0]), best.x, rtol=1e-4)
    assert here.loss[0] < here.objective[0] and not here.lower[0].any() and not here.upper[0].any()


@pytest.mark.slow
@pytest.mark.parametrize("weight", [[3.0] * 7, [1.0, 2, 3, 1, 0, 2, 4]])
def test_a_run_of_weight_k_is_k_runs(weight):
    prior = np.array(3.0)
    index = np.repeat(np.arange(7), np.array(weight, int))
    weighted, repeated = (
        found_tightly(DECAY, runs, prior, weight)
        for runs, weight in (
            (runs_of(SIZE, LOSS, 24), np.append(weight, np.ones(17))),
            (runs_of(SIZE[index], LOSS[index], 24), np.ones(24)),
        )
    )
    np.testing.assert_allclose(weighted.theta[0], repeated.theta[0], rtol=1e-6)
    np.testing.assert_allclose(weighted.objective[0], repeated.objective[0], rtol=1e-9)
    plain = found(DECAY, runs_of(SIZE, LOSS, 24), prior)
    assert abs(plain.objective[0] - plain.loss[0]) > 1.1 * abs(weighted.objective[0] - weighted.loss[0])


def test_what_the_runs_do_not_tell_is_left_at_the_centre_of_the_box():
    """Two equal powers share their amplitude as the prior wishes, where least squares ends anywhere."""
    law = Law(
        "shared",
        lambda theta, x: theta[0] * x[0] ** theta[2] + theta[1] * x[0] ** theta[2] + 0 * theta[3],
        ("N",),
        params(a=(0.01, 100), b=(0.01, 100), p=(-2, 2), idle=(0.1, 1000)),
    )
    runs = runs_of(SIZE, 3 * SIZE**0.5 * LOSS**0.05, 7)
    a, b, _, idle = found(law, runs, np.array(1.0)).theta[0]
    np.testing.assert_allclose([a / b, idle], [1.0, 10.0], rtol=1e-3)


@pytest.mark.slow
def test_a_weak_prior_changes_no_well_determined_fit():
    runs = runs_of(SIZE, LOSS, 7)
    least, mode = (found(DECAY, runs, prior) for prior in (None, np.array(1e-8)))
    np.testing.assert_allclose(mode.theta[0], least.theta[0], rtol=1e-4)
    np.testing.assert_allclose(mode.loss[0], least.loss[0], rtol=1e-6)


@pytest.mark.slow
def test_solvers_agree_on_the_mode():
    rng = np.random.default_rng(7)
    x = np.exp(rng.uniform(np.log([1e7, 1e8]), np.log([1e9, 1e11]), (9, 2)))
    y = (1.7 + 400 * x[:, 0] ** -0.34 + 410 * x[:, 1] ** -0.28)[:, None]
    pull = jnp.array(1e-5)
    runs = replace(problem(CHINCHILLA, runs_of(x, y + 0.02 * rng.normal(size=y.shape), 9)), pull=pull)
    starts = jax.jit(lambda: random_starts(KEY, CHINCHILLA, 8))()
    ours, theirs = (
        jax.tree.map(np.asarray, jax.jit(solver)(runs, starts)) for solver in (LevenbergMarquardt(), LBFGSB())
    )
    np.testing.assert_allclose(np.min(ours.loss), np.min(theirs.loss), rtol=1e-6)
    np.testing.assert_allclose(
        ours.theta[np.argmin(ours.loss)], theirs.theta[np.argmin(theirs.loss)], rtol=1e-2
    )
    at = ours.theta[np.argmin(ours.loss)]
    objective = jax.jit(lambda runs, at: runs.loss(at) + runs.penalty(at))(runs, at)
    np.testing.assert_allclose(objective, np.min(ours.loss), rtol=1e-9)
