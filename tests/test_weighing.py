"""Forward chaining and the weights of laws: hand-worked folds, planted laws, failures."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm
from scipy.stats import t as student
from synthetic import DECAY, LINE

from experiments.datasets import Group, Runs
from experiments.several.aside import set_aside
from experiments.several.discrepancy import correction
from jaxsl.chaining import ForwardChain, Validation, farthest_first, together
from jaxsl.design import Belief, Design
from jaxsl.fit import Fit, fit
from jaxsl.law import Law, params
from jaxsl.pool import Observations, Pool, observe, uniform_target
from jaxsl.posterior import LawPosterior, Mixture
from jaxsl.quantile import weighted_median
from jaxsl.starts import random_starts
from jaxsl.weighing import Average, Equal, Evidence, InverseError, Product, Stacking
from laws.tasks import TASKS

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(3)
SIZE = np.logspace(3, 7, 12)[:, None]
NOISE = np.random.default_rng(0).normal(0, 0.003, SIZE.shape)
MEAN = Law("mean", lambda theta, x: theta[0] + 0 * x[0], ("N",), params(E=(0.1, 10)), linear=("E",))


def world():
    """Twelve runs of DECAY in a buffer of sixteen, and a target beyond them."""
    runs = observe(jnp.asarray(SIZE), jnp.asarray(1.5 + 50 * SIZE**-0.4 + NOISE), 16)
    return runs, uniform_target(jnp.array([[1e8], [1e9]]))


def found(loss, num_params):
    status = jnp.zeros(1, int)
    theta = jnp.zeros((1, num_params))
    loss = jnp.array([loss])
    return Fit(theta, loss, loss, status, status, theta > 1, theta > 1)


def fits(*laws):
    return tuple(fit(law, world()[0], random_starts(KEY, law, 8)) for law in laws)


def test_folds_hold_out_the_runs_nearest_the_target_and_never_a_padded_row():
    held = ForwardChain((0.5, 0.75), 2)(MEAN, *world(), KEY).held
    np.testing.assert_array_equal(held[0, :12], np.arange(12) >= 6)
    np.testing.assert_array_equal(held[1, :12], np.arange(12) >= 9)
    assert not held[:, 12:].any()


def test_the_error_of_a_constant_is_its_distance_from_the_mean_of_the_far_runs():
    y = np.asarray(world()[0].y[:12, 0])
    by_hand = [np.mean((y[:k].mean() - y[k:]) ** 2) for k in (6, 9)]
    found = ForwardChain((0.5, 0.75), 2, prior=None)(MEAN, *world(), KEY)
    np.testing.assert_allclose(found.mean_square, np.mean(by_hand), rtol=1e-6)


def test_what_is_held_out_cannot_move_the_fold_that_predicts_it():
    chain = ForwardChain((0.5,), 4)
    changed = eqx.tree_at(lambda runs: runs.y, world()[0], world()[0].y.at[9].add(1.0))
    before, after = (chain(DECAY, runs, world()[1], KEY).error for runs in (world()[0], changed))
    np.testing.assert_allclose(before[0, 9] - after[0, 9], 1.0)
    np.testing.assert_allclose(jnp.delete(before[0], 9), jnp.delete(after[0], 9))


def test_one_run_holds_none_out_and_two_hold_the_nearer_one_out():
    one, two = (Observations(*jax.tree.leaves(world()[0])[:2], jnp.arange(16) < num) for num in (1, 2))
    chain = ForwardChain(num_starts=2)
    alone = chain(MEAN, one, world()[1], KEY)
    assert not alone.held.any() and alone.mean_square == alone.spread == alone.variance
    y = world()[0].y[:2, 0]
    np.testing.assert_allclose(chain(MEAN, two, world()[1], KEY).mean_square, (y[1] - y[0]) ** 2, rtol=1e-6)


@pytest.mark.parametrize(("share", "errors"), [(0.5, 6), (0.75, 3), (0.95, 1)])
def test_the_variance_gives_a_gaussian_the_central_interval_of_student(share, errors):
    found = ForwardChain((share,), 2)(MEAN, *world(), KEY)
    half = norm.ppf(0.95) * np.sqrt(found.variance)
    np.testing.assert_allclose(half, student.ppf(0.95, errors) * np.sqrt(found.mean_square), rtol=1e-6)


def test_the_interval_has_the_error_of_the_median_and_the_spread_of_the_means():
    """Two constants, equally weighed: errors 3 and 1 make 2 together, and the ends go by both means."""
    target, held = world()[1], jnp.arange(16)[None] > 13
    each = [Validation(held[..., None] * error, held, jnp.asarray(1.0)) for error in (3.0, 1.0)]
    sigma = 2 * student.ppf(0.95, 2) / norm.ppf(0.95)
    np.testing.assert_allclose(together(each, jnp.array([0.5, 0.5])).variance, sigma**2, rtol=1e-6)
    zero = jnp.zeros((2, 1, 1))
    parts = tuple(
        LawPosterior(MEAN, jnp.array([[theta]]), zero[:1], jnp.ones(1), jnp.ones(1)) for theta in (2.0, 4.0)
    )
    share = jnp.array([0.5, 0.5])
    ends = Belief((), (), tuple(each), share, Mixture(parts, share)).interval(target.x)[:, 0, 0]
    below = np.mean(norm.cdf(np.asarray(ends)[:, None], [2.0, 4.0], sigma), axis=1)
    np.testing.assert_allclose(below, [0.05, 0.5, 0.95], atol=1e-6)
    np.testing.assert_allclose(ends[1], 3.0, atol=1e-6)


@pytest.mark.slow
def test_intervals_of_a_right_law_cover_what_they_claim():
    """The mean of 4 to 16 runs with noise: 400 tables each, an interval of 90 %, and one more outcome."""
    design = Design((MEAN,), chain=ForwardChain(num_starts=2), num_starts=2, num_warm=1)
    target = uniform_target(jnp.array([[1e8]]))

    def covered(key, num):
        y = 2 + 0.1 * jax.random.normal(key, (17, 1))
        x = jnp.logspace(3, 7, 16)[:, None]
        state = design.start(Pool(x, x[:, 0]), Observations(x, y[:16], jnp.arange(16) < num))
        low, median, high = design.believe(state, target, KEY).interval(target.x)[:, 0, 0]
        return (low <= y[16, 0]) & (y[16, 0] <= high) & (low <= median) & (median <= high)

    for num in (4, 16):
        share = jax.jit(jax.vmap(covered, (0, None)))(jax.random.split(KEY, 400), num).mean()
        assert 0.86 < share < 0.94


def test_distance_is_in_deviations_of_logarithms_and_plain_where_an_input_may_be_zero():
    law = Law(
        "two", lambda theta, x: theta[0] * x[0] + x[1], ("N", "p"), params(a=(0, 1)), nonnegative=("p",)
    )
    x = np.array([[1e6, 0.0], [1e9, 0.9], [1e8, 0.5], [1e7, 0.2]])
    aim = np.array([[1e9, 0.5], [1e10, 0.7]])
    both = [np.column_stack([np.log(part[:, 0]), part[:, 1]]) for part in (x, aim)]
    weight = np.repeat([1 / 8, 1 / 4], [4, 2])[:, None]
    stacked = np.concatenate(both)
    scale = np.sqrt(np.sum(weight * (stacked - np.sum(weight * stacked, 0)) ** 2, 0))
    distance = np.linalg.norm((both[0][:, None] - both[1]) / scale, axis=2).mean(1)
    runs = observe(jnp.asarray(x), jnp.zeros((4, 1)), 5)
    place = farthest_first(law, runs, uniform_target(jnp.asarray(aim)))
    np.testing.assert_array_equal(np.argsort(place[:4]), np.argsort(-distance))
    assert place[4] == 4


def validations(*laws):
    chain = ForwardChain((0.5, 0.7), 4)
    return [chain(law, *world(), KEY) for law in laws]


@pytest.mark.parametrize("rule", [InverseError(2.0), Evidence(), Stacking()])
def test_the_law_that_made_the_runs_gets_the_weight(rule):
    laws = (DECAY, MEAN)
    share = rule(laws, fits(*laws), world()[0], validations(*laws))
    assert share[0] > 0.95
    np.testing.assert_allclose(share.sum(), 1)


def test_inverse_errors_by_hand_and_the_error_is_that_of_the_noise():
    laws = (DECAY, MEAN)
    error = np.array([found.mean_square for found in validations(*laws)])
    share = InverseError()(laws, fits(*laws), world()[0], validations(*laws))
    np.testing.assert_allclose(share, (1 / error) / np.sum(1 / error))
    assert 0.5 * 0.003**2 < error[0] < 9 * 0.003**2


def test_evidence_by_hand():
    # exp(-BIC / 2) = (SSR / (n - P))^(-n/2) n^(-P/2): (10/7)^-5 10^-1.5 against (20/9)^-5 10^-0.5
    runs = observe(jnp.ones((10, 1)), jnp.arange(10.0)[:, None], size=20)
    share = Evidence()((DECAY, MEAN), (found(1.0, 3), found(2.0, 1)), runs, ())
    by_hand = (9 / 14) ** 5 * 10
    np.testing.assert_allclose(share[1] / share[0], by_hand)
    cooler = Evidence(4.0)((DECAY, MEAN), (found(1.0, 3), found(2.0, 1)), runs, ())
    np.testing.assert_allclose(cooler[1] / cooler[0], by_hand**0.25)


def test_a_law_that_passes_through_all_runs_has_shown_nothing():
    runs = observe(jnp.ones((3, 1)), jnp.arange(3.0)[:, None], size=4)
    share = Evidence()((DECAY, MEAN), (found(0.0, 3), found(2 / 3, 1)), runs, ())
    # The variance of the outcomes against SSR / (n - P): (2/3)^-1.5 3^-1.5 against 1^-1.5 3^-0.5
    np.testing.assert_allclose(share[1] / share[0], (2 / 3) ** 1.5 * 3)


@pytest.mark.parametrize(
    "rule",
    [
        Equal(),
        Evidence(),
        InverseError(),
        Stacking(),
        Average((Equal(), Evidence())),
        Product((Equal(), Evidence())),
    ],
)
def test_a_law_whose_fit_failed_weighs_nothing_and_if_all_failed_they_weigh_the_same(rule):
    laws = (DECAY, MEAN)
    one = rule(laws, (found(jnp.inf, 3), found(2.0, 1)), world()[0], validations(*laws))
    np.testing.assert_array_equal(one, [0, 1])
    none = rule(laws, (found(jnp.inf, 3), found(jnp.inf, 1)), world()[0], validations(*laws))
    np.testing.assert_array_equal(none, [0.5, 0.5])


def test_a_product_multiplies_the_weights():
    laws = (DECAY, MEAN)
    known = (laws, (found(1.0, 3), found(2.0, 1)), world()[0], validations(*laws))
    evidence, error = Evidence(16.0)(*known), InverseError(0.25)(*known)
    both = Product((Evidence(16.0), InverseError(0.25)))(*known)
    np.testing.assert_allclose(both, evidence * error / np.sum(evidence * error))


def test_an_average_gives_every_rule_its_voice():
    laws = (DECAY, MEAN)
    known = (laws, (found(1.0, 3), found(2.0, 1)), world()[0], validations(*laws))
    each = [rule(*known) for rule in (Equal(), InverseError())]
    np.testing.assert_allclose(Average((Equal(), InverseError()))(*known), (each[0] + each[1]) / 2)


@pytest.mark.slow
def test_stacking_agrees_with_a_general_minimiser():
    laws = (DECAY, MEAN, LINE)
    each = np.stack([found.error.ravel() for found in validations(*laws)])
    moment = each @ each.T
    moment = moment / (np.trace(moment) / 3) + 0.01 * np.eye(3)
    best = minimize(
        lambda w: w @ moment @ w,
        np.ones(3) / 3,
        jac=lambda w: 2 * moment @ w,
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(3)},
        options={"ftol": 1e-14},
    )
    share = Stacking(steps=4000)(laws, fits(*laws), world()[0], validations(*laws))
    np.testing.assert_allclose(share @ moment @ share, best.fun, rtol=1e-3)


def test_the_weighted_median_is_numpys_for_equal_weights_and_ignores_what_weighs_nothing():
    rng = np.random.default_rng(1)
    for num in (1, 2, 5, 8):
        value = rng.normal(size=(num, 3))
        np.testing.assert_allclose(
            weighted_median(jnp.asarray(value), jnp.full(num, 1 / num)), np.median(value, axis=0)
        )
    value, weight = jnp.array([5.0, jnp.nan, 1.0, 2.0]), jnp.array([0.0, 0.1, 0.5, 0.4])
    assert 1.0 <= weighted_median(value, weight) <= 2.0


def test_the_process_on_residuals_finds_a_smooth_one_and_adds_nothing_to_none():
    rng = np.random.default_rng(0)
    x, at = np.exp(rng.uniform(0, 3, (25, 2))), np.exp(rng.uniform(0.3, 2.7, (6, 2)))
    mask = jnp.arange(25) < 20
    smooth = np.where(mask[:, None], np.sin(np.log(x[:, :1])), 9.0)
    known = correction(jnp.asarray(x), mask, jnp.asarray(smooth), jnp.asarray(at))
    np.testing.assert_allclose(known, np.sin(np.log(at[:, :1])), atol=0.1)
    assert not correction(jnp.asarray(x), mask, jnp.zeros((25, 1)), jnp.asarray(at)).any()


def test_inside_a_pool_the_runs_nearest_the_target_are_set_aside():
    cost = np.arange(1.0, 11)
    pool = Runs(np.logspace(3, 6, 10)[:, None], cost[:, None], cost)
    problem = set_aside(
        replace(TASKS[0], laws=(MEAN,)), Group(pool, Runs(np.array([[1e9]]), cost[:1, None], cost[:1]))
    )
    np.testing.assert_array_equal(problem.train.cost, cost[:8])
    np.testing.assert_array_equal(problem.test.cost, cost[8:])
