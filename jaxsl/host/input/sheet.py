"""What a file holds, before anybody asks what it means."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError


@dataclass(frozen=True)
class Sheet:
    """Columns as a file gives them.

    Attributes:
        data: the columns.
        unit: what a row is called, ``line`` or ``row``.
        row_numbers: the number by which a person finds each row, ``(row,)``.
        decimal: the decimal mark of numbers that are still text.
        notes: what was understood and is worth saying.
    """

    data: pa.Table
    unit: str
    row_numbers: np.ndarray
    decimal: str = "."
    notes: tuple[str, ...] = ()


def check_columns(names: Sequence[str], num_rows: int, name: str) -> None:
    """Refuse columns of one name, and a file without a row.

    Raises:
        UserError: as said.
    """
    repeated = sorted({column for column in names if list(names).count(column) > 1})
    if repeated:
        raise UserError(f"{name}: the column name {repeated[0]!r} appears twice; rename one of them")
    if num_rows == 0:
        raise UserError(f"{name} has columns ({', '.join(names)}) but no row; add one for every run")
