"""Step logs, chart exports, trackers' tables and chosen rows: a row a run, with values worked out by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cases import STEPS, TRACKER, WIDE

from jaxsl.host.errors import UserError
from jaxsl.host.input.reading import read_runs
from jaxsl.host.input.table import read

SHARED = Path(__file__).parents[2] / "shared" / "cases"
FROM_NAME = "run-(?P<params>.*).csv"


@pytest.fixture
def steps(tmp_path):
    for name, text in STEPS.items():
        (tmp_path / name).write_text(text)
    return f"{tmp_path}/*.csv"


@pytest.fixture
def write(tmp_path):
    def write(text, name="runs.csv"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize(
    ("how", "losses", "tokens"),
    [
        ("last", [4.5175, 3.4657, 3.6899], [1.31072e9, 1.31072e9, 1.179648e9]),
        ("min", [4.5175, 3.4657, 3.6899], [1.31072e9, 1.31072e9, 1.179648e9]),
        ("mean:2", [4.54015, 3.48835, 4.3379], [1.31072e9, 1.31072e9, 1.179648e9]),
    ],
)
def test_a_file_a_run_gives_a_row_a_run_with_what_its_name_says(steps, how, losses, tokens):
    table = read_runs(steps, {}, ["loss"], reduce=how, from_name=FROM_NAME)
    np.testing.assert_array_equal(table.numbers("params"), [10.6e6, 154e6, 79e6])
    np.testing.assert_allclose(table.numbers("loss"), losses, rtol=1e-14)
    np.testing.assert_array_equal(table.numbers("tokens"), tokens)
    assert table.text("file") == list(STEPS) and table.row_numbers.tolist() == [1, 2, 3]
    assert table.place(1).endswith("run-154M.csv, line 3")  # its steps are out of order
    assert table.notes[-1] == f"--reduce {how}: 9 rows became 3 runs"


def test_without_a_reduction_all_steps_are_rows_and_that_is_said(steps):
    table = read_runs(steps, {}, ["loss"])
    assert table.num_rows == 9 and "9 rows of step logs are taken as runs" in table.notes[-1]


def test_the_minimum_is_a_row_and_the_last_may_be_higher():
    frame = {"step": [1, 2, 3], "tokens": [10, None, 30], "loss": [3.0, 2.0, 2.5], "lr": [0.1, None, 0.3]}
    for how, tokens, loss, lr in (("min", 10, 2.0, 0.1), ("last", 30, 2.5, 0.3), ("mean", 30, 2.5, 0.3)):
        table = read_runs(frame, {}, ["loss"], reduce=how)
        assert [table.numbers(name).tolist() for name in ("tokens", "loss", "lr")] == [[tokens], [loss], [lr]]


def test_runs_of_one_table_are_told_apart_by_a_column_and_one_that_diverged_is_left_out(write):
    path = write(
        "run_id,_step,N,tokens,loss\na,1,70M,1B,4\nb,1,160M,1B,3.9\na,2,,2B,3.5\nb,2,,2B,\nc,1,1B,1B,3\nc,2,,2B,nan\n"
        "d,1,2B,1B,\n"
    )
    table = read_runs(path, {}, ["log(loss)"], reduce="last")
    assert table.text("run_id") == ["a", "b"] and table.row_numbers.tolist() == [4, 3]
    np.testing.assert_array_equal(table.numbers("N"), [70e6, 160e6])
    np.testing.assert_array_equal(table.numbers("tokens"), [2e9, 1e9])
    assert table.notes[0] == f"left out: {path}, c ended in no number; {path}, d has no outcome"


def test_a_chart_export_has_a_column_a_run(write):
    path = write(WIDE)
    table = read_runs(path, {}, ["L"], reduce="last", from_name="run-(?P<params>.*)")
    assert table.columns == ("Step", "run", "L", "params") and table.text("run") == ["run-70m", "run-160m"]
    np.testing.assert_array_equal(table.numbers("L"), [3.62, 3.55])
    np.testing.assert_array_equal(table.numbers("Step"), [3000, 2000])
    np.testing.assert_array_equal(table.numbers("params"), [70e6, 160e6])
    assert table.place(1) == f"{path}, line 3, run-160m"
    assert read_runs(path, {}, ["L"], reduce="min", where="Step < 2500").num_rows == 1
    assert read_runs(path, {}, ["L"]).num_rows == 5


def test_a_trackers_table_holds_seven_runs_and_names_the_others(write):
    table = read_runs(write(TRACKER), {}, ["val/loss"])
    np.testing.assert_array_equal(table.numbers("val/loss"), [3.62, 3.41, 3.33, 3.12, 2.98, 2.8, 2.66])
    assert table.notes == (
        "7 of 11 rows are runs; left out: line 3 (70m-a, crashed), line 5 (160m-a, repeated), "
        "line 10 (1.3b-a, running), line 11 (1.3b-b, failed)",
    )
    no_loss = read_runs(write(TRACKER.replace("2.66", "")), {}, ["val/loss"])
    assert no_loss.num_rows == 6 and "line 12 (1.3b-c, no outcome)" in no_loss.notes[0]


def test_a_trackers_table_without_a_finished_run_is_refused():
    with pytest.raises(
        UserError, match=r"no row is a finished run; row 0 \(a, failed\) is the first of 2; if 'State'"
    ):
        read_runs({"State": ["failed", "running"], "name": ["a", "b"], "loss": [3.0, 2.0]}, {}, ["loss"])


def test_a_column_of_states_that_is_no_trackers_changes_nothing():
    frame = {"state": ["CA", "NY"], "id": ["x", "x"], "loss": [3.0, None]}
    assert read_runs(frame, {}, ["loss"]).num_rows == 2
    frame["state"] = ["finished", ""]  # a candidate that was written below a tracker's rows
    frame["id"] = ["x", ""]
    assert read_runs(frame, {}, ["loss"]).num_rows == 2


def test_rows_are_chosen_by_columns_and_by_the_names_of_the_law():
    frame = pd.DataFrame(
        {
            "params": ["70M", "70M", "1B", "2B"],
            "D": [3.5e8, 1.4e9, 2e10, 1e9],
            "loss": [3.9, 3.6, 4.2, np.nan],
        }
    )
    table = read_runs(frame, {"N": "params", "loss": "loss"}, ["loss"], where="D/N > 4 and loss < 4")
    np.testing.assert_array_equal(table.row_numbers, [0, 1])
    assert table.notes == ("--where D/N > 4 and loss < 4: 2 of 4 rows are left out",)
    kept = read_runs(frame, {"N": "params"}, ["loss"], where="loss < 4")
    np.testing.assert_array_equal(kept.row_numbers, [0, 1, 3])  # a candidate has no loss yet
    assert read_runs(frame, {}, ["loss"], where="D > 0").notes == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"where": "L < 4"}, "has no column 'L'; its columns are loss, note"),
        ({"where": "who == 'a'"}, "has no column 'who'"),
        ({"where": "loss <"}, "the condition 'loss <': something is missing at its end"),
        ({"where": "loss < 1"}, "--where loss < 1: no row of the data frame fulfils it"),
        ({"where": "note > 1"}, "row 0, column 'note': 'x' is not a number"),
        ({"reduce": "max"}, "--reduce max: choose last, min, or mean:10 for the mean of the last 10"),
        ({"reduce": "mean:0"}, "--reduce mean:0: choose"),
        ({"reduce": "last:3"}, "--reduce last:3: choose"),
        (
            {"reduce": "last"},
            "the data frame has no column that counts steps (step), nor one that tells runs",
        ),
        ({"from_name": "(?P<N"}, "--from-name (?P<N: is no regular expression"),
        ({"from_name": "run-(.*)"}, "--from-name run-(.*): name what it finds"),
        ({"from_name": "run-(?P<N>.*)"}, "the data frame does not match; every name must"),
        ({"from_name": "the (?P<loss>.*)"}, "the data frame has a column 'loss' already"),
    ],
)
def test_a_wrong_option_is_one_message(options, said):
    with pytest.raises(UserError) as error:
        read_runs({"loss": [3.0, 2.0], "note": ["x", "y"]}, {}, ["loss"], **options)
    assert said in str(error.value)


def test_a_reduction_needs_one_outcome_and_an_outcome():
    frame = {"step": [1, 2], "a": [1.0, None], "b": [None, 2.0]}
    for outcomes, how, said in (
        (["a", "b"], "min", "a, b have no common minimum"),
        (["loss"], "last", "has no column of the outcome; say which with --outcome"),
        (["a", "b"], "last", "no run of the data frame has an outcome"),
    ):
        with pytest.raises(UserError, match=said):
            read_runs(frame, {}, outcomes, reduce=how)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared cases are not beside the checkout")
def test_the_shared_cases_give_what_they_should():
    cells = [read(SHARED / name) for name in ("suffixes.csv", "thousands.csv", "decimal_comma.csv")]
    for name, other in (("params", "N"), ("tokens", "D"), ("val_loss", "loss")):
        np.testing.assert_array_equal(cells[0].numbers(name), cells[1].numbers(name))
        np.testing.assert_array_equal(cells[0].numbers(name)[:6], cells[2].numbers(other))
    assert read_runs(SHARED / "tracker_runs.csv", {}, ["val/loss"]).num_rows == 7
    wide = read_runs(SHARED / "tracker_wide.csv", {}, ["val/loss"], reduce="last")
    assert wide.numbers("val/loss").tolist() == [3.62, 3.55] and wide.numbers("Step").tolist() == [3000, 2000]
    logs = read_runs(SHARED / "steps", {}, ["eval/loss"], reduce="last", from_name=FROM_NAME)
    assert logs.numbers("params").tolist() == [10.6e6, 154e6, 79e6]
    assert logs.numbers("eval/loss").tolist() == [4.5175, 3.4657, 3.6446]
    assert read_runs(SHARED / "steps", {}, ["eval/loss"]).num_rows == 30
    lines = read(SHARED / "runs.jsonl")
    assert lines.num_rows == 8 and lines.numbers("hyper.params")[0] == 10.6e6
