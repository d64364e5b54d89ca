"""Derivatives of the fit against finite differences of real refits and against real leave-one-out refits."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from synthetic import DECAY, LINE, PAIR, runs_of, target_of

from jaxsl import sensitivity
from jaxsl.fit import fit
from jaxsl.law import Law
from jaxsl.pool import Target
from jaxsl.residual import Huber
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import random_starts

pytestmark = pytest.mark.usefixtures("float64")


def decay_runs(theta=(1.7, 400.0, 0.4), noise=0.02, size=None):
    rng = np.random.default_rng(0)
    x = np.geomspace(1e3, 1e7, 10)[:, None]
    E, A, alpha = theta
    return runs_of(x, E + A * x**-alpha + noise * rng.standard_normal((10, 1)), size)


def scipy_fit(observations, weight=None, E=None, delta=None):
    """The same optimum by MINPACK in ``E, log A, alpha``; E held if given, Huber's loss if delta is."""
    x, y = np.asarray(observations.x)[:, 0], np.asarray(observations.y)[:, 0]
    root = np.ones(len(y)) if weight is None else np.sqrt(np.asarray(weight))

    def residual(free):
        e, log_a, alpha = free if E is None else (E, *free)
        difference = e + np.exp(log_a) * x**-alpha - y
        return root * (difference if delta is None else Huber(delta)(difference))

    start = (1.7, np.log(400.0), 0.4)[0 if E is None else 1 :]
    free = scipy.optimize.least_squares(
        residual, start, "3-point", method="lm", ftol=3e-16, xtol=3e-16, gtol=3e-16
    ).x
    e, log_a, alpha = free if E is None else (E, *free)
    return np.array([e, np.exp(log_a), alpha])


def in_numpy(function):
    """A function of a law as one program, whose answer can be looked up without another."""
    program = jax.jit(function, static_argnums=0)
    return lambda law, *given, **options: jax.tree.map(np.asarray, program(law, *given, **options))


differentiable_fit, influence, leave_one_out, polish, response, predict, jacobian = (
    in_numpy(function)
    for function in (
        sensitivity.differentiable_fit,
        sensitivity.influence,
        sensitivity.leave_one_out,
        sensitivity.polish,
        sensitivity.response,
        Law.predict,
        Law.jacobian,
    )
)


def optimum(observations, **options):
    """SciPy's optimum with the last digits from Newton steps, as the derivatives assume."""
    return polish(DECAY, observations, scipy_fit(observations, **options))


def predicted(theta):
    return np.asarray(theta[0] + theta[1] * np.asarray(TARGET.x)[:, 0] ** -theta[2])


TARGET = Target(np.array([[1e8], [1e9]]), np.array([0.5, 0.5]))


def differences(solve, observations, step=1e-3):
    """Central finite differences of refits by every outcome, outcomes last."""
    columns = []
    for row in range(10):
        up, down = (solve(shifted(observations, row, sign * step)) for sign in (1, -1))
        columns.append((up - down) / (2 * step))
    return np.stack(columns, axis=-1)


def shifted(observations, row, step):
    spike = np.eye(len(observations.y))[:, row : row + 1]
    return dataclasses.replace(observations, y=observations.y + step * spike)


def test_influence_equals_finite_differences_of_refits():
    observations = decay_runs()
    exact = influence(DECAY, observations, optimum(observations), TARGET)
    numeric = differences(lambda o: predicted(scipy_fit(o)), observations)
    assert exact.shape == (2, 1, 10, 1)
    np.testing.assert_allclose(exact[:, 0, :, 0], numeric, rtol=1e-4, atol=1e-6)


def test_influence_with_an_active_bound_equals_finite_differences_of_refits():
    observations = decay_runs(theta=(0.02, 400.0, 0.4))
    theta = optimum(observations, E=0.1)
    exact = influence(DECAY, observations, theta, TARGET)
    numeric = differences(lambda o: predicted(scipy_fit(o, E=0.1)), observations)
    np.testing.assert_allclose(exact[:, 0, :, 0], numeric, rtol=1e-4, atol=1e-6)
    assert float(theta[0]) == 0.1 and np.all(response(DECAY, observations, theta)[..., 0] == 0)


def test_large_residuals_need_the_full_hessian():
    observations = decay_runs(noise=0.3)
    theta = optimum(observations)
    exact = response(DECAY, observations, theta)[:, 0].T
    np.testing.assert_allclose(exact, differences(scipy_fit, observations), rtol=1e-3, atol=1e-5)
    gauss_newton = np.linalg.pinv(jacobian(DECAY, theta, observations.x)[:, 0])
    assert np.max(np.abs(gauss_newton / exact - 1)) > 0.01


def test_influence_of_several_outputs_is_the_hat_matrix_of_a_linear_law():
    x = np.linspace(-1, 1, 7)[:, None]
    rng = np.random.default_rng(1)
    y = predict(PAIR, np.array([0.3, 1.0, -0.5]), x) + 0.1 * rng.standard_normal((7, 2))
    design = jacobian(PAIR, np.zeros(3), x).reshape(14, 3)
    theta = np.linalg.pinv(design) @ y.ravel()
    hat = design @ np.linalg.pinv(design)
    found = influence(PAIR, runs_of(x, y), theta, target_of(x))
    np.testing.assert_allclose(found.reshape(14, 14), hat, atol=1e-10)


def most_probable(law, observations, prior):
    starts = random_starts(jax.random.key(0), law, 12)
    return fit(law, observations, starts, LevenbergMarquardt(tolerance=1e-13), prior=prior)


fit_with_prior = in_numpy(most_probable)


def mode(observations):
    return fit_with_prior(DECAY, observations, np.array(30.0))


@pytest.mark.slow
def test_influence_under_a_prior_equals_finite_differences_of_refits():
    observations = decay_runs(noise=0.1)
    found = mode(observations)
    exact = influence(DECAY, observations, found.theta[0], TARGET, prior=found.prior)
    numeric = differences(lambda o: predicted(mode(o).theta[0]), observations)
    np.testing.assert_allclose(exact[:, 0, :, 0], numeric, rtol=1e-3, atol=1e-4)
    without = influence(DECAY, observations, found.theta[0], TARGET)
    assert np.max(np.abs(without - exact)) > 0.1


@pytest.mark.slow
def test_polish_stays_at_the_mode_of_a_prior():
    observations = decay_runs(noise=0.1)
    found = mode(observations)
    np.testing.assert_allclose(
        polish(DECAY, observations, found.theta[0], prior=found.prior), found.theta[0], rtol=1e-5
    )
    assert abs(float(polish(DECAY, observations, found.theta[0])[2] / found.theta[0, 2]) - 1) > 1e-3


@pytest.mark.slow
def test_the_fit_under_a_prior_has_its_derivatives():
    observations = decay_runs(noise=0.1)
    found = mode(observations)

    def alpha(y, observations):
        runs = dataclasses.replace(observations, y=y)
        return sensitivity.differentiable_fit(DECAY, runs, found.theta[0], prior=found.prior)[2]

    numeric = differences(lambda o: np.asarray(mode(o).theta[0, 2]), observations)
    np.testing.assert_allclose(
        jax.jit(jax.grad(alpha))(observations.y, observations)[:, 0], numeric, rtol=1e-3, atol=1e-6
    )


@pytest.mark.slow
def test_leave_one_out_under_a_prior_is_exact_for_a_linear_law():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((8, 1))
    runs = runs_of(x, 0.5 + x + 0.2 * rng.standard_normal((8, 1)))
    prior = np.array(50.0)
    found = fit_with_prior(LINE, runs, prior)
    left_out = leave_one_out(LINE, runs, found.theta[0], prior=found.prior)
    others = [
        fit_with_prior(LINE, dataclasses.replace(runs, mask=left), prior) for left in ~np.eye(8, dtype=bool)
    ]
    np.testing.assert_allclose(left_out.theta, [other.theta[0] for other in others], rtol=1e-6)


def test_padded_rows_have_no_influence_and_change_nothing():
    theta = optimum(decay_runs())
    plain = influence(DECAY, decay_runs(), theta, TARGET)
    padded = influence(DECAY, decay_runs(size=16), theta, TARGET)
    np.testing.assert_allclose(padded[:, :, :10], plain, rtol=1e-9)
    assert np.all(padded[:, :, 10:] == 0)


def test_a_parameter_without_effect_does_not_move():
    law = dataclasses.replace(
        DECAY, function=lambda theta, x: theta[0] + theta[1] * x[0] ** -0.4 + 0 * theta[2]
    )
    moves = response(law, decay_runs(), np.array([1.7, 400.0, 0.5]))
    assert np.all(np.isfinite(moves)) and np.all(moves[..., 2] == 0) and np.all(moves[..., :2] != 0)


def test_leave_one_out_is_exact_for_a_linear_law():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((8, 1))
    y = 0.5 + x + 0.2 * rng.standard_normal((8, 1))
    design = np.column_stack([np.ones(8), x])
    hat = design @ np.linalg.pinv(design)
    left_out = leave_one_out(LINE, runs_of(x, y, 16), np.linalg.pinv(design) @ y[:, 0])
    np.testing.assert_allclose(left_out.error[:8, 0], (y - hat @ y)[:, 0] / (1 - np.diag(hat)), rtol=1e-9)
    assert np.all(left_out.error[8:] == 0)


def test_leave_one_out_agrees_with_real_refits_of_a_nonlinear_law():
    observations = decay_runs()
    theta = optimum(observations)
    x = np.asarray(observations.x)[:, 0]
    real = [
        E + A * N**-alpha
        for N, (E, A, alpha) in zip(
            x, map(lambda row: scipy_fit(observations, row), 1 - np.eye(10)), strict=True
        )
    ]
    own = predict(DECAY, theta, observations.x)[:, 0]
    moved, moved_by = real - own, leave_one_out(DECAY, observations, theta).prediction[:, 0] - own
    # One Newton step: within 2 % of the move in the interior, and 15 % at the run of highest leverage.
    np.testing.assert_allclose(moved_by[1:], moved[1:], rtol=0.02, atol=2e-4)
    np.testing.assert_allclose(moved_by[0], moved[0], rtol=0.15)


def test_the_differentiable_fit_is_the_optimum_and_has_its_derivatives():
    observations = decay_runs()
    theta = optimum(observations)

    def through(y, observations):
        runs = dataclasses.replace(observations, y=y)
        return sensitivity.differentiable_fit(DECAY, runs, theta)

    np.testing.assert_allclose(jax.jit(through)(observations.y, observations), theta, rtol=1e-12)
    exact = np.moveaxis(response(DECAY, observations, theta), -1, 0)
    backward, forward = (
        jax.jit(slope(through))(observations.y, observations) for slope in (jax.jacrev, jax.jacfwd)
    )
    np.testing.assert_allclose(backward, exact, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(forward, exact, rtol=1e-8, atol=1e-10)


def test_a_gradient_by_the_weights_is_the_infinitesimal_jackknife():
    observations = decay_runs()
    theta = optimum(observations)

    def first(weight, observations):
        moved = sensitivity.differentiable_fit(DECAY, observations, theta, weight)
        return DECAY.predict(moved, TARGET.x)[0, 0]

    step = 1e-3
    pairs = [(np.ones(10) + step * row, np.ones(10) - step * row) for row in np.eye(10)]
    numeric = [
        (predicted(scipy_fit(observations, up))[0] - predicted(scipy_fit(observations, down))[0]) / (2 * step)
        for up, down in pairs
    ]
    np.testing.assert_allclose(
        jax.jit(jax.grad(first))(np.ones(10), observations), numeric, rtol=1e-3, atol=1e-6
    )


def test_a_second_derivative_goes_through_the_fit():
    observations = decay_runs()
    theta = optimum(observations)

    def first(step, observations):
        moved = sensitivity.differentiable_fit(DECAY, shifted(observations, 2, step), theta)
        return DECAY.predict(moved, TARGET.x)[0, 0]

    step = 2e-2
    low, middle, high = (predicted(scipy_fit(shifted(observations, 2, s)))[0] for s in (-step, 0, step))
    assert float(jax.jit(jax.grad(jax.grad(first)))(0.0, observations)) == pytest.approx(
        (low - 2 * middle + high) / step**2, rel=0.02
    )


@pytest.mark.slow
def test_a_robust_loss_caps_the_influence_of_an_outlier():
    spoilt = shifted(decay_runs(), 4, 2.0)
    theta = polish(DECAY, spoilt, scipy_fit(spoilt, delta=0.05), robust=Huber(0.05))
    exact = influence(DECAY, spoilt, theta, TARGET, robust=Huber(0.05))[:, 0, :, 0]
    assert np.all(np.abs(exact[:, 4]) < 1e-9)
    numeric = differences(lambda o: predicted(scipy_fit(o, delta=0.05)), spoilt)
    np.testing.assert_allclose(exact, numeric, rtol=1e-3, atol=1e-5)


def test_polish_finds_the_digits_that_comparing_losses_cannot():
    observations = decay_runs()
    rough = optimum(observations) * (1 + 1e-5)
    exact = polish(DECAY, observations, rough)
    gradient = jax.jit(jax.grad(lambda t: jnp.mean((DECAY.predict(t, observations.x) - observations.y) ** 2)))
    scale = np.abs(exact)
    assert np.max(np.abs(gradient(exact)) * scale) < 1e-12 < 1e-8 < np.max(np.abs(gradient(rough)) * scale)
