"""A table of the lab on disk: rows appended as runs finish, whole again after an interruption."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def recover(table: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table, after cutting off a last line that an interruption left without its end.

    Raises:
        ValueError: when the file is a table with other columns.
    """
    if not table.exists():
        return []
    content = table.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with table.open("r+b") as file:
            file.truncate(len(whole))
    header, *rows = list(csv.reader(whole.decode().splitlines())) or [list(columns)]
    if header != list(columns) or any(len(row) != len(columns) for row in rows):
        raise ValueError(
            f"{table} is not a table of pilot runs with columns {','.join(columns)}; move it away"
        )
    return [dict(zip(header, row, strict=True)) for row in rows]


def append(table: Path, columns: Sequence[str], row: dict[str, Any]) -> None:
    """Adds a row, and the header where the table is new; on the disk when this returns."""
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())
