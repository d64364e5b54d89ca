"""One program for several laws: everything must come out as for each law alone."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsl.turns
from jaxsl.basins import BasinRule
from jaxsl.belief import Belief
from jaxsl.design import Design
from jaxsl.fit import fit
from jaxsl.identify import identify
from jaxsl.law import Law, params
from jaxsl.one_of import WIDEST, OneOf, alike, companions, places, shared, sharing, stacked, width
from jaxsl.pool import Pool, observe, uniform_target
from jaxsl.precision import to_numpy
from jaxsl.starts import random_starts
from laws.tasks import DATA_CON, DOMAIN, LR_BSZ, MOE, PARALLEL

pytestmark = pytest.mark.usefixtures("float64")
LAWS = MOE.laws[:4]  # 4 to 6 parameters, of which 2 or 3 are affine
starts_of = jax.jit(random_starts, static_argnums=2)
side_by_side = jax.jit(lambda thetas: stacked(LAWS, thetas))
linearised = jax.jit(lambda law, theta, x: law.linearise(theta, x))
fitted = jax.jit(lambda law, runs, starts: fit(law, runs, starts, prior=0.3))
basins_of = jax.jit(BasinRule())
identified = jax.jit(identify)
interval = jax.jit(Belief.interval)


def runs_of(num: int = 40):
    """Runs of one of the laws, with noise, and a target beyond them."""
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(np.log([2.0, 1e8]), np.log([64.0, 1e10]), (num, 2)))
    theta = starts_of(jax.random.key(1), LAWS[1], 4)[1]
    y = jax.jit(LAWS[1].predict)(theta, x) + 0.01 * rng.normal(size=(num, 1))
    return observe(jnp.asarray(x), y, 64), uniform_target(jnp.asarray([[64.0, 4e10], [8.0, 2e10]]))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(LAWS)))
def test_values_and_derivatives_are_those_of_the_law(number):
    runs, _ = runs_of()
    law, one = LAWS[number], OneOf(LAWS, np.asarray(number))
    theta = starts_of(jax.random.key(2), law, 3)[2]
    there = np.asarray(side_by_side([theta if other is law else other.lower for other in LAWS]))[number]
    place = list(places(LAWS)[number])
    np.testing.assert_array_equal(there[place], theta)
    value, jacobian = map(np.asarray, linearised(one, there, runs.x))
    expected, derivative = linearised(law, theta, runs.x)
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
    law, one = LAWS[number], OneOf(LAWS, np.asarray(number))
    starts = starts_of(jax.random.key(3), law, 8)

    def there(own):
        """Parameters of the law where those of the ``OneOf`` stand."""
        thetas = [own if other is law else np.ones((8, other.num_params)) for other in LAWS]
        return np.asarray(side_by_side(thetas))[number]

    place = places(LAWS)[number]
    alone, found = (
        to_numpy(fitted(which, runs, start)) for which, start in ((law, starts), (one, there(starts)))
    )
    np.testing.assert_allclose(found.objective[0], alone.objective[0], rtol=1e-7)
    np.testing.assert_allclose(found.at(place).theta[0], alone.theta[0], rtol=1e-3, atol=1e-6)
    filling = np.setdiff1d(np.arange(one.num_params), place)
    np.testing.assert_array_equal(found.theta[:, filling], 0.0)
    # Basins of the same optima: of two equally good ones rounding decides which is the first.
    same = replace(alone, theta=there(alone.theta))
    mine, its = (
        to_numpy(basins_of(which, runs, target, fits)) for which, fits in ((law, alone), (one, same))
    )
    its = its.at(place)
    for name in ("theta", "weight", "noise"):
        np.testing.assert_allclose(getattr(its, name), getattr(mine, name), rtol=1e-6)
    covariance = [basins.root @ basins.root.mT for basins in (its, mine)]
    np.testing.assert_allclose(*covariance, rtol=1e-6, atol=1e-9 * np.max(np.abs(covariance[0])))
    told, known = (
        to_numpy(identified(which, runs, theta, np.asarray(1e-4)))
        for which, theta in ((one, found.theta[0]), (law, alone.theta[0]))
    )
    num_told, num_known = (np.sum(np.isfinite(it.eigenvalue) & ~it.flat) for it in (told, known))
    assert num_told == num_known


@pytest.mark.slow
def test_one_program_serves_all_the_laws():
    runs, _ = runs_of()
    program = jax.jit(lambda law, key: fit(law, runs, random_starts(key, law, 4)).loss[0])
    losses = [float(program(OneOf(LAWS, number), jax.random.key(0))) for number in jnp.arange(len(LAWS))]
    assert program._cache_size() == 1
    assert losses[1] < 2e-4 and len(set(losses)) == len(LAWS)


@pytest.mark.slow
def test_a_design_believes_the_same_with_shared_programs_and_without(monkeypatch):
    runs, target = runs_of()
    design, key = Design(LAWS[1:3], num_starts=32), jax.random.key(0)
    state = design.start(Pool(runs.x, jnp.ones(64)), runs)
    together = jax.jit(design.believe)(state, target, key)
    monkeypatch.setattr(jaxsl.turns, "sharing", lambda laws: tuple((i,) for i in range(len(laws))))
    apart = jax.jit(lambda *args: design.believe(*args))(state, target, key)
    assert [found.theta.shape for found in together.fits] == [(32, law.num_params) for law in LAWS[1:3]]
    np.testing.assert_allclose(together.share, apart.share, rtol=0.05)  # other starting points
    np.testing.assert_allclose(interval(together, target.x), interval(apart, target.x), rtol=0.01)


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
