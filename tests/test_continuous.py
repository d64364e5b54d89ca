"""Climbing in a box: optima known in closed form, bounds and money kept to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxsl.continuous import Bounds, climb

pytestmark = pytest.mark.usefixtures("float64")
LOW, HIGH = np.log([1e7, 1e9]), np.log([1e9, 1e12])
BOUNDS = Bounds(np.array([LOW[0], LOW[1]]), np.array([HIGH[0], HIGH[1]]), np.array([True, True]))
START = np.random.default_rng(0).uniform(size=(8, 2))
PEAK = np.array([1e8, 3e10])


def bump(x):
    """A single hill about ``PEAK`` in logarithms."""
    return jnp.exp(-jnp.sum((jnp.log(x) - np.log(PEAK)) ** 2 * np.array([1.0, 0.3]), axis=1))


def flops(x):
    return 6 * x[:, 0] * x[:, 1]


def climbed(score, money, exponent=0.4, bounds=BOUNDS):
    found = climb(score, flops, bounds, jnp.asarray(START), jnp.asarray(money), exponent)
    best = int(np.argmax(found.value))
    return np.asarray(bounds.x(found.share)), float(found.value[best]), best


def test_free_runs_go_to_the_peak_and_costly_ones_to_its_cheaper_side():
    x, value, best = climbed(bump, np.inf, 0.0)
    np.testing.assert_allclose(x[best], PEAK, rtol=1e-3)
    assert abs(value) < 1e-6
    # Stationary where the slope of the hill is gamma in both logarithms.
    x, _, best = climbed(bump, np.inf)
    np.testing.assert_allclose(np.log(x[best] / PEAK), [-0.4 / 2, -0.4 / 0.6], rtol=1e-3)


def test_a_budget_is_kept_to_and_the_best_point_on_its_line_found():
    money = flops(PEAK[None])[0] / 30
    x, value, best = climbed(bump, money, 0.0)
    assert np.all(flops(x) <= money * (1 + 1e-8))
    answer = minimize(
        lambda u: np.sum((u - np.log(PEAK)) ** 2 * np.array([1.0, 0.3])),
        np.log(PEAK) - 2,
        constraints={"type": "ineq", "fun": lambda u: np.log(money / 6) - u.sum()},
    )
    np.testing.assert_allclose(value, -answer.fun, atol=2e-3)
    np.testing.assert_allclose(np.log(x[best]), answer.x, atol=0.05)


def test_bounds_are_kept_to_where_the_hill_lies_outside():
    inside = Bounds(LOW, np.array([np.log(3e7), HIGH[1]]), np.array([True, True]))
    x, _, best = climbed(bump, np.inf, 0.0, inside)
    np.testing.assert_allclose(x[best], [3e7, PEAK[1]], rtol=1e-3)


def test_a_point_where_the_score_has_no_value_is_never_an_answer():
    def broken(x):
        return jnp.where(x[:, 0] > 5e7, jnp.nan, bump(x))

    found = climb(broken, flops, BOUNDS, jnp.asarray(START), jnp.asarray(np.inf), 0.0)
    arrived = np.isfinite(found.value)
    assert arrived.any() and np.all(BOUNDS.x(found.share)[arrived, 0] <= 5e7)


def test_linear_axes_and_compilation():
    flat = Bounds(np.array([0.0, 0.0]), np.array([4.0, 8.0]), np.array([False, False]))

    @jax.jit
    def run(start):
        return climb(
            lambda x: 1 / (1 + (x[:, 0] - 1) ** 2 + (x[:, 1] - 6) ** 2),
            lambda x: jnp.ones(len(x)),
            flat,
            start,
            jnp.asarray(2.0),
        )

    found = run(jnp.asarray(START))
    np.testing.assert_allclose(flat.x(found.share), np.tile([1.0, 6.0], (8, 1)), atol=1e-3)
