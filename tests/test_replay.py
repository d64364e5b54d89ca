"""Replays of finished runs: every way ends at the same prediction, and what it needed is found by hand."""

import numpy as np
import pytest

from jaxsl.host.answer import replay as replays
from jaxsl.host.answer.replay import _path, replay
from jaxsl.host.errors import UserError
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


def test_every_way_begins_with_the_same_runs_and_ends_with_all(report):
    assert [path.method for path in report.paths] == [
        "active",
        "D-opt",
        "V-opt",
        "cheapest",
        "random",
        "random",
    ]
    for path in report.paths:
        assert path.num_runs[0] == report.paths[0].num_runs[0] and path.num_runs[-1] == 16
        assert path.spent[-1] == pytest.approx(report.cost) and np.all(np.diff(path.spent) > 0)
        assert path.distance[-1] < 1e-6
    assert np.all(np.diff(report.paths[0].num_runs) == 1)


def test_what_was_needed_is_where_the_prediction_came_to_stay(report):
    for path in report.paths:
        step = int(np.searchsorted(path.spent, path.needed))
        assert np.all(path.distance[step:] <= report.tolerance)
        assert step == 0 or path.distance[step - 1] > report.tolerance
        assert path.needed_runs == path.num_runs[step]


def test_a_visit_that_does_not_last_does_not_count():
    class World:
        seen = type("Seen", (), {"cost": np.array([1.0, 2.0, 4.0, 8.0])})

        def median(self, now):
            return np.array([[now]])

    steps = [([0], 9.0), ([0, 1], 1.01), ([0, 1, 2], 2.0), ([0, 1, 2, 3], 1.0)]
    found = _path("x", World(), iter(steps), np.array([[1.0]]), 0.1)
    assert (found.needed, found.needed_runs) == (15.0, 4)
    found = _path("x", World(), iter(steps), np.array([[1.0]]), 1.5)
    assert (found.needed, found.needed_runs) == (3.0, 2)


def test_no_outcome_is_seen_before_it_is_bought(monkeypatch):
    """What is chosen does not change when the outcomes that were not bought yet do."""
    seen = []
    believe = replays._World.believe
    monkeypatch.setattr(
        replays._World, "believe", lambda self, rows: (seen.append(rows), believe(self, rows))[1]
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
        ({"target": None}, "say what to predict with --target"),
        ({"within": -1.0}, "--within -1"),
        ({"source": table(4)}, "has 4 runs with an outcome"),
    ],
)
def test_what_cannot_be_replayed_is_said(change, message):
    settings = {"source": table(), "target": TARGET, "cost": "6*N*D"} | change
    with pytest.raises(UserError, match=message):
        replay(settings.pop("source"), CHINCHILLA, **settings)
