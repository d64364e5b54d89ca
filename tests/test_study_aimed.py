"""A study whose runs are for a decision: what it refuses, what it chooses, what it says."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.errors import UserError
from jaxsl.host.show.console import number
from jaxsl.host.study import Study
from jaxsl.host.study.stop_rules import Stop

AIM, COST = "optimal:C=1e21", "6*N*D"


def table():
    """Twelve runs that are done and four candidates."""
    n, d = (part.ravel() for part in np.meshgrid(np.geomspace(1e7, 3e8, 4), np.geomspace(2e8, 6e9, 4)))
    order = np.argsort(n * d, kind="stable")
    n, d = n[order], d[order]
    loss = 1.82 + 482 * n**-0.348 + 2085 * d**-0.366
    loss += 0.003 * np.random.default_rng(0).standard_normal(16)
    loss[12:] = np.nan
    return {"N": n, "D": d, "loss": loss}


@pytest.mark.parametrize(
    "given, message",
    [
        ({"target": "N=1e9,D=2e10"}, "--aim takes the place of --target"),
        ({"stop": Stop(gain=0.01)}, "--gain: is about a target's interval"),
        (
            {"stop": Stop(regret=0.01), "aim": None, "target": "N=1e9,D=2e10"},
            "--regret 0.01: is of a decision",
        ),
        ({"error": "log"}, "leave out the options of the fit"),
        ({"aim": "optimal"}, "write optimal:C=1e24"),
        ({"aim": "multiplier:C=1e21"}, "name the column that tells recipes apart, --by COLUMN"),
        ({"aim": "reach:loss=2.4", "stop": Stop(price=1e23)}, "--price: is about loss given up"),
        (
            {"cost": "price", "candidates": table() | {"price": np.ones(16)}},
            "price is no input of chinchilla",
        ),
        ({"hold": {"N": 1e9, "D": 1e9}}, "the cost is fixed"),
        ({"candidates": None, "space": ("N in [1e7, 1e9] log", "D = 1e9")}, "give them with --candidates"),
    ],
)
def test_what_does_not_go_with_an_aim_is_refused(tmp_path, given, message):
    settings = {"candidates": table(), "cost": COST, "aim": AIM} | given
    with pytest.raises(UserError, match=message):
        Study.create(tmp_path / "study.jsonl", "chinchilla", **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_study_asks_for_the_run_that_next_ranks_first_and_its_regret_falls(tmp_path):
    path = tmp_path / "study.jsonl"
    made = Study.create(path, "chinchilla", candidates=table(), cost=COST, aim=AIM, budget=1e20)
    ranked = next_for(table(), "chinchilla", aim=AIM, cost=COST, budget=1e20, count=4)
    before = made.decision()
    assert before.regret[0] == pytest.approx(ranked.decision.regret, rel=1e-6)
    assert before.decision["N"].median == pytest.approx(ranked.decision["N"].median, rel=1e-6)
    assert len(before.regret) > 1 and (np.diff(before.regret) <= 0).all()
    (asked,) = Study(path).ask()
    falls = {run.x["N"] * run.x["D"]: run.fall for run in ranked.runs}
    assert asked.fall == pytest.approx(falls[asked.x["N"] * asked.x["D"]], rel=1e-3)
    shown = CliRunner().invoke(app, ["study", "show", str(path)])
    assert shown.exit_code == 0 and "tokens per parameter" in shown.stdout
    assert "deciding now gives up an expected" in shown.stdout
    told = json.loads(CliRunner().invoke(app, ["study", "show", str(path), "--json"]).stdout)
    assert told["prediction"] is None and told["decision"]["regret"][0] < before.regret[0]
    refused = CliRunner().invoke(app, ["study", "set", str(path), "--gain", "0.1"])
    assert refused.exit_code == 2 or isinstance(refused.exception, UserError)


@pytest.mark.slow
def test_a_study_for_a_least_cost_asks_for_the_run_that_next_ranks_first(tmp_path):
    path, aim = tmp_path / "study.jsonl", "reach:loss=2.4"
    made = Study.create(path, "chinchilla", candidates=table(), cost=COST, aim=aim, budget=1e20)
    ranked = next_for(table(), "chinchilla", aim=aim, cost=COST, budget=1e20, count=4)
    before = made.decision()
    assert before.regret[0] == pytest.approx(ranked.regret, rel=1e-6)
    assert before.decision["cost"].median == pytest.approx(ranked.decision["cost"].median, rel=1e-6)
    assert len(before.regret) > 1 and (np.diff(before.regret) <= 0).all()
    (asked,) = Study(path).ask()
    falls = {run.x["N"] * run.x["D"]: run.fall for run in ranked.runs}
    assert asked.fall == pytest.approx(falls[asked.x["N"] * asked.x["D"]], rel=1e-3)
    shown = CliRunner().invoke(app, ["study", "show", str(path)])
    assert shown.exit_code == 0 and "the least cost, from 12 runs" in shown.stdout
    assert f"known to ± {number(made.decision().regret[0] ** 0.5, 2)}, one deviation" in shown.stdout


@pytest.mark.slow
def test_a_study_stops_when_deciding_is_good_enough_or_no_run_is_worth_its_cost(tmp_path):
    path = tmp_path / "study.jsonl"
    made = Study.create(path, "chinchilla", candidates=table(), cost=COST, aim=AIM, budget=1e20)
    now = made.decision()
    first = (now.regret[0] - now.regret[1:], now.spend[1:])
    even = float(np.min(first[1] / first[0]))  # the price at which the first purchase pays
    for rule, stops in (
        ({"regret": now.regret[0] * 1.01}, "within --regret"),
        ({"regret": now.regret[0] * 0.99}, ""),
        ({"price": even * 1.01}, ""),
        ({"price": even * 1e-3}, "no run is worth its cost at --price"),
    ):
        made.set(stop=rule)
        assert (stops in made.reason_to_stop()) if stops else made.reason_to_stop() == ""
    asked = CliRunner().invoke(app, ["study", "ask", str(path)])
    assert asked.exit_code == 0 and "no run is worth its cost" in asked.stdout
    shown = CliRunner().invoke(app, ["study", "show", str(path)])
    assert "not worth going on: no run is worth its cost" in " ".join(shown.stdout.split())
