"""Noise, local Gaussians, divergences and weights by hand; the Laplace posterior exact on a linear law."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import solve_triangular
from synthetic import DECAY, LINE, PAIR, runs_of, target_of

from jaxsl._linalg import inverse_root, solve_lower, solve_spd, symmetric_root
from jaxsl.basins import BIC, BasinRule, Laplace, Optima, _divergence
from jaxsl.fit import Fit
from jaxsl.noise import InverseGamma, outcome_variance

pytestmark = pytest.mark.usefixtures("float64")
RNG = np.random.default_rng(0)


# All tests of one law share a buffer of 40 rows, six optima and two targets, and so one program.
TARGET = target_of([[50.0], [60.0]])


def line_runs(num=12, size=40, noise=0.1):
    x = np.linspace(-1, 1, num)[:, None]
    y = 0.5 + x + noise * np.random.default_rng(1).normal(size=(num, 1))
    return runs_of(x, y, size)


def fit_at(law, thetas, observations, loss=None):
    """A fit of six starts that ended at the given parameter vectors, best first; the others failed."""
    thetas = np.asarray(thetas, float)
    if loss is None:
        residual = (
            np.asarray(jax.jit(jax.vmap(law.predict, (0, None)))(thetas, observations.x)) - observations.y
        )
        mask = np.asarray(observations.mask)
        loss = (residual[:, mask] ** 2).mean(axis=(1, 2))
    order = np.argsort(np.concatenate([loss, np.full(6 - len(thetas), np.inf)]), kind="stable")
    thetas = np.concatenate([thetas, np.broadcast_to(thetas[:1], (6 - len(thetas), law.num_params))])[order]
    loss = np.concatenate([loss, np.full(6 - len(loss), np.inf)])[order]
    zero = np.zeros(6, int)
    return Fit(thetas, loss, loss, zero, zero, thetas < -1e9, thetas > 1e9)


@eqx.filter_jit
def believed(rule, law, observations, target, fit):
    return rule(law, observations, target, fit)


def basins_of(*given):
    return jax.tree.map(np.asarray, believed(*given))


def test_noise_variance_by_hand():
    runs = runs_of(np.zeros((4, 1)), [[1.0], [2], [3], [6]], size=7)
    np.testing.assert_allclose(outcome_variance(runs), 3.5)
    # b0 = 2 * 3.5, (7 + 4 / 2) / (2 + 4 / 2 - 1)
    np.testing.assert_allclose(InverseGamma().variance(runs, jnp.array(4.0), 3), 3.0)
    # 4 - 3 = 1 observation is left: (7 + 2) / (2 + 1 / 2 - 1); a tenth of the variance as prior: 0.7
    np.testing.assert_allclose(InverseGamma(spend=True).variance(runs, jnp.array(4.0), 3), 6.0)
    np.testing.assert_allclose(InverseGamma(fraction=0.1).variance(runs, jnp.array(4.0), 3), 0.9)
    both = runs_of(np.zeros((2, 1)), [[1.0, 10], [3, 10]])
    np.testing.assert_allclose(outcome_variance(both), 0.5)  # 1 and 0: within outputs, never between them


def test_one_run_says_nothing_of_the_direction_it_does_not_see():
    runs = runs_of([[1.0]], [[1.5]], size=40)  # a + b = 1.5; a - b is unknown
    found = basins_of(BasinRule(), LINE, runs, TARGET, fit_at(LINE, [[0.5, 1.0]], runs))
    covariance = np.asarray(found.root[0] @ found.root[0].T)
    np.testing.assert_allclose(covariance.sum(), found.noise, rtol=1e-6)  # of a + b
    # a has the prior N(0, 1), b N(0, 2.25): given their sum, the variance of a is 1 * 2.25 / 3.25
    np.testing.assert_allclose(covariance[0, 0], 2.25 / 3.25, rtol=1e-6)


@pytest.mark.parametrize("law", [LINE, PAIR], ids=lambda law: law.name)
def test_laplace_posterior_is_exact_on_a_linear_law(law):
    x = np.linspace(-1, 1, 9)[:, None]
    design = np.concatenate(np.asarray(jax.jit(law.jacobian)(np.zeros(law.num_params), x)))
    truth = np.array([0.5, 1.0, -0.7])[: law.num_params]
    y = (design @ truth).reshape(9, -1) + 0.1 * RNG.normal(size=(9, law.num_outputs))
    runs = runs_of(x, y, size=40)
    best = np.linalg.lstsq(design, y.ravel(), rcond=None)[0]
    found = basins_of(BasinRule(), law, runs, TARGET, fit_at(law, [best], runs))
    squares = ((design @ best - y.ravel()) ** 2).sum()
    noise = (2 * np.mean(y.var(axis=0)) + squares / 2) / (2 + y.size / 2 - 1)
    np.testing.assert_allclose(found.noise, noise, rtol=1e-12)
    prior = np.diag(((law.upper - law.lower) / 4) ** -2.0)
    covariance = np.linalg.inv(design.T @ design / noise + prior)
    np.testing.assert_allclose(found.root[0] @ found.root[0].T, covariance, rtol=1e-9, atol=1e-15)


def test_local_gaussian_of_a_logarithmic_parameter_lives_in_its_logarithm():
    theta, noise = np.array([1.0, 30.0, 0.4]), 0.01
    x = np.array([[10.0], [100], [1000]])
    runs = runs_of(x, theta[0] + theta[1] * x ** -theta[2] + 0.1)
    found = basins_of(BasinRule(), DECAY, runs, target_of([[1e4], [1e5]]), fit_at(DECAY, [theta], runs))
    noise = float(found.noise)
    n = x[:, 0]
    by_hand = np.stack([np.ones(3), n**-0.4, -30 * n**-0.4 * np.log(n)], axis=1) * theta  # d f / d log theta
    tau = np.log(DECAY.upper / DECAY.lower) / 4
    covariance = np.linalg.inv(by_hand.T @ by_hand / noise + np.diag(tau**-2.0))
    np.testing.assert_allclose(
        found.root[0] @ found.root[0].T, covariance * np.outer(theta, theta), rtol=1e-8
    )


def test_divergence_by_hand_and_against_the_two_kullback_leibler_divergences():
    mean, variance = np.array([0.0, 3.0]), np.array([1.0, 4.0])
    divergence = jax.jit(_divergence)
    found = divergence(mean[:, None, None], variance[:, None, None], np.ones(1))
    np.testing.assert_allclose(found, [[0, 13.5 / 4], [13.5 / 4, 0]])  # 4 + 1/4 - 2 + 9 (1 + 1/4) = 13.5

    def one_way(m, v, n, w):
        return (v / w + (m - n) ** 2 / w - 1 + np.log(w / v)) / 2

    mean, variance = RNG.normal(size=(3, 5, 2)), RNG.uniform(0.1, 2, (3, 5, 2))
    weight = RNG.dirichlet(np.ones(5))
    found = np.asarray(divergence(mean, variance, weight))
    both = one_way(mean[0], variance[0], mean[1], variance[1]) + one_way(
        mean[1], variance[1], mean[0], variance[0]
    )
    np.testing.assert_allclose(found[0, 1], weight @ both.mean(axis=1) / 2)
    np.testing.assert_allclose(found, found.T)


def test_bic_weights_by_hand():
    loss = jnp.array([1.0, 1.2])
    optima = Optima(loss, 0 * loss, jnp.zeros((2, 3, 3)), jnp.zeros((2, 3)), jnp.array(1.0), jnp.array(10))
    # exp(-n log MSE / 2): 1 against 1.2^-5
    share = jax.nn.softmax(BIC()(optima))
    np.testing.assert_allclose(share[1] / share[0], 1.2**-5)
    share = jax.nn.softmax(BIC(temperature=5.0)(optima))
    np.testing.assert_allclose(share[1] / share[0], 1.2**-1)


def test_laplace_weights_by_hand():
    loss, z = jnp.array([0.1, 0.3]), jnp.array([[0.0, 0], [1, 2]])
    root = jnp.stack([jnp.eye(2), jnp.diag(jnp.array([0.5, 0.25]))])  # |H| = 1 and 64
    log = Laplace()(Optima(loss, 0 * loss, root, z, jnp.array(0.2), jnp.array(4)))
    np.testing.assert_allclose(log, [-1, -3 - np.log(64) / 2 - 5 / 2])


def test_basins_are_the_best_members_of_clusters_of_plausible_optima():
    runs = line_runs()
    thetas = [[0.5, 1.0], [0.501, 1.0], [0.5, 1.01], [0.55, 0.8], [0.551, 0.8], [-2.0, 3.0]]
    fit = fit_at(LINE, thetas, runs, loss=[1.0, 1.1, 1.2, 1.05, 1.3, 1.6])
    found = basins_of(BasinRule(), LINE, runs, TARGET, fit)
    assert found.num_clusters == 2 and found.num_basins == 2
    np.testing.assert_allclose(found.theta[:2], [[0.5, 1.0], [0.55, 0.8]])  # fit's order is by loss
    np.testing.assert_array_equal(found.label, [0, 1, 0, 0, 1, -1])  # of losses 1, 1.05, 1.1, 1.2, 1.3, 1.6
    np.testing.assert_allclose(found.weight[1] / found.weight[0], 1.05**-6)
    np.testing.assert_allclose(np.sum(found.weight), 1)
    np.testing.assert_array_equal(found.theta[2:], np.broadcast_to(found.theta[0], found.theta[2:].shape))


def test_light_basins_are_dropped_and_the_rest_shares_their_weight():
    runs = line_runs(num=30)
    fit = fit_at(LINE, [[0.5, 1.0], [0.5, 0.0], [0.5, 0.001]], runs, loss=[1.0, 1.49, 1.495])
    heavy = basins_of(BasinRule(), LINE, runs, TARGET, fit)
    assert heavy.num_clusters == 2 and heavy.num_basins == 2 and heavy.dropped == 0
    light = basins_of(BasinRule(lightest=0.1), LINE, runs, TARGET, fit)
    assert light.num_clusters == 2 and light.num_basins == 1 and light.weight[0] == 1
    np.testing.assert_allclose(light.dropped, 1.49**-15 / (1 + 1.49**-15), rtol=1e-9)


def test_padding_changes_no_basin():
    thetas = [[0.5, 1.0], [0.501, 1.0], [0.5, 0.7], [0.5, 0.71]]
    target = TARGET
    small, large = (
        basins_of(BasinRule(), LINE, runs, target, fit_at(LINE, thetas, runs, loss=[1, 1.1, 1.2, 1.3]))
        for runs in (line_runs(), line_runs(size=12))
    )
    for one, other in zip(jax.tree.leaves(small), jax.tree.leaves(large), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", [[np.inf] * 3, [1.0, np.inf, np.inf]], ids=["all", "some"])
def test_failed_starts_leave_a_belief_without_nan(loss):
    runs = line_runs()
    fit = fit_at(LINE, [[0.5, 1.0], [0.4, 1.0], [0.3, 1.0]], runs, loss=loss)
    found = basins_of(BasinRule(), LINE, runs, TARGET, fit)
    assert found.num_basins == 1 and found.weight[0] == 1
    assert np.isfinite(found.root).all() and np.isfinite(found.theta).all()


def test_without_runs_the_belief_is_the_prior():
    runs = eqx.tree_at(lambda runs: runs.mask, line_runs(), np.zeros(40, bool))
    found = basins_of(BasinRule(), LINE, runs, TARGET, fit_at(LINE, [[0.0, 0.0]], runs, loss=[0.0]))
    np.testing.assert_allclose(found.root[0] @ found.root[0].T, np.diag([1.0, 1.5]) ** 2, rtol=1e-9)


@pytest.mark.parametrize("size", [1, 5, 16, 17])
def test_small_systems_agree_with_numpy(size):
    factor = RNG.normal(size=(5, size, size)) * 10.0 ** RNG.uniform(-4, 4, (1, size, 1))
    matrix = factor @ factor.transpose(0, 2, 1) + 1e-3 * np.eye(size)
    rhs = RNG.normal(size=(5, size))
    found = jax.jit(jax.vmap(solve_spd))(matrix, rhs)
    expected = np.linalg.solve(matrix, rhs[..., None])[..., 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9 * np.abs(expected).max())
    root = np.asarray(jax.jit(symmetric_root)(factor[0] @ factor[0].T / 1e8 + np.eye(size)))
    np.testing.assert_allclose(
        root @ root.T, np.linalg.inv(factor[0] @ factor[0].T / 1e8 + np.eye(size)), atol=1e-8
    )


def test_triangular_systems_are_solved_as_by_scipy_one_right_hand_side_or_many():
    factor = np.tril(RNG.normal(size=(3, 7, 7))) + 3 * np.eye(7)
    rhs = RNG.normal(size=(3, 7, 4))

    @jax.jit
    def solved(factor, rhs):
        both = [
            jax.vmap(partial(solve_lower, transposed=transposed))(factor, rhs) for transposed in (False, True)
        ]
        return *both, solve_lower(factor[0], rhs[0, :, 0])

    below, above, one = solved(factor, rhs)
    for each in range(3):
        for found, trans in ((below, 0), (above, 1)):
            expected = solve_triangular(factor[each], rhs[each], lower=True, trans=trans)
            np.testing.assert_allclose(found[each], expected, rtol=1e-11)
    np.testing.assert_allclose(one, below[0, :, 0], rtol=1e-12)


def test_the_inverse_root_is_that_of_choleskys_factor():
    square = RNG.normal(size=(3, 7, 7)) * 10.0 ** RNG.uniform(-3, 3, (1, 7, 1))
    matrix = square @ square.transpose(0, 2, 1) + 1e-3 * np.eye(7)
    for found, each in zip(jax.jit(jax.vmap(inverse_root))(matrix), matrix, strict=True):
        factor = np.linalg.cholesky(each)
        expected = solve_triangular(factor, np.eye(7), lower=True)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12 * np.abs(expected).max())
    assert np.isnan(jax.jit(inverse_root)(-matrix[0])).any()


def test_a_singular_precision_has_its_eigenvalues_floored():
    root = np.asarray(jax.jit(symmetric_root)(np.diag([1e12, 1.0, 0.0])))
    np.testing.assert_allclose(np.diagonal(root @ root.T), [1e-12, 1e-2, 1e-2], rtol=1e-12)
