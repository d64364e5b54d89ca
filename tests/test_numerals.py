"""Numbers as people write them, against values worked out by hand."""

import math

import numpy as np
import pytest
from cases import DECIMAL_COMMA, SIZES, SUFFIXES, THOUSANDS
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsl.host.input.numerals import brief, decimal_mark, number
from jaxsl.host.input.problem import runs
from jaxsl.host.input.table import read
from laws.chinchilla import CHINCHILLA

NAMES = {"mapping": {"N": "params", "D": "tokens"}, "outcome": "val_loss"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("70M", 7e7), ("1.3B", 1.3e9), ("2.6T", 2.6e12), ("410m", 4.1e8), ("26 B", 26e9), ("-5k", -5e3)),
        *(
            ("1,400,000,000", 1.4e9),
            ("1 400 000", 1.4e6),
            ("1\u202f400\u00a0000", 1.4e6),
            ("1'400'000", 1.4e6),
        ),
        *(("1.4e9", 1.4e9), (" .5 ", 0.5), ("45.2%", 0.452), ("45.2 %", 0.452), ("1,400.5", 1400.5)),
        *(
            ("7 million", 7e6),
            ("1.4 Billion", 1.4e9),
            ("1,024K", 1.024e6),
            ("-inf", -math.inf),
            ("2P", 2e15),
            ("8.2B", 8.2e9),
            ("32.8B", 32.8e9),
        ),
    ],
)
def test_a_number_as_written_has_the_value_it_means(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3,62", 3.62),
        ("1,4e9", 1.4e9),
        ("1.400.000", 1.4e6),
        ("1.400,5", 1400.5),
        ("1,3B", 1.3e9),
        ("3,62,1", None),
    ],
)
def test_a_decimal_comma_turns_points_and_commas_round(text, value):
    assert number(text, ",") == value


@pytest.mark.parametrize(
    "text", ["", "M", "7X", "1e", "1e3M", "12 34", "1,40", "1,4000", "1_000", "0x10", "3,62"]
)
def test_what_is_no_number_is_none(text):
    assert number(text) is None


@settings(deadline=None, derandomize=True)
@given(st.floats(allow_nan=False))
def test_every_number_is_read_as_python_reads_it_and_written_back_without_loss(value):
    assert number(repr(value)) == value
    if math.isfinite(value):
        assert float(brief(value)) == pytest.approx(value, rel=1e-14)


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 10**15))
def test_thousands_set_apart_are_the_same_number(value):
    assert number(f"{value:,}") == value
    assert number(f"{value:,}".replace(",", " ")) == value
    assert number(f"{value:,}".replace(",", "."), ",") == value


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("3,62", ","),
        ("0,125", ","),
        ("1,4e9\t3.5", ","),
        ("1,400,000\t3,620", "."),
        ("3,620", ","),
        ("a, b", "."),
    ],
)
def test_one_sure_cell_says_what_a_comma_means(text, mark):
    assert decimal_mark(text) == mark


@pytest.mark.parametrize("text", [SUFFIXES, THOUSANDS, DECIMAL_COMMA, DECIMAL_COMMA.replace(";", "\t")])
def test_every_way_to_write_them_gives_the_same_runs(text, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    problem = runs(path, CHINCHILLA, **NAMES)
    np.testing.assert_array_equal(problem.runs.x, [row[1:3] for row in SIZES])
    np.testing.assert_array_equal(problem.runs.y[:, 0], [row[3] for row in SIZES])
    assert list(problem.runs.labels) == ["model"]


def test_what_was_read_as_what_is_said_once_for_every_column_that_is_used(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(SUFFIXES.replace("3.41", "-").replace("c,160M", "c,1.6e8"))
    problem = runs(path, CHINCHILLA, **NAMES, cost="6*params*tokens")
    assert problem.notes == ("params: 70M read as 7e7", "tokens: 1.4B read as 1.4e9")
    assert problem.runs.observed.tolist() == [True, False, True, True]
    path.write_text(DECIMAL_COMMA)
    assert runs(path, CHINCHILLA, **NAMES).notes == ("commas are decimal: 1,4e9 read as 1.4e9",)


def test_what_was_read_in_a_table_of_targets_is_said_too(tmp_path):
    path = tmp_path / "target.csv"
    path.write_text("params,tokens\n70B,1.4T\n")
    frame = {"params": [7e7, 1.6e8], "tokens": [1.4e9, 3.2e9], "val_loss": [3.6, 3.3]}
    notes = runs(frame, CHINCHILLA, **NAMES, target=str(path)).notes
    assert notes == ("the target's params: 70B read as 7e10", "the target's tokens: 1.4T read as 1.4e12")


def test_missing_cells_are_missing_however_they_are_written(tmp_path):
    path = tmp_path / "runs.csv"
    words = ["NA", "-", "None", "", "null", "n/a", "N/A", "NaN", "–"]
    path.write_text("N,loss\n" + "".join(f"70M,{word}\n" for word in words))
    assert np.isnan(read(path).numbers("loss")).all()
    path.write_text("N,loss\n" + "".join(f"70M,{word}\n" for word in [*words, "1.2K"]))
    assert np.isnan(read(path).numbers("loss")).sum() == len(words)


def test_a_target_may_be_written_so_too_and_a_slip_of_units_is_asked_about():
    frame = {"N": [0.07, 1.3], "D": [1.4e9, 26e9], "loss": [3.6, 2.7]}
    problem = runs(frame, CHINCHILLA, target="N=70B,D=1.4T")
    np.testing.assert_array_equal(problem.targets.x, [[70e9, 1.4e12]])
    assert problem.notes == (
        "the target has N 5.4e+10 times as large as any run: other units? --map N=1e9*(N) rescales the runs",
    )
    frame = {"N": [7e7, 1.3e9], "D": [1.4e9, 26e9], "loss": [3.6, 2.7]}
    assert "N 1e+06 times as small" in runs(frame, CHINCHILLA, target="N=70,D=1.4T").notes[0]
    assert runs(frame, CHINCHILLA, target="N=1e13,D=1.4T").notes == ()
