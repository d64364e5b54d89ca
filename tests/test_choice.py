"""Cost, budget, mask and ties."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl.choice import Chooser
from jaxsl.design import cheapest
from jaxsl.pool import Pool

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
SCORE = np.array([1.0, 2.0, 3.0, 4.0])
COST = np.array([1.0, 4.0, 32.0, 1000.0])
ALL = np.ones(4, bool)


@jax.jit
def choose(chooser, score, cost, available, money, key=KEY):
    return chooser(score, Pool(cost[:, None], cost), available, money, key)


@partial(jax.jit, static_argnames="num")
def picked(chooser, score, cost, available, money, num):
    pick = jax.vmap(lambda key: choose(chooser, score, cost, available, money, key).index)
    return pick(jax.random.split(KEY, num))


def choices(chooser, score, cost, available=ALL, money=1e9, num=2000):
    return np.asarray(picked(chooser, score, cost, available, money, num))


@pytest.mark.parametrize(("exponent", "index"), [(0.0, 3), (0.4, 1), (1.0, 0)])
def test_the_largest_score_per_cost_to_the_exponent_wins(exponent, index):
    # gamma = 0.4: 1, 2 / 1.74, 3 / 4, 4 / 15.8
    found = choose(Chooser(cost_exponent=exponent), SCORE, COST, ALL, 1e9)
    assert found.index == index
    np.testing.assert_allclose(found.value / found.value[0], SCORE / COST**exponent)


@pytest.mark.parametrize("unit", [1e-30, 1e-3, 1e21])
@pytest.mark.parametrize("draw", [False, True])
def test_the_unit_of_the_cost_changes_no_choice(unit, draw):
    chooser, tied = Chooser(draw=draw), np.array([1.0, 1.0, 2.0, 1.0])
    for score in (SCORE, tied):
        one = choose(chooser, score, COST, ALL, 50.0)
        other = choose(chooser, score, COST * unit, ALL, 50.0 * unit)
        assert one.index == other.index


def test_only_the_available_and_affordable_are_chosen():
    chooser = Chooser(cost_exponent=0.0)
    assert choose(chooser, SCORE, COST, ALL, 32.0).index == 2
    assert choose(chooser, SCORE, COST, ALL, 31.9).index == 1
    found = choose(chooser, SCORE, COST, ALL & (SCORE != 2), 31.9)
    assert found.index == 0
    np.testing.assert_array_equal(found.value == -jnp.inf, [False, True, True, True])


def test_a_sum_of_costs_affords_itself():
    cost = np.full(4, 0.1)
    spent = 0.0
    for _ in range(3):
        spent += 0.1
    assert choose(Chooser(), SCORE, cost, ALL, 0.4 - spent).index >= 0  # 0.4 - 0.30000000000000004 < 0.1


@pytest.mark.parametrize("draw", [False, True])
@pytest.mark.parametrize(("available", "money"), [(ALL, 0.5), (~ALL, 1e9)])
def test_nothing_affordable_gives_minus_one(draw, available, money):
    found = choose(Chooser(draw=draw), SCORE, COST, available, money)
    assert found.index == -1 and (found.value == -jnp.inf).all()


@pytest.mark.parametrize("draw", [False, True])
@pytest.mark.parametrize("failed", [jnp.nan, -jnp.inf])
def test_a_candidate_whose_score_failed_is_never_bought(draw, failed):
    available = np.array([False, True, True, False])
    one = np.array([1.0, failed, 3.0, 1.0])
    assert set(choices(Chooser(draw=draw), one, COST, available, 40.0, num=50)) == {2}
    assert set(choices(Chooser(draw=draw), np.full(4, failed), COST, available, 40.0, num=50)) == {-1}


@pytest.mark.parametrize("draw", [False, True])
def test_scores_of_zero_leave_it_to_chance_among_what_may_be_bought(draw):
    available = np.array([False, True, True, False])
    assert set(choices(Chooser(draw=draw), np.zeros(4), COST, available, 40.0, num=50)) == {1, 2}


def test_exact_ties_are_broken_evenly_by_the_key():
    found = np.bincount(choices(Chooser(), np.array([1.0, 2, 2, 2]), np.ones(4)), minlength=4)
    assert found[0] == 0
    np.testing.assert_allclose(found[1:] / 2000, 1 / 3, atol=0.04)


def test_free_runs_come_first_and_are_finite():
    found = choose(Chooser(), SCORE, np.append(0.0, COST[1:]), ALL, 0.0)
    assert found.index == 0 and np.isfinite(found.value[0])
    found = choose(Chooser(), SCORE, np.zeros(4), ALL, 0.0)
    assert found.index == 3 and np.isfinite(found.value).all()
    found = choose(Chooser(), np.zeros(4), np.append(0.0, COST[1:]), ALL, 1e9)
    assert found.index >= 0


@pytest.mark.parametrize("unknown", [jnp.nan, jnp.inf])
@pytest.mark.parametrize("draw", [False, True])
def test_a_cost_that_is_no_number_is_never_paid_and_changes_no_other_value(unknown, draw):
    chooser, cost, score = Chooser(draw=draw), np.append(COST, unknown), np.append(SCORE, 1e9)
    every = np.ones(5, bool)
    for money in (50.0, jnp.inf):
        alone, among = (
            choose(chooser, *given, money) for given in ((SCORE, COST, ALL), (score, cost, every))
        )
        np.testing.assert_array_equal(among.value, np.append(alone.value, -np.inf))
        assert 4 not in choices(chooser, score, cost, every, money, num=50)
    assert not cheapest(cost, 5, jnp.inf)[4] and cheapest(cost, 5, jnp.inf)[:4].all()


def test_a_draw_is_proportional_to_the_value():
    found = np.bincount(choices(Chooser(cost_exponent=1.0, draw=True), np.ones(4), COST), minlength=4)
    expected = np.asarray(1 / COST) / np.sum(1 / np.asarray(COST))
    np.testing.assert_allclose(found / 2000, expected, atol=0.03)
