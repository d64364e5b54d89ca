"""No told cost rescales a campaign in silence: the factor is printed, a far one is asked about."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.study import Study
from jaxsl.host.study.sources.importing import import_table

SPACE = ("N in [1e8, 1e9] log", "D in [1e9, 1e11] log")


def invoke(*words):
    return CliRunner().invoke(app, ["study", *map(str, words)])


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two runs that were asked for, planned at 0.15 each, of a budget of 1."""
    monkeypatch.chdir(tmp_path)
    runs = pd.DataFrame({"N": [1e8, 2e8, 3e8], "D": 1e9, "hours": [0.15, 0.15, 0.3]})
    made = Study.create(
        "s.jsonl", "chinchilla", target="N=1e10,D=2e11", candidates=runs, cost="hours", budget=1
    )
    made.ask(2)
    return made


@pytest.mark.parametrize(("cost", "said"), [("20", "133 times the 0.15"), ("0.01", "0.0667 times the 0.15")])
def test_a_cost_far_from_the_plan_is_refused_until_it_is_confirmed(study, cost, said):
    before = study.journal.path.read_bytes()
    refused = invoke("tell", "s.jsonl", "r1", "3.1", "--cost", cost)
    assert refused.exit_code == 2 and said in refused.stderr and "--yes" in refused.stderr
    assert study.journal.path.read_bytes() == before and study.status().cost_factor == 1
    told = invoke("tell", "s.jsonl", "r1", "3.1", "--cost", cost, "--yes")
    assert told.exit_code == 0
    assert f"runs cost {float(cost) / 0.15:.3g} times their plan (1 told)" in " ".join(told.stdout.split())


def test_the_factor_and_what_is_left_are_printed_with_every_cost_and_only_then(study):
    told = invoke("tell", "s.jsonl", "r1", "3.1", "--cost", "0.18")
    said = " ".join(told.stdout.split())
    assert "spent 0.18" in said and "0.64 left" in said and "runs cost 1.2 times their plan (1 told)" in said
    assert "times their plan" not in invoke("tell", "s.jsonl", "r2", "3.0").stdout
    assert json.loads(invoke("tell", "s.jsonl", "r2", "3.0", "--cost", "0.2", "--json").stdout)["cost"] == 0.2


def test_what_is_expected_follows_the_costs_of_the_other_runs(study):
    study.tell("r1", 3.1, cost=20.0, confirmed=True)
    assert study.tell("r2", 3.0, cost=18.0).cost == 18.0  # the unit is known by now
    with pytest.raises(UserError, match=r"run r1: a cost of 0\.15 is 0\.00833 times the 18"):
        study.tell("r1", 3.1, cost=0.15)
    assert study.tell("r1", 3.2).cost == 20.0 and study.tell("r1", 3.3, cost=20.0).cost == 20.0


def test_a_run_that_did_not_end_may_have_cost_little_but_not_much(study):
    assert study.tell("r1", status="failed", cost=0.0).cost == 0.0
    assert study.tell("r2", status="abandoned", cost=0.01).cost == 0.01
    with pytest.raises(UserError, match=r"is 0\.06 times"):  # this state counts in the factor
        study.tell("r2", status="diverged", cost=0.009)
    with pytest.raises(UserError, match="is 133 times"):
        study.tell("r1", status="failed", cost=20.0)


def test_costs_that_are_brought_in_are_asked_about_too(study):
    history = {
        "N": [1e8, 4e8],
        "D": [2e9, 2e9],
        "loss": [3.2, 3.0],
        "hours": [0.1, 0.1],
        "paid": [30.0, 20.0],
    }
    made = Study.create("t.jsonl", "chinchilla", target="N=1e10,D=2e11", space=SPACE, cost="N*D/1e18")
    with pytest.raises(UserError, match=r"2 runs: a cost of 50 is 50 times the 1 that was to be expected"):
        import_table(made, history, cost="paid")
    assert made.status().num_done == 0
    pd.DataFrame(history).to_csv("history.csv", index=False)
    brought = invoke("import", "t.jsonl", "history.csv", "--cost", "paid", "--yes")
    assert brought.exit_code == 0 and "runs cost 50 times their plan (2 told)" in " ".join(
        brought.stdout.split()
    )
