"""Bootstraps against least squares on the same draws, and against what they should estimate."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import LINE, PAIR, runs_of

from jaxsl.bootstrap import Groups, Pairs, Residuals, bootstrap
from jaxsl.fit import fit
from jaxsl.law import Law, params
from jaxsl.noise import NEGLIGIBLE
from jaxsl.pool import observe

pytestmark = pytest.mark.usefixtures("float64")
WIDE = Law("line", LINE.function, ("x",), params(a=(-20, 20), b=(-30, 30)), linear=("a", "b"))
RESIDUALS, PAIRS, GROUPS = range(3)


class OneOfThree(eqx.Module):
    """The draw of a number, so that all three are one program."""

    number: int

    def __call__(self, *given):
        every = Residuals(), Pairs(), Groups(jnp.arange(16) // 3)
        return jax.lax.switch(jnp.asarray(self.number), [lambda draw=draw: draw(*given) for draw in every])


def runs(size=None, num=12):
    rng = np.random.default_rng(0)
    x = np.linspace(0, 4, num)[:, None]
    return runs_of(x, 0.5 + x + 0.3 * rng.standard_normal((num, 1)), size)


def least_squares(x, y, weight):
    root = np.sqrt(np.asarray(weight))[:, None]
    design = root * np.column_stack([np.ones(len(x)), x])
    return np.linalg.lstsq(design, root * np.asarray(y), rcond=None)[0][:, 0]


@pytest.fixture(scope="module")
def booted():
    def refitted(observations, number):
        found = fit(WIDE, observations, jnp.zeros((2, 2)))
        return bootstrap(jax.random.key(1), WIDE, observations, found, 400, OneOfThree(number))

    return jax.jit(refitted)


@pytest.fixture(scope="module")
def drawn():
    def every(observations, theta, number):
        draw = jax.vmap(lambda key: OneOfThree(number)(key, WIDE, observations, theta))
        return draw(jax.random.split(jax.random.key(1), 400))

    return jax.jit(every)


@pytest.mark.slow
@pytest.mark.parametrize("number", [RESIDUALS, PAIRS, GROUPS], ids=["Residuals", "Pairs", "Groups"])
def test_every_draw_is_the_least_squares_fit_of_its_drawn_runs(booted, drawn, number):
    observations = runs(size=16)
    theta = least_squares(*(np.asarray(part)[:12] for part in (observations.x, observations.y)), np.ones(12))
    boot = booted(observations, number)
    assert np.all(boot.valid)
    data, weight = drawn(observations, theta, number)
    every = map(np.asarray, (boot.theta, data.x, data.y, weight))
    for found, x, y, weight in list(zip(*every, strict=True))[:5]:
        np.testing.assert_allclose(found, least_squares(x[:12], y[:12], weight[:12]), rtol=1e-6)


@pytest.mark.slow
def test_every_draw_is_fitted_with_the_prior_of_the_fit():
    observations, prior = runs(size=16), 1e3

    @jax.jit
    def drawn_and_fitted(observations, key):
        found = fit(WIDE, observations, jnp.zeros((2, 2)), prior=prior)
        boot = bootstrap(key, WIDE, observations, found, 3, Pairs())
        draw = jax.vmap(lambda key: Pairs()(key, WIDE, observations, found.theta[0]))
        drawn, weight = draw(jax.random.split(key, 3))
        return boot.theta, drawn.x, drawn.y, weight

    every = map(np.asarray, drawn_and_fitted(observations, jax.random.key(1)))
    for theta, x, outcome, weight in zip(*every, strict=True):
        root = np.sqrt(weight[:12])
        design = root[:, None] * np.column_stack([np.ones(12), x[:12]])
        y = root * outcome[:12, 0]
        noise = np.linalg.lstsq(design, y, rcond=None)[1][0] / 10 + NEGLIGIBLE**2 * np.mean(y**2)
        precision = design.T @ design / noise + prior * np.diag([1 / 10.0**2, 1 / 15.0**2])
        np.testing.assert_allclose(theta, np.linalg.solve(precision, design.T @ y / noise), rtol=1e-5)


@pytest.mark.slow
def test_residuals_recover_the_textbook_standard_errors(booted):
    observations = runs(size=16)
    x, y = np.asarray(observations.x)[:12, 0], np.asarray(observations.y)[:12, 0]
    design = np.column_stack([np.ones(12), x])
    theta = np.linalg.pinv(design) @ y
    covariance = np.sum((y - design @ theta) ** 2) / 10 * np.linalg.inv(design.T @ design)
    boot = booted(observations, RESIDUALS)
    np.testing.assert_allclose(boot.deviation, np.sqrt(np.diag(covariance)), rtol=0.1)
    interval = jax.jit(lambda boot, x: boot.interval(WIDE, x, 0.9))
    low, high = np.asarray(interval(boot, np.array([[10.0]])))[:, 0, 0]
    at = np.array([1.0, 10.0])
    half = 1.645 * np.sqrt(at @ covariance @ at)
    np.testing.assert_allclose([low, high], [at @ theta - half, at @ theta + half], atol=0.25 * half)


def test_pairs_draw_as_many_runs_as_there_are_and_no_padded_one():
    observations = runs(size=16)
    draw = jax.jit(lambda key: Pairs()(key, WIDE, observations, jnp.zeros(2))[1])
    for seed in range(20):
        weight = np.asarray(draw(jax.random.key(seed)))
        assert np.sum(weight) == 12 and np.all(weight[12:] == 0)


def test_groups_stay_whole_and_are_drawn_equally_often():
    observations, group = runs(size=16), jnp.array([0, 0, 0, 0, 0, 2, 2, 2, 5, 5, 5, 5, 9, 9, 9, 9])
    draw = jax.jit(jax.vmap(lambda key: Groups(group)(key, WIDE, observations, jnp.zeros(2))[1]))
    weight = np.asarray(draw(jax.random.split(jax.random.key(0), 2000)))
    assert np.all(weight[:, 12:] == 0)
    for rows in (slice(0, 5), slice(5, 8), slice(8, 12)):
        assert np.all(weight[:, rows] == weight[:, rows][:, :1])
    assert np.all(weight[:, [0, 5, 8]].sum(axis=1) == 3)
    np.testing.assert_allclose(weight[:, [0, 5, 8]].mean(axis=0), 1, atol=0.06)


def test_residuals_of_several_outputs_stay_together():
    noise = np.random.default_rng(0).standard_normal((9, 1)) * np.array([[1.0, -2.0]])

    @jax.jit
    def moved(theta, x):
        curve = PAIR.predict(theta, x)
        drawn, weight = Residuals()(jax.random.key(0), PAIR, observe(x, curve + noise), theta)
        return drawn.y - curve, weight

    found, weight = map(np.asarray, moved(np.array([0.3, 1.0, -0.5]), np.linspace(-1, 1, 9)[:, None]))
    np.testing.assert_allclose(found[:, 1], -2 * found[:, 0], atol=1e-12)
    assert np.all(weight == 1)
