"""What an answer says of itself: does the law hold, which runs are bad, how far away is the target."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl.host import Study, fit, next_runs
from jaxsl.host.cli import app

POINT = "N=7e9,D=1.4e11"
PAIR = ["chinchilla", "kaplan/n"]
TRUTH = 2.1733  # of the law that the runs were made of, at the target
# chinchilla@epoch with errors of at most 0.004 on a grid, a row a size; the run after them is 0.6 too high.
LOSSES = """
3.4425 3.2496 3.1141 2.9947 2.9162
3.2641 3.0872 2.9356 2.8323 2.7378
3.1382 2.9453 2.8097 2.6903 2.6119
3.0250 2.8480 2.6965 2.5931 2.4987
2.9503 2.7574 2.6218 2.5024 2.4240
"""


def good():
    size, tokens = np.repeat(1e8 * 2.0 ** np.arange(5), 5), np.tile(2e9 * 2.0 ** np.arange(5), 5)
    return pd.DataFrame({"N": size, "D": tokens, "loss": np.array(LOSSES.split(), float)})


def one_bad():
    return pd.concat([good(), pd.DataFrame({"N": [1.6e9], "D": [3e8], "loss": [4.3735]})], ignore_index=True)


def invoke(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one_bad().to_csv("runs.csv", index=False)
    return "runs.csv"


@pytest.fixture(scope="module")
def found():
    return fit(one_bad(), "chinchilla", target=POINT)


def test_one_bad_run_is_named_and_neither_bends_the_law_nor_widens_the_interval(found):
    (bad,) = found.trust.bad
    assert bad.row == 25 and bad.value > 0.9
    values = {parameter.name: parameter.value for parameter in found.laws[0].basins[0].parameters}
    assert values["beta"] == pytest.approx(0.3658, abs=0.05)  # least squares: 0.602
    prediction = found.prediction
    low, high = prediction.low[0, 0], prediction.high[0, 0]
    assert prediction.median[0, 0] == pytest.approx(TRUTH, abs=0.02)
    assert low < TRUTH < high and high - low < 0.12


def test_residuals_are_of_the_runs_that_are_not_bad(found):
    residuals = found.laws[0].residuals
    assert residuals.rmse < 0.006 and residuals.r2 > 0.999  # the bad one is 0.6 too high
    assert residuals.worst_row == 25 and residuals.worst > 0.5


def test_parameters_far_from_their_optimum_are_not_told():
    runs = pd.DataFrame({"N": [1e8, 1e8, 2e8, 4e8, 4e8, 8e8], "D": [2e9, 8e9, 4e9, 2e9, 8e9, 4e9]})
    crashed = fit(runs.assign(loss=[3.31, 3.02, 11.9, 3.08, 2.76, 2.85]), "chinchilla", target=POINT)
    assert all(basin.rmse < 11.9 for basin in crashed.laws[0].basins)  # a linear step of the mean: 4e8


def test_without_it_the_interval_is_short_and_nothing_is_named():
    found = fit(good(), "chinchilla", target=POINT)
    low, high = found.prediction.low[0, 0], found.prediction.high[0, 0]
    assert low < TRUTH < high and high - low < 0.08
    assert found.trust.bad == () and not any("bad" in line for line in found.trust.lines)


@pytest.mark.slow
def test_every_command_says_it_in_a_line_each(runs):
    law = ("--law", "chinchilla", "--target", POINT)
    one_bad().assign(loss=lambda f: f.loss.where(f.index != 12)).to_csv("more.csv", index=False)
    invoke("study", "new", "s.jsonl", *law, "--candidates", "more.csv", "--cost", "6*N*D")
    invoke("report", "more.csv", *law, "--cost", "6*N*D")
    said = {
        "fit": invoke("fit", runs, *law),
        "next": invoke("next", "more.csv", *law, "--cost", "6*N*D"),
        "report": Path("report.html").read_text(),
        "study show": invoke("study", "show", "s.jsonl"),
        "ess": invoke("ess", runs, *law, "--item-sd", "0.5"),
        "replay": invoke("replay", runs, *law, "--cost", "6*N*D", "--draws", "1"),
    }
    for command, text in said.items():
        assert "chinchilla holds with probability" in text, command
        assert "is probably bad and hardly counts" in text, command
        assert "the target lies beyond the runs by so many decades: 0.64 in N, 0.64 in D" in text, command
    assert "line 27 (probability 0.999)" in said["fit"] and "line 27 (" in said["next"]
    within = re.search(r"to within ([\d.]+) of that of all runs", said["replay"])
    assert within and float(within[1]) < 0.01, "the scatter of the runs that are not bad"
    (bad,) = json.loads(invoke("study", "show", "s.jsonl", "--json"))["trust"]["bad"]
    assert next(iter(Study("s.jsonl").ledger.runs)) != bad["row"] in Study("s.jsonl").ledger.runs


def test_after_a_bad_run_the_next_costs_at_most_a_quarter_of_all_so_far():
    more = pd.DataFrame({"N": [4e8, 3.2e9, 6.4e9], "D": [6.4e10, 6.4e10, 1.3e11], "loss": [None] * 3})
    limits = {"target": POINT, "cost": "6*N*D"}
    calm = next_runs(pd.concat([good(), more]), "chinchilla", **limits)
    wary = next_runs(pd.concat([one_bad(), more]), "chinchilla", **limits)
    spent = 6 * float((one_bad().N * one_bad().D).sum())
    assert wary.limit == pytest.approx(spent / 4) and calm.limit == pytest.approx(spent - 6 * 1.6e9 * 3e8)


@pytest.mark.slow
def test_a_law_that_may_hold_is_named_where_the_heaviest_does_not():
    size = np.repeat(np.geomspace(2e7, 5e8, 6), 3)
    loss = 2.3 + 390 * size**-0.34 + np.random.default_rng(0).normal(0, 0.008, 18)
    runs = {"N": size, "D": np.full(18, 3e9), "loss": loss}
    alone, both = (fit(runs, laws, target="N=1e9,D=3e9").trust for laws in ("chinchilla", PAIR))
    assert alone.better == "" and alone.holds >= 0.2
    assert both.law == "kaplan/n", "a law of two parameters and what it may be wrong by"
    assert re.match(r"chinchilla may hold \(probability \d+%, weight 0.\d+\) where the heaviest", both.better)
    assert both.better in both.lines


def test_a_law_that_explains_little_is_said_to():
    frame = good().assign(loss=lambda f: 1 - 1 / np.log10(f.N * f.D))  # an accuracy, which rises
    lines = fit(frame, "chinchilla", target=POINT).trust.lines
    assert any(line.startswith("chinchilla explains little of the runs: R²") for line in lines)


@pytest.mark.slow
def test_a_law_that_fails_at_one_end_is_said_to_fail_there():
    size = np.geomspace(1e6, 1e10, 24)
    bent = 2 + 40 * size**-0.2 + 0.3 * np.clip(8 - np.log10(size), 0, None) ** 2
    frame = pd.DataFrame({"N": size, "loss": bent + 1e-3 * np.sin(9 * np.arange(24))})
    trust = fit(frame, "kaplan/n", target="N=1e11").trust
    assert trust.holds < 0.01 and trust.told and trust.fails == "small N"
    assert "kaplan/n does not hold over these runs" in trust.lines[0]
    assert trust.lines[0].endswith("it misses most at small N")


@pytest.mark.slow
def test_a_run_that_carries_the_fit_alone_is_named():
    size = np.append(np.geomspace(1e6, 4e6, 12), 1e9)
    loss = 1.5 + 30 * size**-0.25 + 0.01 * np.resize([1, -1, 0], 13)
    trust = fit(pd.DataFrame({"N": size, "loss": loss}), "kaplan/n", target="N=1e10").trust
    assert trust.alone[0].row == 12 and trust.alone[0].value > 0.9
    assert any(
        "row 12 (leverage" in line and "a mistake there would not show" in line for line in trust.lines
    )


def test_too_few_runs_are_said_to_be():
    trust = fit(good().iloc[[0, 4, 12, 20, 24]], "chinchilla", target=POINT).trust
    assert not trust.told and trust.lines[0] == "whether chinchilla holds cannot be told from so few runs"


def test_inside_the_runs_nothing_is_extrapolated():
    lines = fit(good(), "chinchilla", target="N=4e8,D=8e9").trust.lines
    assert lines[-1] == "the target lies within the range of the runs in every input"
