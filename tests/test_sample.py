"""Fits to many runs, which begin on a sample of them; derivatives by many parameters, taken backward."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import runs_of

from jaxsl.fit import fit
from jaxsl.law import Law, params
from jaxsl.residual import linearise, problem
from jaxsl.solver.sample import sample
from jaxsl.starts import random_starts

pytestmark = pytest.mark.usefixtures("float64")

WAVE = Law(
    "wave",
    lambda theta, x: theta[0] * jnp.sin(theta[1] * x[0]),
    ("x",),
    params(A=(0, 2), b=(0.5, 9)),
    linear=("A",),
)
STARTS = 16


def many_waves(num=600):
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 5, (num, 1))
    return x, np.sin(5 * x) + 0.3 * np.sin(2 * x) + 0.1 * rng.normal(size=(num, 1))


@jax.jit
def fitted(observations, starts):
    return fit(WAVE, observations, starts)


@jax.jit
def losses(observations, theta):
    return jax.vmap(problem(WAVE, observations).loss)(theta)


@eqx.filter_jit
def sampled(observations, num_starts=STARTS):
    return sample(problem(WAVE, observations), num_starts)


STARTING = jax.jit(lambda: random_starts(jax.random.key(0), WAVE, STARTS))


def found(observations):
    return fitted(observations, STARTING())


def least(x, y):
    """The least loss of all, by a fine grid of frequencies with the best amplitude at each."""
    wave = np.sin(np.linspace(0.5, 9, 20001)[:, None] * x[:, 0])
    amplitude = np.clip(wave @ y[:, 0] / np.sum(wave**2, axis=1), 0, 2)
    return np.min(np.mean((amplitude[:, None] * wave - y[:, 0]) ** 2, axis=1))


@pytest.mark.slow
def test_the_best_of_many_runs_is_found_by_way_of_a_sample():
    x, y = many_waves()
    assert sampled(runs_of(x, y)).root.shape == (128,)
    best = found(runs_of(x, y))
    np.testing.assert_allclose(best.loss[0], least(x, y), rtol=1e-5)
    np.testing.assert_allclose(best.theta[0, 1], 5, atol=0.02)


@pytest.mark.slow
def test_a_start_left_behind_is_judged_on_all_runs():
    x, y = many_waves()
    best = found(runs_of(x, y))
    np.testing.assert_allclose(best.loss, losses(runs_of(x, y), best.theta), rtol=1e-12)
    assert best.loss[-1] > 3 * best.loss[0] and (np.diff(best.loss) >= 0).all()


@pytest.mark.slow
def test_few_runs_in_a_large_buffer_are_fitted_as_in_a_small_one():
    x, y = many_waves()
    best = found(runs_of(x[:50], y[:50], len(x)))
    small = found(runs_of(x[:50], y[:50], 64))
    np.testing.assert_allclose(best.loss, small.loss, rtol=1e-8)
    np.testing.assert_array_equal(best.steps, small.steps)


@pytest.mark.slow
def test_starts_that_end_at_one_optimum_of_the_sample_go_on_as_one():
    x, y = many_waves()
    starts = np.tile([1.0, 4.9], (STARTS, 1))
    starts[-1, 1] = 5.1
    ends = jax.tree.map(np.asarray, fitted(runs_of(x, y), starts))
    np.testing.assert_array_equal(ends.theta, np.broadcast_to(ends.theta[0], ends.theta.shape))
    np.testing.assert_allclose(ends.loss[0], least(x, y), rtol=1e-5)
    assert bool(ends.converged.all()) and ends.steps.max() >= ends.steps.min() + 3


def test_a_sample_is_weighed_like_all_runs_and_holds_no_padding():
    x, y = many_waves()
    runs = runs_of(x, y, 700)
    few, root = sampled(runs), jax.jit(lambda runs: problem(WAVE, runs).root)(runs)
    assert np.all(np.asarray(few.root) > 0) and np.isin(few.x, x).all()
    np.testing.assert_allclose(np.sum(np.square(few.root)), np.sum(np.square(root)), rtol=1e-12)
    assert len(np.unique(few.x)) == 128


def test_few_runs_or_few_starts_need_no_sample():
    x, y = many_waves()
    assert sampled(runs_of(x[:511], y[:511])) is None
    assert sampled(runs_of(x, y), STARTS - 1) is None


def rows_of_powers(theta, x):
    """Two outputs, each a function of its own eight parameters."""
    a, b = theta.reshape(2, 8)
    powers = x[0] ** jnp.arange(7)
    return jnp.stack([jnp.tanh(a[:7] @ powers) * a[7], jnp.exp(b[:7] @ powers) + b[7]])


def wide_law(separable):
    boxes = {f"p{i}": (-1, 1) for i in range(16)}
    return Law("wide", rows_of_powers, ("x",), params(**boxes), ("u", "v"), separable=separable)


@pytest.mark.parametrize("blocks", [1, 2])
def test_derivatives_taken_backward_are_those_taken_forward(blocks, monkeypatch):
    monkeypatch.setattr("jaxsl.residual.WIDE", 3)
    rng = np.random.default_rng(0)
    law, x, y = wide_law(blocks == 2), rng.uniform(-1, 1, (5, 1)), rng.normal(size=(5, 2))
    runs, theta = problem(law, runs_of(x, y, 6)), rng.uniform(-1, 1, 16)
    index = (0, 5, 7)
    wanted = np.asarray(jax.jit(jax.jacfwd(runs.residual))(theta))  # (row, output, param)
    residual, columns = jax.jit(linearise, static_argnums=2)(runs, theta.reshape(blocks, -1), index)
    plain = np.asarray(jax.jit(lambda theta: runs.residual(theta))(theta))
    for block in range(blocks):
        outputs = [block] if blocks == 2 else [0, 1]
        np.testing.assert_allclose(residual[block], plain[:, outputs].ravel(), rtol=1e-12)
        for column, param in enumerate(index):
            derivative = wanted[:, outputs, block * 8 + param].ravel()
            np.testing.assert_allclose(columns[block, column], derivative, rtol=1e-10, atol=1e-14)
