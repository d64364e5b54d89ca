"""Tables of runs: every source reads the same, and every bad cell is named by file, line and column."""

import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import runs
from jaxsl.host.input.reading import read_runs
from jaxsl.host.input.table import read
from jaxsl.law import Law, params
from laws.chinchilla import CHINCHILLA

COLUMNS = {"N": [1e6, 2e6, 4e6], "D": [1e8, 1e8, 2e8], "loss": [3.0, 2.5, None], "who": ["a", None, "b"]}
CSV = "N,D,loss,who\n1e6,1e8,3.0,a\n2e6,1e8,2.5,\n4e6,2e8,,b\n"
SHARE = Law(
    "share",
    lambda theta, x: theta[0] + theta[1] * x,
    inputs=("web", "code"),
    outputs=("web_loss", "code_loss"),
    params=params(a=(0, 5), b=(-5, 5)),
    nonnegative=("web", "code"),
)


@pytest.fixture
def csv(tmp_path):
    def write(text, name="runs.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def message(function, *args, **kwargs):
    with pytest.raises(UserError) as error:
        function(*args, **kwargs)
    return str(error.value)


def test_every_source_gives_the_same_columns(csv, tmp_path, monkeypatch):
    path = tmp_path / "runs.parquet"
    pq.write_table(pa.table(COLUMNS), path)
    stdin = io.BytesIO(CSV.encode())
    monkeypatch.setattr("sys.stdin", type("stdin", (), {"buffer": stdin}))
    category = pd.DataFrame(COLUMNS).astype({"who": "category"})
    sources = [
        *(
            csv(CSV),
            csv(CSV.replace(",", "\t"), "runs.tsv"),
            csv(CSV.replace(",", " ; ")),
            csv("\ufeff" + CSV),
        ),
        *(path, "-", pa.table(COLUMNS), pd.DataFrame(COLUMNS), pl.DataFrame(COLUMNS), category),
        {**COLUMNS, "loss": np.array([3.0, 2.5, np.nan])},
    ]
    for source in sources:
        table = read(source)
        assert table.columns == ("N", "D", "loss", "who")
        for name in ("N", "D", "loss"):
            np.testing.assert_array_equal(table.numbers(name), np.array(COLUMNS[name], float))
        assert [word if word != "None" else "" for word in table.text("who")] == ["a", "", "b"]


def test_parquet_is_read_from_standard_input_too(monkeypatch):
    buffer = io.BytesIO()
    pq.write_table(pa.table(COLUMNS), buffer)
    buffer.seek(0)
    monkeypatch.setattr("sys.stdin", type("stdin", (), {"buffer": buffer}))
    assert read("-").num_rows == 3


def test_numbers_of_every_type_become_float64():
    table = read(
        pa.table(
            {
                "whole": pa.array([1, None], pa.int64()),
                "half": pa.array(np.array([1.5, 2.5], np.float16)),
                "money": pa.array(["1.25", None]).cast(pa.decimal128(9, 2)),
                "flag": [True, False],
                "words": [" 1e3 ", "-.5"],
                "nothing": pa.nulls(2),
            }
        )
    )
    expected = {"whole": [1, np.nan], "half": [1.5, 2.5], "money": [1.25, np.nan], "flag": [1, 0]}
    expected |= {"words": [1e3, -0.5], "nothing": [np.nan, np.nan]}
    for name, values in expected.items():
        assert table.numbers(name).dtype == np.float64
        np.testing.assert_array_equal(table.numbers(name), values)


def test_rows_are_numbered_as_a_person_sees_them(csv):
    text = '\nN,note\n1,"two\nlines"\n\n2,"one"\n3,\n'
    assert read(csv(text)).row_numbers.tolist() == [3, 6, 7]
    assert read(csv(text)).place(1, "N").endswith("runs.csv, line 6, column 'N'")
    assert read({"N": [1, 2]}, "frame").place(1) == "frame, row 1"


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.text(alphabet='ab1,;\t\n\r" .', max_size=30))
def test_any_text_is_a_table_with_a_line_for_every_row_or_a_user_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "runs.csv"
    path.write_bytes(text.encode())
    try:
        table = read(path)
    except UserError:
        return
    assert len(table.row_numbers) == table.num_rows
    assert (np.diff([1, *table.row_numbers, 1 + text.count("\n") + text.count("\r") + 1]) > 0).all()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("runs.csv", "", "is empty; it needs a header"),
        ("runs.csv", " \n\n", "is empty; it needs a header"),
        ("runs.csv", "N,D,loss\n", "has columns (N, D, loss) but no row"),
        ("runs.csv", b"PAR1....PAR1", "is a Parquet file, whatever its name says; name it .parquet"),
        ("runs.parquet", CSV, "is not a Parquet file, whatever its name says"),
        ("runs.parquet", b"PAR1....PAR1", "is a damaged Parquet file"),
        ("runs.csv", b"PK\x03\x04\x00\x00", "is not text in UTF-8"),
        ("runs.csv", "N,ä\n1,2\n".encode("latin-1"), "is not text in UTF-8"),
        ("runs.csv", "# a comment\n", "holds comments alone"),
        ("runs.csv", "# N,D\n1e8,2e9\n", "are the names behind a #? remove it"),
        ("runs.json", '[{"N": 1}, 2]', "row 2: is no JSON object; give one object a run"),
        ("runs.jsonl", '{"N": 1}\n\n{"N": 2\n', "line 3: is no JSON: "),
        ("runs.json", '{"N": [1, 2], "D": [1]}', "its columns have different lengths"),
        ("pilot.jsonl", '{"event": "study"}\n{"event": "run"}\n', "jaxsl study export"),
        ("runs.xlsx", CSV, "is not an Excel file, whatever its name says"),
        ("runs.xlsx", b"PK\x03\x04", "cannot be read as an Excel file"),
        ("runs.csv.gz", b"\x1f\x8b\x08cut", "is a damaged gzip file"),
        ("runs.csv", "<html></html>", "looks like HTML"),
        ("runs.csv", "N,D,N\n1,2,3\n", "the column name 'N' appears twice"),
        ("runs.csv", "N,D\n1,2\n\n3,4,5\n", "line 4: 3 cells where the header has 2"),
        ("runs.csv", "N,D\n1,2\n3\n", "line 3: 1 cells where the header has 2"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_what_to_do(csv, name, content, said):
    path = csv(content, name)
    text = message(read, path)
    assert text.startswith(path)
    assert said in text


def test_a_missing_file_an_empty_folder_and_a_pattern_without_a_file_are_no_tables(tmp_path):
    assert "No such file" in message(read, str(tmp_path / "none.csv"))
    assert "holds no table" in message(read, str(tmp_path))
    assert "no file matches" in message(read, str(tmp_path / "*.csv"))


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"N": [1.0, "x"]}), {"N": np.ones(3), "D": np.ones(2)}, {"N": np.ones((2, 2))}, 3]
)
def test_a_frame_that_is_no_table_is_refused(frame):
    assert message(read, frame).startswith("the data frame cannot be read: ")


@pytest.mark.parametrize("cell", ["7X", "1_000", "0x10 or so", "1e", "--2", "12 00", "1e3M", "3,62"])
def test_text_in_a_number_is_shown_with_its_cell(csv, cell):
    text = message(read(csv(f'N,D\n1,2\n"{cell}",3\n')).numbers, "N")
    assert f"line 3, column 'N': {cell!r} is not a number" in text
    assert ("is a comma decimal?" in text) == (cell == "3,62")


def test_dates_are_no_numbers():
    text = message(read({"N": np.array(["2020-01-01"], "datetime64[D]")}).numbers, "N")
    assert "column 'N': holds date32[day], not numbers" in text


def test_an_expression_takes_known_values_before_columns():
    table = read({"N": [1.0, 2.0], "the tokens": [3.0, 4.0]})
    known = {"D": np.array([10.0, 20.0]), "N": np.array([5.0, 6.0])}
    np.testing.assert_array_equal(table.evaluate("N*D + `the tokens`", known), [53.0, 124.0])
    np.testing.assert_array_equal(table.evaluate("the tokens"), [3.0, 4.0])
    np.testing.assert_array_equal(table.evaluate("7"), [7.0, 7.0])
    assert "has no column 'tokens'; did you mean the tokens?" in message(table.evaluate, "2*tokens")


def test_runs_become_arrays_and_a_row_without_outcome_is_a_candidate():
    problem = runs(COLUMNS, CHINCHILLA, cost="6*N*D")
    np.testing.assert_array_equal(problem.runs.x, [[1e6, 1e8], [2e6, 1e8], [4e6, 2e8]])
    np.testing.assert_array_equal(problem.runs.y, [[3.0], [2.5], [np.nan]])
    np.testing.assert_array_equal(problem.runs.cost, [6e14, 1.2e15, 4.8e15])
    np.testing.assert_array_equal(problem.runs.observed, [True, True, False])
    assert problem.runs.labels["who"].tolist() == ["a", "None", "b"] or problem.runs.labels["who"][1] == ""
    assert problem.targets is None and problem.answers is None and problem.notes == ()
    assert np.isnan(runs(COLUMNS, CHINCHILLA).runs.cost).all()


def test_columns_are_mapped_also_by_expressions():
    frame = {"params": [1e6], "billions": [0.1], "val": [3.0]}
    problem = runs(
        frame, CHINCHILLA, mapping={"N": "params", "D": "billions*1e9"}, outcome="val", cost="6*N*D/billions"
    )
    np.testing.assert_array_equal(problem.runs.x, [[1e6, 1e8]])
    np.testing.assert_array_equal(problem.runs.y, [[3.0]])
    np.testing.assert_allclose(problem.runs.cost, [6e15])


def test_several_outputs_are_columns_of_y_and_zero_is_allowed_where_the_law_says_so():
    frame = {"web": [0.0, 1.0], "code": [1.0, 0.0], "web_loss": [2.0, np.nan], "c": [3.0, np.nan]}
    problem = runs(frame, SHARE, mapping={"code_loss": "c"})
    np.testing.assert_array_equal(problem.runs.y, [[2.0, 3.0], [np.nan, np.nan]])
    frame["web"][1] = -0.25
    text = message(runs, frame, SHARE, mapping={"code_loss": "c"})
    assert "row 1, column 'web': -0.25 is negative" in text
    frame["web"][1], frame["web_loss"] = 0.5, [2.0, 1.0]
    assert "row 1, column 'c': is empty while other outcomes" in message(
        runs, frame, SHARE, mapping={"code_loss": "c"}
    )


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("N", "x", "line 3, column 'N': 'x' is not a number"),
        ("N", "", "line 3, column 'N': is empty or no number"),
        ("N", "nan", "line 3, column 'N': is empty or no number"),
        ("D", "inf", "line 3, column 'D': inf is infinite"),
        ("D", "0", "line 3, column 'D': 0 is not positive, and chinchilla takes the logarithm of D"),
        ("N", "-2", "line 3, column 'N': -2 is not positive"),
        ("loss", "-inf", "line 3, column 'loss': -inf is infinite"),
        ("loss", "bad", "line 3, column 'loss': 'bad' is not a number"),
        ("cost", "-1", "line 3, column 'cost': -1 is negative"),
        ("cost", "inf", "line 3, column 'cost': inf is infinite"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(csv, column, value, said):
    cells = {"N": "2e6", "D": "1e8", "loss": "2.5", "cost": "4"} | {column: value}
    path = csv("N,D,loss,cost\n1e6,1e8,3,1\n" + ",".join(cells.values()) + "\n4e6,1e8,,8\n")
    assert message(runs, path, CHINCHILLA, cost="cost").startswith(f"{path}, {said}")


def test_a_candidate_needs_a_cost_and_a_run_that_is_paid_for_does_not(csv):
    path = csv("N,D,loss,cost\n1e6,1e8,3,\n4e6,1e8,,8\n")
    np.testing.assert_array_equal(runs(path, CHINCHILLA, cost="cost").runs.cost, [np.nan, 8])
    path = csv("N,D,loss,cost\n1e6,1e8,3,1\n4e6,1e8,,\n5e6,1e8,,\n")
    text = message(runs, path, CHINCHILLA, cost="cost")
    assert (
        "line 3, column 'cost': is empty or no number; a candidate needs its cost (and 1 more lines)" in text
    )


def test_a_law_without_a_finite_value_at_a_row_refuses_the_row():
    def excess(theta, x):
        import jax.numpy as jnp

        return theta[0] * jnp.log(x[0] - x[1])

    law = Law("excess", excess, inputs=("D", "U"), params=params(a=(0.1, 5)))
    text = message(runs, {"D": [3.0, 1.0], "U": [1.0, 2.0], "loss": [1.0, 1.0]}, law)
    assert text.startswith("the data frame, row 1: excess has no finite value at D=1, U=2")


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"mapping": {"M": "N"}}, "--map M=N: chinchilla has no input or output 'M'; it has N, D, loss"),
        ({"mapping": {"N": "params"}}, "has no column 'params'; its columns are N, D, loss, who"),
        ({"outcome": "losss"}, "has no column 'losss'; did you mean loss?"),
        ({"mapping": {"N": "open('x')"}}, "is not allowed; only numbers, columns"),
        ({"cost": "flops"}, "has no column 'flops'"),
        ({"cost": "6*N*"}, "something is missing at its end"),
        ({"cost": "who"}, "row 0, column 'who': 'a' is not a number"),
    ],
)
def test_a_wrong_option_is_quoted(keywords, said):
    assert said in message(runs, COLUMNS, CHINCHILLA, **keywords)


def test_a_missing_column_comes_with_the_option_that_names_it_and_what_resembles_it():
    text = message(runs, {"n": [1.0], "tokens": [1.0], "loss": [1.0]}, CHINCHILLA)
    assert (
        "no column for the input of chinchilla, 'N': say which with --map N=COLUMN; did you mean n?" in text
    )
    text = message(runs, {"N": [1.0], "D": [1.0], "val_loss": [1.0]}, CHINCHILLA)
    assert "no column for the outcome 'loss': say which with --outcome COLUMN; did you mean val_loss?" in text
    text = message(runs, {"web": [1.0], "code": [1.0], "loss": [1.0]}, SHARE, outcome="loss")
    assert (
        "share has 2 outputs; name the column of each: --map web_loss=COLUMN --map code_loss=COLUMN" in text
    )


# Targets


def test_points_are_targets_given_as_text_or_from_python():
    for target in (["N=7e10, D=1.4e12", "D=2e12,N=1e11"], [{"N": 7e10, "D": 1.4e12}, {"N": 1e11, "D": 2e12}]):
        problem = runs(COLUMNS, CHINCHILLA, target=target)
        np.testing.assert_array_equal(problem.targets.x, [[7e10, 1.4e12], [1e11, 2e12]])
        assert np.isnan(problem.answers.y).all() and len(problem.runs.x) == 3
    one = runs({"p": [1.0], "D": [1.0], "loss": [1.0]}, CHINCHILLA, mapping={"N": "p"}, target="N=2,D=3")
    np.testing.assert_array_equal(one.targets.x, [[2.0, 3.0]])


def test_rows_marked_by_a_column_are_held_apart_with_their_outcomes():
    frame = {**COLUMNS, "loss": [3.0, 2.5, 2.0], "flag": [False, False, True], "split": ["a", "a", "test"]}
    for target in ("flag", "split=test", "flag=True", "N=4e6,D=2e8"):
        problem = runs(frame, CHINCHILLA, target=target)
        np.testing.assert_array_equal(problem.targets.x, [[4e6, 2e8]])
        if "N" not in target:
            np.testing.assert_array_equal(problem.runs.y, [[3.0], [2.5]])
            np.testing.assert_array_equal(problem.answers.y, [[2.0]])
            assert not hasattr(problem.targets, "y")


def test_the_mark_may_be_a_word_or_a_number():
    for marks in (
        ["yes", "no", "Yes"],
        ["x", None, "X"],
        [1, 0, 1],
        [1.0, None, 2.0],
        ["target", "", "target"],
    ):
        problem = runs({**COLUMNS, "mark": marks}, CHINCHILLA, target="mark")
        assert problem.targets.row_numbers.tolist() == [0, 2]


def test_a_second_table_is_a_target_with_the_same_mapping(csv):
    path = csv("params,D,loss\n8e6,1e9,\n9e6,1e9,2\n", "target.csv")
    frame = {"params": [1e6], "D": [1e8], "loss": [3.0]}
    problem = runs(frame, CHINCHILLA, mapping={"N": "params"}, target=path)
    np.testing.assert_array_equal(problem.targets.x, [[8e6, 1e9], [9e6, 1e9]])
    np.testing.assert_array_equal(problem.answers.y, [[np.nan], [2.0]])
    assert problem.targets.row_numbers.tolist() == [2, 3]
    frame_target = runs(
        frame, CHINCHILLA, mapping={"N": "params"}, target=pl.DataFrame({"params": [2.0], "D": [3.0]})
    )
    np.testing.assert_array_equal(frame_target.targets.x, [[2.0, 3.0]])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("N=7e10", "--target N=7e10: D is missing; write N=NUMBER,D=NUMBER"),
        ("N=7e10,D=big", "'big' is not a number"),
        ("N=1,N=2,D=3", "'N' is given twice"),
        ("N=1,D=2,E=3", "'E' is no input of chinchilla"),
        ("N=0,D=2", "the target, row 0, column 'N': 0 is not positive"),
        ("who=c", "--target who=c: the data frame has no row where column 'who' holds 'c'"),
        (
            "who",
            "row 0, column 'who': 'a' is neither yes nor no; name the value that marks a target: --target",
        ),
        (
            "nothing",
            "--target nothing: neither a file, nor a column of the data frame, nor a point of chinchilla",
        ),
        ("N > 1e30", "--target N > 1e30: the data frame has no row where this holds"),
        ("size > 1", "the data frame has no column 'size'"),
        ("nowhere.csv", "cannot read nowhere.csv: No such file"),
        (["who=a", "who=b"], "several targets may be given only as points, such as N=NUMBER,D=NUMBER"),
    ],
)
def test_a_target_that_cannot_be_found_says_why(target, said):
    assert said in message(runs, COLUMNS, CHINCHILLA, target=target)


def test_replicates_and_a_target_inside_the_pool_are_allowed_and_said():
    frame = {"N": [1e6, 1e6, 2e6], "D": [1e8, 1e8, 1e8], "loss": [3.0, 3.1, 2.5]}
    problem = runs(frame, CHINCHILLA, target=["N=1e6,D=1e8", "N=7e6,D=1e8"])
    assert len(problem.runs.x) == 3
    assert problem.notes == (
        "1 of 3 runs repeat a configuration: taken as replicates",
        "1 of 2 targets are also among the runs: allowed",
    )


def test_lines_that_say_the_same_run_again_are_left_out_and_named():
    given = {"N": [1e6, 2e6, 1e6, 1e6, 1e6], "D": [1e8] * 5, "loss": [3.9123, 3.512, 3.9123, 3.9123, 3.92]}
    table = read_runs(given, {"N": "N", "D": "D", "loss": "loss"}, ["loss"])
    assert table.row_numbers.tolist() == [0, 1, 4]
    assert table.notes[-1].startswith("rows 2, 3 repeat earlier ones in every column")
    assert any("1 of 3 runs repeat a configuration" in one for one in runs(table, CHINCHILLA).notes)


@pytest.mark.parametrize(
    "more", [{"seed": [1, 2]}, {"loss": [3.91, 3.91]}, {"loss": [None, None]}, {"loss": [3.9123, 3.9124]}]
)
def test_runs_that_may_have_come_out_alike_are_kept(more):
    given = {"N": [1e6, 1e6], "D": [1e8, 1e8], "loss": [3.9123, 3.9123], **more}
    assert read_runs(given, {}, ["loss"]).num_rows == 2


def test_overlapping_files_count_a_run_once_whatever_else_one_of_them_has():
    one = {"N": [1e6, 2e6], "D": [1e8, 1e8], "loss": [3.9123, 3.512]}
    other = {"N": [2e6, 4e6], "D": [1e8, 1e8], "loss": [3.512, 3.217], "note": ["a", "b"]}
    table = read_runs([one, other], {}, ["loss"])
    assert table.row_numbers.tolist() == [1, 2, 4]
    assert any("row 3 repeats an earlier one" in text for text in table.notes)
