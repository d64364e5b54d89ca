"""Quadrature rules against moments, and the between-basin term against adaptive integration."""

import functools

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import softmax
from scipy.stats import norm

from experiments.speed.mixtures import random_mixture
from experiments.speed.quadrature import REFERENCE
from experiments.speed.rules import Trapezoid
from jaxsl.acquisition import MSPE
from jaxsl.quadrature import GaussHermite, GaussLegendre, QuasiMonteCarlo

pytestmark = pytest.mark.usefixtures("float64")

FINE = GaussLegendre(edges=(2.0, 4.0, 7.0), num_nodes=16)
WEIGHT = np.array([0.5, 0.3, 0.2])
MEAN = np.array([-1.0, 0.5, 4.0])
DEVIATION = np.array([0.3, 1.0, 2.0])


def nodes(rule, weight=WEIGHT, mean=MEAN, deviation=DEVIATION):
    y, probability = jax.jit(rule)(mean[:, None], deviation[:, None, None], weight)
    assert y.shape == (probability.size, 1)
    return np.asarray(y[:, 0]), np.asarray(probability)


def test_gauss_hermite_is_exact_on_polynomials_below_twice_its_nodes():
    y, probability = nodes(GaussHermite(5))
    for degree in range(10):
        exact = sum(w * norm(m, s).moment(degree) for w, m, s in zip(WEIGHT, MEAN, DEVIATION, strict=True))
        np.testing.assert_allclose(probability @ y**degree, exact, rtol=1e-12)
    exact = sum(w * norm(m, s).moment(10) for w, m, s in zip(WEIGHT, MEAN, DEVIATION, strict=True))
    assert abs(probability @ y**10 / exact - 1) > 1e-6


def test_gauss_hermite_product_rule_is_exact_on_mixed_moments_of_two_outputs():
    root = np.array([[[1.0, 0.0], [0.5, 2.0]]])
    y, probability = GaussHermite(4)(np.array([[1.0, -2.0]]), root, np.ones(1))
    z = np.asarray(y) - [1.0, -2.0]
    covariance = root[0] @ root[0].T
    np.testing.assert_allclose(np.asarray(probability) @ y, [1, -2], rtol=1e-12)
    np.testing.assert_allclose((z.T * np.asarray(probability)) @ z, covariance, rtol=1e-12)
    fourth = covariance[0, 0] * covariance[1, 1] + 2 * covariance[0, 1] ** 2  # Isserlis
    np.testing.assert_allclose(np.asarray(probability) @ (z[:, 0] * z[:, 1]) ** 2, fourth, rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "tolerance"),
    [
        (GaussHermite(), 1e-13),
        (GaussLegendre(), 1e-4),
        (FINE, 1e-9),
        (Trapezoid(), 1e-12),
        (QuasiMonteCarlo(), 0.02),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_rule_gives_the_mixture_its_mean_and_variance(rule, tolerance):
    y, probability = nodes(rule)
    mean = WEIGHT @ MEAN
    variance = WEIGHT @ (DEVIATION**2 + MEAN**2) - mean**2
    np.testing.assert_allclose(probability.sum(), 1, rtol=1e-12)
    np.testing.assert_allclose(probability @ y, mean, rtol=tolerance)
    np.testing.assert_allclose(probability @ y**2 - mean**2, variance, rtol=tolerance)


@pytest.mark.parametrize("rule", [GaussHermite(), GaussLegendre(), Trapezoid(), QuasiMonteCarlo()])
def test_a_component_without_weight_changes_nothing(rule):
    y, probability = nodes(rule)
    more = nodes(rule, np.append(WEIGHT, 0), np.append(MEAN, 1e6), np.append(DEVIATION, 1e-9))
    for power in (1, 2, 4):
        np.testing.assert_allclose(more[1] @ more[0] ** power, probability @ y**power, rtol=1e-12)


def test_a_rule_for_one_output_refuses_two():
    with pytest.raises(ValueError, match="serves one output, not 2"):
        GaussLegendre()(np.zeros((1, 2)), np.eye(2)[None], np.ones(1))


def between_by_adaptive_integration(posterior, pool, target, index):
    """``V - E[V+]`` from the definitions, pair by pair, integrated over y by QUADPACK."""
    weight, noise = np.asarray(posterior.weight), np.asarray(posterior.noise)
    here, there = posterior.at(pool.x[index : index + 1]), posterior.at(target.x)
    m, g = np.asarray(here.mean)[:, 0, 0], np.asarray(here.root)[:, 0, 0]
    F, J = np.asarray(there.mean)[..., 0], np.asarray(there.root)[..., 0, :]
    s = np.sqrt(noise + (g**2).sum(1))
    u = np.einsum("ktf,kf->kt", J, g) / (s**2)[:, None]

    def variance(w, mean):
        distance = ((mean[:, None] - mean) ** 2).mean(axis=-1)
        return w @ distance @ w / 2

    def integrand(y):
        log = np.log(weight) - np.log(s) - ((y - m) / s) ** 2 / 2
        density = np.exp(log).sum() / np.sqrt(2 * np.pi)
        return density * (variance(weight, F) - variance(softmax(log), F + u * (y - m)[:, None]))

    edges = np.unique(m[:, None] + s[:, None] * [-9, -4, -2, 0, 2, 4, 9])
    value, _ = quad(
        integrand, edges[0], edges[-1], points=edges[1:-1], limit=2000, epsabs=1e-9 * variance(weight, F)
    )
    return value


@eqx.filter_jit
def fall(rule, posterior, pool, target):
    return MSPE(rule=rule).fall(posterior, pool.x, target)


def score(rule, case):
    terms = fall(rule, *case)
    return np.asarray(terms.within + terms.between)


def mixture(num_basins, separation, ratio, num_pool=64):
    """A random case in eight slots, so that all numbers of basins share a program."""
    rng = np.random.default_rng([num_basins, int(10 * separation), int(ratio)])
    posterior, pool, target = jax.tree.map(
        np.asarray, random_mixture(rng, num_basins, separation, ratio, num_pool)
    )

    def pad(leaf):
        return np.concatenate([leaf, np.zeros((8 - num_basins, *leaf.shape[1:]))])

    return jax.tree.map(pad, posterior), pool, target


@pytest.mark.slow
@pytest.mark.parametrize("num_basins", [2, 8])
@pytest.mark.parametrize("ratio", [1.0, 10.0], ids=["equal", "unequal"])
@pytest.mark.parametrize("separation", [0.3, 3.0, 30.0], ids=["overlapping", "apart", "far"])
def test_panels_agree_with_adaptive_integration(num_basins, separation, ratio):
    case = mixture(num_basins, separation, ratio)
    fine, reference = fall(FINE, *case), fall(REFERENCE, *case)
    largest = np.max(np.add(fine.within, fine.between))
    posterior = jax.tree.map(lambda leaf: leaf[:num_basins], case[0])
    for index in range(2):
        exact = between_by_adaptive_integration(posterior, *case[1:], index)
        np.testing.assert_allclose(fine.between[index], exact, atol=1e-8 * largest)
        np.testing.assert_allclose(reference.between[index], exact, atol=1e-8 * largest)


@functools.cache
def exact_score(numbers):
    return score(REFERENCE, mixture(*numbers))


MIXTURES = [
    (num_basins, separation, ratio)
    for num_basins in (2, 8)
    for separation in (0.3, 1.0, 3.0, 10.0, 30.0)
    for ratio in (1.0, 3.0, 10.0, 100.0)
]


def errors(rule, cases):
    """Error relative to the largest score, and whether the choice is the exact one, of every mixture."""
    for numbers in cases:
        exact, ours = exact_score(numbers), score(rule, mixture(*numbers))
        yield float(np.max(np.abs(ours - exact)) / np.max(exact)), ours.argmax() == exact.argmax()


@pytest.mark.slow
def test_the_default_rule_scores_to_a_thousandth_and_chooses_as_the_exact_score():
    found = list(errors(None, MIXTURES))
    assert max(error for error, _ in found) < 3e-4
    assert all(same for _, same in found)


@pytest.mark.slow
def test_the_fine_rule_scores_to_1e_8():
    assert max(error for error, _ in errors(FINE, MIXTURES)) < 1e-8


@pytest.mark.slow
def test_gauss_hermite_scores_basins_of_equal_width_to_a_thousandth_but_not_unequal_ones():
    rule = GaussHermite(32)
    equal = [case for case in MIXTURES if case[2] == 1]
    found = list(errors(rule, equal))
    assert max(error for error, _ in found) < 5e-3 and np.median([error for error, _ in found]) < 1e-3
    assert max(error for error, _ in errors(rule, [(8, 0.3, 10.0), (2, 0.3, 10.0)])) > 1e-2


@pytest.mark.slow
def test_the_trapezoid_scores_to_1e_8_while_a_deviation_spans_a_few_nodes():
    near = [case for case in MIXTURES if case[2] <= 3 and case[1] <= 3]
    assert max(error for error, _ in errors(Trapezoid(256), near)) < 1e-8
