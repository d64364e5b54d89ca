"""Lines of a table that say the same run again: of an export that overlaps another, or was pasted twice.

Two runs of one configuration do not come out alike to the last digit, unless outcomes are rounded. A copy
taken for a replicate says that there is no noise, and intervals shrink to nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from jaxsl.host.input.columns import Table, is_number
from jaxsl.host.input.remarks import labels
from jaxsl.host.input.table import FILE

NAMED = 3  # lines that a note names
ROUNDED = 3  # significant digits: outcomes with so few may be alike by chance


def without_copies(table: Table, outcomes: Sequence[str]) -> Table:
    """The table without copies, which its notes name.

    Args:
        table: the table.
        outcomes: columns of the outcomes.
    """
    copied = copies(table, outcomes)
    rows = table.row_numbers[copied]
    if not rows.size:
        return table
    more = f" and {rows.size - NAMED} more" if rows.size > NAMED else ""
    several = rows.size > 1
    note = (
        f"{table.unit}{'s' * several} {', '.join(map(str, rows[:NAMED]))}{more} "
        f"{'repeat earlier ones' if several else 'repeats an earlier one'} in every column: taken as "
        f"{'copies' if several else 'a copy'} and left out; a column such as the seed tells runs apart"
    )
    return replace(table.take(~copied), notes=(*table.notes, note))


def copies(table: Table, outcomes: Sequence[str]) -> np.ndarray:
    """Which finished rows agree with an earlier one in every column in which both have a value.

    Outcomes of three digits or fewer are left as they are.

    Args:
        table: the table.
        outcomes: columns of the outcomes.

    Returns:
        ``(row,)`` of bool.

    Example:
        >>> from jaxsl.host.input.table import read
        >>> table = read({"N": [1e6, 1e6, 1e6], "loss": [3.912, 3.912, 3.912], "seed": [1, 1, 2]})
        >>> copies(table, ["loss"]).tolist()
        [False, True, False]
    """
    found = np.zeros(table.num_rows, bool)
    if not outcomes:
        return found
    y = np.stack([table.numbers(name) for name in outcomes], axis=1)
    (done,) = np.nonzero(np.isfinite(y).all(axis=1))
    told = [name for name in table.columns if _is_told(table, name) and name not in outcomes]
    number = labels(np.column_stack([y, *(table.numbers(name) for name in told)])[done])
    alike = np.flatnonzero(np.bincount(number)[number] > 1) if done.size else done
    alike = np.array([one for one in alike if not _is_rounded(y[done[one]])], int)
    if not alike.size:
        return found
    data = table.data.drop_columns([FILE] if FILE in table.columns else [])
    kept: dict[int, list[dict]] = {}
    for one, values in zip(alike, data.take(done[alike]).to_pylist(), strict=True):
        earlier = kept.setdefault(int(number[one]), [])
        if any(_agree(values, before) for before in earlier):
            found[done[one]] = True
        else:
            earlier.append(values)
    return found


def _is_told(table: Table, name: str) -> bool:
    """Whether a column has a number on every row."""
    values = table.data.column(name)
    return is_number(values.type) and not values.null_count


def _is_rounded(values: np.ndarray) -> bool:
    return all(float(f"{value:.{ROUNDED}g}") == value for value in values)


def _agree(one: dict, other: dict) -> bool:
    return all(one[name] == other[name] for name in one if one[name] is not None and other[name] is not None)
