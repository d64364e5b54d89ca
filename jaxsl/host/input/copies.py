"""Lines of a table that say the same run again: of an export that overlaps another, or was pasted twice.

Two runs of one configuration do not come out alike to the last digit, unless outcomes are rounded. A copy
taken for a replicate says that there is no noise, and intervals shrink to nothing.
"""

import numpy as np

from jaxsl.host.input.columns import Table
from jaxsl.host.input.remarks import labels
from jaxsl.host.input.table import FILE

NAMED = 3  # lines that a note names
ROUNDED = 3  # significant digits: outcomes with so few may be alike by chance


def copies(table: Table, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which finished rows agree with an earlier one in every column in which both have a value.

    Outcomes of three digits or fewer are left as they are.

    Args:
        table: as it was read.
        x: inputs, ``(row, feature)``.
        y: outcomes, ``(row, output)``, not a number where there is none.

    Returns:
        ``(row,)`` of bool.

    Example:
        >>> from jaxsl.host.input.table import read
        >>> table = read({"N": [1e6, 1e6, 1e6], "loss": [3.912, 3.912, 3.912], "seed": [1, 1, 2]})
        >>> copies(table, table.numbers("N")[:, None], table.numbers("loss")[:, None]).tolist()
        [False, True, False]
    """
    found = np.zeros(len(x), bool)
    (done,) = np.nonzero(~np.isnan(y).any(axis=1))
    if done.size < 2:
        return found
    label = labels(np.concatenate([x, y], axis=1)[done])
    alike = done[np.bincount(label)[label] > 1]
    alike = alike[[any(float(f"{one:.{ROUNDED}g}") != one for one in y[row]) for row in alike]]
    if not alike.size:
        return found
    told = table.data.drop_columns([FILE] if FILE in table.columns else []).take(alike).to_pylist()
    kept: dict[int, list[dict]] = {}
    number = dict(zip(done, label, strict=True))
    for row, values in zip(alike, told, strict=True):
        earlier = kept.setdefault(number[row], [])
        found[row] = any(_agree(values, one) for one in earlier)
        if not found[row]:
            earlier.append(values)
    return found


def note(table: Table, copied: np.ndarray) -> tuple[str, ...]:
    """What is said of the rows that are copies, ``(row,)`` of bool."""
    rows = table.row_numbers[copied]
    if not rows.size:
        return ()
    more = f" and {rows.size - NAMED} more" if rows.size > NAMED else ""
    several = rows.size > 1
    return (
        f"{table.unit}{'s' * several} {', '.join(map(str, rows[:NAMED]))}{more} "
        f"{'repeat earlier ones' if several else 'repeats an earlier one'} in every column: taken as "
        f"{'copies' if several else 'a copy'} and left out; a column such as the seed tells runs apart",
    )


def _agree(one: dict, other: dict) -> bool:
    return all(one[name] == other[name] for name in one if one[name] is not None and other[name] is not None)
