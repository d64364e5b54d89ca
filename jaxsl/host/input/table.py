"""Reading tables: files of many formats, standard input, data frames and dictionaries of arrays."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import Table, is_text
from jaxsl.host.input.files import found_files, short_names
from jaxsl.host.input.formats import from_bytes
from jaxsl.host.input.sheet import Sheet, check_columns

FILE = "file"  # the column that says which of several files a row is from


def read(source: Any, name: str | None = None) -> Table:
    """Read a table, or several as one.

    Args:
        source: a path (CSV, JSON, JSON lines, Parquet, Excel, each perhaps compressed), ``"-"`` for standard
            input, a pattern such as ``"runs/*.csv"``, a folder, a data frame (pandas, polars, pyarrow,
            anything with ``__arrow_c_stream__``), a dictionary of arrays, or a list of all these. Rows of
            several files come with the file's name in a column ``file``.
        name: what messages call it.

    Raises:
        UserError: when there is no such file, it is empty, or it is not what its name says.

    Example:
        >>> table = read({"N": [1e6, 2e6], "loss": [3.5, None]})
        >>> table.columns, table.numbers("loss").tolist()
        (('N', 'loss'), [3.5, nan])
        >>> read([{"N": [1e6]}, {"N": ["2M"], "loss": [3.0]}]).numbers("N").tolist()
        [1000000.0, 2000000.0]
    """
    return joined(tables(source, name), source)


def tables(source: Any, name: str | None = None) -> list[Table]:
    """The tables that a source stands for, one a file; arguments as in ``read``.

    Raises:
        UserError: when one cannot be read.
    """
    if isinstance(source, Table):
        return [source]
    if isinstance(source, str | Path):
        return [_from_file(file, said, name) for file, said in found_files(source)]
    if isinstance(source, list | tuple) and source:
        return [table for part in source for table in tables(part, name)]
    name = name or "the data frame"
    try:
        data = source if isinstance(source, pa.Table) else pa.table(_columns(source))
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{name} cannot be read: {reason}; every column needs one type and one length"
        ) from None
    return [_table(name, Sheet(data, "row", np.arange(data.num_rows)))]


def joined(parts: Sequence[Table], source: Any = None) -> Table:
    """Several tables as one, with the file of each row; rows are numbered through all of them.

    Args:
        parts: one at least.
        source: what the person gave, for the name.
    """
    if len(parts) == 1:
        return parts[0]
    names = [part.name for part in parts]
    origins = tuple(part.place(row) for part in parts for row in range(part.num_rows))
    files = [
        short for short, part in zip(short_names(names), parts, strict=True) for _ in range(part.num_rows)
    ]
    ends = np.cumsum([part.num_rows for part in parts])
    spans = [f"{name} to {end}" for name, end in zip(short_names(names)[:3], ends, strict=False)]
    data = pa.concat_tables(_alike([part.data for part in parts]), promote_options="permissive")
    whole = replace(
        parts[0],
        name=str(source) if isinstance(source, str | Path) else f"{names[0]} and {len(parts) - 1} more",
        data=data,
        unit="row",
        row_numbers=1 + np.arange(data.num_rows),
        decimal="," if any(part.decimal == "," for part in parts) else ".",
        notes=(
            f"{len(parts)} tables are read as one, rows numbered through: {', '.join(spans)}"
            + (", ..." if len(parts) > 3 else ""),
            *dict.fromkeys(note for part in parts for note in part.notes),
        ),
        origins=origins,
    )
    return whole if FILE in whole.columns else whole.with_columns({FILE: files})


def _alike(parts: list[pa.Table]) -> list[pa.Table]:
    """Columns that are text in one table are text in all."""
    kinds = [(column.name, column.type) for part in parts for column in part.schema]
    texts = {name for name, kind in kinds if is_text(kind)}
    return [
        pa.table(
            {
                name: part.column(name).cast(pa.string()) if name in texts else part.column(name)
                for name in part.column_names
            }
        )
        for part in parts
    ]


def _from_file(file: str, said: Mapping[str, str], name: str | None) -> Table:
    """A file, with further columns that are the same on all rows."""
    if file == "-":
        name, content = name or "standard input", sys.stdin.buffer.read()
    else:
        name = name or file
        try:
            content = Path(file).read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror or error}; check the path") from None
    found = _table(name, from_bytes(content, name))
    return found.with_columns({key: [value] * found.num_rows for key, value in said.items()})


def _table(name: str, sheet: Sheet) -> Table:
    check_columns(sheet.data.column_names, sheet.data.num_rows, name)
    data = sheet.data
    while any(pa.types.is_struct(column.type) for column in data.schema):
        data = data.flatten()
    return Table(name, data, sheet.unit, sheet.row_numbers, sheet.decimal, sheet.notes)


def _columns(source: Any) -> Any:
    if not isinstance(source, Mapping):
        return source
    return {str(column): np.atleast_1d(np.asarray(values)) for column, values in source.items()}
