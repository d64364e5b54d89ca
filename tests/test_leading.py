"""The best of a large pool: a bound for all, and expectations where it leaves a doubt, change no choice."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from synthetic import pool_of, rows, tabulated, target_of

from experiments.speed.mixtures import random_mixture
from jaxsl.acquisition import MSPE, VOptimal, leading, mspe
from jaxsl.acquisition.aim import aims
from jaxsl.acquisition.blocks import blocks, in_blocks
from jaxsl.batch import Pending, shortlist
from jaxsl.choice import Chooser
from jaxsl.design import Design
from jaxsl.pool import Pool
from jaxsl.posterior import predict

pytestmark = pytest.mark.usefixtures("float64")
NUM_POOL = 70


@pytest.fixture
def small_blocks(monkeypatch):
    """A pool of 70 is large, and lies in five blocks of 16, the last rows of which are padding."""
    monkeypatch.setattr(mspe, "WHOLE", 8)
    monkeypatch.setattr(mspe, "BLOCK", 16)


def mixture(seed, num_basins, separation=1.0, ratio=3.0):
    rng = np.random.default_rng(seed)
    return random_mixture(rng, num_basins, separation, ratio, NUM_POOL)


@eqx.filter_jit
def bound_and_fall(posterior, pool, target):
    weight, kept = aims(posterior, target)
    fall = MSPE().fall(posterior, pool.x, target)
    return kept[len(weight)].most(predict(posterior, pool.x)), fall.within + fall.between


@pytest.mark.parametrize("num_basins", [1, 2, 8])
def test_no_score_is_above_its_bound(num_basins):
    for seed, (separation, ratio) in enumerate(
        [(0.3, 1.0), (0.3, 30.0), (3.0, 1.0), (3.0, 30.0), (30.0, 10.0)]
    ):
        bound, fall = bound_and_fall(*mixture(seed, num_basins, separation, ratio))
        assert (bound >= fall * (1 - 1e-6)).all()  # as exact as the quadrature
        if num_basins == 1:
            np.testing.assert_allclose(bound, fall, rtol=1e-12)
        if separation == 30:
            assert np.median(bound / fall) < 1.1


@pytest.mark.parametrize("a", [0.0, 1.0, 40.0])
def test_the_bound_of_two_basins_by_hand(a):
    # As in test_mspe: weights 1/2, -a and a at the candidate, -b and b at the target, noise 1: V = b^2, of
    # which at least b^2 exp(-a^2) is left, and exactly the integral of b^2 / cosh(ay)^2.
    b = 3.0
    posterior = tabulated([0.5, 0.5], [1, 1], [[[-a], [-b]], [[a], [b]]], np.zeros((2, 2, 1, 1)))
    left, _ = quad(lambda y: norm.pdf(y) * np.exp(-(a**2) / 2) / np.cosh(a * y), -12, 12, points=[0])
    (bound,), _ = bound_and_fall(posterior, pool_of(rows(0, 1)), target_of(rows(1, 2)))
    np.testing.assert_allclose(bound, b**2 * (1 - np.exp(-(a**2))), atol=1e-12)
    assert bound >= b**2 * (1 - left) - 1e-12


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("num_basins", [2, 6])
@pytest.mark.parametrize("num", [1, 4])
def test_the_best_are_those_of_the_whole_pool(num_basins, num):
    price = np.random.default_rng(1).uniform(0.5, 2, NUM_POOL)
    price[::7] = np.inf
    lead = jax.jit(lambda *case: MSPE(batch=4).leading(*case, num))
    whole = jax.jit(MSPE(batch=4).__call__)
    saved = 0
    for seed in range(6):
        posterior, pool, target = mixture(seed, num_basins, (0.3, 3.0)[seed % 2])
        # The first row is what padding repeats; it must not count twice where it is the best.
        first = int(np.argmax(np.asarray(whole(posterior, pool, target)) / price)) if seed else 3
        order = np.r_[first, np.delete(np.arange(NUM_POOL), first)]
        pool = Pool(np.asarray(pool.x)[order], pool.cost)
        found = np.asarray(lead(posterior, pool, target, price[order]))
        exact = np.asarray(whole(posterior, pool, target))
        value = np.where(np.isfinite(price[order]), exact / price[order], -np.inf)
        best = np.argsort(-value)[:num]
        np.testing.assert_array_equal(
            np.argsort(-found / np.where(np.isinf(found), 1, price[order]))[:num], best
        )
        known = found > -np.inf
        np.testing.assert_allclose(found[known], exact[known], rtol=1e-12)
        assert not known[np.isinf(price[order])].any()
        saved += np.sum(~known)
    assert saved > NUM_POOL


@pytest.mark.slow
@pytest.mark.usefixtures("small_blocks")
def test_every_score_where_all_are_wanted_and_none_below_the_least():
    posterior, pool, target = mixture(0, 6)
    lead = jax.jit(
        lambda every, least: MSPE().leading(posterior, pool, target, np.ones(NUM_POOL), 1, every, least)
    )
    exact = np.asarray(jax.jit(MSPE().__call__)(posterior, Pool(pool.x[:8], pool.cost[:8]), target))
    every = np.asarray(lead(True, -np.inf))
    np.testing.assert_allclose(every[:8], exact, rtol=1e-12)
    assert np.isfinite(every).all()
    assert np.isinf(np.asarray(lead(False, 10 * every.max()))).all()


@pytest.mark.usefixtures("small_blocks")
def test_a_candidate_that_is_not_finite_scores_zero():
    posterior, pool, target = mixture(0, 6)
    spoilt = eqx.tree_at(lambda p: p.mean, posterior, posterior.mean.at[1, 5].set(jnp.nan))
    found = jax.jit(lambda *case: MSPE().leading(*case, np.ones(NUM_POOL), NUM_POOL))(spoilt, pool, target)
    assert found[5] == 0 and np.isfinite(found).all() and (np.delete(found, 5) > 0).all()


@pytest.mark.slow
def test_design_and_shortlist_choose_the_same(monkeypatch):
    posterior, pool, target = mixture(2, 3)
    pool = Pool(pool.x, jnp.asarray(np.random.default_rng(0).uniform(1, 9, NUM_POOL)))
    every, money, key = jnp.ones(NUM_POOL, bool), jnp.asarray(6.0), jax.random.key(0)
    nobody = Pending(pool.x[:1], jnp.zeros(1, bool))

    def chosen():
        @jax.jit
        def both(draw):
            design = Design((), chooser=Chooser(0.4, draw=draw))
            short = shortlist(
                design.acquisition, design.chooser, posterior, pool, target, every, money, nobody, 5
            )
            return design.choose(posterior, pool, target, every, jnp.inf, money, key).index, short

        return [np.asarray(part) for draw in (False, True) for part in both(draw)]

    whole = chosen()
    monkeypatch.setattr(mspe, "WHOLE", 8)
    monkeypatch.setattr(mspe, "BLOCK", 16)
    for blocked, expected in zip(chosen(), whole, strict=True):
        np.testing.assert_array_equal(blocked, expected)
    assert pool.cost[whole[0]] <= 6 and whole[0] != whole[2]


def test_an_acquisition_without_a_bound_scores_all():
    posterior, pool, target = mixture(0, 2)
    few = Pool(pool.x[:9], pool.cost[:9])
    found = jax.jit(lambda *case: leading(VOptimal(), *case, np.ones(9)))(posterior, few, target)
    np.testing.assert_allclose(found, jax.jit(VOptimal().__call__)(posterior, few, target), rtol=1e-12)


@pytest.mark.parametrize("num, size", [(10, 4), (8, 4), (3, 4)])
def test_blocks_are_samples_of_all_rows(num, size):
    x = np.arange(float(num))
    cut = np.asarray(blocks(x, size))
    assert cut.shape == (-(-num // size), min(size, num))
    np.testing.assert_array_equal(cut[0][:2], x[:: len(cut)][:2])
    np.testing.assert_array_equal(in_blocks(lambda part: {"double": 2 * part}, x, size)["double"], 2 * x)
