"""Errors that rows of one training run share, against dense algebra and simulated runs."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from jaxsl.along import Along, Course, innovations
from jaxsl.discrepancy.kinds import Kinds
from jaxsl.discrepancy.known import Known
from jaxsl.discrepancy.rule import DiscrepancyRule
from jaxsl.law import Law, params
from jaxsl.pool import empty, observe, uniform_target
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt

pytestmark = pytest.mark.usefixtures("float64")

PLANE = Law(
    "plane",
    lambda theta, x: theta[0] + theta[1] * jnp.log10(x[0]) + theta[2] * jnp.log10(x[1]),
    ("N", "D"),
    params(a=(-99, 99), b=(-99, 99), c=(-99, 99)),
    linear=("a", "b", "c"),
)
TARGET = uniform_target(jnp.array([[1e9, 1e11]]))


def correlation(run, place, share, length):
    """The errors' correlation, dense."""
    run, place = np.asarray(run), np.asarray(place)
    same = (run[:, None] == run) & (run[:, None] >= 0) | np.eye(len(run), dtype=bool)
    kernel = np.where(same, np.exp(-np.abs(place[:, None] - place) / length), 0.0)
    return (1 - share) * np.eye(len(run)) + share * kernel


def checkpoints(seed, share, length=1.0, runs=8, each=6, noise=0.01, size=64):
    """Runs of a plane that share errors along them, and the runs' course."""
    rng = np.random.default_rng(seed)
    n = np.repeat(np.geomspace(1e6, 1e8, runs), each)
    d = np.tile(np.geomspace(1e8, 3e9, each), runs)
    run, place = np.repeat(np.arange(runs), each), np.log10(d)
    root = np.linalg.cholesky(correlation(run, place, share, length))
    y = 5 - 0.2 * np.log10(n) - 0.1 * np.log10(d) + noise * root @ rng.standard_normal(len(n))
    course = Course(jnp.asarray(run), jnp.asarray(place))
    return observe(jnp.asarray(np.stack([n, d], 1)), jnp.asarray(y)[:, None], size, course=course)


def test_innovations_are_the_dense_inverse_root_whatever_the_order_of_rows():
    rng = np.random.default_rng(0)
    run, place, times = rng.integers(-1, 5, 30), rng.uniform(7, 10, 30), rng.uniform(0.5, 3, 30)
    dense = correlation(run, place, 0.8, 0.7)
    covariance = dense / np.sqrt(times[:, None] * times)
    course = Course(jnp.asarray(run), jnp.asarray(place))
    rows = rng.standard_normal((30, 2, 3))

    @jax.jit
    def innovated(course, along, times, rows):
        new = innovations(course, along, times)
        return new(rows), new.log_det

    found, log_det = innovated(course, Along(jnp.asarray(0.8), jnp.asarray(0.7)), times, rows)
    found = np.sqrt(times)[:, None] * np.asarray(found).reshape(30, -1)
    flat = rows.reshape(30, -1)
    np.testing.assert_allclose(found.T @ found, flat.T @ np.linalg.solve(covariance, flat), rtol=1e-10)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(dense)[1], rtol=1e-10)


@pytest.mark.slow
def test_one_component_is_dense_generalised_least_squares():
    runs, along = checkpoints(1, 0.8), Along(jnp.asarray(0.7), jnp.asarray(0.5))
    sharing = jax.jit(lambda along: Known(Kinds(), PLANE, runs, TARGET, 1e-9, None).sharing(along))
    known = sharing(along)
    theta = jnp.array([4.99, -0.2, -0.1])
    solved = jax.jit(lambda known: known.solved(known.linearised(theta)))
    found, _, evidence = solved(known)
    mask = np.asarray(runs.mask)
    run, place = np.asarray(runs.course.run)[mask], np.asarray(runs.course.place)[mask]
    dense = correlation(run, place, 0.7, 0.5)
    value, jacobian = (np.asarray(part)[mask, 0] for part in jax.jit(PLANE.linearise)(theta, runs.x))
    jacobian = jacobian * np.asarray(known.runs.box.slope(theta))
    left = np.asarray(runs.y)[mask, 0] - value
    root = linalg.cholesky(dense, lower=True)
    white, told = linalg.solve_triangular(root, np.column_stack([jacobian, left]), lower=True), 3
    shift, squares, *_ = linalg.lstsq(white[:, :told], white[:, told])
    degrees = len(left) - 3 + 1
    variance = (squares + known.noise.variance) / degrees + known.noise.least
    np.testing.assert_allclose(np.asarray(found.shift)[0], shift, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(found.noise)[0], variance, rtol=1e-5)
    precision, root = white[:, :told].T @ white[:, :told] / variance, np.asarray(found.root)[0]
    np.testing.assert_allclose(np.linalg.inv(root @ root.T), precision, rtol=1e-4)
    # Two forms of errors differ in evidence as their restricted likelihoods do, but for the noise's prior.
    _, _, alone = solved(sharing(replace(along, share=jnp.asarray(0.0))))
    flat = (linalg.lstsq(jacobian, left)[1] + known.noise.variance) / degrees + known.noise.least

    def restricted(variance, log_det, gram):
        return -((len(left) + 1) * np.log(variance) + log_det + np.linalg.slogdet(gram / variance)[1]) / 2

    expected = restricted(variance, np.linalg.slogdet(dense)[1], white[:, :told].T @ white[:, :told])
    expected -= restricted(flat, 0.0, jacobian.T @ jacobian)
    difference = np.asarray(evidence)[0] - np.asarray(alone)[0]
    np.testing.assert_allclose(difference, expected, rtol=1e-3)


@jax.jit
def learned(runs):
    starts, solver = jnp.array([[1.0, 0.1, 0.1], [3.0, -0.5, 0.2]]), LevenbergMarquardt(tolerance=1e-12)
    found = DiscrepancyRule()(PLANE, runs, starts, TARGET, solver, 0.3)
    return found.along, found.dof


@pytest.mark.slow
def test_what_rows_of_a_run_share_is_found_and_counts_as_few_runs():
    shared = [learned(checkpoints(seed, 0.9)) for seed in range(4)]
    alone = [learned(checkpoints(seed, 0.0)) for seed in range(4)]
    assert np.mean([along.share for along, _ in shared]) > 0.7
    assert np.mean([along.share for along, _ in alone]) < 0.4
    assert np.mean([dof for _, dof in shared]) < 20 < np.mean([dof for _, dof in alone])
    along, dof = learned(replace(checkpoints(0, 0.9), course=None))
    assert along is None and dof == 48 - 3 + 1


def test_a_row_is_added_to_its_run():
    runs = replace(empty(jnp.array([1e6, 1e8]), 1, 2), course=Course(jnp.full(2, -1), jnp.zeros(2)))
    runs = runs.add(jnp.array([1e6, 1e9]), jnp.array([3.0]), run=4, place=9.0)
    assert runs.course.run.tolist() == [4, -1] and runs.course.place.tolist() == [9.0, 0.0]
