"""``jaxsl study`` and ``jaxsl replay`` as a person uses them, from an empty folder."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl.host.cli import app
from laws.tasks import DATA_CON

TARGET = ("--target", "N=1e10,D=2e11")
NEW = ("--law", "chinchilla", *TARGET, "--cost", "6*N*D")
ROOT = Path(__file__).resolve().parents[1]


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(*arguments):
    """What a command that must succeed prints."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a list of sixteen candidates, three of which are done."""
    monkeypatch.chdir(tmp_path)
    size, tokens = (
        grid.ravel() for grid in np.meshgrid([1e7, 4e7, 1.6e8, 6.4e8], [1e9, 4e9, 1.6e10, 6.4e10])
    )
    loss = 1.7 + 400 * size**-0.34 + 400 * tokens**-0.28
    with open("runs.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["N", "D", "loss", "who"])
        for row in range(16):
            writer.writerow([size[row], tokens[row], f"{loss[row]:.4f}" if row < 3 else "", f"run{row}"])
    return tmp_path


def test_a_campaign_from_the_command_line(folder):
    made = said("study", "new", "s.jsonl", *NEW, "--candidates", "runs.csv", "--budget", "1e21")
    assert "3 runs done, 13 candidates; next: jaxsl study ask s.jsonl" in made
    asked = json.loads(said("study", "ask", "s.jsonl", "-n", 2, "--json"))
    assert [run["id"] for run in asked["asked"]] == ["r1", "r2"] and asked["stop"] is None
    told = said("study", "tell", "s.jsonl", "r1", "2.9", "--cost", "1e18", "--yes")
    assert "run r1 is done: 2.9 (cost 1e+18)" in told and "runs cost 4.17 times their plan (1 told)" in told
    again = said("study", "tell", "s.jsonl", "r1", "2.8")
    assert "run r1 is done: 2.8 (cost 1e+18)" in again and "it was 2.9 before" in again
    assert "run r2 is failed (counted as planned" in said(
        "study", "tell", "s.jsonl", "r2", "--status", "failed"
    )
    shown = said("study", "show", "s.jsonl", "--quick")
    assert "4 done, 1 failed; 12 candidates left" in shown and "times their plan (1 told)" in shown
    assert "wrote 5 runs" in said("study", "export", "s.jsonl", "t.csv")
    assert (folder / "t.csv").read_text().count("\n") == 6
    assert "5e+21, " in said("study", "set", "s.jsonl", "--budget", "5e21", "--width", "0.1")
    assert "no new run; 3 were in the study already" in said("study", "import", "s.jsonl", "runs.csv")
    assert "is in order" in said("study", "repair", "s.jsonl")
    assert sorted(path.name for path in folder.iterdir()) == ["runs.csv", "s.jsonl", "t.csv"]


@pytest.mark.slow
def test_what_is_predicted_and_whether_it_is_worth_it_is_shown_and_a_rule_stops_asking(folder):
    rows = (folder / "runs.csv").read_text().splitlines()
    done = [row if row.split(",")[2] else row.replace(",,", f",{3 - i / 20},") for i, row in enumerate(rows)]
    (folder / "runs.csv").write_text("\n".join(done[:13] + rows[13:]))
    said("study", "new", "s.jsonl", *NEW, "--candidates", "runs.csv", "--width", "1000")
    shown = said("study", "show", "s.jsonl")
    for text in ("target, from 12 runs", "90 % interval", "further spend", "not worth it, the interval"):
        assert text in shown
    assert "within --width 1000; --anyway asks all the same" in said("study", "ask", "s.jsonl")
    found = json.loads(said("study", "show", "s.jsonl", "--json"))
    assert found["worth"]["reason"] and found["num_runs"] == 12 and found["status"]["left"] is None
    asked = said("study", "ask", "s.jsonl", "--anyway")
    assert "r1" in asked and "expected of it: the target's interval narrows from" in asked
    said("study", "set", "s.jsonl", "--clear")
    again = said("study", "ask", "s.jsonl")
    assert "stop" not in again and "expected of it and the 1 pending before: the target's" in again


@pytest.mark.slow
def test_the_file_of_a_paper_goes_to_a_recommendation_in_three_commands(tmp_path, monkeypatch, runs_data):
    from experiments.datasets import load

    runs = load(DATA_CON, runs_data)["all_data"].train
    monkeypatch.chdir(tmp_path)
    with open("paper.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unique", "params", "D", "loss"])
        writer.writerows(np.concatenate([runs.x, runs.y], axis=1).tolist())
    axes = ("U in [1e8, 1e11] log digits 2", "N in [1e7, 4e9] log digits 2", "D in [1e9, 3e11] log digits 2")
    space = [word for axis in axes for word in ("--space", axis)]
    target = ("--target", "U=1.2e10,N=4.2e9,D=6e10")
    law = ("--law", "data_con/sl_1", "--cost", "6*N*D", "--budget", "1e21")
    said("study", "new", "paper.jsonl", *law, *target, *space)
    brought = said("study", "import", "paper.jsonl", "paper.csv", "--map", "U=unique", "--map", "N=params")
    assert f"brought in {len(runs.x)} done" in brought
    asked = said("study", "ask", "paper.jsonl")
    assert asked.splitlines()[1].split()[0] == "r1" and "the target's interval narrows from" in asked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("study", "ask", "none.jsonl"), "cannot read none.jsonl: No such file or directory; check the path"),
        (("study", "ask", "runs.csv"), "runs.csv is no study: its first line is no header"),
        (("study", "new", "a.jsonl", *NEW), "say what may be run: --candidates FILE, or --space"),
        (("study", "new", "a.jsonl", *NEW, "--candidates", "no.csv"), "cannot read no.csv"),
        (("study", "new", "a.jsonl", *NEW, "--space", "N in [1, 2]"), "--space says nothing of D"),
        (("study", "new", "no/a.jsonl", *NEW, "--candidates", "runs.csv"), "cannot write no/a.jsonl"),
        (("study", "tell", "s.jsonl", "r1", "2.0"), "s.jsonl has no run 'r1'; none is pending"),
        (("study", "tell", "s.jsonl", "r1", "low"), "'low' is no outcome"),
        (("study", "set", "s.jsonl"), "nothing to change"),
        (("study", "export", "s.jsonl", "t.xls"), "ends in .csv or .parquet"),
        (
            ("study", "import", "s.jsonl", "runs.csv", "--reduce", "max"),
            "--reduce max: choose last, min, or mean:10",
        ),
        (("replay", "runs.csv", *NEW), "has 3 runs with an outcome, at 3 configurations"),
        (("replay", "runs.csv", "--law", "chinchilla"), "has no column 'cost': say what a run costs"),
    ],
)
def test_bad_input_is_one_message_and_changes_no_file(folder, arguments, message):
    said("study", "new", "s.jsonl", *NEW, "--candidates", "runs.csv")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = invoke(*arguments)
    assert result.exit_code == 2 and result.stderr.startswith("error: ") and message in result.stderr
    assert result.stderr.count("\n") == 1 and not result.stdout
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_loss_may_be_negative_and_an_unknown_option_is_none(folder):
    said("study", "new", "s.jsonl", *NEW, "--candidates", "runs.csv")
    assert "run h1 is done: -0.5" in said("study", "tell", "s.jsonl", "h1", "-0.5")
    assert invoke("study", "tell", "s.jsonl", "h1", "2", "--cots", "3").exit_code == 2


def test_telling_takes_no_compiler(folder):
    said("study", "new", "s.jsonl", *NEW, "--candidates", "runs.csv")
    script = "import sys; from jaxsl.host.study.study import Study; "
    script += "print(Study('s.jsonl').tell('h1', 3.0).y, 'jax' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.stdout == "(3.0,) False\n", done.stderr
