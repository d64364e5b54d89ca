"""Replays of finished runs: every way ends at the same prediction, and what it needed is found by hand."""

import numpy as np
import pytest

from jaxsl.host.answer.fit_options import PLAIN
from jaxsl.host.answer.history import BUDGETS, WAYS, PredictedHistory, Seen, Walk
from jaxsl.host.answer.replay import path_of, replay
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Runs
from laws.chinchilla import CHINCHILLA

TARGET = "N=1e10,D=2e11"


def table(number=16):
    rng = np.random.default_rng(0)
    size, tokens = (
        grid.ravel() for grid in np.meshgrid([1e7, 4e7, 1.6e8, 6.4e8], [1e9, 4e9, 1.6e10, 6.4e10])
    )
    loss = 1.7 + 400 * size**-0.34 + 400 * tokens**-0.28 + rng.normal(0, 0.003, 16)
    loss[number:] = np.nan
    return {"N": size, "D": tokens, "loss": loss}


@pytest.fixture(scope="module")
def report():
    return replay(table(), CHINCHILLA, target=TARGET, cost="6*N*D", draws=2, within=0.05)


@pytest.mark.slow
def test_every_way_begins_with_the_same_runs_and_ends_with_all(report):
    assert [path.method for path in report.paths] == [
        "active",
        "D-opt",
        "V-opt",
        "cheapest",
        "cost-random",
        "cost-random",
        "random",
        "random",
    ]
    assert report.scores == (), "what came out at the target is not known"
    for path in report.paths:
        assert path.num_runs[0] == report.paths[0].num_runs[0] and path.num_runs[-1] == 16
        assert path.spent[-1] == pytest.approx(report.cost) and np.all(np.diff(path.spent) > 0)
        assert path.distance[-1] < 1e-6
    assert np.all(np.diff(report.paths[0].num_runs) == 1)


@pytest.mark.slow
def test_what_was_needed_is_where_the_prediction_came_to_stay(report):
    for path in report.paths:
        step = int(np.searchsorted(path.spent, path.needed))
        assert np.all(path.distance[step:] <= report.tolerance)
        assert step == 0 or path.distance[step - 1] > report.tolerance
        assert path.needed_runs == path.num_runs[step]


def test_a_visit_that_does_not_last_does_not_count():
    steps = [
        Seen(spent, num, np.full((3, 1, 1), middle))
        for spent, num, middle in ((1.0, 1, 9.0), (3.0, 2, 1.01), (7.0, 3, 2.0), (15.0, 4, 1.0))
    ]
    found = path_of(Walk("x", steps, True), np.array([[1.0]]), 0.1, PLAIN)
    assert (found.needed, found.needed_runs) == (15.0, 4)
    found = path_of(Walk("x", steps, True), np.array([[1.0]]), 1.5, PLAIN)
    assert (found.needed, found.needed_runs) == (3.0, 2)


@pytest.mark.slow
def test_what_came_out_at_the_dearest_runs_scores_every_way_at_every_budget():
    told = replay(table(), CHINCHILLA, target_share=0.2, cost="6*N*D", draws=2)
    assert len(told.prediction.median) == 3 and told.num_runs == 13
    ways = [(one.method, one.budget) for one in told.scores]
    assert ways == [(way, budget) for way in WAYS for budget in BUDGETS] + [("all runs", 1.0)]
    assert told.scores[-1].r2 == pytest.approx(told.prediction.r2)
    inside = (told.prediction.low <= told.prediction.observed) & (
        told.prediction.observed <= told.prediction.high
    )
    assert told.scores[-1].coverage == pytest.approx(inside.mean())
    by = {(one.method, one.budget): one for one in told.scores}
    for way in WAYS[1:]:
        gain = by["active", 0.2].r2 - by[way, 0.2].r2
        assert by[way, 0.2].gain == pytest.approx(gain, abs=1e-12)


@pytest.mark.slow
def test_a_target_that_ties_made_larger_or_of_one_outcome_is_said_to_be():
    tied = replay(table(), CHINCHILLA, target_share=0.1, cost="N", draws=1)
    assert "4 of 16 runs are the target, not a share of 0.1: the dearest cost the same" in tied.notes
    one = replay(table(), CHINCHILLA, target_share=0.05, cost="6*N*D", draws=1)
    assert one.scores == () and any("one outcome of the target is known" in note for note in one.notes)
    assert one.trust.lines


def history(cost, seed=0):
    num = len(cost)
    runs = Runs(np.ones((num, 2)), np.ones((num, 1)), np.asarray(cost, float), np.arange(num))
    return PredictedHistory((CHINCHILLA,), runs, seed, 90.0, np.ones((1, 2)), PLAIN)


def test_cost_random_draws_with_odds_of_one_over_the_cost():
    cost = np.array([1e-9, 1.0, 2.0, 4.0])  # the first is bought first of all
    first = [history(cost, seed)._order("cost-random", 99)[1] for seed in range(400)]
    shares = np.bincount(first, minlength=4)[1:] / 400
    np.testing.assert_allclose(shares, np.array([4, 2, 1]) / 7, atol=3 * 0.5 / 20)
    first = [history(cost, seed)._order("random", 99)[1] for seed in range(400)]
    np.testing.assert_allclose(np.bincount(first, minlength=4)[1:] / 400, 1 / 3, atol=3 * 0.5 / 20)


def test_blind_ways_buy_nothing_that_the_last_budget_does_not_afford():
    cost = np.geomspace(1, 1000, 12)
    for seed in range(20):
        order = history(cost, seed)._order("random", 0.2 * cost.sum())
        spent = np.cumsum(cost[order])
        bought = int(np.sum(spent <= 0.2 * cost.sum()))
        assert sorted(order) == list(range(12))
        assert cost[order[bought:]].min() > 0.2 * cost.sum() - spent[bought - 1], "nothing is left to buy"


@pytest.mark.slow
def test_no_outcome_is_seen_before_it_is_bought(monkeypatch):
    """What is chosen does not change when the outcomes that were not bought yet do."""
    seen = []
    believe = PredictedHistory.believe
    monkeypatch.setattr(
        PredictedHistory,
        "believe",
        lambda self, rows: (seen.append(list(rows)), believe(self, list(rows)))[1],
    )
    replay(table(), CHINCHILLA, target=TARGET, cost="6*N*D", draws=1)
    active = [rows for rows in seen[1:] if len(rows) <= 16][: 16 - len(seen[1]) + 1]
    half = active[len(active) // 2]
    other = table()
    unbought = np.setdiff1d(np.arange(16), half)
    other["loss"][unbought] += 1.0
    seen.clear()
    replay(other, CHINCHILLA, target=TARGET, cost="6*N*D", draws=1)
    assert half in seen[1 : len(active) + 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target_share": 0.2}, "both say what to predict"),
        ({"target": None, "target_share": 1.5}, "--target-share 1.5"),
        ({"target": None}, "say what to predict with --target"),
        ({"within": -1.0}, "--within -1"),
        ({"source": table(4)}, "has 4 runs with an outcome"),
        ({"draws": 0}, "draws=0: give 1 or more"),
        ({"target": None, "target_share": 0.2, "cost": "1"}, "all 16 runs cost the same"),
    ],
)
def test_what_cannot_be_replayed_is_said(change, message):
    settings = {"source": table(), "target": TARGET, "cost": "6*N*D"} | change
    with pytest.raises(UserError, match=message):
        replay(settings.pop("source"), CHINCHILLA, **settings)
