"""Whole episodes: what is bought first, what may be spent, and one compiled program for all rounds."""

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl.host.answer.episode import Episode
from jaxsl.law import Law, params

TRACES = []


def loss(theta, x):
    """L = E + A N^-alpha"""
    TRACES.append(1)
    E, A, alpha = theta
    return E + A * jnp.exp(-alpha * jnp.log(x[0]))


LAW = Law("counted", loss, ("N",), params(E=(0.1, 10), A=(1, 1e4), alpha=(0.05, 2)), linear=("E", "A"))
SIZE = np.logspace(3, 7, 32)[:, None]  # as many as a buffer holds: one program for all
LOSS = 1.5 + 50 * SIZE**-0.4 + np.random.default_rng(0).normal(0, 1e-3, SIZE.shape)


@pytest.fixture(scope="module")
def episode():
    return Episode([LAW], SIZE, 6 * SIZE[:, 0], np.array([[1e8], [1e9]]), seed=3)


def test_the_cheapest_runs_come_first_within_their_share(episode):
    cost = episode.cost
    assert episode.warm().tolist() == list(range(7))  # floor(2.5 * 3) of them cost under 2 % of the pool
    dear = Episode([LAW], SIZE[::-8], cost[::-8], np.array([[1e8]]))
    assert dear.warm().tolist() == [3, 2]  # the third cheapest would pass 2 %


@pytest.mark.slow
def test_an_episode_asks_for_each_outcome_once_and_keeps_its_budget(episode):
    asked = []

    def outcome(index):
        asked.append(index)
        return LOSS[index]

    steps = list(episode.steps(outcome, 0.2 * episode.cost.sum()))
    assert len(set(asked)) == len(asked) == steps[-1].num_runs
    assert asked == [*episode.warm(), *(step.index for step in steps[:-1])]
    assert steps[-1].index == -1 and steps[-1].y is None
    np.testing.assert_allclose(steps[-1].spent, episode.cost[asked].sum())
    left = 0.2 * episode.cost.sum() - steps[-1].spent
    assert 0 <= left < np.delete(episode.cost, asked).min()
    for before, after in pairwise(steps):
        np.testing.assert_allclose(after.spent, before.spent + before.cost)
    truth = 1.5 + 50 * np.array([[1e8], [1e9]]) ** -0.4
    assert (steps[-1].interval[0] < truth).all() and (truth < steps[-1].interval[1]).all()
    np.testing.assert_allclose(steps[-1].median, truth, atol=0.05)


@pytest.mark.slow
def test_runs_that_diverged_are_paid_for_and_teach_nothing(episode):
    known = {0: LOSS[0], 5: LOSS[5], 9: LOSS[9]}
    without = episode.step(episode.believe(known), 1.0)
    found = episode.step(episode.believe({**known, 3: np.array([np.nan])}), 2.0)
    assert found.num_runs == 3
    np.testing.assert_array_equal(found.median, without.median)


@pytest.mark.slow
def test_all_rounds_share_one_program(episode):
    def play():
        return list(episode.steps(lambda index: LOSS[index], 0.1 * episode.cost.sum()))

    first = play()
    before = len(TRACES)
    second = play()
    assert len(TRACES) == before and len(first) > 3
    assert [step.index for step in first] == [step.index for step in second]
    np.testing.assert_array_equal(first[-1].median, second[-1].median)


@pytest.mark.slow
def test_belief_from_everything_follows_the_law(episode):
    step = episode.step(episode.believe(dict(enumerate(LOSS))), 1.0)
    assert step.num_runs == 32
    np.testing.assert_allclose(step.median, 1.5 + 50 * np.array([[1e8], [1e9]]) ** -0.4, atol=0.01)
