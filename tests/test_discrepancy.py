"""The belief in a law that may be wrong and runs that may be bad, against dense algebra and SciPy."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize
from scipy.linalg import block_diag
from scipy.stats import t as student

from jaxsl.belief import Belief, believe
from jaxsl.design import Design
from jaxsl.discrepancy import DiscrepancyRule
from jaxsl.discrepancy.component import Linearised, Noise, solve, trusting_and_doubting
from jaxsl.discrepancy.field import BROWNIAN, SMOOTH, field
from jaxsl.discrepancy.kinds import Kinds
from jaxsl.law import Law, params, power
from jaxsl.pool import Pool, observe, uniform_target
from jaxsl.residual import problem
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt

pytestmark = pytest.mark.usefixtures("float64")


def decline(theta, x):
    """L = E + A N^-alpha"""
    floor, size, alpha = theta
    return floor + size * power(x[0], -alpha)


LAW = Law("decline", decline, ("N",), params(E=(0.01, 10), A=(1, 1e3), alpha=(0.05, 2)), linear=("E", "A"))
LINE = Law(
    "line", lambda theta, x: theta[0] + theta[1] * jnp.log10(x[0]), ("x",), params(a=(-99, 99), b=(-99, 99))
)
TARGET = uniform_target(jnp.array([[1e5], [3e5]]))


def runs_of(truth, num=14, noise=0.01, seed=0, size=16):
    x = np.geomspace(10, 1e4, num)[:, None]
    y = truth(x) + noise * np.random.default_rng(seed).standard_normal((num, 1))
    return observe(jnp.asarray(x), jnp.asarray(y), size)


@jax.jit
def believed(law, runs, starts, kinds):
    rule = DiscrepancyRule(kinds=kinds)
    return believe([rule(law, runs, starts, TARGET, LevenbergMarquardt(tolerance=1e-12), 0.3)])


interval = jax.jit(Belief.interval, static_argnames="noisy")
field_of, solved = jax.jit(field), jax.jit(solve)
features_at = jax.jit(lambda field, x: field.features(x))


def belief_of(law, runs, starts, kinds=None):
    return believed(law, runs, starts, kinds or numbers(Kinds()))


def numbers(kinds):
    """The same settings as arrays, so that one program serves all."""
    names = ("holds", "smooth", "brownian", "doubt", "bad_share", "noise_count", "noise_share")
    return replace(kinds, **{name: np.asarray(getattr(kinds, name), float) for name in names})


STARTS = np.array([[1.0, 5.0, 0.5], [2.0, 3.0, 0.2], [0.5, 20.0, 1.0]])


@pytest.mark.parametrize("kernel", [SMOOTH, BROWNIAN])
def test_features_reproduce_their_kernel_at_the_rows(kernel):
    runs = runs_of(lambda x: 0 * x)
    found = field_of(LAW, runs, TARGET)
    x = np.concatenate([np.asarray(runs.x[:14]), np.asarray(TARGET.x)])
    phi = np.asarray(features_at(found, x))[kernel]
    u, t = np.log10(x), np.log10(np.asarray(TARGET.x))
    if kernel == SMOOTH:
        expected = np.exp(-((u - u.T) ** 2) / 2)
    else:
        mean = np.abs(u - t.T).mean(axis=1)
        expected = (mean[:, None] + mean - np.abs(u - u.T) - np.abs(t - t.T).mean()) / 2
    np.testing.assert_allclose(phi @ phi.T, expected, atol=1e-6)
    if kernel == BROWNIAN:
        np.testing.assert_allclose(phi[-2:].mean(axis=0), 0, atol=1e-3)


def test_features_have_slopes_at_the_rows_too():
    found = field_of(LAW, runs_of(lambda x: 0 * x), TARGET)
    x = np.array([[10.0], [3e3], [1e5]])  # a run, none, a target
    slope = jax.jit(lambda x: jax.jvp(found.features, (x,), (x,))[1])(x)
    step = 1e-4
    left, here, right = (np.asarray(features_at(found, x * np.exp(side * step))) for side in (-1, 0, 1))
    sides = np.sort([(here - left) / step, (right - here) / step], axis=0)  # Brownian features bend at a row
    assert np.all((sides[0] - 1e-3 <= slope) & (slope <= sides[1] + 1e-3))


def test_candidates_take_part_in_the_features_and_masked_rows_do_not():
    runs = runs_of(lambda x: 0 * x, num=5, size=16)
    far = jnp.array([[1e-3], [1e9]])
    blind, seeing = field_of(LAW, runs, TARGET), field_of(LAW, runs, TARGET, far)
    variance = [np.asarray(features_at(found, far))[SMOOTH] ** 2 for found in (blind, seeing)]
    assert variance[0].sum(axis=1).max() < 0.1
    np.testing.assert_allclose(variance[1].sum(axis=1), 1, atol=1e-6)
    exact = field_of(LAW, observe(runs.x[:5], runs.y[:5]), TARGET)
    np.testing.assert_allclose(features_at(exact, far), features_at(blind, far), atol=1e-9)


@pytest.mark.parametrize("outputs", [1, 2])
def test_one_component_is_the_dense_gaussian_regression(outputs):
    rng = np.random.default_rng(1)
    rows, size, kappa, landmarks = 9, 7.0, 0.3, 4
    jacobian = rng.standard_normal((rows, outputs, 3))
    residual = rng.standard_normal((rows, outputs))
    features, pull = rng.standard_normal((rows, landmarks)), rng.standard_normal(3)
    weight, bad = rng.uniform(0.5, 2, rows), rng.uniform(0, 0.5, rows)
    noise = Noise(*map(jnp.asarray, (1.0, 0.01, 1e-9, float(rows * outputs - 3), 1.0)))
    found = solved(
        Linearised(jnp.asarray(jacobian), jnp.asarray(residual), jnp.asarray(pull)),
        *map(jnp.asarray, (features, size, weight, bad)),
        noise,
        jnp.asarray(kappa),
    )
    # Everything dense: outputs follow each other, each with its own discrepancy.
    good = weight * (1 - bad)
    covariance = np.diag(1 / good) + size * features @ features.T
    inverse = block_diag(*[np.linalg.inv(covariance)] * outputs)
    flat = np.concatenate([jacobian[:, k] for k in range(outputs)])
    left = np.concatenate([residual[:, k] for k in range(outputs)])
    inner, outer = flat.T @ inverse @ flat, flat.T @ inverse @ left
    rest = left @ inverse @ left - outer @ np.linalg.solve(inner, outer)
    variance = (rest + 0.01) / (rows * outputs - 3 - outputs * bad.sum() + 1) + 1e-9
    np.testing.assert_allclose(found.noise, variance, rtol=1e-6)
    precision = inner / variance + kappa * np.eye(3)
    shift = np.linalg.solve(precision, outer / variance + kappa * pull)
    root = np.asarray(found.root)
    np.testing.assert_allclose(root @ root.T, np.linalg.inv(precision), rtol=1e-6)
    np.testing.assert_allclose(found.shift, shift, rtol=1e-6, atol=1e-9)
    gain = size * features.T @ np.linalg.inv(covariance)
    offset = np.stack([gain @ (residual[:, k] - jacobian[:, k] @ shift) for k in range(outputs)], axis=1)
    np.testing.assert_allclose(found.offset, offset, rtol=1e-6, atol=1e-9)
    # The discrepancy given the runs and the parameters.
    free = np.asarray(found.free)
    given = size * variance * free @ free.T
    dense = size * variance * (np.eye(landmarks) - gain @ features)
    np.testing.assert_allclose(given, dense, rtol=1e-6, atol=1e-9)
    log_det = np.linalg.slogdet(covariance)[1] + np.log(good).sum()
    expected = (good.sum() * outputs + 1) * np.log(variance) + outputs * log_det
    expected += np.linalg.slogdet(precision)[1] - 3 * np.log(kappa) + kappa * np.sum((shift - pull) ** 2)
    np.testing.assert_allclose(found.evidence, -expected / 2, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [None, 4])
def test_fits_with_errors_that_hang_together_are_those_of_scipy(rows):
    runs = runs_of(lambda x: 1 + 8 * x**-0.4, noise=0.1)
    phi = (
        np.asarray(features_at(field_of(LAW, runs, TARGET), runs.x))[SMOOTH] * np.asarray(runs.mask)[:, None]
    )
    lower = np.linalg.cholesky(np.eye(phi.shape[1]) + 30 * phi.T @ phi)
    explained = np.sqrt(30) * phi @ np.linalg.inv(lower).T
    given = replace(jax.jit(problem)(LAW, runs), explained=jnp.asarray(explained))
    found = jax.jit(LevenbergMarquardt(rows=rows))(given, STARTS)
    root = np.linalg.cholesky(np.eye(14) - (explained @ explained.T)[:14, :14])
    x, y = np.asarray(runs.x)[:14, 0], np.asarray(runs.y)[:14, 0]

    def residual(theta):
        return root.T @ (theta[0] + theta[1] * x ** -theta[2] - y)

    best = min(
        (
            optimize.least_squares(residual, start, bounds=(LAW.lower, LAW.upper), xtol=1e-14, ftol=1e-14)
            for start in STARTS
        ),
        key=lambda one: one.cost,
    )
    np.testing.assert_allclose(np.min(found.loss), 2 * best.cost / 14, rtol=1e-6)
    np.testing.assert_allclose(given.loss(jnp.asarray(best.x)), 2 * best.cost / 14, rtol=1e-9)


@pytest.mark.slow
def test_where_the_law_is_certain_the_interval_is_that_of_student():
    runs = runs_of(lambda x: 3 - 0.5 * np.log10(x), noise=0.1)
    sure = numbers(
        Kinds(holds=1.0, smooth=1e-99, brownian=1e-99, doubt=1e-99, noise_count=1e-9, noise_share=1e-9)
    )
    belief = belief_of(LINE, runs, np.zeros((2, 2)), sure)
    x, y = np.log10(np.asarray(runs.x)[:14, 0]), np.asarray(runs.y)[:14, 0]
    design = np.stack([np.ones(14), x], axis=1)
    beta, rest, *_ = np.linalg.lstsq(design, y)
    at = np.array([1.0, 5.0])
    spread = rest[0] / 12 * (at @ np.linalg.inv(design.T @ design) @ at)
    for level, noisy in ((0.9, True), (0.9, False), (0.99, True)):
        half = student.ppf((1 + level) / 2, 12) * np.sqrt(spread + noisy * rest[0] / 12)
        ends = np.asarray(interval(belief, np.array([[1e5]]), level, noisy=noisy))[:, 0, 0]
        np.testing.assert_allclose(ends, at @ beta + np.array([-half, 0, half]), rtol=2e-3)


@pytest.mark.slow
def test_a_law_that_holds_is_believed_and_one_that_bends_is_not():
    straight = belief_of(LAW, runs_of(lambda x: 1 + 8 * x**-0.4), STARTS)
    bent = belief_of(LAW, runs_of(lambda x: 1 + 8 * x**-0.4 + 0.1 * np.sin(2 * np.log(x))), STARTS)
    assert float(straight.holds) > 0.3 > 0.1 > float(bent.holds)
    widths = [np.ptp(interval(belief, TARGET.x), axis=0).mean() for belief in (straight, bent)]
    assert widths[1] > 3 * widths[0]
    assert float(np.max(straight.bad)) < 0.1


@pytest.mark.slow
def test_a_bad_run_is_named_though_it_carries_the_fit():
    runs = runs_of(lambda x: 1 + 8 * x**-0.4)
    wrong = replace(runs, y=runs.y.at[13].add(0.5))  # the nearest to the target: the fit follows it
    belief = belief_of(LAW, wrong, STARTS)
    np.testing.assert_allclose(belief.bad[:14], np.arange(14) == 13, atol=0.1)
    low, _, high = np.asarray(interval(belief, TARGET.x))[:, 0, 0]
    assert low < 1 + 8 * 1e5**-0.4 < high
    assert high - low < 0.3
    theta = belief.basins[0].theta[0]  # of the belief, not of the fit that follows the bad run
    np.testing.assert_allclose(theta, [1, 8, 0.4], rtol=0.1)


@pytest.mark.slow
def test_no_run_is_bad_where_there_are_too_few_to_tell():
    rng = np.random.default_rng(0)
    seen = Linearised(jnp.asarray(rng.standard_normal((3, 1, 3))), jnp.ones((3, 1)), jnp.zeros(3))
    noise = Noise(*map(jnp.asarray, (1.0, 0.01, 1e-9, 0.0, 1.0)))
    given = jnp.zeros((1, 3, 2)), jnp.zeros(1), jnp.ones(3), noise, jnp.asarray(0.3), 0.05
    _, bad = trusting_and_doubting(seen, *given)
    assert float(jnp.max(bad)) < 0.5


@pytest.mark.slow
def test_masked_rows_and_the_order_of_runs_change_nothing():
    runs = runs_of(lambda x: 1 + 8 * x**-0.4 + 0.05 * np.sin(np.log(x)), size=16)
    order = np.random.default_rng(3).permutation(14)
    mixed = observe(runs.x[order], runs.y[order], 20)
    ends = [interval(belief_of(LAW, given, STARTS), TARGET.x) for given in (runs, mixed)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-4)


@pytest.mark.slow
def test_the_law_that_made_the_runs_has_the_evidence():
    law_of = Law("flat", lambda theta, x: theta[0] + 0 * x[0], ("N",), params(a=(0.01, 10)))
    x = jnp.asarray(np.geomspace(10, 1e4, 14)[:, None])
    runs = observe(x, 1 + 8 * x**-0.4 + 0.01 * jnp.cos(99 * x), 16)
    design = Design((law_of, LAW), num_starts=8, num_warm=2)
    state = design.start(Pool(runs.x, jnp.ones(16)), runs)
    belief = jax.jit(design.believe)(state, TARGET, jax.random.key(0))
    assert float(belief.share[1]) > 0.99
    assert belief.posterior.weight.shape == belief.dof.shape


@pytest.mark.slow
def test_fewer_runs_than_parameters_give_a_wide_interval_and_no_nan():
    runs = observe(jnp.array([[10.0], [100.0]]), jnp.array([[4.0], [2.5]]), 16)
    ends = np.asarray(interval(belief_of(LAW, runs, STARTS), TARGET.x))
    assert np.isfinite(ends).all()
    assert (ends[2] - ends[0] > 0.5).all()
