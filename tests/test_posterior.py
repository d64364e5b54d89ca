"""Moments, quantiles and mixtures of posteriors."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm
from synthetic import LINE, PAIR, rows, tabulated

from jaxsl import moments as core
from jaxsl.law import Law
from jaxsl.posterior import Heaviest, LawPosterior, Mixture, Predictive, finite, predict

pytestmark = pytest.mark.usefixtures("float64")
RNG = np.random.default_rng(2)
LEVELS = (0.001, 0.025, 0.5, 0.9, 0.999)


def in_numpy(function):
    """A function as one program, whose answer can be looked up without another."""
    program = eqx.filter_jit(function)
    return lambda *given: jax.tree.map(np.asarray, program(*given))


moments, quantile = in_numpy(core.moments), in_numpy(core.quantile)
at, finite_at = in_numpy(lambda posterior, x: posterior.at(x)), in_numpy(lambda p, x: finite(predict(p, x)))


@in_numpy
def best_at(posterior, x):
    best = Heaviest(posterior)
    return best.weight, best.noise, best.at(x).mean


def random_posterior(num_basins=3, num_rows=4, num_outputs=2):
    return tabulated(
        RNG.dirichlet(np.ones(num_basins)),
        RNG.uniform(0.01, 1, num_basins),
        5 * RNG.normal(size=(num_basins, num_rows, num_outputs)),
        RNG.normal(size=(num_basins, num_rows, num_outputs, 3)),
    )


@pytest.mark.parametrize("noisy", [True, False])
def test_quantiles_agree_with_root_finding(noisy):
    posterior = random_posterior()
    found = quantile(posterior, rows(0, 4), LEVELS, noisy)
    assert found.shape == (5, 4, 2)
    for row, output in np.ndindex(4, 2):
        mean = np.asarray(posterior.mean[:, row, output])
        variance = (posterior.root[:, row, output] ** 2).sum(-1) + noisy * posterior.noise
        deviation = np.sqrt(np.asarray(variance))

        def below(y, level, mean=mean, sd=deviation):
            return np.asarray(posterior.weight) @ norm.cdf(y, mean, sd) - level

        expected = [brentq(below, -100, 100, args=(level,), xtol=1e-12) for level in LEVELS]
        np.testing.assert_allclose(found[:, row, output], expected, rtol=1e-8, atol=1e-8)


def test_quantiles_of_one_gaussian_are_its_own():
    posterior = tabulated([1.0], [3.0], [[[2.0]]], [[[[1.0]]]])
    found = quantile(posterior, rows(0, 1), LEVELS)[:, 0, 0]
    np.testing.assert_allclose(found, norm(2, 2).ppf(LEVELS), rtol=1e-10)


def test_moments_are_those_of_samples():
    posterior = random_posterior(num_rows=1, num_outputs=1)
    found = moments(posterior, rows(0, 1))
    component = RNG.choice(3, 400_000, p=np.asarray(posterior.weight))
    sd = np.sqrt((posterior.root[:, 0, 0] ** 2).sum(-1))
    sample = np.asarray(posterior.mean)[component, 0, 0] + np.asarray(sd)[component] * RNG.normal(
        size=400_000
    )
    np.testing.assert_allclose(found.mean[0, 0], sample.mean(), atol=0.05)
    np.testing.assert_allclose(found.within[0, 0] + found.between[0, 0], sample.var(), rtol=0.01)


def test_a_law_posterior_linearises_the_law():
    theta, root = np.array([[0.5, 1.0, 2.0], [0.0, 1.0, 0.0]]), RNG.normal(size=(2, 3, 3))
    posterior = LawPosterior(PAIR, theta, root, np.array([0.5, 0.5]), np.ones(2))
    found = at(posterior, np.array([[3.0]]))
    np.testing.assert_allclose(found.mean[0, 0], [3.5, -17.5])
    np.testing.assert_allclose(found.root[1, 0], np.array([[1, 3, 0], [1, 0, -9]]) @ root[1])


def test_a_mixture_of_two_laws_pads_their_factors():
    flat = Law("flat", lambda theta, x: theta[0] + 0 * x[0], ("x",), LINE.params[:1])
    parts = (
        LawPosterior(LINE, np.array([[0.0, 1]]), 2 * np.eye(2)[None], np.ones(1), np.array([0.1])),
        LawPosterior(
            flat, np.array([[1.0], [2]]), np.ones((2, 1, 1)), np.array([0.25, 0.75]), np.full(2, 0.2)
        ),
    )
    both = Mixture(parts, np.array([0.6, 0.4]))
    weight, noise = in_numpy(lambda both: (both.weight, both.noise))(both)
    np.testing.assert_allclose(weight, [0.6, 0.1, 0.3])
    np.testing.assert_allclose(noise, [0.1, 0.2, 0.2])
    x = np.array([[3.0]])
    found = at(both, x)
    np.testing.assert_allclose(found.mean[:, 0, 0], [3, 1, 2])
    np.testing.assert_allclose(found.root[:, 0, 0], [[2, 6], [1, 0], [1, 0]])
    total = moments(both, x)
    np.testing.assert_allclose(total.mean, 0.6 * 3 + 0.1 * 1 + 0.3 * 2)
    np.testing.assert_allclose(total.within, 0.6 * 40 + 0.4 * 1)


def test_best_is_the_heaviest_basin_with_weight_one():
    posterior = random_posterior()
    heaviest = int(np.argmax(posterior.weight))
    weight, noise, mean = best_at(posterior, rows(0, 4))
    assert weight == 1 and noise == posterior.noise[heaviest]
    np.testing.assert_array_equal(mean[0], posterior.mean[heaviest])


@pytest.mark.parametrize("junk", [np.nan, np.inf])
def test_empty_slots_change_no_moment_and_no_quantile(junk):
    posterior = random_posterior()
    slots = jax.tree.map(lambda leaf: np.concatenate([leaf, np.full_like(leaf[:1], junk)]), posterior)
    slots = eqx.tree_at(lambda p: p.weight, slots, np.append(posterior.weight, 0.0))
    for summary in (moments, lambda p, x: quantile(p, x, LEVELS)):
        found, expected = summary(slots, rows(0, 4)), summary(posterior, rows(0, 4))
        for with_slots, without in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(with_slots, without, rtol=1e-12)
    assert finite_at(slots, rows(0, 4)).all()


def test_rows_where_a_basin_in_use_is_not_finite_are_told():
    posterior = random_posterior()
    posterior.mean[1, 2, 0] = np.inf
    posterior.root[0, 3, 1, 2] = np.nan
    np.testing.assert_array_equal(finite_at(posterior, rows(0, 4)), [True, True, False, False])


def test_moments_are_of_the_basins_that_are_finite_row_by_row():
    posterior = random_posterior()
    clean = moments(posterior, rows(0, 4))
    posterior.mean[1, 2, 0] = np.nan
    found = moments(posterior, rows(0, 4))
    others = jax.tree.map(lambda leaf: leaf[[0, 2]], posterior)
    others = eqx.tree_at(lambda p: p.weight, others, others.weight / others.weight.sum())
    left = moments(others, rows(0, 4))
    for dirty, whole, part in zip(*map(jax.tree.leaves, (found, clean, left)), strict=True):
        np.testing.assert_array_equal(np.delete(dirty, 2, axis=0), np.delete(whole, 2, axis=0))
        np.testing.assert_allclose(dirty[2], part[2], rtol=1e-12)
    posterior.mean[:, 3, 0] = np.nan
    assert np.isnan(moments(posterior, rows(3, 4)).mean[0, 0])


class Far(eqx.Module):
    """Two basins at 1 and 2, and a light one as far off as a law that overflows."""

    place: float

    @property
    def weight(self):
        return jnp.array([0.5, 0.45, 0.05, 0.0])

    @property
    def noise(self):
        return jnp.full(4, 1e-4)

    def at(self, x):
        mean = jnp.array([1.0, 2.0, self.place, 7.0])[:, None, None]
        return Predictive(mean, jnp.zeros((4, 1, 1, 1)))


@pytest.mark.parametrize("place", [1e3, 1e30, -1e200, jnp.inf, jnp.nan])
def test_one_basin_far_off_takes_no_digits_from_the_quantiles(place):
    found = quantile(Far(np.asarray(place)), np.ones((1, 1)), (0.3, 0.7))[:, 0, 0]
    shift = 0.05 if place < 0 else 0.0
    by_hand = [1 + 0.01 * norm.ppf((0.3 - shift) / 0.5), 2 + 0.01 * norm.ppf((0.7 - shift - 0.5) / 0.45)]
    np.testing.assert_allclose(found, by_hand, rtol=1e-9)
