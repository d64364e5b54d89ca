"""The linear model: leverage, weighted risk, intervals and their coverage, bootstraps, the diagnostic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from jaxsl import linear_model, misspecification, resample
from jaxsl.misspecification import CONSISTENT, MISSPECIFIED, NOT_TESTABLE

pytestmark = pytest.mark.usefixtures("float64")
RNG = np.random.default_rng(0)
TERMS = (
    linear_model.line_terms,
    linear_model.interaction_terms,
    linear_model.quadratic_terms,
    lambda x: linear_model.polynomial_terms(x, 3),
)


terms_of_line = jax.jit(lambda x: linear_model.line_terms(x[:, None]))
line_variance, leverage = jax.jit(linear_model.line_variance), jax.jit(linear_model.leverage)
fit, diagnose = jax.jit(linear_model.fit), jax.jit(misspecification.diagnose)


def line(x):
    return terms_of_line(jnp.asarray(x))


@pytest.mark.parametrize("num", [3, 7, 30])
def test_eq_3_is_the_leverage_of_least_squares(num):
    x, target = RNG.exponential(size=num), np.array([4.0, 7.0])
    features, at = np.stack([np.ones(num), x], 1), np.stack([np.ones(2), target], 1)
    oracle = np.einsum("tp,pq,tq->t", at, np.linalg.inv(features.T @ features), at)
    np.testing.assert_allclose(line_variance(x, target), oracle, rtol=1e-12)
    np.testing.assert_allclose(leverage(line(x), line(target)), oracle, rtol=1e-12)


@pytest.mark.parametrize("terms", TERMS)
def test_leverage_and_fit_of_any_features_are_those_of_the_normal_equations(terms):
    x, weight = RNG.uniform(0, 2, (30, 2)), RNG.uniform(0.2, 3, 30)
    every = np.asarray(jax.jit(terms)(np.concatenate([x, x[:3] + 2])))
    features, at = every[:30], every[30:]
    y = RNG.normal(size=30)
    inverse = np.linalg.inv(features.T @ (weight[:, None] * features))
    fitted = fit(features, y, weight)
    np.testing.assert_allclose(fitted.coefficient, inverse @ features.T @ (weight * y), rtol=1e-8)
    np.testing.assert_allclose(
        leverage(features, at, weight),
        np.einsum("tp,pq,tq->t", at, inverse, at),
        rtol=1e-8,
    )


def test_quadratic_terms_hold_every_product_once():
    _, interaction, quadratic, polynomial = (jax.jit(terms)(np.array([[2.0, 3.0]]))[0] for terms in TERMS)
    assert sorted(quadratic.tolist()) == [1, 2, 3, 4, 6, 9]
    assert interaction.tolist() == [1, 2, 3, 6]
    assert polynomial.tolist() == [1, 2, 3, 4, 9, 8, 27]


def test_eq_5_is_eq_3_averaged_over_the_region():
    x = RNG.exponential(size=9)
    found = linear_model.weighted_risk(9, x.mean(), x.var(), 5.5, 9 / 12)
    average, _ = quad(lambda t: float(line_variance(x, t)), 4, 7)
    assert found == pytest.approx(average / 3, rel=1e-9)


def test_interpolation_can_have_more_leverage_than_the_paper_says():
    """Section 5 claims (X* - mean)^2 / v <= 1 inside the runs; the bound is M - 1, and it is attained."""
    x = np.array([0.0, 0.0, 0.0, 1.0])
    assert (x.max() - x.mean()) ** 2 / x.var() == pytest.approx(len(x) - 1)


def test_masked_rows_change_nothing():
    x, y = RNG.normal(size=6), RNG.normal(size=6)
    plain = fit(line(x), y)
    padded = fit(line(np.append(x, [9.0, 9.0])), np.append(y, [7.0, 7.0]), np.array([1.0] * 6 + [0.0] * 2))
    np.testing.assert_allclose(padded.coefficient, plain.coefficient, rtol=1e-10)
    assert float(padded.sigma) == pytest.approx(float(plain.sigma)) and int(padded.dof) == 4


def test_a_line_through_two_runs_has_an_infinite_interval_and_one_size_no_fit():
    fitted = fit(line([0.0, 1.0]), np.array([0.0, 1.0]))
    found = jax.jit(linear_model.interval)(fitted, line([4.0]))
    assert not np.isfinite(found.upper).any()
    assert not np.isfinite(fit(line([1.0, 1.0, 1.0]), np.arange(3.0)).root).any()


@jax.jit
def coverages(x, weight, outcomes, truth):
    """Share of intervals at size 4 that hold the truth: t, z with estimated and with known sigma."""

    def one(y):
        fitted = linear_model.fit(line(x), y, weight)
        found = (
            linear_model.interval(fitted, line([4.0])),
            linear_model.interval(fitted, line([4.0]), sigma=fitted.sigma),
            linear_model.interval(fitted, line([4.0]), sigma=jnp.array(0.2)),
        )
        return jnp.array([(i.lower[0] <= truth) & (truth <= i.upper[0]) for i in found])

    return jnp.mean(jax.vmap(one)(outcomes), axis=0)


SIX, THREE = [0.0, 0.0, 0.0, 0.0, 2.6, 2.6], [0.0, 0.0, 2.8]


@pytest.mark.parametrize(("x", "shortfall"), [(SIX, 0.88), (THREE, 0.70)])
def test_student_covers_what_it_claims_and_z_with_an_estimated_sigma_falls_short(x, shortfall):
    padded = np.array(x + [1.0] * (6 - len(x)))
    outcomes = 0.52 * padded - 0.9 + 0.2 * RNG.normal(size=(4000, 6))
    student, normal, known = coverages(padded, np.arange(6) < len(x), outcomes, 0.52 * 4 - 0.9)
    assert 0.94 <= student <= 0.96
    assert normal == pytest.approx(shortfall, abs=0.02)
    assert 0.94 <= known <= 0.96


@pytest.mark.slow
def test_residual_bootstrap_covers_with_noise_that_is_not_gaussian():
    x, num = np.linspace(0.0, 3.0, 7), 1000
    outcomes = 0.5 * x + 0.2 * (RNG.exponential(size=(num, 7)) - 1)

    def one(key, y):
        drawn = resample.residual(key, line(x), y, 199)
        found = resample.studentised_interval(linear_model.fit(line(x), y), drawn, line([4.0]))
        return (found.lower[0] <= 2.0) & (found.upper[0] >= 2.0)

    held = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), num), outcomes)
    assert np.mean(held) > 0.92


def test_wild_bootstrap_keeps_the_spread_of_every_run():
    """The two runs of size 1 agree, those of size 2 differ by 2: so do their residuals in every draw."""
    x, y = np.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0]), np.array([0.0, 0.1, 1.0, 1.0, 1.0, 3.0])
    drawn = jax.jit(resample.wild, static_argnums=3)(jax.random.key(0), line(x), y, 500)
    coefficient = np.asarray(drawn.coefficient)
    assert coefficient.shape == (500, 2) and np.all(drawn.valid)
    assert np.std(coefficient @ [1, 2]) > 2 * np.std(coefficient @ [1, 0])


def test_pairs_bootstrap_loses_draws_on_two_scales():
    drawn = jax.jit(resample.pairs, static_argnums=3)(jax.random.key(0), line(SIX), jnp.asarray(SIX), 2000)
    # A draw misses a scale with probability (4/6)^6 + (2/6)^6.
    assert 1 - np.mean(drawn.valid) == pytest.approx((4 / 6) ** 6 + (2 / 6) ** 6, abs=0.02)
    num_scales = jax.jit(resample.num_scales)
    assert int(num_scales(line(SIX))) == 2
    assert int(num_scales(line([0.0, 1e-13, 1.0, 2.0]))) == 3


TEN = np.array([0.0, 0.3, 0.6, 1.0, 1.4, 1.8, 2.2, 2.6, 3.0, 3.0])
TWO_SCALES = np.array([0.0] * 6 + [2.6] * 4)


@jax.jit
def diagnosed(x, outcomes):
    return jax.vmap(lambda y: misspecification.diagnose(line(x), y, x))(outcomes)


def verdicts(x, bend, num=600):
    outcomes = 0.5 * x + bend * x**2 + 0.2 * RNG.normal(size=(num, 10))
    return np.bincount(np.asarray(diagnosed(x, outcomes).verdict), minlength=3) / num


@pytest.mark.slow
def test_a_two_scale_design_is_not_testable_however_bent_the_truth():
    assert verdicts(TWO_SCALES, 0.0)[NOT_TESTABLE] == 1
    assert verdicts(TWO_SCALES, 3.0)[NOT_TESTABLE] == 1


def test_the_diagnostic_keeps_its_level_and_sees_a_bend():
    straight, bent = verdicts(TEN, 0.0), verdicts(TEN, 0.4)
    assert 0.02 < straight[MISSPECIFIED] < 0.08 and straight[CONSISTENT] > 0.92
    assert bent[MISSPECIFIED] > 0.9


def test_the_run_at_which_a_curve_breaks_claims_more_items_than_its_error_is_worth():
    y = 0.1 * TEN + 0.01 * RNG.normal(size=10) + np.where(np.arange(10) == 9, 0.3, 0.0)
    said = diagnose(line(TEN), y, TEN)
    known = np.isfinite(np.asarray(said.forward.score))
    assert known.tolist() == [False] * 3 + [True] * 7  # an interval needs three runs
    assert np.asarray(said.forward.claimed)[9] > 20 * np.asarray(said.forward.realised)[9]
    assert int(said.verdict) == MISSPECIFIED


def test_leave_one_out_scores_are_externally_studentised_residuals():
    y = RNG.normal(size=10)
    found = diagnose(line(TEN), y, TEN).left_out
    features = np.asarray(line(TEN))
    hat = features @ np.linalg.inv(features.T @ features) @ features.T
    error = (np.eye(10) - hat) @ np.asarray(y)
    leverage = np.diag(hat)
    sigma = np.sqrt((np.sum(error**2) - error**2 / (1 - leverage)) / (10 - 2 - 1))
    np.testing.assert_allclose(found.score, error / (sigma * np.sqrt(1 - leverage)), rtol=1e-8)
