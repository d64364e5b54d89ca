"""Tables of runs: CSV, Parquet, standard input, data frames and dictionaries of arrays, all read by pyarrow.

A ``Table`` remembers how a person would find a row again (the line of the file, the header being line 1),
so that every complaint can point at the cell.

Files are read by one thread: those of pyarrow that are left at the end of a process abort it (status 134),
``python -m experiments exits``.
"""

import csv
import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import parse

PARQUET_MAGIC = b"PAR1"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """Columns, and where they came from.

    Attributes:
        name: what messages call it, such as ``runs.csv``.
        data: the columns.
        unit: what a row is called, ``line`` or ``row``.
        row_numbers: the number by which a person finds each row, ``(row,)``.
    """

    name: str
    data: pa.Table = field(repr=False)
    unit: str
    row_numbers: np.ndarray = field(repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.data.column_names)

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self.data.num_rows

    def place(self, row: int, column: str | None = None) -> str:
        """Where a cell is: ``runs.csv, line 7, column 'N'``."""
        where = f"{self.name}, {self.unit} {self.row_numbers[row]}"
        return where if column is None else f"{where}, column {column!r}"

    def numbers(self, column: str) -> np.ndarray:
        """A column as float64, ``(row,)``, not a number where the cell is empty.

        Raises:
            UserError: when a cell holds something else than a number.
        """
        values = self.data.column(column)
        if is_number(values.type):
            filled = values.cast(pa.float64(), safe=False)
            return filled.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        if not is_text(values.type):
            raise UserError(f"{self.name}, column {column!r}: holds {values.type}, not numbers")
        out = np.full(self.num_rows, np.nan)
        for row, cell in enumerate(self.text(column)):
            if cell and not NUMBER.fullmatch(cell):
                raise UserError(
                    f"{self.place(row, column)}: {cell!r} is not a number; write it as 1500 or 1.5e3"
                )
            if cell:
                out[row] = float(cell)
        return out

    def text(self, column: str) -> list[str]:
        """A column as text, blank where the cell is empty."""
        values = self.data.column(column)
        values = values.cast(pa.large_string()) if is_text(values.type) else values
        return ["" if cell is None else str(cell).strip() for cell in values.to_pylist()]

    def labels(self) -> dict[str, list[str]]:
        """The columns of text, by name."""
        return {name: self.text(name) for name in self.columns if is_text(self.data.column(name).type)}

    def evaluate(self, formula: str, known: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """A column, or an expression over columns and over ``known`` values, which come first: ``(row,)``.

        Raises:
            UserError: when a column is missing or holds text, or the expression is no arithmetic.
        """
        known = known or {}
        if formula in known or formula in self.columns:
            return known[formula] if formula in known else self.numbers(formula)
        expression = parse(formula, self.columns)
        for name in expression.names:
            if name not in known and name not in self.columns:
                raise UserError(f"{self.name} has no column {name!r}; {self.suggest(name)}")
        values = {name: known[name] if name in known else self.numbers(name) for name in expression.names}
        return np.broadcast_to(expression.evaluate(values), self.num_rows)

    def names(self, formula: str) -> tuple[str, ...]:
        """The columns that a formula needs: itself, if it is one.

        Raises:
            UserError: when it is neither a column nor arithmetic.

        Example:
            >>> table = read({"val/loss": [3.0], "N": [1e6]})
            >>> table.names("val/loss"), table.names("6*N*D")
            (('val/loss',), ('N', 'D'))
        """
        return (formula,) if formula in self.columns else parse(formula, self.columns).names

    def suggest(self, name: str) -> str:
        """The columns there are, the ones that resemble ``name`` first."""
        lower = {column.lower(): column for column in self.columns}
        near = [lower[match] for match in get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
        others = [column for column in self.columns if column not in near]
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        return f"{meant}its columns are {', '.join((*near, *others))}"


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers (an empty column does)."""
    types = pa.types
    tests = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_null)
    return any(test(kind) for test in tests)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text, categories included."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def read(source: Any, name: str | None = None) -> Table:
    """Read a table.

    Args:
        source: a path (CSV or Parquet), ``"-"`` for standard input, a data frame (pandas, polars, pyarrow,
            anything with ``__arrow_c_stream__``) or a dictionary of arrays.
        name: what messages call it.

    Raises:
        UserError: when there is no such file, it is empty, or it is not what its name says.

    Example:
        >>> table = read({"N": [1e6, 2e6], "loss": [3.5, None]})
        >>> table.columns, table.numbers("loss").tolist()
        (('N', 'loss'), [3.5, nan])
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, str | Path):
        if str(source) == "-":
            return _from_bytes(sys.stdin.buffer.read(), name or "standard input", "")
        path = Path(source)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}; check the path") from None
        return _from_bytes(content, name or str(path), path.suffix.lower())
    name = name or "the data frame"
    try:
        data = source if isinstance(source, pa.Table) else pa.table(_columns(source))
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{name} cannot be read: {reason}; every column needs one type and one length"
        ) from None
    return _table(name, data, "row", np.arange(data.num_rows))


def _columns(source: Any) -> Any:
    if not isinstance(source, Mapping):
        return source
    return {str(column): np.atleast_1d(np.asarray(values)) for column, values in source.items()}


def _from_bytes(content: bytes, name: str, suffix: str) -> Table:
    if not content.strip():
        raise UserError(f"{name} is empty; it needs a header and one line for every run")
    is_parquet = content.startswith(PARQUET_MAGIC)
    if suffix in (".parquet", ".pq") and not is_parquet:
        raise UserError(f"{name} is not a Parquet file, whatever its name says; is it CSV? then name it .csv")
    if suffix in (".csv", ".tsv", ".txt") and is_parquet:
        raise UserError(f"{name} is a Parquet file, whatever its name says; name it .parquet")
    return _from_parquet(content, name) if is_parquet else _from_csv(content, name)


def _from_parquet(content: bytes, name: str) -> Table:
    try:
        data = pyarrow.parquet.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{name} is a damaged Parquet file ({reason}); write it again") from None
    return _table(name, data, "row", 1 + np.arange(data.num_rows))


def _from_csv(content: bytes, name: str) -> Table:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UserError(f"{name} is not text in UTF-8; give a CSV file in UTF-8, or a Parquet file")
    if text.lstrip()[0] in "{[<":
        kind = "HTML or XML" if text.lstrip()[0] == "<" else "JSON"
        raise UserError(f"{name} looks like {kind}; give a CSV file with a header, or a Parquet file")
    header = text.lstrip().splitlines()[0]
    delimiter = next((mark for mark in ",;\t" if mark in header), ",")
    try:
        data = pyarrow.csv.read_csv(
            io.BytesIO(content),
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
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
    return _table(
        name, data.rename_columns([c.strip() for c in data.column_names]), "line", np.array(lines[1:], int)
    )


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


def _table(name: str, data: pa.Table, unit: str, row_numbers: np.ndarray) -> Table:
    repeated = sorted({column for column in data.column_names if data.column_names.count(column) > 1})
    if repeated:
        raise UserError(f"{name}: the column name {repeated[0]!r} appears twice; rename one of them")
    if data.num_rows == 0:
        raise UserError(
            f"{name} has columns ({', '.join(data.column_names)}) but no row; add one for every run"
        )
    return Table(name, data, unit, row_numbers)
