"""Runs brought into a study: tables, and trackers by recorded answers and a local store."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jaxsl.host.errors import UserError
from jaxsl.host.study.sources import mlflow as from_mlflow
from jaxsl.host.study.sources import wandb as from_wandb
from jaxsl.host.study.sources.importing import Tracked, import_table, import_tracked
from jaxsl.host.study.study import Study
from laws.chinchilla import CHINCHILLA

TARGET = "N=1e10,D=2e11"


@pytest.fixture
def study(tmp_path):
    space = ("N in [1e7, 1e9] log", "D in [1e9, 1e11] log")
    return Study.create(
        tmp_path / "s.jsonl", CHINCHILLA, target=TARGET, space=space, cost="6*N*D", budget=1e21
    )


@pytest.fixture
def listed(tmp_path):
    table = {"N": [1e7, 2e7], "D": [1e9, 1e9]}
    return Study.create(tmp_path / "l.jsonl", CHINCHILLA, target=TARGET, candidates=table, cost="6*N*D")


def table():
    frame = {"params": [10, 20, 30, 20], "D": [1e9, 1e9, 2e9, 1e9], "val": [3.9, 3.7, None, 3.71]}
    return pd.DataFrame(frame | {"gpu_h": [1.0, 2.0, None, 2.5], "who": ["ann", "bob", "", "cy"]})


OPTIONS = {"mapping": {"N": "1e6*params"}, "outcome": "val"}


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
def test_a_table_brings_in_runs_and_candidates(listed, tmp_path, kind):
    source = table()
    if kind == "csv":
        source.to_csv(tmp_path / "t.csv", index=False)
        source = str(tmp_path / "t.csv")
    elif kind == "parquet":
        source.to_parquet(tmp_path / "t.parquet")
        source = str(tmp_path / "t.parquet")
    found = import_table(listed, source, **OPTIONS, cost="gpu_h", confirmed=True)
    assert found.added == {"done": 3} and found.num_candidates == 1
    runs = list(listed.ledger.runs.values())
    assert [(run.id, run.x, run.y, run.cost, run.name) for run in runs] == [
        ("h1", (1e7, 1e9), (3.9,), 1.0, "ann"),
        ("h2", (2e7, 1e9), (3.7,), 2.0, "bob"),
        ("h3", (2e7, 1e9), (3.71,), 2.5, "cy"),
    ]
    assert [item.x for item in listed.ledger.candidates] == [(1e7, 1e9), (2e7, 1e9), (3e7, 2e9)]
    assert listed.status().spent == 0 and listed.status().num_candidates == 1
    planned = 6e16 + 2 * 12e16
    assert listed.status().cost_factor == pytest.approx(5.5 / planned)


def test_the_same_table_again_adds_nothing_and_a_longer_one_what_is_new(listed):
    import_table(listed, table(), **OPTIONS)
    before = listed.journal.path.read_bytes()
    again = import_table(listed, table(), **OPTIONS)
    assert (again.added["done"], again.num_candidates, again.num_known) == (0, 0, 3)
    assert listed.journal.path.read_bytes() == before
    longer = pd.concat([table(), table().iloc[:1].assign(val=3.88)])
    assert import_table(listed, longer, **OPTIONS).added == {"done": 1}


def test_earlier_runs_count_against_the_budget_only_when_asked_to(study):
    import_table(study, table(), **OPTIONS, cost="gpu_h", counts=True, confirmed=True)
    assert study.status().spent == pytest.approx(5.5)


def test_a_bad_table_brings_in_nothing(study):
    before = study.journal.path.read_bytes()
    with pytest.raises(UserError, match="row 2, column '1e6\\*params': 0 is not positive"):
        import_table(study, table().assign(params=[10, 20, 0, 20]), **OPTIONS)
    assert study.journal.path.read_bytes() == before


# Weights & Biases, by a recorded project


class Recorded:
    """Answers of ``wandb.Api()`` as recorded, which counts what it was asked for."""

    def __init__(self):
        self.steps, self.fail_at = 0, math.inf
        self.project = {
            "aa": ("finished", {"N": 1e7, "opt": {"lr": 3e-4}, "D": 1e9}, [4.5, 4.0, 3.9]),
            "bb": ("running", {"N": 2e7, "D": 1e9}, [4.2, 3.8]),
            "cc": ("crashed", {"N": 4e7, "D": 1e9}, [4.0]),
            "dd": ("finished", {"N": 8e7, "D": 1e9}, [4.0, 5.0, "NaN"]),
            "ee": ("finished", {"N": 8e7, "D": 2e9}, []),
            "ff": ("finished", {"D": 1e9}, [3.0]),
            "gg": ("killed", {"N": 9e7, "D": 1e9}, [3.0]),
        }

    def runs(self, project):
        assert project == "team/pilot"
        return [
            SimpleNamespace(
                id=id,
                name=f"run-{id}",
                state=state,
                config=config,
                summary={"_runtime": 7200.0, "_wandb": {"x": 1}},
                scan_history=lambda keys, min_step, values=values: self.history(keys, min_step, values),
            )
            for id, (state, config, values) in self.project.items()
        ]

    def history(self, keys, min_step, values):
        assert keys == ["_step", "val/loss"]
        for step, value in enumerate(values):
            if 10 * step >= min_step:
                if self.steps >= self.fail_at:
                    raise ConnectionError("the network is down")
                self.steps += 1
                yield {"_step": 10 * step, "val/loss": value}


def fetch(api, cache, reduce="last"):
    return from_wandb.fetch("team/pilot", ["val/loss"], cache, reduce, api)


def test_wandb_runs_are_classified_and_their_history_reduced(study, tmp_path):
    api = Recorded()
    tracked = fetch(api, tmp_path / "cache")
    assert tracked[0].values["opt.lr"] == 3e-4 and tracked[0].values["val/loss"] == 3.9
    found = import_tracked(study, tracked, outcome="`val/loss`", cost="hours", confirmed=True)
    runs = {run.id.rpartition("/")[2]: run for run in study.ledger.runs.values()}
    assert {id: run.status for id, run in runs.items()} == {
        "aa": "done",
        "bb": "pending",
        "cc": "failed",
        "dd": "diverged",
        "gg": "failed",
    }
    assert runs["aa"].y == (3.9,) and runs["aa"].cost == 2.0 and runs["aa"].name == "run-aa"
    assert runs["bb"].cost is None and found.added == {"done": 1, "pending": 1, "failed": 2, "diverged": 1}
    assert found.notes == (
        "1 of 7 runs have no N and were left out",
        "1 finished runs have no outcome and were left out",
    )


def test_wandb_histories_are_fetched_once_and_running_ones_continued(study, tmp_path):
    api = Recorded()
    import_tracked(study, fetch(api, tmp_path), outcome="val/loss")
    assert api.steps == 11
    api.project["bb"] = ("finished", {"N": 2e7, "D": 1e9}, [4.2, 3.8, 3.6])
    again = import_tracked(study, fetch(api, tmp_path), outcome="val/loss")
    assert api.steps == 12
    assert again.added == {"done": 1, "pending": 0, "failed": 0, "diverged": 0} and again.num_known == 4
    run = study.ledger.runs["wandb:team/pilot/bb"]
    assert run.y == (3.6,) and [told.status for told in run.history] == ["pending", "done"]


def test_an_interrupted_fetch_says_so_and_is_resumed_where_it_stopped(tmp_path):
    api = Recorded()
    api.fail_at = 4
    with pytest.raises(UserError, match=r"ConnectionError: the network is down\. What was fetched is kept"):
        fetch(api, tmp_path)
    api.fail_at = math.inf
    assert fetch(api, tmp_path)[1].values["val/loss"] == 3.8
    assert api.steps == 11


def test_a_cut_off_cache_file_is_fetched_on(tmp_path):
    fetch(Recorded(), tmp_path)
    file = tmp_path / "team_pilot" / "bb.val_loss.jsonl"
    content = file.read_text()
    file.write_text(content[: len(content) - 5])
    api = Recorded()
    assert fetch(api, tmp_path)[1].values["val/loss"] == 3.8 and api.steps == 1
    assert [json.loads(line)["value"] for line in file.read_text().splitlines()] == [4.2, 3.8]


def test_a_history_becomes_one_value():
    values = [float(value) for value in range(20, 0, -1)]
    assert from_wandb.reduced(values, "last") == 1 and from_wandb.reduced([3.0, 2.0, 4.0], "min") == 2
    assert from_wandb.reduced(values, "mean") == 5.5
    assert math.isnan(from_wandb.reduced([1.0, math.nan], "min"))


def test_no_run_and_no_client_are_said(study):
    with pytest.raises(UserError, match="no run to bring in"):
        import_tracked(study, [])
    with pytest.raises(UserError, match="neither configuration nor results"):
        import_tracked(study, [Tracked("x", "x", "finished")])
    if not _installed("wandb"):
        with pytest.raises(UserError, match=r"pip install 'jaxsl\[wandb\]'"):
            from_wandb.fetch("team/pilot", ["loss"], study.journal.path.parent)


def _installed(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


# MLflow, by recorded answers, and by a local store where its client is installed


class Page(list):
    token = None


def recorded_client():
    def run(id, status, params, metrics):
        info = SimpleNamespace(run_id=id, run_name=f"run-{id}", status=status, start_time=0, end_time=3.6e6)
        return SimpleNamespace(info=info, data=SimpleNamespace(params=params, metrics=metrics))

    pages = [
        Page([run("a", "FINISHED", {"N": "1e7", "D": "1e9"}, {"loss": 9.0})]),
        Page(
            [
                run("b", "RUNNING", {"N": "2e7", "D": "1e9"}, {}),
                run("c", "KILLED", {"N": "2e7", "D": "1e9"}, {}),
            ]
        ),
    ]
    pages[0].token = "next"
    history = [SimpleNamespace(step=2, value=3.5), SimpleNamespace(step=1, value=4.0)]
    return SimpleNamespace(
        get_experiment_by_name=lambda name: SimpleNamespace(experiment_id="1") if name == "pilot" else None,
        search_experiments=lambda: [SimpleNamespace(name="pilot")],
        search_runs=lambda ids, max_results, page_token: pages[1 if page_token else 0],
        get_metric_history=lambda id, metric: history,
    )


def test_mlflow_pages_are_read_to_the_end_and_classified(study):
    tracked = from_mlflow.fetch("pilot", ["loss"], client=recorded_client())
    import_tracked(study, tracked, cost="hours", confirmed=True)
    runs = study.ledger.runs
    assert [(run.status, run.y, run.cost) for run in runs.values()] == [
        ("done", (3.5,), 1.0),
        ("pending", None, None),
        ("failed", None, 1.0),
    ]
    with pytest.raises(UserError, match="no experiment 'other'; it has pilot"):
        from_mlflow.fetch("other", ["loss"], client=recorded_client())


@pytest.mark.slow
def test_mlflow_local_store(study, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient(str(tmp_path / "store"))
    experiment = client.create_experiment("pilot")
    for N, state in ((1e7, "FINISHED"), (2e7, "RUNNING"), (3e7, "FAILED")):
        run = client.create_run(experiment)
        client.log_param(run.info.run_id, "N", N)
        client.log_param(run.info.run_id, "D", 1e9)
        for step in range(3):
            client.log_metric(run.info.run_id, "loss", 5.0 - step - N / 1e8, step=step)
        if state != "RUNNING":
            client.set_terminated(run.info.run_id, state)
    import_tracked(study, from_mlflow.fetch("pilot", ["loss"], client=client))
    found = sorted((run.x[0], run.status, run.y) for run in study.ledger.runs.values())
    assert [item[:2] for item in found] == [(1e7, "done"), (2e7, "pending"), (3e7, "failed")]
    np.testing.assert_allclose(found[0][2], 2.9)
