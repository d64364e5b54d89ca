"""Profile intervals: exact on a linear law, brute force on a nonlinear one."""

import equinox as eqx
import jax
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from synthetic import DECAY, LINE, runs_of

from jaxsl import profile as core
from jaxsl.fit import fit as fit_of
from jaxsl.law import Law, params
from jaxsl.noise import NEGLIGIBLE

pytestmark = pytest.mark.usefixtures("float64")
WIDE = Law("line", LINE.function, ("x",), params(a=(-20, 20), b=(-30, 30)), linear=("a", "b"))


def in_numpy(function):
    """A function of a law as one program, whose answer can be looked up without another."""
    program = jax.jit(function, static_argnums=0)
    return lambda law, *given, **options: jax.tree.map(np.asarray, program(law, *given, **options))


fit, parameter_interval, parameter_profile, prediction_interval = (
    in_numpy(function)
    for function in (fit_of, core.parameter_interval, core.parameter_profile, core.prediction_interval)
)


def line_runs(size=None):
    rng = np.random.default_rng(0)
    x = np.linspace(0, 4, 9)[:, None]
    return runs_of(x, 0.5 + x + 0.3 * rng.standard_normal((9, 1)), size)


def decay_runs(noise=0.05):
    rng = np.random.default_rng(3)
    x = np.geomspace(1e3, 1e6, 9)[:, None]
    return runs_of(x, 1 + 100 * x**-0.35 + noise * rng.standard_normal((9, 1)))


def decay_fit(observations):
    return fit(DECAY, observations, np.array([[1.0, 100.0, 0.35], [0.5, 50.0, 0.3]]))


def exact(x, y, row, level=0.95):
    """The t interval of ``row . theta`` in the linear model with an intercept."""
    design = np.column_stack([np.ones(len(x)), x])
    theta = np.linalg.pinv(design) @ y
    sigma = np.sqrt(np.sum((y - design @ theta) ** 2) / (len(y) - 2))
    half = (
        scipy.stats.t.ppf((1 + level) / 2, len(y) - 2)
        * sigma
        * np.sqrt(row @ np.linalg.inv(design.T @ design) @ row)
    )
    return row @ theta - half, row @ theta + half


def brute(observations, quantity, grid, level=0.95):
    """The ends of ``{c : L(c) <= limit}`` on a grid, each loss by SciPy from two starts with c eliminated."""
    x, y = np.asarray(observations.x)[:, 0], np.asarray(observations.y)[:, 0]

    def least(theta_of, start):
        def residual(free):
            E, A, alpha = theta_of(free)
            return E + A * x**-alpha - y

        return 2 * scipy.optimize.least_squares(residual, start, method="lm", xtol=1e-14, ftol=1e-14).cost

    best = least(lambda v: (v[0], np.exp(v[1]), v[2]), (1.0, np.log(100.0), 0.35))
    limit = best * (1 + scipy.stats.f.ppf(level, 1, len(y) - 3) / (len(y) - 3))
    rise = np.array([least(*quantity(c)) for c in grid]) - limit
    signs = np.flatnonzero(np.diff(np.sign(rise)))
    return [grid[i] - rise[i] * (grid[i + 1] - grid[i]) / (rise[i + 1] - rise[i]) for i in signs]


@pytest.mark.slow
def test_a_parameter_of_a_linear_law_has_the_exact_t_interval():
    observations = line_runs(size=12)
    x, y = np.asarray(observations.x)[:9, 0], np.asarray(observations.y)[:9, 0]
    found = fit(WIDE, observations, np.zeros((2, 2)))
    for index, row in enumerate(np.eye(2)):
        profile = parameter_interval(WIDE, observations, found, index, 0.9)
        np.testing.assert_allclose([profile.low, profile.high], exact(x, y, row, 0.9), rtol=1e-6)
        assert not (profile.open_low | profile.open_high | profile.better)


@pytest.mark.slow
def test_a_prediction_of_a_linear_law_has_the_exact_t_interval():
    observations = line_runs()
    x, y = np.asarray(observations.x)[:, 0], np.asarray(observations.y)[:, 0]
    found = fit(WIDE, observations, np.zeros((2, 2)))
    for where in (2.0, 10.0):
        profile = prediction_interval(WIDE, observations, found, np.array([where]))
        np.testing.assert_allclose([profile.low, profile.high], exact(x, y, np.array([1, where])), rtol=1e-6)


@pytest.mark.slow
def test_a_parameter_of_a_nonlinear_law_agrees_with_brute_force():
    observations = decay_runs()
    found = decay_fit(observations)
    profile = parameter_interval(DECAY, observations, found, 2)
    grid = np.linspace(0.15, 0.7, 111)
    ends = brute(observations, lambda c: (lambda v: (v[0], np.exp(v[1]), c), (1.0, np.log(100.0))), grid)
    np.testing.assert_allclose([profile.low, profile.high], ends, rtol=2e-3)
    middle = (profile.low + profile.high) / 2
    assert float(profile.value) < float(middle)  # the interval is skewed, as no symmetric one could be


@pytest.mark.slow
def test_a_prediction_of_a_nonlinear_law_agrees_with_brute_force():
    observations = decay_runs()
    found = decay_fit(observations)
    where = 1e7
    profile = prediction_interval(DECAY, observations, found, np.array([where]))

    def holding(c):
        return lambda v: (c - np.exp(v[0]) * where ** -v[1], np.exp(v[0]), v[1]), (np.log(100.0), 0.35)

    grid = np.linspace(1.0, 1.7, 141)
    np.testing.assert_allclose([profile.low, profile.high], brute(observations, holding, grid), rtol=2e-3)


@pytest.mark.slow
def test_an_end_that_the_runs_do_not_set_is_open_and_at_the_bound():
    observations = decay_runs(noise=0.6)
    found = decay_fit(observations)
    profile = parameter_interval(DECAY, observations, found, 0)
    assert bool(profile.open_low) and float(profile.low) == pytest.approx(0.1)
    # The ends bracket the optimum and the closed one lies on the limit.
    sigma2 = 9 * float(found.loss[0]) / 6
    rise = 9 * (np.asarray(profile.loss) - float(found.loss[0])) / sigma2
    limit = scipy.stats.f.ppf(0.95, 1, 6)
    assert rise[0] < limit
    assert bool(profile.open_high) or rise[1] == pytest.approx(limit, rel=1e-4)


@pytest.mark.slow
def test_the_intervals_of_a_linear_law_with_a_prior_are_those_of_bayesian_regression():
    observations, prior = line_runs(), 1e3
    found = fit(WIDE, observations, np.zeros((1, 2)), prior=prior)
    x, y = np.asarray(observations.x)[:, 0], np.asarray(observations.y)[:, 0]
    design = np.column_stack([np.ones(9), x])
    noise = np.linalg.lstsq(design, y, rcond=None)[1][0] / 7 + NEGLIGIBLE**2 * np.mean(y**2)
    precision = design.T @ design / noise + prior * np.diag([1 / 10.0**2, 1 / 15.0**2])
    mean, covariance = np.linalg.solve(precision, design.T @ y / noise), np.linalg.inv(precision)
    slope = parameter_interval(WIDE, observations, found, 1)
    far = prediction_interval(WIDE, observations, found, np.array([6.0]))
    for interval, row in ((slope, np.array([0.0, 1.0])), (far, np.array([1.0, 6.0]))):
        half = scipy.stats.t.ppf(0.975, 7) * np.sqrt(row @ covariance @ row)
        ends = [row @ mean - half, row @ mean, row @ mean + half]
        np.testing.assert_allclose([interval.low, interval.value, interval.high], ends, rtol=1e-5)
        assert not interval.better
    least = parameter_profile(WIDE, observations, found, 1, np.stack([slope.low, slope.high]))
    np.testing.assert_allclose(least, [float(slope.limit)] * 2, rtol=1e-5)


@pytest.mark.slow
def test_a_better_optimum_met_on_the_way_is_reported():
    observations = decay_runs()
    found = decay_fit(observations)
    stuck = eqx.tree_at(
        lambda fit: (fit.theta, fit.loss, fit.objective),
        found,
        (found.theta * [1, 1, 1.1], found.loss * 1.5, found.objective * 1.5),
    )
    assert bool(parameter_interval(DECAY, observations, stuck, 2).better)


@pytest.mark.slow
def test_the_profile_crosses_its_limit_at_the_ends_of_the_interval():
    observations = decay_runs()
    found = decay_fit(observations)
    interval = parameter_interval(DECAY, observations, found, 2)
    values = np.array([interval.low, found.theta[0, 2], interval.high, 0.0, 9.0])
    loss = parameter_profile(DECAY, observations, found, 2, values)
    limit = float(found.loss[0]) * (1 + scipy.stats.t.ppf(0.975, 6) ** 2 / 6)
    np.testing.assert_allclose(loss[:3], [limit, float(found.loss[0]), limit], rtol=1e-4)
    assert np.isfinite(loss[3:]).all() and min(loss[3:]) > limit  # taken at the bounds of the box
