"""Records, such as JSON objects and the runs of a tracker, as columns with one type each.

>>> columns([{"name": "a", "hyper": {"params": 7e7}, "loss": 3.6}, {"name": "b", "loss": "NaN"}]).column_names
['name', 'hyper.params', 'loss']
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa


def columns(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """A column for every name, in order of appearance, nested ones under names with dots; lists are left out.

    A column is of text where one of its values is, else of numbers.
    """
    rows = [dict(flat(record)) for record in records]
    found: dict[str, pa.Array] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            found[name] = pa.array([_text(value) for value in values], pa.string())
        else:
            found[name] = pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.table(found)


def flat(record: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Numbers, text and what is missing, with their names; other values are left out.

    Example:
        >>> dict(flat({"hyper": {"lr": 3e-4, "betas": [0.9, 0.95]}, "note": None}))
        {'hyper.lr': 0.0003, 'note': None}
    """
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str | int | float | bool):
            yield f"{prefix}{name}", value


def _text(value: Any) -> str | None:
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return None if value is None else str(int(value) if whole else value)
