"""A study whose runs are curves: new runs, runs that go on, what they tell on their way."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.study import Study
from jaxsl.host.study.sizes import sizes

N, D = np.geomspace(1e7, 3e8, 5), np.geomspace(2e8, 3.2e9, 5)


def grid():
    n, d = (part.ravel() for part in np.meshgrid(N, D, indexing="ij"))
    return {"N": n, "D": d}


def truth(n, d):
    return 1.82 + 482 * n**-0.348 + 2085 * d**-0.366


def checkpoints(x, since=0.0, error=0.0):
    """What a run to ``x`` tells at every candidate beyond where it went on from."""
    d = D[(since * 1.001 < D) & (x["D"] * 1.001 >= D)]
    return {"D": d, "loss": truth(x["N"], d) + error}


def make(tmp_path, **settings):
    tmp_path.mkdir(exist_ok=True)
    usual = {"target": "N=1e9,D=2e10", "candidates": grid(), "cost": "6*N*D", "curves": True, "restart": 1e15}
    return Study.create(tmp_path / "study.jsonl", "chinchilla", **(usual | settings))


def test_the_first_runs_are_one_of_each_of_the_smallest_sizes_and_pass_three_checkpoints(tmp_path):
    study = make(tmp_path)
    asked = study.ask(9)
    assert [run.x["N"] for run in asked] == pytest.approx(N[:4])
    assert all(run.x["D"] == D[2] and run.cost == pytest.approx(6 * run.x["N"] * D[2]) for run in asked)
    told = study.tell("r1", rows=checkpoints(asked[0].x))
    assert told.y == told.rows[-1][1] and [x[1] for x, _ in told.rows] == D[:3].tolist()
    assert Study(tmp_path / "study.jsonl").ledger.runs["r1"] == told
    assert len(study.ledger.outcomes) == 3 and {one.curve for one in study.ledger.outcomes} == {"r1"}


def test_outcomes_on_the_way_have_a_price(tmp_path):
    study = make(tmp_path, row_cost="6*N*D/8")
    (run,) = study.ask()
    n, work = run.x["N"], 6 * run.x["N"] * D
    assert run.cost == pytest.approx(work[2] + work[:3].sum() / 8)
    study.tell("r1", rows=checkpoints(run.x))
    (size, *_) = sizes(study.refresh(), 1)
    options = {(one.of, one.x[1]): one.cost for one in study.advisor._options(study.ledger)}
    left = work[4] - work[2] + (work[3] + work[4]) / 8 + 1e15
    assert size.x[0][0] == n and options["r1", D[4]] == pytest.approx(left)


def told(tmp_path, **settings):
    """A study whose first four runs are done."""
    study = make(tmp_path, **settings)
    for seed, run in enumerate(study.ask(4)):
        study.tell(run.id, rows=checkpoints(run.x, error=0.003 * (-1) ** seed))
    return study


@pytest.mark.slow
def test_of_a_batch_a_run_goes_on_once_and_a_new_one_of_a_size_has_one_length(tmp_path):
    study = told(tmp_path, budget=1e21)
    asked = study.ask(20)
    going_on, new = [run.of for run in asked if run.of], [run.x["N"] for run in asked if not run.of]
    assert len(set(going_on)) == len(going_on) and set(going_on) <= {"r1", "r2", "r3", "r4"}
    assert len(set(new)) == len(new) and set(new) <= set(N)
    assert len(asked) == 5  # four that go on, and one of the size that was not begun
    # What the next runs are expected to bring is of such a plan too.
    outlook = study.advisor.outlook(told(tmp_path / "two", budget=1e21).refresh())
    ways = [run.of or run.x[0] for run in outlook.runs]
    assert len(set(ways)) == len(ways)


@pytest.mark.slow
def test_runs_may_stop_of_which_nothing_is_worth_its_price(tmp_path):
    study = told(tmp_path, budget=1e20)
    assert not set(study.stop_runs()) - {"r1", "r2", "r3", "r4"}
    dear = told(tmp_path / "dear", budget=1e20, restart=9.9e19)
    assert dear.stop_runs() == ("r1", "r2", "r3", "r4")
    asked = CliRunner().invoke(app, ["study", "ask", str(dear.journal.path)])
    words = "runs r1, r2, r3, r4: nothing still to be told is worth its price"
    assert asked.exit_code == 0 and words in " ".join(asked.output.split()), asked.output
    shown = CliRunner().invoke(app, ["study", "show", str(dear.journal.path), "--json"])
    assert json.loads(shown.output)["stop_runs"] == ["r1", "r2", "r3", "r4"]
    assert make(tmp_path / "none").stop_runs() == ()


@pytest.mark.slow
def test_a_whole_campaign_with_runs_that_go_on_one_that_fails_and_one_that_is_late(tmp_path):
    study = make(tmp_path, budget=1e20)
    path = study.journal.path
    first = study.ask(4)
    late = first[3]
    for run in first[:3]:
        study.tell(run.id, rows=checkpoints(run.x, error=0.003))
    options = {(one.of, one.x[1]): one.cost for one in study.advisor._options(study.refresh())}
    assert options["r1", D[4]] == pytest.approx(6 * N[0] * (D[4] - D[2]) + 1e15)
    assert ("r1", D[2]) not in options and not any(of == late.id for of, _ in options)
    continued = failed = 0
    for _ in range(6):
        (run,) = Study(path).ask()
        assert run.cost <= Study(path).status().budget
        if run.of and not failed:
            failed, rows = 1, checkpoints(run.x, run.since)
            kept = {name: values[:-1] for name, values in rows.items()}
            study.tell(run.id, status="failed", rows=kept if len(kept["D"]) else None)
            continue
        continued += bool(run.of)
        study.tell(run.id, rows=checkpoints(run.x, run.since, 0.003), cost=run.cost)
    assert failed and continued >= 2
    study.tell(late.id, rows=checkpoints(late.x, error=-0.003))
    ledger = Study(path).refresh()
    going_on = [run for run in ledger.runs.values() if run.of]
    assert all(run.of in ledger.runs for run in going_on)
    for size in sizes(ledger, 1):
        for parts in size.runs.values():
            seen = [x[1] for run in parts for x, _ in run.rows]
            assert seen == sorted(set(seen))
    found = Study(path).best_prediction()
    assert found.num_runs == len(ledger.outcomes)
    assert found.prediction.low[0, 0] < truth(1e9, 2e10) < found.prediction.high[0, 0]
    shown = CliRunner().invoke(app, ["study", "show", str(path)])
    assert shown.exit_code == 0, shown.output
    (last,) = study.ask()
    study.tell(last.id, status="diverged", rows={"D": D[:1], "loss": [np.nan]} if not last.of else None)
    assert not any(one.of == last.of for one in study.advisor._options(study.refresh()) if last.of)


def test_a_run_that_diverged_keeps_what_it_told_before(tmp_path):
    study = make(tmp_path)
    (run,) = study.ask()
    rows = checkpoints(run.x)
    rows["loss"][2] = np.nan
    told = study.tell("r1", status="diverged", rows=rows)
    assert told.status == "diverged" and told.y is None and len(told.rows) == 2
    assert not sizes(study.ledger, 1)[0].open and study.ledger.runs["r1"].rows == told.rows


def test_of_a_step_log_the_rows_at_the_candidates_count(tmp_path):
    study = make(tmp_path)
    study.ask()
    steps = np.arange(1, 801)
    log = {"step": steps, "tokens": steps * 1e6, "loss": truth(N[0], steps * 1e6)}
    told = study.tell("r1", rows=log, map={"D": "tokens"})
    np.testing.assert_allclose([x[1] for x, _ in told.rows], D[:3], rtol=0.01)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"D": [2e8, 8e8, 4e8], "loss": [3.0, 2.8, 2.9]}, "row 2: 4e+08 tokens after 8e+08"),
        ({"D": [2e8, 4e8], "loss": [3.0, 2.9]}, "its last outcome is at 4e\\+08"),
        ({"D": [2e8, 4e8, 9e8], "loss": [3.0, 2.9, 2.8]}, "row 2: 9e\\+08 tokens, and run r1 was asked"),
        ({"D": [2e8, 4e8, 8e8], "loss": [3.0, None, 2.8]}, "row 1: is no outcome"),
        ({"tokens": [8e8], "loss": [3.0]}, "no column 'D'"),
    ],
)
def test_checkpoints_that_cannot_be_are_refused(tmp_path, rows, words):
    study = make(tmp_path)
    study.ask()
    with pytest.raises(
        UserError, match=words.replace("4e+08 tokens after 8e+08", r"4e\+08 tokens after 8e\+08")
    ):
        study.tell("r1", rows=rows)
    with pytest.raises(UserError, match="has no run 'r9'; pending are r1"):
        study.tell("r9", rows=rows)
    assert study.refresh().runs["r1"].status == "pending"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cost": "price", "candidates": grid() | {"price": 25.0 - np.arange(25)}}, "correct the costs"),
        ({"restart": -1.0}, "--restart -1"),
        ({"row_cost": "6*N*X"}, "--row-cost 6\\*N\\*X: X is no input of the law"),
        ({"row_cost": "-1"}, "has no price, zero or more"),
        ({"curves": False}, "add --curves"),
        ({"candidates": None, "space": ("N in [1e7, 1e9] log", "D = 1e9")}, "a row a checkpoint"),
    ],
)
def test_what_is_no_study_of_curves_is_refused(tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        make(tmp_path, **given)
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_told_in_a_study_of_curves_alone(tmp_path):
    study = make(tmp_path, curves=False, restart=0.0)
    study.ask()
    with pytest.raises(UserError, match="study new --curves"):
        study.tell("r1", rows={"D": [2e8], "loss": [3.0]})
