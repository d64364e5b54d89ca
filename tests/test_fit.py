"""The multi-start fit against SciPy from the same starts; bounds, failures, weights, padding, starts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import kstest
from synthetic import DECAY, LINE, PAIR, runs_of

from jaxsl.fit import fit
from jaxsl.law import Law, params
from jaxsl.residual import Asymmetric, Huber, problem
from jaxsl.solver.solution import CONVERGED, INVALID
from jaxsl.starts import random_starts, warm_starts
from jaxsl.transform import box
from laws.chinchilla import CHINCHILLA
from laws.data_con import SL_1

pytestmark = pytest.mark.usefixtures("float64")
NUM_STARTS = 16


# Tests of one law share its shapes, and so its compiled program: eight starts where the law is small.
draw = eqx.filter_jit(random_starts)
EIGHT = 8


@eqx.filter_jit
def compiled(law, observations, starts, weight, robust):
    return fit(law, observations, starts, weight=weight, robust=robust)


def run(law, observations, starts, weight=None, robust=None):
    weight = np.ones(len(observations.y)) if weight is None else weight
    found = compiled(law, observations, np.asarray(starts), np.asarray(weight), robust)
    return jax.tree.map(np.asarray, found)


def predicted(law, theta, x):
    return np.asarray(jax.jit(law.predict)(np.asarray(theta), x))


def chinchilla_runs(noise, num=32):
    rng = np.random.default_rng(7)
    x = np.exp(rng.uniform(np.log([1e7, 1e8]), np.log([1e9, 1e11]), (num, 2)))
    y = predicted(CHINCHILLA, [1.7, 400.0, 0.34, 410.0, 0.28], x)
    return x, y + noise * rng.normal(size=y.shape)


def repeated_runs(noise, num=40):
    rng = np.random.default_rng(8)
    x = np.exp(rng.uniform(np.log([1e8, 1e7, 1e8]), np.log([1e10, 1e10, 1e11]), (num, 3)))
    y = predicted(SL_1, [300.0, 0.35, 900.0, 0.3, 4.0, -0.02, -0.015], x)
    return x, y + noise * rng.normal(size=y.shape)


def scipy_best(law, x, y, starts, loss="linear", scale=1.0):
    """The best loss of SciPy's bounded trust region in the same scaled coordinates, from the same starts."""
    bounds = box(law)
    runs = runs_of(x, y)

    def residual(z):
        return (law.predict(bounds.theta(z), runs.x) - runs.y).ravel()

    value, slope = jax.jit(residual), jax.jit(jax.jacfwd(residual))
    lower, upper = np.asarray(bounds.lower), np.asarray(bounds.upper)
    found = [
        least_squares(  # writes into what it is given
            lambda z: np.array(value(z)),
            np.clip(start, lower + 1e-9, upper - 1e-9),
            lambda z: np.array(slope(z)),
            bounds=(lower, upper),
            method="trf",
            loss=loss,
            f_scale=scale,
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
            max_nfev=300,
        ).cost
        for start in np.asarray(jax.jit(lambda starts: bounds.scaled(starts))(starts))
    ]
    return 2 * min(found) / y.size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "runs"),
    [(CHINCHILLA, chinchilla_runs(0.01)), (SL_1, repeated_runs(0.01))],
    ids=["chinchilla", "sl_1"],
)
def test_best_loss_is_no_worse_than_scipy_from_the_same_starts(law, runs):
    x, y = runs
    starts = draw(jax.random.key(0), law, NUM_STARTS)
    found = run(law, runs_of(x, y), starts)
    best = scipy_best(law, x, y, starts)
    assert found.loss[0] <= best * (1 + 1e-6)
    assert found.status[0] == CONVERGED
    recomputed = np.mean((predicted(law, found.theta[0], x) - y) ** 2)
    np.testing.assert_allclose(found.loss[0], recomputed, rtol=1e-9)
    assert (np.diff(found.loss) >= 0).all()
    inside = (found.theta >= law.lower) & (found.theta <= law.upper)
    assert inside.all()


def test_exact_runs_are_interpolated_and_the_truth_recovered():
    x, y = chinchilla_runs(0.0)
    found = run(CHINCHILLA, runs_of(x, y), draw(jax.random.key(0), CHINCHILLA, 16))
    assert found.loss[0] < 1e-16
    np.testing.assert_allclose(found.theta[0], [1.7, 400.0, 0.34, 410.0, 0.28], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [1e-3, 0.05])
def test_huber_is_no_worse_than_scipy_on_runs_with_outliers(delta):
    x, y = chinchilla_runs(0.01)
    y = y + 0.5 * (np.arange(len(y)) % 8 == 0)[:, None]
    starts = draw(jax.random.key(1), CHINCHILLA, NUM_STARTS)
    found = run(CHINCHILLA, runs_of(x, y), starts, robust=Huber(jnp.asarray(delta)))
    best = scipy_best(CHINCHILLA, x, y, starts, "huber", delta)
    assert found.loss[0] <= best * (1 + 1e-6)


def test_huber_and_asymmetric_residuals_by_hand():
    huber, asymmetric = jax.jit(Huber(1.0)), jax.jit(Asymmetric(0.25))
    np.testing.assert_allclose(huber(np.array([0.5, -3.0])), [0.5, -np.sqrt(5)])  # 2 * 3 - 1
    np.testing.assert_allclose(asymmetric(np.array([2.0, -2.0])), [2, -1])
    assert np.isfinite(jax.vmap(jax.grad(huber))(np.array([0.0, 1.0, -1.0, 1e300]))).all()


def test_a_parameter_that_leaves_the_box_ends_at_its_bound_and_is_told():
    x = np.linspace(0, 1, 9)[:, None]
    y = 1 + 5 * x  # b stops at 3; then a = mean(y) - 3 mean(x) = 2, at its bound as well
    found = run(LINE, runs_of(x, y, 12), draw(jax.random.key(0), LINE, EIGHT))
    np.testing.assert_allclose(found.theta[0], [2, 3], rtol=1e-9)
    assert found.upper[0].all() and not found.lower.any()
    np.testing.assert_allclose(found.loss[0], np.mean((2 + 3 * x - y) ** 2))
    flat = run(LINE, runs_of(x, 0.5 - 4 * x, 12), draw(jax.random.key(0), LINE, EIGHT))
    np.testing.assert_array_equal(flat.lower[0], [False, True])
    np.testing.assert_allclose(flat.theta[0], [0, -3], atol=1e-9)


@pytest.mark.slow
def test_elimination_of_linear_parameters_changes_no_optimum():
    plain = Law("plain", DECAY.function, DECAY.inputs, DECAY.params)
    x = np.logspace(1, 4, 20)[:, None]
    y = 1.5 + 30 * x**-0.5 + 0.01 * np.random.default_rng(0).normal(size=x.shape)
    runs, starts = runs_of(x, y), draw(jax.random.key(0), DECAY, EIGHT)
    with_, without = run(DECAY, runs, starts), run(plain, runs, starts)
    np.testing.assert_allclose(with_.loss[0], without.loss[0], rtol=1e-8)
    np.testing.assert_allclose(with_.theta[0], without.theta[0], rtol=1e-4)


def test_two_outputs_are_fitted_together():
    x = np.linspace(-1, 1, 10)[:, None]
    y = np.concatenate([0.5 + x, 0.3 - x**2], axis=1)
    found = run(PAIR, runs_of(x, y), draw(jax.random.key(0), PAIR, 8))
    design = np.concatenate(np.asarray(jax.jit(PAIR.jacobian)(np.zeros(3), x)))
    best, squares, *_ = np.linalg.lstsq(design, y.ravel(), rcond=None)
    np.testing.assert_allclose(found.theta[0], best, rtol=1e-6)
    np.testing.assert_allclose(found.loss[0], squares[0] / y.size, rtol=1e-9)


def undefined(theta, x):
    """y = a sqrt(b), undefined below 0"""
    return theta[0] * jnp.sqrt(theta[1]) * x[0]


def test_starts_where_the_law_is_undefined_are_told_and_spoil_no_other():
    law = Law("undefined", undefined, ("x",), params(a=(0.1, 10), b=(-1, 1)))
    x = np.linspace(1, 2, 6)[:, None]
    runs = runs_of(x, 2 * x)
    good = np.array([[1.0, 0.5], [5.0, 0.9]])
    bad = np.array([[1.0, -0.5], [np.nan, 0.5], [1.0, np.nan]])
    found = run(law, runs, np.concatenate([bad, good]))
    np.testing.assert_array_equal(found.status[2:], [INVALID] * 3)
    assert np.isinf(found.loss[2:]).all() and (found.loss[:2] < 1e-12).all()
    np.testing.assert_allclose(found.theta[:2, 0] * np.sqrt(found.theta[:2, 1]), 2, rtol=1e-6)
    alone = run(law, runs, np.concatenate([good, good, good[:1]]))
    np.testing.assert_allclose(alone.theta[0], found.theta[0], rtol=1e-9)


def test_starts_outside_the_box_are_moved_to_it():
    x = np.logspace(1, 4, 20)[:, None]
    runs = runs_of(x, 1.5 + 30 * x**-0.5)
    outside = [[20.0, 1e9, 5.0], [0.0, 0.5, 0.01], [-1.0, -1.0, -1.0], [1e300, -1e300, 0.0]]
    found = run(DECAY, runs, np.repeat(outside, 2, axis=0))
    assert (found.loss < 1e-12).all()


def test_padding_and_unobserved_rows_change_no_fit():
    x = np.linspace(0, 1, 9)[:, None]
    y = np.sin(3 * x)
    starts = draw(jax.random.key(0), LINE, EIGHT)
    exact = run(LINE, runs_of(x, y, size=9), starts)
    runs = runs_of(x, y, 12)
    rubbish = np.where(runs.mask[:, None], runs.x, np.nan), np.where(runs.mask[:, None], runs.y, np.nan)
    for padded in (runs, eqx.tree_at(lambda runs: (runs.x, runs.y), runs, rubbish)):
        found = run(LINE, padded, starts)
        np.testing.assert_allclose(found.loss[0], exact.loss[0], rtol=1e-9)
        np.testing.assert_allclose(found.theta[0], exact.theta[0], rtol=1e-5)


def test_a_run_of_weight_two_counts_like_two_runs_and_of_weight_zero_like_none():
    x = np.linspace(0, 1, 6)[:, None]
    y = np.sin(3 * x)
    starts = draw(jax.random.key(0), LINE, EIGHT)
    weight = np.array([1.0, 2, 1, 0, 1, 1])
    index = np.repeat(np.arange(6), weight.astype(int))
    weighted = run(LINE, runs_of(x, y, 12), starts, weight=np.append(weight, np.ones(6)))
    repeated = run(LINE, runs_of(x[index], y[index], 12), starts)
    np.testing.assert_allclose(weighted.theta[0], repeated.theta[0], rtol=1e-6)
    np.testing.assert_allclose(weighted.loss[0], repeated.loss[0], rtol=1e-9)


def test_derivatives_of_the_loss_are_finite_with_padded_rows_where_the_law_overflows():
    runs = runs_of([[10.0], [20.0]], np.ones((2, 1)), size=4)
    runs.x[3] = 0  # N = 0: its logarithm is -inf
    slope = jax.jit(jax.grad(lambda theta, runs: problem(DECAY, runs).loss(theta)))
    assert np.isfinite(slope(np.array([1.0, 10.0, 0.5]), runs)).all()


def test_scaled_coordinates_are_quarters_of_the_box():
    bounds = box(DECAY)
    theta_of, scaled = (jax.jit(lambda v, f=f: f(v)) for f in (bounds.theta, bounds.scaled))
    lower, upper = np.asarray(bounds.lower), np.asarray(bounds.upper)
    np.testing.assert_allclose(upper - lower, 4)
    np.testing.assert_allclose(theta_of(upper), DECAY.upper, rtol=1e-15)
    np.testing.assert_allclose(theta_of(lower), DECAY.lower, rtol=1e-15)
    assert (np.asarray(theta_of(np.array([-1e3, 1e3, 50.0]))) <= DECAY.upper).all()
    theta = draw(jax.random.key(3), DECAY, 5)
    np.testing.assert_allclose(theta_of(scaled(theta)), theta, rtol=1e-12)
    derivative = np.asarray(jax.jit(jax.vmap(jax.jacfwd(theta_of)))(scaled(theta)))
    slope = jax.jit(lambda theta: bounds.slope(theta))(theta)
    np.testing.assert_allclose(np.diagonal(derivative, axis1=1, axis2=2), slope, rtol=1e-9)
    line = box(LINE)
    np.testing.assert_allclose(line.theta(np.zeros(2)), [0, 0])
    np.testing.assert_allclose(line.slope(np.ones(2)), [1, 1.5])


def test_random_starts_are_uniform_in_the_logarithm_where_the_bound_is_positive():
    starts = np.asarray(draw(jax.random.key(0), DECAY, 512))
    share = np.log(starts / DECAY.lower) / np.log(DECAY.upper / DECAY.lower)
    assert all(kstest(column, "uniform").pvalue > 0.01 for column in share.T)
    starts = np.asarray(draw(jax.random.key(0), LINE, 512))
    assert all(
        kstest((column - low) / (high - low), "uniform").pvalue > 0.01
        for column, low, high in zip(starts.T, LINE.lower, LINE.upper, strict=True)
    )
    assert not np.allclose(starts, draw(jax.random.key(1), LINE, 512))


def test_warm_starts_keep_the_valid_and_draw_the_rest():
    key, earlier = jax.random.key(0), np.array([[0.1, 0.2], [0.3, 0.4]])
    found = np.asarray(eqx.filter_jit(warm_starts)(key, LINE, 5, earlier, np.array([True, False])))
    fresh = np.asarray(draw(key, LINE, 5))
    np.testing.assert_array_equal(found[0], earlier[0])
    np.testing.assert_array_equal(found[1:], fresh[1:])
