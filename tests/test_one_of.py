"""One program for several laws: everything must come out as for each law alone."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsl.turns
from jaxsl.basins import BasinRule
from jaxsl.design import Design
from jaxsl.fit import fit
from jaxsl.identify import identify
from jaxsl.law import Law, params
from jaxsl.one_of import WIDEST, OneOf, alike, companions, places, shared, sharing, stacked, width
from jaxsl.pool import Pool, observe, uniform_target
from jaxsl.starts import random_starts
from laws.tasks import DATA_CON, DOMAIN, LR_BSZ, MOE, PARALLEL

pytestmark = pytest.mark.usefixtures("float64")
LAWS = MOE.laws[:4]  # 4 to 6 parameters, of which 2 or 3 are affine


def runs_of(num: int = 40):
    """Runs of one of the laws, with noise, and a target beyond them."""
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(np.log([2.0, 1e8]), np.log([64.0, 1e10]), (num, 2)))
    theta = random_starts(jax.random.key(1), LAWS[1], 4)[1]
    y = LAWS[1].predict(theta, jnp.asarray(x)) + 0.01 * rng.normal(size=(num, 1))
    return observe(jnp.asarray(x), y, 64), uniform_target(jnp.asarray([[64.0, 4e10], [8.0, 2e10]]))


@pytest.mark.parametrize("number", range(len(LAWS)))
def test_values_and_derivatives_are_those_of_the_law(number):
    runs, _ = runs_of()
    law, one = LAWS[number], OneOf(LAWS, jnp.asarray(number))
    theta = random_starts(jax.random.key(2), law, 3)[2]
    there = stacked(LAWS, [theta if other is law else other.lower + 0.0 for other in LAWS])[number]
    place = list(places(LAWS)[number])
    np.testing.assert_array_equal(there[jnp.array(place)], theta)
    value, jacobian = one.linearise(there, runs.x)
    expected, derivative = law.linearise(theta, runs.x)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(jacobian[..., place], derivative, rtol=1e-12)
    others = np.setdiff1d(np.arange(one.num_params), place)
    assert others.size == one.num_params - law.num_params
    np.testing.assert_array_equal(jacobian[..., others], 0.0)
    assert int(one.num_real) == law.num_params and one.real.tolist() == np.isin(range(6), place).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(LAWS)))
def test_fits_basins_and_what_is_identified_are_those_of_the_law(number):
    runs, target = runs_of()
    law, one = LAWS[number], OneOf(LAWS, jnp.asarray(number))
    starts = random_starts(jax.random.key(3), law, 8)
    there = stacked(LAWS, [starts if other is law else jnp.ones((8, other.num_params)) for other in LAWS])
    place = places(LAWS)[number]
    alone, found = fit(law, runs, starts, prior=0.3), fit(one, runs, there[number], prior=0.3)
    np.testing.assert_allclose(found.objective[0], alone.objective[0], rtol=1e-7)
    np.testing.assert_allclose(found.at(place).theta[0], alone.theta[0], rtol=1e-3, atol=1e-6)
    filling = np.setdiff1d(np.arange(one.num_params), place)
    np.testing.assert_array_equal(found.theta[:, filling], 0.0)
    # Basins of the same optima: of two equally good ones rounding decides which is the first.
    same = replace(alone, theta=stacked(LAWS, [
        alone.theta if other is law else jnp.ones((8, other.num_params)) for other in LAWS
    ])[number])  # fmt: skip
    mine, its = BasinRule()(law, runs, target, alone), BasinRule()(one, runs, target, same).at(place)
    for name in ("theta", "weight", "noise"):
        np.testing.assert_allclose(getattr(its, name), getattr(mine, name), rtol=1e-6)
    covariance = [basins.root @ basins.root.mT for basins in (its, mine)]
    np.testing.assert_allclose(*covariance, rtol=1e-6, atol=1e-9 * float(jnp.max(jnp.abs(covariance[0]))))
    told = identify(one, runs, found.theta[0], 1e-4)
    known = identify(law, runs, alone.theta[0], 1e-4)
    assert int(jnp.sum(jnp.isfinite(told.eigenvalue) & ~told.flat)) == int(
        jnp.sum(jnp.isfinite(known.eigenvalue) & ~known.flat)
    )


def test_one_program_serves_all_the_laws():
    runs, _ = runs_of()
    program = jax.jit(lambda law, key: fit(law, runs, random_starts(key, law, 4)).loss[0])
    losses = [float(program(OneOf(LAWS, number), jax.random.key(0))) for number in jnp.arange(len(LAWS))]
    assert program._cache_size() == 1
    assert losses[1] < 2e-4 and len(set(losses)) == len(LAWS)


@pytest.mark.slow
def test_a_design_believes_the_same_with_shared_programs_and_without(monkeypatch):
    runs, target = runs_of()
    design, key = Design(LAWS[1:], num_starts=32), jax.random.key(0)
    state = design.start(Pool(runs.x, jnp.ones(64)), runs)
    together = jax.jit(design.believe)(state, target, key)
    monkeypatch.setattr(jaxsl.turns, "sharing", lambda laws: tuple((i,) for i in range(len(laws))))
    apart = jax.jit(lambda *args: design.believe(*args))(state, target, key)
    assert [found.theta.shape for found in together.fits] == [(32, law.num_params) for law in LAWS[1:]]
    np.testing.assert_allclose(together.share, apart.share, rtol=0.05)  # other starting points
    np.testing.assert_allclose(together.interval(target.x), apart.interval(target.x), rtol=0.01)


def test_who_shares_a_program():
    assert sharing(MOE.laws) == (tuple(range(10)),)
    assert sharing(DATA_CON.laws) == (tuple(range(10)),)
    assert width(PARALLEL.laws) == 7 and all(law.num_params == 7 for law in alike(PARALLEL.laws))
    assert all(len(group) == 1 for group in sharing(DOMAIN.laws)), "separable or long"
    assert all(
        width(tuple(LR_BSZ.laws[i] for i in group)) <= WIDEST for group in sharing(LR_BSZ.laws) if group[1:]
    )
    other = Law("other", lambda theta, x: theta[0] * x[0], ("depth",), params(a=(0, 1)))
    assert sharing((MOE.laws[0], other, MOE.laws[1])) == ((0, 2), (1,)), "other inputs"
    assert shared(other, (MOE.laws[0], other)) is other
    assert companions(MOE.laws[1], (MOE.laws[1], other, MOE.laws[0])) == (MOE.laws[1], MOE.laws[0])
    one = shared(MOE.laws[1], MOE.laws)
    assert isinstance(one, OneOf) and one.index == 1
