"""Acquisitions on beliefs with answers from hand work, Monte Carlo and re-inversion; properties of scores."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import softmax
from scipy.stats import norm
from synthetic import LINE, PAIR, pool_of, rows, tabulated, target_of

from experiments.speed.mixtures import random_mixture
from jaxsl.acquisition import MSPE, DOptimal, Uniform, VOptimal
from jaxsl.law import Law
from jaxsl.posterior import LawPosterior
from jaxsl.quadrature import GaussHermite, GaussLegendre, QuasiMonteCarlo

pytestmark = pytest.mark.usefixtures("float64")


def numpy_mixture(*args, **kwargs):
    """A random mixture as NumPy arrays, so that taking it apart compiles nothing."""
    return jax.tree.map(np.asarray, random_mixture(*args, **kwargs))


predict, jacobian = jax.jit(Law.predict), jax.jit(Law.jacobian)


@eqx.filter_jit
def fall(mspe, posterior, pool, target):
    return mspe.fall(posterior, pool.x, target)


@eqx.filter_jit
def score(acquisition, posterior, pool, target):
    return acquisition(posterior, pool, target)


def test_one_basin_by_hand():
    # s^2 = 1 + 2^2 = 5; C = 3 * 2 = 6, so 36 / 5 of the target's variance of 9 is explained.
    posterior = tabulated([1], [1], [[[0], [7]]], [[[[2]], [[3]]]])
    terms = fall(MSPE(), posterior, pool_of(rows(0, 1)), target_of(rows(1, 2)))
    np.testing.assert_allclose(terms.within, 36 / 5)
    assert abs(terms.between[0]) < 1e-14


@pytest.mark.parametrize("a", [0.0, 0.5, 1.0, 3.0, 40.0])
def test_two_basins_by_hand(a):
    # Two certain basins, weights 1/2, predicting -a and a at the candidate, -b and b at the target, noise 1.
    # V = b^2, w+ = sigmoid(+-2ay), V+ = 4 w+ w- b^2 = b^2 / cosh(ay)^2, p(y) = phi(y) exp(-a^2/2) cosh(ay).
    b = 3.0
    posterior = tabulated([0.5, 0.5], [1, 1], [[[-a], [-b]], [[a], [b]]], np.zeros((2, 2, 1, 1)))
    remaining, _ = quad(lambda y: norm.pdf(y) * np.exp(-(a**2) / 2) / np.cosh(a * y), -12, 12, points=[0])
    terms = fall(MSPE(), posterior, pool_of(rows(0, 1)), target_of(rows(1, 2)))
    assert terms.within[0] == 0
    np.testing.assert_allclose(terms.between, b**2 * (1 - remaining), rtol=1e-3, atol=1e-12)


def sampled_fall(posterior, pool, target, index, num=200_000):
    """Both terms by Monte Carlo with their standard errors: update every basin for each sampled outcome."""
    rng = np.random.default_rng(index)
    posterior, pool, target = jax.tree.map(np.asarray, (posterior, pool, target))
    weight, noise = np.asarray(posterior.weight), np.asarray(posterior.noise)
    here, there = posterior.at(pool.x[index : index + 1]), posterior.at(target.x)
    m, G = np.asarray(here.mean)[:, 0], np.asarray(here.root)[:, 0]
    F, R = np.asarray(there.mean), np.asarray(there.root)
    basins, _, outputs = F.shape
    S = noise[:, None, None] * np.eye(outputs) + G @ G.transpose(0, 2, 1)
    gain = np.einsum("ktof,kpf,kpq->ktoq", R, G, np.linalg.inv(S))
    prior = (R**2).sum(axis=-1)
    posterior_variance = prior - np.einsum("ktop,kpq,ktoq->kto", gain, S, gain)
    component = rng.choice(basins, num, p=weight)
    y = m[component] + np.einsum(
        "nij,nj->ni", np.linalg.cholesky(S)[component], rng.normal(size=(num, outputs))
    )
    surprise = y[:, None] - m
    distance = np.einsum("nki,kij,nkj->nk", surprise, np.linalg.inv(S), surprise)
    updated = softmax(np.log(weight) - np.linalg.slogdet(S)[1] / 2 - distance / 2, axis=1)
    moved = F + np.einsum("ktoq,nkq->nkto", gain, surprise)
    average = np.einsum("nk,nkto->nto", updated, moved)
    scale = np.asarray(target.weight)[:, None] / outputs

    def total(values):
        return (values * scale).sum(axis=(-1, -2))

    between = np.einsum("nk,nk->n", updated, total((moved - average[:, None]) ** 2))
    mean = np.einsum("k,kto->to", weight, F)
    before = weight @ total((F - mean) ** 2)
    within = np.einsum("nk,k->n", updated, total(prior - posterior_variance))
    return [(x.mean(), x.std() / np.sqrt(num)) for x in (within, before - between)]


@pytest.mark.slow
@pytest.mark.parametrize(("num_outputs", "tolerance"), [(1, 0.0), (3, 0.01), (5, 0.01)])
def test_scores_agree_with_monte_carlo(num_outputs, tolerance):
    rng = np.random.default_rng(num_outputs)
    posterior, pool, target = numpy_mixture(rng, 3, 1.5, 4.0, 4, 5, 6, num_outputs)
    target = target_of(target.x, rng.dirichlet(np.ones(5)))
    posterior = tabulated(posterior.weight, [0.5, 0.7, 1.2], posterior.mean, posterior.root)
    terms = jax.tree.map(np.asarray, fall(MSPE(), posterior, pool, target))
    largest = np.max(terms.within + terms.between)
    for index in range(4):
        within, between = sampled_fall(posterior, pool, target, index)
        assert abs(terms.within[index] - within[0]) < 4 * within[1]
        assert abs(terms.between[index] - between[0]) < 4 * between[1] + tolerance * largest


def reinverted(law, thetas, weight, noise, x, outcomes, target, prior):
    """Belief after one more run, from scratch: add its row to H, invert, move theta, weigh by Bayes' rule."""
    jacobians = [np.asarray(jacobian(law, theta, x[None])).reshape(-1, law.num_params) for theta in thetas]
    means = [np.asarray(predict(law, theta, x[None])).ravel() for theta in thetas]
    at_target = [np.asarray(jacobian(law, theta, target)) for theta in thetas]
    predictions = [np.asarray(predict(law, theta, target)) for theta in thetas]
    log, moved, variance = [], [], []
    for J, m, T, F, H in zip(jacobians, means, at_target, predictions, prior, strict=True):
        after = np.linalg.inv(H + J.T @ J / noise)
        theta = (outcomes - m) @ J @ after.T / noise
        S = noise * np.eye(len(m)) + J @ np.linalg.inv(H) @ J.T
        surprise = outcomes - m
        log.append(-np.einsum("ni,ij,nj->n", surprise, np.linalg.inv(S), surprise) / 2)
        log[-1] -= np.linalg.slogdet(S)[1] / 2
        moved.append(F + np.einsum("top,np->nto", T, theta))
        variance.append(np.einsum("top,pq,toq->", T, after, T) / F.size)
    updated = softmax(np.log(weight) + np.stack(log, 1), axis=1)
    average = np.einsum("nk,knto->nto", updated, np.stack(moved))
    spread = ((np.stack(moved) - average) ** 2).mean(axis=(2, 3)).T
    return updated @ np.array(variance) + (updated * spread).sum(axis=1)


@pytest.mark.parametrize("law", [LINE, PAIR], ids=lambda law: law.name)
def test_rank_one_update_agrees_with_adding_the_run_and_inverting_again(law):
    rng = np.random.default_rng(3)
    thetas = rng.normal(size=(2, law.num_params))
    weight, noise = np.array([0.6, 0.4]), 0.3
    factor = rng.normal(size=(2, law.num_params, law.num_params))
    prior = factor @ factor.transpose(0, 2, 1) + np.eye(law.num_params)  # H of the runs so far
    root = np.linalg.cholesky(np.linalg.inv(prior))
    posterior = LawPosterior(law, *(thetas, root, weight, np.full(2, noise)))
    x, target = np.linspace(-1, 2, 4)[:, None], np.array([[3.0], [4.0]])
    rule = GaussHermite(24) if law.num_outputs > 1 else None
    terms = jax.tree.map(np.asarray, fall(MSPE(rule=rule), posterior, pool_of(x), target_of(target)))

    at_target = [np.asarray(jacobian(law, theta, target)) for theta in thetas]
    F = np.stack([np.asarray(predict(law, theta, target)) for theta in thetas])
    within = [
        np.einsum("top,pq,toq->", T, np.linalg.inv(H), T) / F[0].size
        for T, H in zip(at_target, prior, strict=True)
    ]
    between = (weight * ((F - np.tensordot(weight, F, 1)) ** 2).mean(axis=(1, 2))).sum()
    before = weight @ np.array(within) + between
    node, mass = np.polynomial.hermite.hermgauss(200 if law.num_outputs == 1 else 48)
    for index, candidate in enumerate(x):
        after = 0.0
        for k, theta in enumerate(thetas):
            J = np.asarray(jacobian(law, theta, candidate[None])).reshape(-1, law.num_params)
            lower = np.linalg.cholesky(noise * np.eye(len(J)) + J @ np.linalg.inv(prior[k]) @ J.T)
            grid = np.stack(np.meshgrid(*[node] * len(J)), -1).reshape(-1, len(J)) * np.sqrt(2)
            probability = np.prod(np.stack(np.meshgrid(*[mass] * len(J)), -1).reshape(-1, len(J)), axis=1)
            y = np.asarray(predict(law, theta, candidate[None])).ravel() + grid @ lower.T
            value = reinverted(law, thetas, weight, noise, candidate, y, target, prior)
            after += weight[k] * probability @ value / np.sqrt(np.pi) ** len(J)
        np.testing.assert_allclose(terms.within[index] + terms.between[index], before - after, rtol=1e-3)


@pytest.fixture(scope="module")
def case():
    from jaxsl.precision import double_precision

    with double_precision():
        return numpy_mixture(np.random.default_rng(0), 3, 1.0, 3.0, num_pool=10, num_target=40, num_factors=2)


@pytest.mark.parametrize(
    "acquisition", [MSPE(), VOptimal(), DOptimal(), Uniform()], ids=lambda a: type(a).__name__
)
def test_permuting_the_pool_permutes_the_scores_and_a_duplicate_has_the_same(acquisition, case):
    posterior, pool, target = case
    scores = np.asarray(score(acquisition, posterior, pool, target))
    order = np.array([3, 1, 4, 0, 9, 2, 6, 5, 8, 3])
    permuted = np.asarray(score(acquisition, posterior, pool_of(pool.x[order]), target))
    np.testing.assert_array_equal(permuted, scores[order])
    assert (scores >= 0).all() and (scores.max() > 0)


def test_the_score_of_a_target_region_is_the_weighted_mean_of_its_points(case):
    posterior, pool, target = case  # 40 points are folded into a triangular factor, one is not
    weight = np.random.default_rng(1).dirichlet(np.ones(40))
    whole = fall(MSPE(), posterior, pool, target_of(target.x, weight))
    single = [fall(MSPE(), posterior, pool, target_of(target.x[i : i + 1])) for i in range(40)]
    within, between = (weight @ np.stack(terms) for terms in zip(*map(jax.tree.leaves, single), strict=True))
    np.testing.assert_allclose(whole.within, within, rtol=1e-10)
    np.testing.assert_allclose(whole.between, between, rtol=1e-9)


@pytest.mark.slow
def test_one_basin_has_no_between_basin_term_under_any_rule(case):
    posterior, pool, target = case
    alone = jax.tree.map(lambda leaf: leaf[:1], posterior)
    alone = eqx.tree_at(lambda p: p.weight, alone, np.ones(1))
    for rule in (None, GaussHermite(8), QuasiMonteCarlo(16), GaussLegendre((2.0, 4.0, 7.0), 16)):
        terms = fall(MSPE(rule=rule), alone, pool, target)
        assert np.abs(terms.between).max() < 1e-12 * np.max(terms.within)


@pytest.mark.parametrize("junk", [0.0, 1e6, np.nan, np.inf])
@pytest.mark.parametrize("acquisition", [MSPE(), VOptimal(), DOptimal()], ids=lambda a: type(a).__name__)
def test_a_basin_without_weight_changes_nothing_whatever_it_predicts(acquisition, junk, case):
    posterior, pool, target = case
    extended = jax.tree.map(lambda leaf: np.concatenate([leaf, np.full_like(leaf[:1], junk)]), posterior)
    extended = eqx.tree_at(lambda p: p.weight, extended, np.append(posterior.weight, 0))
    np.testing.assert_allclose(
        score(acquisition, extended, pool, target), score(acquisition, posterior, pool, target), rtol=1e-12
    )


@pytest.mark.parametrize("junk", [np.nan, np.inf])
@pytest.mark.parametrize("share", [0.01, 0.9])
@pytest.mark.parametrize("acquisition", [MSPE(), VOptimal()], ids=lambda a: type(a).__name__)
def test_a_basin_that_is_not_finite_on_the_target_is_dropped(acquisition, share, junk, case):
    posterior, pool, target = case
    more = jax.tree.map(lambda leaf: np.concatenate([leaf, leaf[:1]]), posterior)
    more = eqx.tree_at(lambda p: p.weight, more, np.append((1 - share) * posterior.weight, share))
    more.mean[-1, int(np.asarray(target.x)[0, 0])] = junk
    np.testing.assert_allclose(
        score(acquisition, more, pool, target), score(acquisition, posterior, pool, target), rtol=1e-9
    )
    assert (score(acquisition, posterior, pool, target) > 0).any()


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("acquisition", [MSPE(), VOptimal(), DOptimal()], ids=lambda a: type(a).__name__)
def test_a_candidate_where_a_basin_is_not_finite_scores_zero_and_spoils_no_other(acquisition, junk, case):
    posterior, pool, target = case
    spoilt = eqx.tree_at(
        lambda p: p.mean, posterior, np.where(np.arange(50)[:, None] == 2, junk, posterior.mean)
    )
    clean, dirty = (score(acquisition, belief, pool, target) for belief in (posterior, spoilt))
    assert dirty[2] == 0
    np.testing.assert_array_equal(np.delete(dirty, 2), np.delete(clean, 2))


def overflowing(theta, x):
    """y = a + b / x, not finite at 0"""
    return theta[0] + theta[1] / x[0]


@pytest.mark.slow
def test_derivatives_of_scores_stay_finite_beside_a_candidate_where_the_law_is_not():
    law = Law("pole", overflowing, ("x",), LINE.params)
    root = jnp.stack([jnp.eye(2), 0.5 * jnp.eye(2)])
    posterior = LawPosterior(law, jnp.array([[1.0, 1], [0, 2]]), root, jnp.array([0.5, 0.5]), jnp.ones(2))
    x, target = jnp.array([[1.0], [0.0], [2.0]]), target_of([[5.0]])
    for acquisition in (MSPE(), DOptimal()):
        at = jax.jit(lambda x, a=acquisition: a(posterior, pool_of(x), target))
        gradient = np.asarray(jax.jit(jax.grad(lambda x, at=at: jnp.sum(at(x))))(x))[[0, 2], 0]
        central = np.asarray(at(x + 1e-5) - at(x - 1e-5))[[0, 2]] / 2e-5
        assert (gradient != 0).all()
        np.testing.assert_allclose(gradient, central, rtol=1e-5)


def test_v_optimality_is_the_within_term_of_the_heaviest_basin(case):
    posterior, pool, target = case
    heaviest = int(np.argmax(posterior.weight))
    best = eqx.tree_at(
        lambda p: p.weight, jax.tree.map(lambda leaf: leaf[heaviest][None], posterior), np.ones(1)
    )
    np.testing.assert_allclose(
        score(VOptimal(), posterior, pool, target), score(MSPE(between=False), best, pool, target), rtol=1e-12
    )


def test_d_optimality_is_the_growth_of_the_log_determinant():
    rng = np.random.default_rng(5)
    posterior, pool, target = numpy_mixture(rng, 2, 1.0, 3.0, 6, 2, 4, num_outputs=2)
    heaviest = int(np.argmax(posterior.weight))
    for index, found in enumerate(score(DOptimal(), posterior, pool, target)):
        G = np.asarray(posterior.root[heaviest, index])
        grown = np.linalg.slogdet(np.eye(4) + G.T @ G / float(posterior.noise[heaviest]))[1]
        np.testing.assert_allclose(found, grown, rtol=1e-10)


def test_ablations_are_the_two_terms(case):
    terms = fall(MSPE(), *case)
    np.testing.assert_allclose(score(MSPE(between=False), *case), terms.within, rtol=1e-12)
    np.testing.assert_allclose(score(MSPE(within=False), *case), np.maximum(terms.between, 0), rtol=1e-12)
    np.testing.assert_allclose(score(MSPE(), *case), terms.within + terms.between, rtol=1e-12)
