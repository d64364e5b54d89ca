"""Formats of files: Parquet, JSON, JSON lines, Excel and delimited text, each perhaps compressed.

The content decides, and what a file is called must agree with it. Files are read by one thread: those of
pyarrow that are left at the end of a process abort it (status 134), ``python -m experiments exits``.
"""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input.delimited import from_text
from jaxsl.host.input.records import columns
from jaxsl.host.input.sheet import Sheet, check_columns

TEXT = (".csv", ".tsv", ".txt")
PARQUET = (".parquet", ".pq")
JSON = (".json", ".jsonl", ".ndjson")
EXCEL = (".xlsx", ".xls", ".xlsb", ".xlsm", ".ods")
PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
SUFFIXES = TEXT + PARQUET + JSON + EXCEL
PACKED_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
PARQUET_MAGIC = b"PAR1"
EXCEL_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def suffix(name: str) -> str:
    """The ending that says a file's format, that of a compression apart.

    Example:
        >>> suffix("runs/a.CSV.gz"), suffix("runs")
        ('.csv', '')
    """
    stem, dot, last = name.rpartition("/")[2].lower().rpartition(".")
    if f".{last}" in PACKED and stem:
        stem, dot, last = stem.rpartition(".")
    return f".{last}" if dot and stem else ""


def from_bytes(content: bytes, name: str) -> Sheet:
    """Read the content of a file.

    Raises:
        UserError: when it is empty, damaged, or not what its name says.
    """
    content, ending = _unpacked(content, name), suffix(name)
    if not content.strip():
        raise UserError(f"{name} is empty; it needs a header and one line for every run")
    is_parquet, is_excel = content.startswith(PARQUET_MAGIC), content.startswith(EXCEL_MAGIC)
    if ending in PARQUET and not is_parquet:
        raise UserError(f"{name} is not a Parquet file, whatever its name says; is it CSV? then name it .csv")
    if ending in TEXT + JSON and is_parquet:
        raise UserError(f"{name} is a Parquet file, whatever its name says; name it .parquet")
    if ending in EXCEL and not is_excel:
        raise UserError(f"{name} is not an Excel file, whatever its name says; is it CSV? then name it .csv")
    if is_parquet:
        return _from_parquet(content, name)
    if is_excel and ending not in TEXT + JSON:
        return _from_excel(content, name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UserError(f"{name} is not text in UTF-8; give a CSV file in UTF-8, or a Parquet file")
    start = text.lstrip()[0]
    if start == "<":
        raise UserError(f"{name} looks like HTML or XML; give a CSV file with a header, or a Parquet file")
    return _from_json(text, name) if start in "{[" or ending in JSON else from_text(text, name)


def _unpacked(content: bytes, name: str) -> bytes:
    packing = next((kind for magic, kind in PACKED_MAGIC.items() if content.startswith(magic)), None)
    if packing is None:
        return content
    try:
        with pa.CompressedInputStream(pa.BufferReader(content), packing) as stream:
            return stream.read()
    except (pa.ArrowException, OSError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{name} is a damaged {packing} file ({reason}); write it again") from None


def _from_parquet(content: bytes, name: str) -> Sheet:
    from pyarrow.parquet import ParquetFile

    try:
        data = ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{name} is a damaged Parquet file ({reason}); write it again") from None
    return Sheet(data, "row", 1 + np.arange(data.num_rows))


def _from_json(text: str, name: str) -> Sheet:
    """A list of objects, an object of columns, an object that holds a list, or an object a line."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return _from_json_lines(text, name)
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        if lists and len(lists) == len(found) and not isinstance((lists[0] or [None])[0], dict):
            if len({len(column) for column in lists}) > 1:
                raise UserError(
                    f"{name}: its columns have different lengths; give a list of objects, one a run"
                )
            found = [dict(zip(found, row, strict=True)) for row in zip(*lists, strict=True)]
        else:
            found = next((value for value in lists if value and isinstance(value[0], dict)), [found])
    return _from_records(found, "row", list(range(1, len(found) + 1)), name)


def _from_json_lines(text: str, name: str) -> Sheet:
    found, lines = [], []
    for line, row in enumerate(text.splitlines(), 1):
        if row.strip():
            try:
                found.append(json.loads(row))
            except json.JSONDecodeError as error:
                raise UserError(
                    f"{name}, line {line}: is no JSON: {error.msg} at character {error.pos + 1}; "
                    "give a list of objects, or an object on every line"
                ) from None
            lines.append(line)
    if isinstance(found[0], dict) and found[0].get("event") == "study":
        raise UserError(f"{name} is a study's journal; `jaxsl study export {name} runs.csv` writes its runs")
    return _from_records(found, "line", lines, name)


def _from_records(found: list[Any], unit: str, numbers: list[int], name: str) -> Sheet:
    for number, record in zip(numbers, found, strict=True):
        if not isinstance(record, dict):
            raise UserError(f"{name}, {unit} {number}: is no JSON object; give one object a run")
    return Sheet(columns(found), unit, np.array(numbers, int))


def _from_excel(content: bytes, name: str) -> Sheet:
    """The first sheet; its first row that is not empty is the header."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise UserError(f"reading {name} needs a reader of Excel files: pip install 'jaxsl[excel]'") from None
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise UserError(
            f"{name} cannot be read as an Excel file ({error}); write it again, or as CSV"
        ) from None
    filled = [number for number, row in enumerate(rows) if any(cell not in ("", None) for cell in row)]
    if not filled:
        raise UserError(f"{name} is empty; it needs a header and one row for every run")
    header, rest = [str(cell).strip() for cell in rows[filled[0]]], filled[1:]
    named = [place for place, column in enumerate(header) if column]
    check_columns([header[place] for place in named], len(rest), name)
    records = [{header[place]: _cell(rows[row][place]) for place in named} for row in rest]
    others = book.sheet_names[1:]
    notes = (f"sheet {book.sheet_names[0]!r} is read, not {', '.join(map(repr, others))}",) if others else ()
    return Sheet(columns(records), "row", np.array([row + 1 for row in rest], int), notes=notes)


def _cell(value: Any) -> Any:
    return None if value == "" else value if isinstance(value, int | float | str) else str(value)
