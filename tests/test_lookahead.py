"""Plans for the rest of a budget: against updates worked out in NumPy, and against all plans."""

from dataclasses import replace
from itertools import permutations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl.design import Design
from jaxsl.law import Law, params
from jaxsl.lookahead import Rollout
from jaxsl.pool import Pool, uniform_target
from jaxsl.posterior import LawPosterior, Mixture

pytestmark = pytest.mark.usefixtures("float64")
LINE = Law(
    "two", lambda theta, x: jnp.stack([theta[0] + theta[1] * x[0], theta[1] - theta[2] * x[0]]), ("x",),
    params(a=(-9, 9), b=(-9, 9), c=(-9, 9)), outputs=("y", "z"),
)  # fmt: skip
X = np.array([[0.5], [1.0], [2.0], [4.0]])
COST = np.array([1.0, 2.0, 3.0, 7.0])
TARGET = np.array([[5.0], [8.0]])
WEIGHT, NOISE = np.array([0.7, 0.3]), np.array([0.5, 2.0])
ROOT = np.random.default_rng(0).normal(size=(2, 3, 3))
EVERY, KEY = np.ones(4, bool), jax.random.key(0)
planned, decided, priced = map(eqx.filter_jit, (Rollout.plans, Rollout.__call__, Design.priced))


def world():
    belief = LawPosterior(LINE, jnp.zeros((2, 3)), *map(jnp.asarray, (ROOT, WEIGHT, NOISE)))
    return belief, Pool(jnp.asarray(X), jnp.asarray(COST)), uniform_target(jnp.asarray(TARGET))


def jacobian(x):
    return np.array([[1.0, x, 0.0], [0.0, 1.0, -x]])


def variance(runs):
    """Mean variance of both outputs on the target after the outcomes of ``runs``, by information matrices."""
    total = 0.0
    for weight, noise, root in zip(WEIGHT, NOISE, ROOT, strict=True):
        information = np.eye(3) + sum((jacobian(x) @ root).T @ (jacobian(x) @ root) for x in runs) / noise
        at = np.concatenate([jacobian(x) @ root for x in TARGET[:, 0]])
        total += weight * np.trace(at @ np.linalg.inv(information) @ at.T) / len(at)
    return total


def greedy(money, exponent):
    bought: list[int] = []
    while True:
        left = money - COST[bought].sum()
        may = [i for i in range(4) if i not in bought and COST[i] <= left]
        if not may:
            return bought
        now = variance(X[bought, 0])
        value = [(now - variance(X[[*bought, i], 0])) / COST[i] ** exponent for i in may]
        bought.append(may[int(np.argmax(value))])


@pytest.mark.parametrize("money", [1.0, 3.0, 6.0, 9.0])
def test_every_plan_is_the_greedy_one_of_its_exponent_and_the_best_decides(money):
    rule = Rollout()
    given = *world(), EVERY, np.array(money), KEY
    plans = planned(rule, *given)
    by_hand = [greedy(money, exponent) for exponent in rule.exponents]
    np.testing.assert_allclose(plans.variance, [variance(X[plan, 0]) for plan in by_hand])
    np.testing.assert_allclose(plans.spent, [COST[plan].sum() for plan in by_hand])
    np.testing.assert_array_equal(plans.bought, [np.isin(np.arange(4), plan) for plan in by_hand])
    left = [variance(X[plan, 0]) for plan in by_hand]
    first = next(i for i in range(len(left)) if left[i] <= min(left) * (1 + 1e-6))
    assert float(decided(rule, *given)) == rule.exponents[first]


def test_no_plan_is_worse_than_the_best_order_of_all_by_much():
    plans = planned(Rollout(), *world(), EVERY, np.array(9.0), KEY)
    sets = {tuple(sorted(order[:k])) for order in permutations(range(4)) for k in range(5)}
    best = min(variance(X[list(runs), 0]) for runs in sets if COST[list(runs)].sum() <= 9)
    assert best * (1 - 1e-9) <= plans.variance.min() <= 1.2 * best


def test_unavailable_runs_are_never_planned_and_with_money_for_all_nothing_is():
    only = np.array([False, True, False, False])
    plans = planned(Rollout(), *world(), only, np.array(99.0), KEY)
    np.testing.assert_array_equal(plans.bought, [only] * 3)
    rule = Rollout((0.7, 0.0))
    for money in (COST.sum(), np.inf):
        assert float(decided(rule, *world(), EVERY, np.array(money), KEY)) == 0.7


@pytest.mark.slow
def test_of_a_group_one_run_is_planned():
    plans = planned(Rollout(), *world(), EVERY, np.array(99.0), KEY, np.array([5, 7, 5, 7]))
    bought = np.asarray(plans.bought)
    assert (bought[:, [0, 2]].sum(axis=1) == 1).all() and (bought[:, [1, 3]].sum(axis=1) == 1).all()
    np.testing.assert_allclose(plans.variance, [variance(X[plan, 0]) for plan in bought])
    np.testing.assert_allclose(plans.spent, bought @ COST)


@pytest.mark.slow
@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_a_cost_that_is_no_number_changes_no_plan(unknown):
    belief, pool, target = world()
    more = Pool(*map(jnp.asarray, (np.append(X, X[:1], axis=0), np.append(COST, unknown))))
    five = np.ones(5, bool)
    plans = planned(Rollout(), belief, pool, target, EVERY, np.array(6.0), KEY)
    among = planned(Rollout(), belief, more, target, five, np.array(6.0), KEY)
    np.testing.assert_allclose(among.variance, plans.variance)
    np.testing.assert_array_equal(np.asarray(among.bought)[:, :4], plans.bought)
    assert not np.asarray(among.bought)[:, 4].any()
    enough = np.array(COST.sum())  # for all that have a price: the first exponent, unplanned
    rule = Rollout((0.7, 0.0))
    assert float(decided(rule, belief, more, target, five, enough, KEY)) == 0.7


def test_a_law_that_is_not_finite_on_the_target_changes_no_plan():
    belief, pool, target = world()
    blind = replace(LINE, function=lambda theta, x: LINE.function(theta, x) / jnp.where(x[0] > 4.5, 0.0, 1.0))
    both = Mixture((belief, replace(belief, law=blind)), jnp.array([0.99, 0.01]))
    given = pool, target, EVERY, np.array(6.0), KEY
    plans, among = (planned(Rollout(), one, *given) for one in (belief, both))
    np.testing.assert_allclose(among.variance, plans.variance)
    np.testing.assert_array_equal(among.bought, plans.bought)


def test_a_design_looks_ahead_where_it_is_told_to():
    belief, pool, target = world()
    asked = belief, pool, target, EVERY, np.array(3.0), KEY
    best = float(decided(Rollout(), *asked))
    assert best != 0.4, "the case must tell them apart"
    assert priced(Design((LINE,)), *asked).cost_exponent == 0.0
    assert float(priced(Design((LINE,), lookahead=Rollout()), *asked).cost_exponent) == best
    two = Design((LINE, LINE), lookahead=Rollout((0.4,)))
    assert float(priced(two, *asked).cost_exponent) == 0.4
