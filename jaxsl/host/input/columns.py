"""The columns of a table of runs.

A ``Table`` remembers how a person would find a row again (the file, and its line, the header being line 1),
so that every complaint can point at the cell.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input import numerals
from jaxsl.host.input.expression import parse


@dataclass(frozen=True)
class Table:
    """Columns, and where they came from.

    Attributes:
        name: what messages call it, such as ``runs.csv``.
        data: the columns.
        unit: what a row is called, ``line`` or ``row``.
        row_numbers: the number by which a person finds each row, ``(row,)``.
        decimal: the decimal mark of numbers that are text.
        notes: what was understood of the file and is worth saying.
        origins: where each row is found, such as ``runs/a.csv, line 3``; empty when ``name`` and
            ``row_numbers`` say it.
    """

    name: str
    data: pa.Table = field(repr=False)
    unit: str
    row_numbers: np.ndarray = field(repr=False)
    decimal: str = "."
    notes: tuple[str, ...] = ()
    origins: tuple[str, ...] = field(default=(), repr=False)
    # Columns of text as numbers, once they were read: many laws ask for the same.
    _parsed: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

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
        where = self.origins[row] if self.origins else f"{self.name}, {self.unit} {self.row_numbers[row]}"
        return where if column is None else f"{where}, column {column!r}"

    def numbers(self, column: str) -> np.ndarray:
        """A column as float64, ``(row,)``, not a number where the cell is empty.

        Raises:
            UserError: when a cell holds something else than a number.
        """
        values = self.data.column(column)
        if is_number(values.type):
            is_plain = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
            filled = values if is_plain else values.cast(pa.float64(), safe=False)
            return filled.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        if not is_text(values.type):
            raise UserError(f"{self.name}, column {column!r}: holds {values.type}, not numbers")
        if column in self._parsed:
            return self._parsed[column]
        cells = self.text(column)
        found, bad = numerals.numbers(cells, self.decimal)
        if bad is not None:
            comma = "; is a comma decimal? it is in tables whose separator is ; or a tab"
            hint = comma if self.decimal == "." and numerals.number(cells[bad], ",") is not None else ""
            raise UserError(
                f"{self.place(bad, column)}: {cells[bad]!r} is not a number; write it as 1500 or 1.5e3{hint}"
            )
        found.flags.writeable = False
        self._parsed[column] = found
        return found

    def text(self, column: str) -> list[str]:
        """A column as text, blank where the cell is empty."""
        values = self.data.column(column)
        values = values.cast(pa.large_string()) if is_text(values.type) else values
        return ["" if cell is None else str(cell).strip() for cell in values.to_pylist()]

    def missing(self, column: str) -> np.ndarray:
        """Where a column is empty, ``(row,)`` of bool; what was no number (``nan``) is not empty."""
        empty = self.data.column(column).is_null().to_numpy(zero_copy_only=False)
        if self.is_text(column):
            empty = empty | np.array([cell in numerals.MISSING for cell in self.text(column)])
        return empty

    def is_text(self, column: str) -> bool:
        """Whether a column is one of text, numbers as people write them included."""
        return is_text(self.data.column(column).type)

    def labels(self, used: Container[str] = ()) -> dict[str, list[str]]:
        """The columns of text, by name, but for those that are ``used`` as numbers."""
        return {name: self.text(name) for name in self.columns if self.is_text(name) and name not in used}

    def readings(self, columns: Container[str]) -> tuple[str, ...]:
        """What was read as what in some columns that are used as numbers: ``params: 70M read as 7e7``."""
        found = []
        for name in self.columns:
            if name in columns and self.is_text(name):
                what = numerals.reading(self.text(name), self.numbers(name))
                found += [f"{name}: {what}"] if what else []
        return tuple(found)

    def take(self, rows: np.ndarray) -> "Table":
        """Some of the rows, by index or by mask, in that order."""
        index = np.arange(self.num_rows)[rows]
        origins = tuple(self.origins[row] for row in index) if self.origins else ()
        return replace(
            self, data=self.data.take(pa.array(index)), row_numbers=self.row_numbers[index], origins=origins
        )

    def with_columns(self, columns: Mapping[str, Sequence[Any]]) -> "Table":
        """The same with further columns.

        Raises:
            UserError: when there is a column of that name.
        """
        data = self.data
        for name, values in columns.items():
            if name in self.columns:
                raise UserError(f"{self.name} has a column {name!r} already; rename one of them")
            data = data.append_column(name, pa.array(values))
        return replace(self, data=data)

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
            >>> from jaxsl.host.input.table import read
            >>> table = read({"val/loss": [3.0], "N": [1e6]})
            >>> table.names("val/loss"), table.names("6*N*D")
            (('val/loss',), ('N', 'D'))
        """
        return (formula,) if formula in self.columns else parse(formula, self.columns).names

    def require(self, column: str, option: str) -> None:
        """Refuse an ``option`` of the command line that names no column.

        Raises:
            UserError: with the columns that may be meant.
        """
        if column not in self.columns:
            raise UserError(f"{option} {column}: {self.name} has no such column; {self.suggest(column)}")

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
