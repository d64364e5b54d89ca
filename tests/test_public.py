"""The protocol on anybody's table, its scores, and the figure of harm, against numbers worked out by hand."""

import csv
import json
from functools import partial

import numpy as np
import pytest
from here_and_now import HereAndNow
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.benchmark import kept
from experiments.robust import harm, sweep
from experiments.robust.environments import cases
from experiments.robust.episode import measure
from experiments.robust.methods import COMPARED, Compared
from experiments.robust.public import Asked, of_table
from experiments.robust.sweep import results
from experiments.robust.tables import clearly_worse
from jaxsl.host.answer.scores import mean_and_error, scores
from jaxsl.host.errors import UserError
from jaxsl.law import Law
from jaxsl.one_of import OneOf

ASKED = Asked(("kaplan/n", "kaplan/d"), (), 1 / 6, "6*N*D", None, (), None)


@pytest.fixture
def history(tmp_path):
    """A table of 24 finished runs over N and D."""
    rng = np.random.default_rng(0)
    path = tmp_path / "mine.csv"
    with path.open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["N", "D", "loss"])
        for n in np.geomspace(1e6, 1e8, 6):
            for d in np.geomspace(1e8, 1e10, 4):
                loss = 1.7 + 400 * n**-0.34 + 400 * d**-0.28 + rng.normal(0, 0.003)
                rows.writerow([n, d, loss])
    return path


def test_scores_are_those_of_a_loop():
    rng = np.random.default_rng(1)
    y = rng.standard_normal((9, 2))
    y[3, 1] = np.nan
    middle = rng.standard_normal((9, 2))
    low, high = middle - rng.random((9, 2)), middle + rng.random((9, 2))
    found = scores(np.stack([low, middle, high]), y, 80)
    known = [place for place in np.ndindex(9, 2) if np.isfinite(y[place])]
    total = inside = 0.0
    for place in known:
        total += high[place] - low[place]
        inside += low[place] <= y[place] <= high[place]
        total += 2 / 0.2 * (max(low[place] - y[place], 0) + max(y[place] - high[place], 0))
    deviation = np.nanstd(y)
    assert found.coverage == pytest.approx(inside / len(known))
    assert found.interval_score == pytest.approx(total / len(known) / deviation)


def test_nothing_foretold_is_the_worst_r2_and_one_outcome_has_none():
    assert scores([np.nan] * 3, [1.0], 90).r2 == -1.0
    one = scores([0.0, 1.0, 2.0], [1.5], 90)
    assert np.isnan(one.r2) and np.isnan(one.width) and one.coverage == 1.0
    assert np.isnan(mean_and_error([1.0])[1])


def test_an_end_that_overflows_is_far_away_and_leaves_r2_alone():
    y, middle = np.array([1.0, 2.0, 4.0]), np.array([1.1, 2.0, 3.8])
    whole = scores([middle - 1, middle, middle + 1], y, 99.99)
    for end in (np.inf, np.nan):
        found = scores([middle - 1, middle, np.array([end, 3.0, 4.8])], y, 99.99)
        assert found.r2 == whole.r2 and found.coverage == 1.0 and found.width == np.inf


def test_a_table_becomes_a_case_of_all_its_laws_with_the_dearest_runs_as_target(history):
    first, second = of_table(history, ASKED, 2)
    assert [law.name for law in first.fitted] == ["kaplan/n", "kaplan/d"] and first.law == "all"
    assert (first.seed, second.seed) == (0, 1)
    group = first.groups[""]
    assert (len(group.train.x), len(group.test.x)) == first.sizes == (20, 4)
    dear = 6 * group.test.x.prod(axis=1)
    assert group.train.cost.max() < dear.min()
    np.testing.assert_allclose(group.train.cost, 6 * group.train.x.prod(axis=1))
    (alone,) = of_table(history, Asked(("kaplan/n",), ("D >= 9e9",), 1 / 6, "N", None, (), None), 1)
    assert alone.law == "kaplan/n" and alone.sizes == (18, 6)


def test_what_cannot_be_scored_is_said(history):
    with pytest.raises(UserError, match="has 0 known outcomes and R² needs two"):
        next(of_table(history, Asked(("kaplan/n",), ("N=1e9",), 1 / 6, "N", None, (), None), 1))
    with pytest.raises(UserError, match="needs a cost above 0"):
        next(of_table(history, Asked(("kaplan/n",), (), 1 / 6, "N-1e6", None, (), None), 1))
    with pytest.raises(UserError, match="no method best; methods: default"):
        CliRunner().invoke(
            app, ["public", str(history), "--law", "kaplan/n", "--methods", "best"], catch_exceptions=False
        )


@pytest.mark.slow
def test_results_are_measured_once_and_read_after_that(history, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "KEPT", tmp_path / "none.gz")
    path, environments = tmp_path / "results.jsonl", {"table mine": partial(of_table, history, ASKED)}
    found = results(environments, ["cheapest", "random"], 2, path, 1)
    assert [(one["method"], one["seed"]) for one in found] == [
        ("cheapest", 0),
        ("random", 0),
        ("cheapest", 1),
        ("random", 1),
    ]
    assert not any("error" in one for one in found)
    before = path.read_bytes()
    again = results(environments, ["cheapest", "random"], 2, path, 1)
    assert path.read_bytes() == before
    assert json.dumps(again) == json.dumps(found)


class SeenError(Exception):
    """Raised once it is known which laws a design is asked for."""


def test_one_law_shares_a_program_and_several_take_turns(monkeypatch):
    given = []

    def seen(laws):
        given.append(laws)
        raise SeenError

    monkeypatch.setitem(COMPARED, "seen", Compared(seen))
    for environment in ("target sparsity", "several sparsity"):
        with pytest.raises(SeenError):
            measure(next(cases(environment, 1)), "seen")
    ((one,), several) = given
    assert isinstance(one, OneOf) and len(one.laws) == 4
    # Each as one of the others has all their branches: ten laws were compiled for four minutes.
    assert len(several) == 4 and all(isinstance(law, Law) for law in several)
    assert [case.law for case in cases("several sparsity", 2)] == ["all", "all"]


def line(environment, method, seed, *r2):
    return {"environment": environment, "method": method, "law": "a", "seed": seed, "r2": list(r2)}


def test_harm_is_counted_against_the_best_blind_way_of_each_cell():
    found = []
    for seed, jitter in enumerate((0.0, 0.01, -0.01)):
        found += [
            line("good", "default", seed, 0.9, 0.9 + jitter),
            line("good", "random", seed, 0.5, 0.4),
            line("good", "cost-random", seed, 0.2, 1.0 + 2 * jitter),
            line("good", "cheapest", seed, 0.1, 0.3),
            line("half", "default", seed, 0.0, 0.0),
        ]
    rows = harm.cells(found)
    assert [(row["environment"], row["budget"], row["best"]) for row in rows] == [
        ("good", 1, "random"),
        ("good", 2, "cost-random"),
    ]
    assert [row["harm by best"] for row in rows] == ["", "worse"]
    # Differences -0.1, -0.11, -0.09: the mean is -0.1, its error 0.01 / sqrt(3).
    assert rows[1]["less best"] == pytest.approx(-0.1)
    assert rows[1]["best error"] == pytest.approx(0.01 / np.sqrt(3))
    assert [row["harm by random"] for row in rows] == ["", ""]
    assert "1 of 2 cells, 50.0%" in harm._told(rows, "best") and "by 0.1 (good, budget 2)" in harm._told(
        rows, "best"
    )
    assert "0 of 2 cells" in harm._told(rows, "random")


def test_harm_compares_results_of_the_same_laws():
    found = [line("table mine", name, seed, 0.5) for name in ("default", *harm.BLIND) for seed in (0, 1)]
    other = [one | {"laws": "others", "r2": [-1.0]} for one in found if one["method"] == "default"]
    ((row,), both) = harm.cells(found), harm.cells([*found, *other])
    assert [row] == both


def test_what_failed_is_told_and_measured_again(history, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "KEPT", tmp_path / "none.gz")
    path, environments = tmp_path / "results.jsonl", {"table mine": partial(of_table, history, ASKED)}
    asked, told = [], []

    def measured(*given):
        ((key, method, _),) = given[-1]
        asked.append(key)
        failed = {"error": "broken"} if len(asked) == 1 else {}
        return [line("table mine", method, 0, 0.9) | {"fingerprint": key} | failed]

    monkeypatch.setattr(sweep, "_measure", measured)
    monkeypatch.setattr(sweep, "ProcessPoolExecutor", HereAndNow)
    for _ in range(3):
        told.append(sweep.failures(results(environments, ["cheapest"], 1, path, 1)))
    assert len(asked) == 2 and asked[0] == asked[1]
    assert [*told[0].values()] == ["1, the first of cheapest, seed 0: broken"]
    assert told[1] == told[2] == {"failed episodes": "0"}


def test_a_loss_within_two_errors_is_not_clear():
    assert clearly_worse(-0.019, 0.01) == "" and clearly_worse(-0.021, 0.01) == "worse"
