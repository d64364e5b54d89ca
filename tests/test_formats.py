"""Formats of files: one table of four runs in every format, compressed, and in several files."""

import bz2
import gzip
import io
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cases import JSON_LINES, SIZES, SUFFIXES, excel

from jaxsl.host.errors import UserError
from jaxsl.host.input.table import read

HEADER = ["model", "params", "tokens", "val_loss"]
RECORDS = [dict(zip(HEADER, row, strict=True)) for row in SIZES]
COLUMNS = {name: [record[name] for record in RECORDS] for name in HEADER}


def parquet(data):
    content = io.BytesIO()
    pq.write_table(pa.table(data), content)
    return content.getvalue()


def zstd(content):
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return packed.getvalue().to_pybytes()


FILES = {
    "runs.csv": SUFFIXES,
    "comments.csv": "# made by hand\n" + SUFFIXES.replace("b,70M", "# b was\n#repeated\nb,70M"),
    "runs.tsv": SUFFIXES.replace(",", "\t"),
    "runs.json": json.dumps(RECORDS),
    "columns.json": json.dumps(COLUMNS),
    "inside.json": json.dumps({"made": "by hand", "runs": RECORDS}),
    "runs.jsonl": "\n".join(map(json.dumps, RECORDS)),
    "runs.parquet": parquet(COLUMNS),
    "runs.xlsx": excel([HEADER, *SIZES]),
    "written.xlsx": excel([["", "", "", ""], HEADER, *([a, f"{b / 1e6:g}M", c, d] for a, b, c, d in SIZES)]),
    "runs.csv.gz": gzip.compress(SUFFIXES.encode()),
    "runs.csv.bz2": bz2.compress(SUFFIXES.encode()),
    "runs.jsonl.gz": gzip.compress("\n".join(map(json.dumps, RECORDS)).encode()),
    "runs.csv.zst": zstd(SUFFIXES.encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_a_table_is_the_same_in_every_format(name, tmp_path, monkeypatch):
    if name.endswith(".xlsx"):
        pytest.importorskip("python_calamine", reason="the extra `excel` is not installed")
    content = FILES[name] if isinstance(FILES[name], bytes) else FILES[name].encode()
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr("sys.stdin", type("stdin", (), {"buffer": io.BytesIO(content)}))
    for source in (str(tmp_path / name), tmp_path / name, "-"):
        table = read(source)
        assert table.columns == tuple(HEADER) and table.text("model") == COLUMNS["model"]
        for column in HEADER[1:]:
            np.testing.assert_array_equal(table.numbers(column), COLUMNS[column])


def test_rows_keep_the_numbers_of_their_lines(tmp_path):
    for name, content, found in (
        ("a.csv", FILES["comments.csv"], [3, 6, 7, 8]),
        ("a.jsonl", JSON_LINES, [1, 2, 4, 5]),
        ("a.json", FILES["runs.json"], [1, 2, 3, 4]),
    ):
        (tmp_path / name).write_text(content)
        assert read(tmp_path / name).row_numbers.tolist() == found


def test_a_comment_begins_at_a_line_and_not_inside_quotes_nor_at_a_column_of_that_name(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text('note,N\n"first\n# second",1\n# third\nlast,2\n')
    assert read(path).text("note") == ["first\n# second", "last"] and read(path).row_numbers.tolist() == [
        2,
        5,
    ]
    path.write_text("#,N\n1,5\n")
    assert read(path).columns == ("#", "N")


def test_nested_fields_are_columns_with_dots_and_lists_are_left_out(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text(
        '{"hyper": {"lr": {"value": 3e-4}, "betas": [0.9, 0.95]}, "loss": NaN}\n{"loss": "2.5"}\n'
    )
    table = read(path)
    assert table.columns == ("hyper.lr.value", "loss")
    np.testing.assert_array_equal(table.numbers("loss"), [np.nan, 2.5])
    nested = pa.table({"hyper": [{"params": 7e7, "opt": {"lr": 0.1}}], "loss": [3.0]})
    assert set(read(nested).columns) == {"hyper.params", "hyper.opt.lr", "loss"}  # older ones sort the fields
    pq.write_table(nested, tmp_path / "runs.parquet")
    assert read(tmp_path / "runs.parquet").evaluate("hyper.params/7").tolist() == [1e7]


def test_a_workbook_says_which_sheet_is_read_and_names_rows_as_excel_does(tmp_path):
    pytest.importorskip("python_calamine", reason="the extra `excel` is not installed")
    (tmp_path / "runs.xlsx").write_bytes(
        excel([HEADER, ["a", "x", 1.0, ""], ["", "", "", ""], ["b", 1.0, 2.0, 3.0]])
    )
    table = read(tmp_path / "runs.xlsx")
    assert table.notes == ("sheet 'Runs' is read, not 'Notes'",) and table.row_numbers.tolist() == [2, 4]
    with pytest.raises(UserError, match="row 2, column 'params': 'x' is not a number"):
        table.numbers("params")
    (tmp_path / "runs.xlsx").write_bytes(excel([["N", "N"], [1.0, 2.0]]))
    with pytest.raises(UserError, match="the column name 'N' appears twice"):
        read(tmp_path / "runs.xlsx")


def test_excel_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    (tmp_path / "runs.xlsx").write_bytes(excel([HEADER, *SIZES]))
    with pytest.raises(UserError, match=r"pip install 'jaxsl\[excel\]'"):
        read(tmp_path / "runs.xlsx")


@pytest.fixture
def folder(tmp_path):
    """Three files of one, two and one runs, one of them below, and some that are none."""
    lines = SUFFIXES.splitlines(keepends=True)
    for name, text in {
        "a.csv": lines[0] + lines[1],
        "b.csv": lines[0] + lines[2] + "\n" + lines[3],
        "below/c.csv": "model,params,tokens,val_loss,who\nd,160000000,12800000000,3.12,ann\n",
        "below/_SUCCESS": "",
        "notes.md": "N",
        "pilot.jsonl": '{"event":"study"}\n',
        "pilot.jsonl.cache/x.loss.jsonl": '{"step": 1}\n',
        ".hidden/d.csv": "broken",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_several_files_are_one_table_with_a_column_for_the_file(folder):
    files = [f"{folder}/a.csv", f"{folder}/b.csv", f"{folder}/below/c.csv"]
    for source in (folder, str(folder), f"{folder}/**/*.csv", files):
        table = read(source)
        assert table.columns == (*HEADER, "who", "file") and table.text("who") == ["", "", "", "ann"]
        np.testing.assert_array_equal(table.numbers("params"), COLUMNS["params"])
        assert table.text("file") == ["a.csv", "b.csv", "b.csv", "below/c.csv"]
        assert table.row_numbers.tolist() == [1, 2, 3, 4]
        assert table.place(2) == f"{folder}/b.csv, line 4" and "3 tables are read as one" in table.notes[0]
    assert read(f"{folder}/[ab].csv").num_rows == 3
    assert read([f"{folder}/a.csv"]).columns == tuple(HEADER)


def test_frames_and_files_are_put_together_too(folder):
    table = read([RECORDS and COLUMNS, f"{folder}/a.csv"])
    assert table.num_rows == 5 and table.numbers("params")[-1] == 7e7


def test_folders_of_parts_say_what_their_names_say(tmp_path):
    for name, rows in (("dataset=mix%20a/size=70M", [0, 1]), ("dataset=web/size=160M", [2, 3])):
        (tmp_path / name).mkdir(parents=True)
        part = {column: [values[row] for row in rows] for column, values in COLUMNS.items()}
        pq.write_table(pa.table(part), tmp_path / name / "part-0.parquet")
    table = read(tmp_path)
    assert table.text("dataset") == ["mix a", "mix a", "web", "web"]
    np.testing.assert_array_equal(table.numbers("size"), COLUMNS["params"])


def test_reading_a_table_of_text_imports_no_reader_of_other_formats(tmp_path):
    (tmp_path / "runs.csv").write_text(SUFFIXES)
    script = (
        "import sys; from jaxsl.host.input.table import read; read(sys.argv[1]);"
        "assert not {'python_calamine', 'pandas', 'polars', 'pyarrow.dataset', 'jax'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "runs.csv")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
