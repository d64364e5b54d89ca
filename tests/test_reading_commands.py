"""Every command and verb that reads a table of runs reads it in the same ways."""

import inspect
import json
import re

import numpy as np
import pandas as pd
import pytest
import typer
from cases import STEPS, SUFFIXES, TRACKER
from typer.testing import CliRunner

from jaxsl.host import Study, checkpoints, compare, fit, next_runs, rank, replay, report, tune
from jaxsl.host.answer.fit_options import How
from jaxsl.host.answer.which_laws import ensemble
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.ess.of_line import assess
from jaxsl.host.input.reading import Reading
from jaxsl.host.study.sources.importing import Tracked, import_table, import_tracked

COMMANDS = (
    "fit",
    "next",
    "checkpoints",
    "report",
    "replay",
    "ess",
    "laws rank",
    "compare",
    "tune",
    "study new",
    "study import",
)
NAMES = ("--map", "N=params", "--map", "D=tokens", "--outcome", "val_loss")
SPACE = ("--space", "N in [1e7, 1e10] log", "--space", "D in [1e8, 1e11] log", "--cost", "6*N*D")
TRACKED = {"mapping": {"N": "n_params", "D": "train/tokens"}, "outcome": "val/loss"}


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"runs.csv": SUFFIXES, "tracker.csv": TRACKER, **STEPS}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def study(folder):
    assert (
        invoke("study", "new", "s.jsonl", "--law", "chinchilla", "--target", "N=70B,D=1.4T", *SPACE).exit_code
        == 0
    )
    return Study("s.jsonl")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_reads_runs_has_the_options(name):
    command = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {f"--{option.replace('_', '-')}" for option in Reading.__annotations__} <= options


@pytest.mark.parametrize(
    "verb",
    [fit, next_runs, checkpoints, rank, replay, report, assess, Study.create, import_table, compare, tune],
)
def test_every_verb_takes_the_same_words(verb):
    (how,) = (item for item in inspect.signature(verb).parameters.values() if item.kind is item.VAR_KEYWORD)
    words = How if re.search(r"\bHow\b", str(how.annotation)) else Reading
    assert words.__name__ in str(how.annotation)
    assert Reading.__annotations__.keys() <= words.__annotations__.keys()


def test_a_verb_reads_files_reduces_them_and_takes_rows(folder):
    how = {"reduce": "last", "from_name": "run-(?P<params>.*).csv", "where": "params > 20e6"}
    found = ensemble("run-*.csv", "kaplan/n", mapping={"N": "params"}, cost="tokens", **how)
    np.testing.assert_array_equal(found.seen.x, [[154e6], [79e6]])
    np.testing.assert_array_equal(found.seen.cost, [1.31072e9, 1.179648e9])
    np.testing.assert_array_equal(found.seen.y, [[3.4657], [3.6899]])
    assert found.problem.notes[-4:] == (
        "--reduce last: 9 rows became 3 runs",
        "--where params > 20e6: 1 of 3 rows are left out",
        "tokens: 1.31072B read as 1.31072e9",
        "params: 154M read as 1.54e8",
    )
    with pytest.raises(UserError, match=r"run-154M\.csv, line 3, column '-1\*params': -1.54e\+08 is"):
        ensemble("run-*.csv", "kaplan/n", mapping={"N": "-1*params"}, **how)


def test_a_study_begins_from_the_rows_that_are_taken(folder):
    new = ("study", "new", "a.jsonl", "--law", "chinchilla", "--target", "N=70B,D=1.4T", "--cost", "6*N*D")
    result = invoke(
        *new, "--candidates", "runs.csv", *NAMES, "--where", "tokens/params > 20 and model != 'b'"
    )
    assert result.exit_code == 0 and "1 runs done" in result.stdout.replace("\n", " ")
    assert "3 of 4 rows are left out" in result.stdout and "tokens: 12.8B read as 1.28e10" in result.stdout
    result = invoke("study", "new", "b.jsonl", *new[3:], *SPACE[:4], "--where", "N > 1")
    assert result.exit_code == 2 and "--where N > 1: says how a table is read" in result.stderr
    assert not (folder / "b.jsonl").exists()


def test_a_trackers_table_is_imported_as_the_trackers_runs_are(study):
    run = ("study", "import", "s.jsonl", "tracker.csv", "--map", "N=n_params", "--map", "D=train/tokens")
    result = invoke(*run, "--outcome", "val/loss")
    assert result.exit_code == 0 and "brought in 7 done, 1 pending, 2 failed" in result.stdout
    runs = Study("s.jsonl").ledger.runs
    assert runs["tracker:x3"].y == (3.33,) and runs["tracker:x7"].status == "pending"
    assert runs["tracker:x0"].status == "failed" and runs["tracker:x3"].name == "160m-a"
    again = invoke(*run, "--outcome", "val/loss")
    assert "brought in no new run; 10 were in the study already" in again.stdout.replace("\n", " ")


def test_a_finished_run_that_ended_in_nan_has_diverged_and_rows_are_taken(study, folder):
    (folder / "tracker.csv").write_text(TRACKER.replace('"failed","x8"', '"finished","x8"'))
    found = import_table(study, "tracker.csv", **TRACKED, where="n_params > 1e9")
    assert found.added == {"done": 1, "pending": 1, "failed": 0, "diverged": 1}
    assert "--where n_params > 1e9: 7 of 10 rows are left out" in found.notes


def test_runs_of_a_tracker_can_be_chosen_and_their_names_read(study):
    tracked = [
        Tracked(f"t:{size}", f"run-{size}", "finished", {"D": 1e9, "loss": loss, "ok": ok})
        for size, loss, ok in (("70M", 3.6, "yes"), ("160M", 3.4, "no"))
    ]
    how = {"from_name": "run-(?P<N>.*)", "where": "ok == 'yes'"}
    assert import_tracked(study, tracked, **how).added["done"] == 1
    assert study.ledger.runs["t:70M"].x == (70e6, 1e9)


@pytest.mark.slow
def test_a_line_is_drawn_through_the_rows_that_are_taken():
    runs = {"x": ["0", "1", "2", "3", "9"], "y": ["21%", "29%", "41%", "49%", "1%"]}
    found = assess(runs, target="4", where="x < 5")
    assert round(found.y, 3) == 0.59 and found.num_runs == 4
    assert found.notes[:2] == ("--where x < 5: 1 of 5 rows are left out", "y: 21% read as 0.21")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--where", "params >"), "something is missing at its end"),
        (("--where", "open('x') > 1"), "is not a function known here"),
        (("--where", "params < 1"), "--where params < 1: no row of runs.csv fulfils it"),
        (("--reduce", "median"), "--reduce median: choose last, min, or mean:10"),
        (("--from-name", "("), "is no regular expression"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "report", "laws rank"])
def test_bad_input_is_one_message_and_writes_nothing(command, options, said, folder):
    before = sorted(folder.iterdir())
    result = invoke(*command.split(), "runs.csv", "--law", "chinchilla", *NAMES, *options)
    assert result.exit_code == 2 and result.stderr.startswith("error: ") and said in result.stderr
    assert result.stderr.count("\n") == 1 and sorted(folder.iterdir()) == before


def test_a_report_is_never_written_over_one_of_several_tables(folder):
    result = invoke("report", "run-*.csv", "--law", "kaplan/n", "-o", "run-79M.csv", "--force")
    assert result.exit_code == 2 and "run-79M.csv is read here and is never written over" in result.stderr


@pytest.mark.slow
def test_a_fit_is_the_same_however_its_runs_are_written(folder):
    rng = np.random.default_rng(0)
    size = np.array([10e6, 20e6, 40e6, 80e6, 160e6])
    loss = np.round(1.7 + 400 * size**-0.34 + rng.normal(0, 0.003, 5), 5)
    expected = fit({"N": size, "loss": loss}, "kaplan/n", target="N=1e9").as_dict()
    for N, value in zip(size, loss, strict=True):
        log = pd.DataFrame({"step": [2, 1], "loss": [value, value + 1]})
        log.to_csv(folder / f"log-{N / 1e6:g}M.csv.gz", index=False)
    pattern = ("--reduce", "last", "--from-name", r"log-(?P<N>.*)\.csv")
    files = sorted(str(path) for path in folder.glob("log-*.csv.gz"))
    result = invoke("fit", *files, "--law", "kaplan/n", "--target", "N=1B", *pattern, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    np.testing.assert_allclose(found["prediction"]["median"], expected["prediction"]["median"], rtol=1e-9)
