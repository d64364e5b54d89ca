"""The command line: answers as tables and JSON, and one message with exit status 2 for every bad input."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl.host import fit, next_runs
from jaxsl.host.cli import app
from laws.chinchilla import CHINCHILLA

POINT = ("--target", "N=1e9,D=2e10")
NEXT = ("--law", "chinchilla", "--cost", "6*N*D")


def invoke(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def table(num_observed=12):
    """Twelve noisy runs of a known law and four candidates, as a data frame."""
    rng = np.random.default_rng(0)
    size, tokens = (grid.ravel() for grid in np.meshgrid([1e6, 2e6, 4e6, 8e6], [1e8, 2e8, 4e8, 8e8]))
    loss = 1.7 + 400 * size**-0.34 + 400 * tokens**-0.28 + rng.normal(0, 0.003, 16)
    loss[num_observed:] = np.nan
    return pd.DataFrame({"N": size, "D": tokens, "loss": loss, "note": "run"})


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(frame, name="runs.csv"):
        if isinstance(frame, str):
            (tmp_path / name).write_text(frame)
        else:
            frame.to_csv(tmp_path / name, index=False)
        return name

    return write


@pytest.fixture(scope="module")
def answer():
    return next_runs(table(), CHINCHILLA, target=POINT[1], cost="6*N*D", budget=4e16, count=3)


@pytest.mark.slow
def test_next_ranks_the_affordable_candidates_by_score(answer):
    assert answer.num_candidates == 4 and answer.num_affordable == 4
    assert [run.row_number for run in answer.runs] != []
    assert set(run.row_number for run in answer.runs) < {12, 13, 14, 15}
    scores = [run.score for run in answer.runs]
    assert scores == sorted(scores, reverse=True) and len(scores) == 3
    for run in answer.runs:
        assert run.cost == 6 * run.x["N"] * run.x["D"] and run.labels == {"note": "run"}


@pytest.mark.slow
def test_an_expected_interval_is_the_present_one_shrunk_about_the_median(answer):
    now, noise = answer.prediction, answer.fit.laws[0].noise
    variance = answer.within + answer.between + noise**2
    for run in answer.runs:
        shrink = np.sqrt(1 - (run.within + run.between) / variance)
        np.testing.assert_allclose(run.high - now.median, (now.high - now.median) * shrink, rtol=1e-6)
        np.testing.assert_allclose(run.low - now.median, (now.low - now.median) * shrink, rtol=1e-6)


def test_next_prints_the_same_from_a_file_as_json(answer, write):
    result = invoke("next", write(table()), *NEXT, *POINT, "--budget", "4e16", "-n", 3, "--json")
    assert result.exit_code == 0 and result.stderr == ""
    found = json.loads(result.stdout)
    expected = answer.as_dict()
    assert found.keys() == expected.keys()
    assert [run["row_number"] - 2 for run in found["runs"]] == [run.row_number for run in answer.runs]
    for mine, theirs in zip(found["runs"], expected["runs"], strict=True):
        assert mine | {"row_number": 0} == theirs | {"row_number": 0}
    assert found["fit"]["laws"][0]["basins"] == expected["fit"]["laws"][0]["basins"]


def test_next_prints_a_table(write):
    result = invoke("next", write(table()), *NEXT, *POINT, "-n", 2)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "12 runs, chinchilla; 4 candidates" in lines[0] and "no limit" in lines[0]
    start = next(i for i, line in enumerate(lines) if line.startswith("candidates, best first, each as if"))
    assert "`jaxsl study ask -n` plans several" in lines[start]
    assert lines[start + 1].split()[:5] == ["line", "N", "D", "cost", "score"]
    assert len(lines[start + 2].split()) > 8 and lines[start + 2].split()[0] in {"14", "15", "16", "17"}


def test_fit_finds_the_law_and_says_what_is_hardly_told(write):
    frame = table(16)
    result = invoke("fit", write(frame), "--law", "chinchilla", *POINT, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    (law,) = found["laws"]
    assert found["num_runs"] == 16 and law["law"] == "chinchilla" and law["weight"] == 1
    np.testing.assert_allclose(sum(basin["weight"] for basin in law["basins"]), 1)
    for basin in law["basins"]:
        for parameter in basin["parameters"]:
            assert parameter["lower"] <= parameter["low"] <= parameter["value"] * (1 + 1e-9)
            assert parameter["value"] <= parameter["high"] * (1 + 1e-9) <= parameter["upper"] * (1 + 1e-8)
    assert law["residuals"]["rmse"] < 0.005 and law["residuals"]["r2"] > 0.99
    truth = 1.7 + 400 * 1e9**-0.34 + 400 * 2e10**-0.28
    assert found["prediction"]["low"][0][0] < truth < found["prediction"]["high"][0][0]
    same = fit(frame, CHINCHILLA, target=POINT[1]).as_dict()
    assert law["basins"] == same["laws"][0]["basins"]
    assert found["notes"] == same["notes"]


def test_fit_needs_neither_target_nor_cost_and_prints_every_basin(write):
    result = invoke("fit", write(table(16)), "--law", "chinchilla")
    assert result.exit_code == 0
    for text in (
        "L = E + A N^-alpha + B D^-beta",
        "16 runs, chinchilla",
        "of 32 starts",
        "basin 1 of",
        "residuals: RMSE",
    ):
        assert text in result.stdout
    assert "target" not in result.stdout


def test_what_is_allowed_is_said(write):
    again = table().iloc[:1].assign(loss=lambda row: row.loss + 0.001)
    frame = pd.concat([table(), again, table().iloc[1:2]])
    result = invoke("next", write(frame), *NEXT, "--target", "N=8e6,D=8e8")
    assert "note: 1 of 17 runs repeat a configuration: taken as replicates" in result.stdout
    assert "note: line 19 repeats an earlier one in every column: taken as a copy" in result.stdout
    assert "note: 1 of 1 targets are also among the runs: allowed" in result.stdout


@pytest.mark.slow
def test_laws_are_listed_and_described():
    listed = json.loads(invoke("laws", "--json").stdout)["laws"]
    assert {"chinchilla", "farseer/sl_1", "data_con/sl_10"} <= {law["name"] for law in listed}
    one = json.loads(invoke("laws", "chinchilla", "--json").stdout)["laws"]
    assert one[0]["inputs"] == ["N", "D"] and one[0]["parameters"][2]["name"] == "alpha"
    assert one[0]["formula"] == "L = E + A N^-alpha + B D^-beta" and "2203.15556" in one[0]["source"]
    shown = invoke("laws", "chinchilla").stdout
    assert "alpha       0.02      2" in shown and "estimate epoch: E=1.8172" in shown
    assert "data_con/sl_10" in invoke("laws").stdout


# Bad input: one message, exit status 2, nothing written

HEADER = "N,D,loss,cost\n"
GOOD = "".join(f"{n}e6,{d}e8,{4 - n / 10 - d / 10},1\n" for n in (1, 2, 4) for d in (1, 2))
BAD = {
    "missing column": (
        "N,loss,cost\n1e6,3,1\n",
        (),
        "runs.csv has no column for the input of chinchilla, 'D'",
    ),
    "missing outcome": (
        "N,D,los,cost\n1,1,3,1\n",
        (),
        "no column for the outcome 'loss': say which with --outcome",
    ),
    "missing cost": (
        "N,D,loss\n1,1,3\n",
        (),
        "runs.csv has no column 'cost': say what a run costs with --cost",
    ),
    "text in a number": (
        HEADER + "1e6,lots,3,1\n",
        (),
        "runs.csv, line 2, column 'D': 'lots' is not a number",
    ),
    "not a number": (
        HEADER + GOOD + "nan,1e8,,1\n",
        (),
        "runs.csv, line 8, column 'N': is empty or no number",
    ),
    "infinite": (HEADER + GOOD + "inf,1e8,,1\n", (), "runs.csv, line 8, column 'N': inf is infinite"),
    "zero": (HEADER + GOOD + "0,1e8,,1\n", (), "runs.csv, line 8, column 'N': 0 is not positive"),
    "negative": (HEADER + GOOD + "1,-1e8,,1\n", (), "runs.csv, line 8, column 'D': -1e+08 is not positive"),
    "negative cost": (HEADER + GOOD + "1,1,,-1\n", (), "runs.csv, line 8, column 'cost': -1 is negative"),
    "empty cost": (HEADER + GOOD + "1,1,,\n", (), "runs.csv, line 8, column 'cost': is empty or no number"),
    "no candidate": (HEADER + GOOD, (), "runs.csv has no candidate: every run has an outcome; add a row"),
    "nothing affordable": (
        HEADER + GOOD + "1,1,,9\n1,2,,8\n",
        ("--budget", "2"),
        "--budget 2 affords no candidate of runs.csv: the cheapest, line 9, costs 8; raise it",
    ),
    "no budget": (
        HEADER + GOOD + "1,1,,9\n",
        ("--budget", "nan"),
        "--budget nan: give a number, zero or more",
    ),
    "no run so cheap": (
        HEADER + GOOD + "1,1,,9\n",
        ("--max-cost", "2"),
        "--max-cost 2 affords no candidate of runs.csv: the cheapest, line 8, costs 9",
    ),
    "a level that is a share": (HEADER, ("--level", "0.9"), "--level 0.9: give per cent, at least 1"),
    "an interval of nothing": (HEADER, ("--of", "law"), "--of law: choose one of outcome, curve"),
    "too few runs": (
        HEADER + "1e6,1e8,3,1\n1e6,1e8,3,1\n2e6,1e8,,5\n2e6,2e8,,4\n",
        (),
        "2 runs with an outcome, at 1 configurations; chinchilla has 5 parameters and needs 5 configurations "
        "at least: run more first; the cheapest candidates are lines 5, 4",
    ),
    "empty file": ("", (), "runs.csv is empty; it needs a header and one line for every run"),
    "header alone": (HEADER, (), "runs.csv has columns (N, D, loss, cost) but no row"),
    "another kind of file": ("PAR1", (), "runs.csv is a Parquet file, whatever its name says"),
    "unknown law": (HEADER, ("--law", "chinchila"), "there is no law 'chinchila'; did you mean chinchilla"),
    "no arithmetic": (
        HEADER + GOOD,
        ("--cost", "exit(N)"),
        "'exit' at character 1 is not a function known here",
    ),
    "unknown column": (HEADER + GOOD, ("--cost", "6*N*M"), "runs.csv has no column 'M'"),
    "a map without sense": (HEADER + GOOD, ("--map", "N"), "--map N: write INPUT=COLUMN"),
    "a map given twice": (HEADER + GOOD, ("--map", "N=D", "--map", "N=N"), "N is D already"),
    "a target too short": (
        HEADER + GOOD,
        ("--target", "N=1"),
        "--target N=1: D is missing; write N=NUMBER,D=NUMBER",
    ),
    "a target that is nothing": (
        HEADER + GOOD,
        ("--target", "big"),
        "--target big: neither a file, nor a column",
    ),
    "no target": (HEADER + GOOD + "1,1,,1\n", None, "there is no target; say what to predict with --target"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_message_and_status_2_and_nothing_is_written(case, write, tmp_path):
    text, options, said = BAD[case]
    write(text)
    options = () if options is None else options if "--target" in options else (*options, *POINT)
    for extra in ((), ("--json",)):
        result = invoke("next", "runs.csv", "--law", "chinchilla", *options, *extra)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
        assert said in result.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


def test_a_missing_file_is_one_message_for_every_command(tmp_path):
    missing = tmp_path / "none.csv"
    for command in (
        ("fit", missing, "--law", "chinchilla"),
        ("next", missing, "--law", "chinchilla", *POINT),
    ):
        result = invoke(*command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"error: cannot read {missing}: No such file or directory; check the path\n"
    result = invoke("demo", "--runs", missing)
    assert result.exit_code == 2 and "No such file" in result.stderr


def test_the_program_itself_is_quick_to_help_and_ends_with_status_2_on_a_bad_pipe():
    environment = os.environ | {"JAXSL_CACHE": ""}
    program = [sys.executable, "-m", "jaxsl.host.cli"]
    bad = [*program, "next", "-", *NEXT, *POINT]
    done = subprocess.run(bad, input="N,D,loss\n1,x,\n", capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: standard input, line 2, column 'D': 'x' is not a number; write it as 1500 or 1.5e3\n"
    )
    lazy = "import sys, jaxsl.host.cli; sys.exit('jax' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", lazy], env=environment).returncode == 0


def test_laws_check_finds_what_is_wrong_with_a_law_at_the_runs_given(write):
    write(table())
    write(
        "from jaxsl.law import Law, params\n"
        "def loss(theta, x):\n    'L = E + A / N'\n    E, A, idle = theta\n    return E + A / x[0]\n"
        "MINE = Law('mine', loss, ('N',), params(E=(0, 5), A=(1, 100), idle=(0, 1)))\n",
        "mine.py",
    )
    result = invoke("laws", "check", "mine.py:MINE", "runs.csv", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1 and found["law"] == "mine"
    assert "idle" in {name for finding in found["findings"] for name in finding["parameters"]}
    missing = invoke("laws", "check", "mine.py:MINE", "runs.csv", "--map", "N=params")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "runs.csv has no column 'params'" in missing.stderr


# The demo


@pytest.fixture
def finished(write):
    rng = np.random.default_rng(1)
    size, tokens = (grid.ravel() for grid in np.meshgrid(np.logspace(4, 6, 6), np.logspace(6, 8, 6)))
    loss = 1 + 30 * size**-0.34 + 300 * tokens**-0.4 + rng.normal(0, 0.003, 36)
    return pd.DataFrame({"N": size, "D": tokens, "flops": 6 * size * tokens, "loss": loss})


@pytest.mark.slow
def test_the_demo_spends_its_share_and_no_hidden_outcome_changes_what_it_buys(finished, write):
    def play(frame, *options):
        result = invoke("demo", "--runs", write(frame), "--json", *options)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    report = play(finished)
    rows = np.array(report["bought"]) - 2
    dear = np.flatnonzero(finished["flops"] >= np.sort(finished["flops"])[-(36 // 6)])
    cost = finished["flops"].drop(dear)
    assert report["num_pool"] == 36 - len(dear) and report["pool_cost"] == pytest.approx(cost.sum())
    assert len(set(rows)) == report["num_bought"] == len(rows) and not set(rows) & set(dear)
    assert (
        report["spent"] == pytest.approx(finished["flops"][rows].sum())
        and report["spent"] <= 0.1 * cost.sum()
    )
    assert report["spent"] + cost.drop(rows).min() > 0.1 * cost.sum()
    assert report["prediction"]["observed"] == [[loss] for loss in finished["loss"][dear]]
    assert report["r2_everything"] > 0.9 and len(report["r2_random"]) == 20

    hidden = finished.copy()
    hidden.loc[hidden.index.difference(rows), "loss"] += np.linspace(1, 2, 36 - len(rows))
    again = play(hidden)
    assert (
        again["bought"] == report["bought"]
        and again["prediction"]["median"] == report["prediction"]["median"]
    )
    assert again["r2_active"] != report["r2_active"]


@pytest.mark.slow
def test_the_demo_shows_every_purchase_and_ends_with_what_came_out(finished, write):
    lines = invoke("demo", "--runs", write(finished)).stdout.splitlines()
    assert "their outcomes hidden" in lines[0] and "% of the pool's cost" in lines[1]
    counts = [int(line.split()[0]) for line in lines[4 : lines.index("", 4)]]
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    assert any(line.split()[:2] == ["fitted", "to"] for line in lines)
    assert any(line.startswith("random runs") for line in lines)
    assert any(line.startswith("tokens per parameter") for line in lines)


def test_the_demo_needs_finished_runs(finished, write):
    result = invoke("demo", "--runs", write(finished.iloc[-4:]))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "chinchilla has 5 parameters: give more finished runs" in result.stderr
