"""Text with a row a line: CSV, and the same with semicolons or tabs, decimal commas and comment lines."""

import csv
import io
import re

import numpy as np
import pyarrow as pa
import pyarrow.csv

from jaxsl.host.errors import UserError
from jaxsl.host.input.numerals import COMMA, MISSING, brief, decimal_mark, number
from jaxsl.host.input.sheet import Sheet


def from_text(text: str, name: str) -> Sheet:
    """Read delimited text.

    The first line that is no comment is the header; its separator is a comma, else a semicolon, else a tab.
    Lines that begin with ``#`` are comments.

    Raises:
        UserError: when a line has another number of cells than the header, or a quote is left open.
    """
    whole, text = text, _without_comments(text)
    if not text.strip():
        raise UserError(f"{name} holds comments alone; it needs a header and one line for every run")
    header = text.lstrip().splitlines()[0]
    delimiter = next((mark for mark in ",;\t" if mark in header), ",")
    if text != whole and all(number(cell) is not None for cell in header.split(delimiter)):
        raise UserError(f"{name} has numbers where its header should be; are the names behind a #? remove it")
    decimal = "." if delimiter == "," else decimal_mark(text)
    try:
        data = pyarrow.csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                strings_can_be_null=True, null_values=MISSING, decimal_point=decimal
            ),
        )
    except pa.ArrowException as error:
        lines, lengths = _records(text, delimiter, name)
        ragged = [i for i, length in enumerate(lengths) if length != lengths[0]]
        if not ragged:
            raise UserError(f"{name} cannot be read as CSV: {str(error).splitlines()[0]}") from None
        line, length = lines[ragged[0]], lengths[ragged[0]]
        raise UserError(
            f"{name}, line {line}: {length} cells where the header has {lengths[0]}; "
            "leave a cell empty rather than out, and put text that holds a delimiter in quotes"
        ) from None
    lines, _ = _records(text, delimiter, name)
    data = data.rename_columns([column.strip() for column in data.column_names])
    return Sheet(data, "line", np.array(lines[1:], int), decimal, _said(text) if decimal == "," else ())


def _without_comments(text: str) -> str:
    """Comment lines emptied, so that the others keep their numbers; a ``#`` inside quotes begins none."""
    if not re.search(r"^#", text, re.MULTILINE):
        return text
    kept, quoted = [], False
    for line in text.splitlines(keepends=True):
        comment = not quoted and re.match(r"#(?![,;\t])", line)
        kept.append("\n" if comment else line)
        quoted ^= not comment and line.count('"') % 2 == 1
    return "".join(kept)


def _said(text: str) -> tuple[str, ...]:
    shown = next(found.group() for found in COMMA.finditer(text))
    return (f"commas are decimal: {shown} read as {brief(number(shown, ',') or 0.0)}",)


def _records(text: str, delimiter: str, name: str) -> tuple[list[int], list[int]]:
    """The line on which every record starts, blank lines apart, and its number of cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines, lengths, last = [], [], 0
    try:
        for record in reader:
            if record:
                lines.append(last + 1)
                lengths.append(len(record))
            last = reader.line_num
    except csv.Error as error:
        raise UserError(f"{name}, line {last + 1}: {error}; is a quote left open?") from None
    return lines, lengths
