"""Plans for several runs at once, against brute-force Bayes and one run after the other."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from synthetic import rows, tabulated, target_of

from jaxsl import batch, conditioned
from jaxsl.acquisition import MSPE
from jaxsl.batch import Pending, Plan
from jaxsl.choice import Chooser
from jaxsl.moments import moments
from jaxsl.pool import Pool

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(3)
ROOM = 4
NUM_POOL = 12


learn, learn_variance = eqx.filter_jit(conditioned.learn), eqx.filter_jit(conditioned.learn_variance)
nothing_learned = eqx.filter_jit(conditioned.nothing_learned)
weight_of, at = eqx.filter_jit(lambda belief: belief.weight), eqx.filter_jit(lambda belief, x: belief.at(x))


def belief(weight, outputs=1, apart=1.0, seed=0):
    """Basins with random means and roots over ``NUM_POOL`` candidates and two targets."""
    rng = np.random.default_rng(seed)
    basins, everywhere = len(weight), NUM_POOL + 2
    mean = apart * rng.normal(size=(basins, everywhere, outputs))
    root = rng.normal(size=(basins, everywhere, outputs, 3))
    return tabulated(weight, rng.uniform(0.1, 0.5, basins), mean, root)


def brute(posterior, points, y):
    """Weights, means and covariances of all rows after outcomes ``y (point, output)``, by dense algebra."""
    weight, means, covariances = [], [], []
    for k, share in enumerate(np.asarray(posterior.weight)):
        root = np.asarray(posterior.root)[k].reshape(-1, posterior.root.shape[-1])
        mean, outputs = np.asarray(posterior.mean)[k].ravel(), posterior.mean.shape[-1]
        at = np.concatenate([np.arange(outputs) + outputs * point for point in points])
        cov = root @ root.T
        inside = cov[np.ix_(at, at)] + np.asarray(posterior.noise)[k] * np.eye(len(at))
        gain = cov[:, at] @ np.linalg.inv(inside)
        means.append((mean + gain @ (y.ravel() - mean[at])).reshape(-1, outputs))
        covariances.append(cov - gain @ cov[at])
        weight.append(share * multivariate_normal(mean[at], inside).pdf(y.ravel()))
    return np.array(weight) / np.sum(weight), np.array(means), np.array(covariances)


def flat(root):
    root = np.asarray(root)
    root = root.reshape(root.shape[0], -1, root.shape[-1])
    return root @ root.transpose(0, 2, 1)


@pytest.mark.parametrize("outputs", [1, 2])
def test_learning_runs_one_by_one_is_conditioning_on_all_of_them(outputs):
    posterior, points = belief([0.5, 0.3, 0.2], outputs), [2, 5, 2, 7]
    y = np.random.default_rng(1).normal(size=(len(points), outputs))
    learned = nothing_learned(posterior, rows(0, 1))
    for point, outcome in zip(points, y, strict=True):
        learned = learn(posterior, learned, rows(point, point + 1)[0], outcome)
    after = conditioned.Conditioned(posterior, learned)
    weight, mean, covariance = brute(posterior, points, y)
    found = at(after, rows(0, NUM_POOL + 2))
    np.testing.assert_allclose(weight_of(after), weight, rtol=1e-9)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(flat(found.root), covariance, atol=1e-10)
    assert after.noise is posterior.noise


def test_learning_the_variance_alone_keeps_weights_and_means():
    posterior = belief([0.6, 0.4])
    learned = learn_variance(posterior, nothing_learned(posterior, rows(0, 1)), rows(3, 4)[0])
    after = conditioned.Conditioned(posterior, learned)
    expected = brute(posterior, [3], np.zeros((1, 1)))[2]
    found, prior = (at(one, rows(0, NUM_POOL + 2)) for one in (after, posterior))
    np.testing.assert_allclose(weight_of(after), posterior.weight)
    np.testing.assert_allclose(found.mean, prior.mean)
    np.testing.assert_allclose(flat(found.root), expected, atol=1e-12)


def test_an_empty_slot_stays_empty_whatever_it_predicts():
    posterior = belief([0.7, 0.3, 0.0])
    mean, root = np.array(posterior.mean), np.array(posterior.root)
    mean[2], root[2] = np.nan, np.inf
    poisoned = tabulated(posterior.weight, posterior.noise, mean, root)
    learned = learn(poisoned, nothing_learned(poisoned, rows(0, 1)), rows(1, 2)[0], np.zeros(1))
    weight = np.asarray(weight_of(conditioned.Conditioned(poisoned, learned)))
    np.testing.assert_allclose(weight[:2], brute(belief([0.7, 0.3, 0.0]), [1], np.zeros((1, 1)))[0][:2])
    assert weight[2] == 0


@eqx.filter_jit
def planned(posterior, uses, money, pending, count, draws, group, exponent=0.4) -> Plan:
    pool = Pool(jnp.asarray(rows(0, NUM_POOL)), jnp.asarray(COST))
    target = target_of(rows(NUM_POOL, NUM_POOL + 2))
    given = posterior, pool, target, uses, money, pending, count, draws, KEY, ROOM
    return batch.plan(MSPE(), Chooser(exponent), *given, group=group)


COST = np.linspace(1.0, 3.0, NUM_POOL)


def pending_at(*points):
    some = list(points) or [0]
    x = np.concatenate([rows(point, point + 1) for point in some + [some[0]] * (4 - len(some))])
    return Pending(x, np.arange(4) < len(points))


def plan(posterior, pending=(), count=ROOM, money=100.0, uses=None, draws=16, group=None):
    uses = np.ones(NUM_POOL, int) if uses is None else uses
    group = np.arange(NUM_POOL) if group is None else group
    arguments = (uses, money, count, draws, group)
    uses, money, count, draws, group = (np.asarray(value) for value in arguments)
    found = planned(posterior, uses, money, pending_at(*pending), count, draws, group)
    return jax.tree.map(np.asarray, found)


def one_by_one(posterior, started, count, y):
    """The greedy choices of somebody who waits for every outcome ``y (pool,)``, from dense algebra."""
    chosen, falls = list(started), []
    target = np.arange(NUM_POOL, NUM_POOL + 2)
    for _ in range(count):
        covariance = (
            brute(posterior, chosen, y[chosen])[2][0] if chosen else flat(at(posterior, rows(0, 14)).root)[0]
        )
        fall = covariance[target, :NUM_POOL] ** 2 / (np.diag(covariance)[:NUM_POOL] + posterior.noise[0])
        fall = fall.mean(axis=0)
        value = np.where(np.isin(np.arange(NUM_POOL), chosen), -np.inf, fall / COST**0.4)
        chosen.append(int(np.argmax(value)))
        falls.append(fall[chosen[-1]])
    return chosen[len(started) :], falls


@pytest.mark.slow
@pytest.mark.parametrize("started", [(), (4,), (1, 9)])
def test_one_basin_plans_as_if_every_outcome_were_awaited(started):
    posterior = belief([1.0])
    y = np.random.default_rng(2).normal(size=(NUM_POOL, 1))
    chosen, falls = one_by_one(posterior, started, ROOM, y)
    uses = np.ones(NUM_POOL, int)
    uses[list(started)] = 0
    found = plan(posterior, started, uses=uses)
    np.testing.assert_array_equal(found.index, chosen)
    np.testing.assert_allclose(found.score, falls, rtol=1e-9)


@pytest.mark.slow
def test_several_basins_average_over_what_waiting_would_have_shown():
    """The mean score over many known outcomes of the pending run, each conditioned on by dense Bayes."""
    posterior, pending = belief([0.5, 0.5], apart=1.5, seed=5), 3
    pool, target = (
        Pool(rows(0, NUM_POOL), COST),
        target_of(rows(NUM_POOL, NUM_POOL + 2)),
    )
    scores = []
    score = eqx.filter_jit(MSPE())
    for basin in (0, 1):
        mean = posterior.mean[basin, pending, 0]
        deviation = np.sqrt(posterior.noise[basin] + np.sum(posterior.root[basin, pending, 0] ** 2))
        for level in (np.arange(40) + 0.5) / 40:
            y = np.array([[norm(mean, deviation).ppf(level)]])
            weight, means, covariance = brute(posterior, [pending], y)
            values, vectors = np.linalg.eigh(covariance)
            root = (vectors * np.sqrt(np.maximum(values, 0))[:, None, :])[:, :, None, :]
            scores.append(score(tabulated(weight, posterior.noise, means, root), pool, target))
    truth = np.mean(scores, axis=0)
    found = plan(posterior, (pending,), count=1)
    ignoring = plan(posterior, (), count=1)
    error = np.max(np.abs(found.first - truth)) / truth.max()
    assert error < 0.15
    assert np.max(np.abs(ignoring.first - truth)) / truth.max() > 3 * error


@pytest.mark.parametrize("seed", range(6))
def test_what_a_pending_run_leaves_is_the_variance_less_its_score(seed):
    posterior, pending = belief([0.6, 0.4], apart=1.5, seed=seed), seed
    now = plan(posterior, (), count=1)
    left = plan(posterior, (pending,), count=1)
    assert left.variance < now.variance
    assert left.variance == pytest.approx(now.variance - now.first[pending], abs=0.15 * float(now.variance))


def test_the_expected_variance_falls_by_the_planned_scores():
    posterior, target = belief([1.0]), target_of(rows(NUM_POOL, NUM_POOL + 2))
    found = plan(posterior)
    now = jax.tree.map(np.asarray, eqx.filter_jit(moments)(posterior, target.x))
    np.testing.assert_allclose(found.variance, np.mean(now.within + now.between))
    later = plan(posterior, tuple(int(i) for i in found.index))
    np.testing.assert_allclose(later.variance, found.variance - found.score.sum(), rtol=1e-9)


def test_the_same_run_is_not_taken_twice_unless_a_replicate_is_allowed_and_worth_it():
    posterior = belief([1.0], seed=7)
    assert len(set(plan(posterior).index.tolist())) == ROOM
    # One candidate that says everything about the target through much noise, and others that say little.
    root = np.full((1, NUM_POOL + 2, 1, 3), 1e-3)
    root[0, [0, NUM_POOL, NUM_POOL + 1]] = np.array([1.0, 0.0, 0.0])
    loud = tabulated([1.0], [4.0], np.zeros((1, NUM_POOL + 2, 1)), root)
    often = plan(loud, uses=np.full(NUM_POOL, 3))
    assert often.index.tolist()[:3] == [0, 0, 0] and often.index[3] != 0
    assert np.all(np.diff(often.score[:3]) < 0)


def test_of_a_group_as_many_are_planned_as_may_be():
    posterior, group = belief([1.0]), np.arange(NUM_POOL) // 4
    free = plan(posterior)
    once = plan(posterior, group=group)
    assert once.index[0] == free.index[0] and once.index[3] == -1
    assert sorted(group[once.index[:3]]) == [0, 1, 2]
    # The second is the best outside of the first one's group, as when that has no uses left.
    others = plan(posterior, (int(once.index[0]),), uses=np.where(group == group[once.index[0]], 0, 1))
    assert others.index[0] == once.index[1]
    twice = plan(posterior, uses=np.where(group == 0, 2, 0), group=group)
    assert (twice.index[:2] < 4).all() and twice.index[2] == -1


def test_a_plan_keeps_to_its_money_and_ends_when_nothing_is_affordable():
    posterior = belief([1.0])
    found = plan(posterior, money=3.1)
    bought = [int(i) for i in found.index if i >= 0]
    assert 0 < len(bought) < ROOM and COST[bought].sum() <= 3.1
    left = 3.1 - COST[bought].sum()
    assert np.all(np.delete(COST, bought) > left)
    assert found.index.tolist()[len(bought) :] == [-1] * (ROOM - len(bought))
    assert np.all(plan(posterior, money=0.5).index == -1)
    assert np.all(plan(posterior, uses=np.zeros(NUM_POOL, int)).index == -1)


def test_fewer_runs_are_the_first_of_more_and_padding_is_no_run():
    posterior = belief([0.6, 0.4])
    whole = plan(posterior, (2,))
    np.testing.assert_array_equal(plan(posterior, (2,), count=2).index, [*whole.index[:2], -1, -1])


def test_a_shortlist_is_the_best_of_all_once_the_pending_variance_is_gone():
    posterior = belief([1.0])
    pool, target = (
        Pool(rows(0, NUM_POOL), COST),
        target_of(rows(NUM_POOL, NUM_POOL + 2)),
    )
    available = np.arange(NUM_POOL) != 5
    shortlist = eqx.filter_jit(batch.shortlist)
    best = np.asarray(
        shortlist(MSPE(), Chooser(), posterior, pool, target, available, np.asarray(100.0), pending_at(5), 4)
    )
    chosen, _ = one_by_one(posterior, [5], 1, np.zeros((NUM_POOL, 1)))
    assert best[0] == chosen[0] and 5 not in best
    few = shortlist(MSPE(), Chooser(), posterior, pool, target, available, np.asarray(1.1), pending_at(5), 4)
    assert few.tolist() == [0, -1, -1, -1]
