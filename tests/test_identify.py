"""Covariance against SciPy, flat directions against laws built to have them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from synthetic import DECAY, LINE

from jaxsl import identify as module
from jaxsl.host.answer.flat_directions import flat_directions
from jaxsl.law import Law, params
from jaxsl.pool import observe

pytestmark = pytest.mark.usefixtures("float64")
identify = jax.jit(module.identify, static_argnums=0)
NOISE = 1e-4


def decay_runs(theta=(1.7, 400.0, 0.4), size=None):
    rng = np.random.default_rng(0)
    x = jnp.geomspace(1e3, 1e7, 10)[:, None]
    return observe(x, DECAY.predict(jnp.asarray(theta), x) + 0.01 * rng.standard_normal((10, 1)), size)


def test_covariance_equals_scipys_curve_fit():
    observations = decay_runs()
    x, y = np.asarray(observations.x)[:, 0], np.asarray(observations.y)[:, 0]
    theta, covariance = scipy.optimize.curve_fit(
        lambda N, E, A, alpha: E + A * N**-alpha,
        x,
        y,
        (1.7, 400.0, 0.4),
        sigma=np.full(10, 0.01),
        absolute_sigma=True,
    )
    found = identify(DECAY, observations, jnp.asarray(theta), NOISE)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-4)
    np.testing.assert_allclose(found.deviation, np.sqrt(np.diag(covariance)), rtol=1e-4)
    assert not np.any(found.lower | found.upper) and not np.any(found.flat)


def test_eigenvalues_are_of_the_scaled_information_matrix():
    x = jnp.linspace(0, 1, 5)[:, None]
    found = identify(LINE, observe(x, 0 * x), jnp.array([0.5, 0.5]), 0.01)
    design = np.column_stack([np.ones(5), x]) * [1.0, 1.5]  # a quarter of the boxes [-2, 2] and [-3, 3]
    values, vectors = np.linalg.eigh(design.T @ design / 0.01)
    np.testing.assert_allclose(found.eigenvalue, values, rtol=1e-9)
    np.testing.assert_allclose(np.abs(found.direction), np.abs(vectors.T), rtol=1e-9)


def test_a_parameter_at_a_bound_is_held_and_the_others_gain_certainty():
    free = identify(DECAY, decay_runs(), jnp.array([0.1001, 400.0, 0.4]), NOISE)
    held = identify(DECAY, decay_runs(), jnp.array([0.1, 400.0, 0.4]), NOISE)
    assert bool(held.lower[0]) and not np.any(held.upper)
    assert np.all(np.asarray(held.covariance)[0] == 0) and np.isinf(held.eigenvalue[-1])
    assert np.all(np.asarray(held.deviation)[1:] < 0.9 * np.asarray(free.deviation)[1:])
    np.testing.assert_allclose(np.abs(held.direction[-1]), [1, 0, 0], atol=1e-12)


def test_two_parameters_that_only_act_as_a_product_are_one_flat_direction():
    law = Law(
        "product", lambda t, x: t[0] * t[1] * x[0] + t[2], ("x",), params(a=(0.1, 10), b=(0.1, 10), c=(-1, 1))
    )
    x = jnp.linspace(1, 2, 6)[:, None]
    found = identify(law, observe(x, 3 * x), jnp.array([1.5, 2.0, 0.0]), NOISE)
    np.testing.assert_array_equal(found.flat, [True, False, False])
    np.testing.assert_allclose(np.abs(found.direction[0]), [0.5**0.5, 0.5**0.5, 0], atol=1e-9)
    assert float(found.moved[0, 0] * found.moved[0, 1]) == pytest.approx(3.0)
    assert int(found.num_flat) == 1 and float(found.reach[0]) == module.LONGEST
    (sentence,) = flat_directions(law, found)
    assert sentence.startswith(
        ("a and b cannot be told apart: a times", "b and a cannot be told apart: b times")
    )


def test_the_reach_is_the_longest_move_that_the_law_itself_hides_in_the_noise():
    observations, theta = decay_runs(), jnp.array([1.7, 400.0, 0.4])
    found = identify(DECAY, observations, theta, 25.0)
    before = DECAY.predict(theta, observations.x)
    assert bool(found.flat[0])
    for index in range(3):
        moved = DECAY.predict(found.moved[index], observations.x)
        assert np.max(np.abs(moved - before)) <= 5.0
    # Twice as far along the flattest direction, one way or the other, the runs would notice.
    z = np.log(np.asarray(found.moved[0]) / np.asarray(theta))
    further = [DECAY.predict(theta * np.exp(step * z), observations.x) for step in (2, -2)]
    assert max(np.max(np.abs(moved - before)) for moved in further) > 5.0


def test_words_name_what_moves_together_and_what_has_no_effect():
    observations, theta = decay_runs(), jnp.array([1.7, 400.0, 0.4])
    sentence = flat_directions(DECAY, identify(DECAY, observations, theta, 25.0))[0]
    assert (
        "cannot be told apart" in sentence
        and "changes no run's prediction by more than the noise (5)" in sentence
    )
    idle = dataclasses.replace(DECAY, function=lambda t, x: t[0] + t[1] * x[0] ** -0.4 + 0 * t[2])
    found = identify(idle, observations, theta, NOISE)
    unchanged = "changes no run's prediction by more than the noise (0.01)"
    assert flat_directions(idle, found) == (
        f"alpha is not told by the runs: any value in its box {unchanged}",
    )
    assert flat_directions(DECAY, identify(DECAY, observations, theta, NOISE)) == ()


def test_padded_rows_change_nothing_and_weights_count_as_repeated_runs():
    theta = jnp.array([1.7, 400.0, 0.4])
    plain, padded = decay_runs(), decay_runs(size=16)
    one, other = identify(DECAY, plain, theta, NOISE), identify(DECAY, padded, theta, NOISE)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-9)
    np.testing.assert_allclose(one.reach, other.reach)
    twice = identify(DECAY, plain, theta, NOISE, jnp.full(10, 2.0))
    np.testing.assert_allclose(2 * np.asarray(twice.covariance), one.covariance, rtol=1e-9)
