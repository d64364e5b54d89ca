"""Studies: ask and tell, money, corrections, failures, replay; with an engine where it is what matters."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from synthetic import DECAY

from jaxsl.host.errors import UserError
from jaxsl.host.study.journal import Journal
from jaxsl.host.study.stop_rules import Stop
from jaxsl.host.study.stopping import assess
from jaxsl.host.study.study import Study
from laws.chinchilla import CHINCHILLA

TARGET = "N=1e10,D=2e11"
COST = "6*N*D"


def truth(N, D):
    return 1.7 + 400 * N**-0.34 + 400 * D**-0.28


def frame():
    """Sixteen configurations on a grid."""
    size, tokens = (
        grid.ravel() for grid in np.meshgrid([1e7, 4e7, 1.6e8, 6.4e8], [1e9, 4e9, 1.6e10, 6.4e10])
    )
    return pd.DataFrame({"N": size, "D": tokens})


class Dearest:
    """An engine that needs no compiler: the dearest affordable candidates first."""

    def ask(self, ledger, count):
        used, left, found = ledger.used(), ledger.left, []
        for item in sorted(ledger.candidates, key=lambda item: -item.cost):
            cost = item.cost * ledger.factor
            if used.get(item.x, 0) < ledger.settings["replicates"] and cost <= left and len(found) < count:
                left -= cost
                found.append(
                    SimpleNamespace(
                        x=item.x, planned=item.cost, cost=cost, name=item.name, fall=0.0, of="", after=0.0
                    )
                )
        return found


@pytest.fixture
def make(tmp_path):
    def make(name="s.jsonl", advisor=None, table=None, **settings):
        settings = {
            "target": TARGET,
            "cost": COST,
            "candidates": frame() if table is None else table,
        } | settings
        Study.create(tmp_path / name, CHINCHILLA, **settings)
        return Study(tmp_path / name, CHINCHILLA, Dearest() if advisor is None else advisor)

    return make


def test_what_is_asked_is_pending_until_told_and_others_see_it(make):
    study = make()
    first, second = study.ask(2)
    assert (first.id, second.id) == ("r1", "r2") and first.x == {"N": 6.4e8, "D": 6.4e10}
    other = Study(study.journal.path, CHINCHILLA, Dearest())
    assert [run.id for run in other.status().pending] == ["r1", "r2"]
    assert other.ask()[0].x not in (first.x, second.x)
    assert study.tell("r2", 2.5, cost=1e20).y == (2.5,)
    assert other.status().num_done == 1 and other.status().num_pending == 2


def test_the_budget_is_a_hard_limit_on_spent_and_reserved_money(make):
    cost = np.sort(6 * frame().N * frame().D)[::-1]
    study = make(budget=float(cost[:2].sum() * 1.01))
    runs = study.ask(5)
    assert sum(run.cost for run in runs) <= study.ledger.settings["budget"] and len(runs) > 2
    assert study.status().left >= 0
    study.tell("r1", 2.4, cost=10 * cost[0], confirmed=True)
    assert study.status().left < 0 and study.ask() == []
    study.set(budget=float(30 * cost[0]))
    assert study.ask()


def test_reported_costs_correct_the_plan_of_those_to_come(make):
    study = make(budget=1e22)
    runs = study.ask(3)
    planned = {run.id: run.cost for run in runs}
    study.tell("r1", 2.4, cost=1.5 * planned["r1"])
    status = study.status()
    assert status.cost_factor == pytest.approx(1.5) and status.num_reported == 1
    assert status.spent == pytest.approx(1.5 * planned["r1"])
    assert status.reserved == pytest.approx(1.5 * (planned["r2"] + planned["r3"]))
    study.tell("r2", 2.5, cost=planned["r2"])
    ratio = (1.5 * planned["r1"] + planned["r2"]) / (planned["r1"] + planned["r2"])
    assert study.status().cost_factor == pytest.approx(ratio)
    study.tell("r3", 2.6)
    assert study.status().spent == pytest.approx(1.5 * planned["r1"] + planned["r2"] + ratio * planned["r3"])
    assert study.ask()[0].cost == pytest.approx(ratio * study.ledger.runs["r4"].planned)


def test_costs_may_be_measured_in_another_unit_than_planned(make):
    study = make()
    run = study.ask()[0]
    study.tell(run.id, 2.4, cost=12.5, confirmed=True)
    assert study.ask()[0].cost == pytest.approx(12.5 * study.ledger.runs["r2"].planned / run.cost)


def test_a_failed_run_is_asked_again_up_to_three_times_and_an_abandoned_or_diverged_one_never(make):
    study = make()
    best = {"N": 6.4e8, "D": 6.4e10}
    for attempt in range(3):
        run = study.ask()[0]
        assert run.x == best, attempt
        study.tell(run.id, status="failed", cost=0)
    seen = []
    for status in ("abandoned", "diverged"):
        run = study.ask()[0]
        study.tell(run.id, status=status)
        seen.append(run.x)
    rest = study.ask(100)
    assert len(rest) == 13 and best not in [run.x for run in rest]
    assert not [run for run in rest if run.x in seen] and study.ask() == []
    counts = study.status()
    assert (counts.num_failed, counts.num_abandoned, counts.num_diverged, counts.num_pending) == (3, 1, 1, 13)


def test_what_an_unfinished_run_cost_counts_as_planned_unless_told(make):
    study = make()
    run = study.ask()[0]
    study.tell(run.id, status="failed")
    assert study.status().spent == pytest.approx(run.cost)
    study.tell(run.id, status="failed", cost=3.0)
    assert study.status().spent == 3.0 and study.status().cost_factor == 1


def test_late_results_are_taken_and_corrections_keep_the_old_value(make):
    study = make()
    run = study.ask()[0]
    study.tell(run.id, status="abandoned")
    study.tell(run.id, 2.9, cost=5.0, confirmed=True)
    assert study.tell(run.id, 2.7).y == (2.7,)
    found = study.ledger.runs[run.id]
    assert [told.status for told in found.history] == ["abandoned", "done", "done"]
    assert [told.y for told in found.history] == [None, (2.9,), (2.7,)] and found.cost == 5.0
    assert Study(study.journal.path, CHINCHILLA).ledger.runs[run.id] == found
    before = study.journal.path.read_bytes()
    study.tell(run.id, 2.7)
    assert study.journal.path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("r9", 2.0), "no run 'r9'; pending are r1"),
        (("r1",), "say its loss, or why it has none: --status failed"),
        (("r1", math.nan), "a run that blew up is --status diverged"),
        (("r1", [1.0, 2.0]), "2 given for the outcomes loss"),
        (("r1", 2.0, -1.0), "cost -1; a cost is a number, zero or more"),
        (("r1", None, None, "lost"), "status 'lost'; choose one of done, failed, diverged, abandoned"),
        (("r1", 2.0, None, "failed"), "a run that failed has no outcome"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(make, arguments, message):
    study = make()
    study.ask()
    before = study.journal.path.read_bytes()
    with pytest.raises(UserError, match=message):
        study.tell(*arguments)
    assert study.journal.path.read_bytes() == before


def test_an_ask_that_others_overtook_is_decided_again(make, tmp_path):
    study = make()
    other = Study(study.journal.path, CHINCHILLA, Dearest())

    class Overtaken(Dearest):
        def ask(self, ledger, count):
            found = super().ask(ledger, count)
            if not overtaken:
                overtaken.append(True)
                name = {
                    "event": "run",
                    "id": "x",
                    "x": dict(zip("ND", found[0].x, strict=True)),
                    "status": "done",
                }
                rest = {"y": [2.0], "cost": None, "planned": 1.0, "counts": False, "name": "", "time": ""}
                other.add(lambda ledger: [name | rest])
            return found

    overtaken = []
    run = Study(study.journal.path, CHINCHILLA, Overtaken()).ask()[0]
    assert overtaken and run.x != {"N": 6.4e8, "D": 6.4e10}
    assert run.id == "r1"


def test_a_study_says_when_its_law_is_no_longer_the_one_it_began_with(make):
    with pytest.raises(UserError, match="studies a law with inputs N, D"):
        _ = Study(make().journal.path, DECAY).law


def test_a_result_whose_ask_was_damaged_is_not_lost(make):
    study = make()
    run = study.ask()[0]
    study.tell(run.id, 2.2)
    content = study.journal.path.read_bytes().replace(b'"knew"', b'"kmew"')
    study.journal.path.write_bytes(content)
    with pytest.raises(UserError, match="line 3: damaged"):
        Study(study.journal.path)
    Journal(study.journal.path).repair()
    found = Study(study.journal.path)
    assert found.ledger.runs["r1"].y == (2.2,) and found.ledger.runs["r1"].x == (6.4e8, 6.4e10)
    assert "whose own line is lost" in found.status().notes[0]


def test_exports_are_tables_with_every_run(make, tmp_path):
    study = make()
    for run, loss in zip(study.ask(3), (2.1, None, None), strict=True):
        if loss:
            study.tell(run.id, loss, cost=7.0, confirmed=True)
    study.tell("r2", status="failed")
    for name, read in (("t.csv", pl.read_csv), ("t.parquet", pl.read_parquet)):
        study.export(tmp_path / name)
        found = read(tmp_path / name)
        assert found["id"].to_list() == ["r1", "r2", "r3"] and found["loss"].to_list() == [2.1, None, None]
        assert found["status"].to_list() == ["done", "failed", "pending"]
        assert found["cost"].to_list() == [7.0, None, None] and found["N"][0] == 6.4e8
    with pytest.raises(UserError, match=r"ends in \.csv or \.parquet"):
        study.export(tmp_path / "t.xlsx")


def test_ten_thousand_results_load_in_under_two_seconds(make):
    import time

    study = make()
    rng = np.random.default_rng(0)

    def records(ledger):
        item = {"event": "run", "status": "done", "cost": 1.0, "planned": 1.0, "counts": True, "name": ""}
        return [
            item
            | {
                "id": f"h{i}",
                "x": {"N": 1e7 + i, "D": 1e9},
                "y": [float(rng.normal())],
                "time": "2026-01-01T00:00:00Z",
            }
            for i in range(10_000)
        ]

    study.add(records)
    begin = time.process_time()
    found = Study(study.journal.path)
    assert found.status().num_done == 10_000
    assert time.process_time() - begin < 2


def test_nothing_in_a_journal_is_run_when_it_is_read(make, tmp_path):
    study = make(table=frame().assign(note="__import__('os').system('touch pwned')"))
    content = study.journal.path.read_text()
    assert "pwned" in content and all(isinstance(json.loads(line), dict) for line in content.splitlines())
    Study(study.journal.path).status()
    assert not (tmp_path / "pwned").exists()


# With the engine


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A study that ran through: nine runs told, one pending, and the asks that led there."""
    folder = tmp_path_factory.mktemp("campaign")
    study = Study.create(
        folder / "s.jsonl", CHINCHILLA, target=TARGET, candidates=frame(), cost=COST, budget=1e22
    )
    rng, asks = np.random.default_rng(0), []
    for count in (5, 2, 1, 1, 1):
        runs = study.ask(count)
        asks.append([run.id for run in runs])
        for run in runs:
            if run.id != "r8":
                study.tell(run.id, truth(**run.x) + rng.normal(0, 0.003), cost=1.1 * run.cost)
    return study, asks


def test_the_first_runs_are_the_cheapest_and_later_ones_cost_at_most_what_was_spent(campaign):
    study, asks = campaign
    cost = np.sort(6 * frame().N * frame().D)
    runs = list(study.ledger.runs.values())
    assert [len(ids) for ids in asks] == [5, 2, 1, 1, 1]
    np.testing.assert_allclose([run.planned for run in runs[:5]], cost[:5])
    for place in range(5, len(runs)):
        spent, left = sum(run.planned for run in runs[:place]), sorted(cost)[place:]
        assert runs[place].planned <= max(spent, left[0]) * (1 + 1e-9)
    assert len({run.x for run in runs}) == len(runs)


def test_the_same_journal_gives_the_same_asks(campaign, tmp_path):
    """Every ask once more, from the lines of the journal that it knew."""
    study, _ = campaign
    lines = study.journal.path.read_bytes().splitlines(keepends=True)
    asked = [json.loads(line) for line in lines if b'"event":"asked"' in line]
    assert len(asked) == 5
    for number, record in enumerate(asked):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(b"".join(lines[: record["knew"]]))
        again = Study(path, CHINCHILLA).ask(len(record["runs"]))
        assert [run.x for run in again] == [run["x"] for run in record["runs"]]


def test_the_prediction_covers_the_truth_and_the_outlook_narrows_it(campaign):
    study, _ = campaign
    found = study.best_prediction()
    assert (
        found.num_runs == 9 and found.prediction.low[0, 0] < truth(1e10, 2e11) < found.prediction.high[0, 0]
    )
    worth = study.worth()
    assert worth.now == pytest.approx(found.width)
    assert worth.width[0] <= worth.now and np.all(np.diff(worth.width) <= 1e-12)
    assert worth.spend[0] == 0 and np.all(np.diff(worth.spend) > 0)
    assert worth.spend[-1] <= study.status().left * (1 + 1e-9) and len(worth.spend) == 7
    assert "worth it" in worth.line and worth.reason == ""


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (Stop(width=100.0), "within --width 100"),
        (Stop(width=1e-9), ""),
        (Stop(ess=1.0, item_sd=10.0), "test items, at least --ess 1"),
        (Stop(gain=0.9), "no run is expected to narrow the interval by --gain 0.9"),
        (Stop(price=1.0), "no run is worth its cost at --price 1"),
        (Stop(price=1e40), ""),
    ],
)
def test_stop_rules(campaign, stop, reason):
    study, _ = campaign
    forecast, outlook = study.best_prediction(), study.advisor.outlook(study.ledger)
    found = assess(forecast, outlook, stop)
    assert (reason in found.reason) if reason else found.reason == ""
    assert found.line.startswith("not worth it" if reason else "worth it")


def test_a_bad_stop_rule_is_refused():
    for rule in ({"width": -1.0}, {"ess": math.nan}, {"gain": 1.5}):
        with pytest.raises(UserError, match=r"--(width|ess|gain)"):
            Stop(**rule)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": None}, "say what may be run"),
        ({"cost": None}, "say what a run costs with --cost"),
        ({"budget": -1.0}, "--budget -1"),
        ({"target": None}, "say what to predict with --target"),
        ({"replicates": 0}, "--replicates 0"),
        ({"candidates": {"N": [1e7]}}, "no column for the input of chinchilla, 'D'"),
    ],
)
def test_a_study_that_makes_no_sense_is_not_begun(tmp_path, settings, message):
    settings = {"target": TARGET, "cost": COST, "candidates": frame()} | settings
    with pytest.raises(UserError, match=message):
        Study.create(tmp_path / "s.jsonl", CHINCHILLA, **settings)
    assert not list(tmp_path.iterdir())
