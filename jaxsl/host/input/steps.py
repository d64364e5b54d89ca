"""Logs with a row a step: one value a run of each history.

>>> reduced([3.9, 3.5, 3.6], "last"), reduced([3.9, 3.5, 3.6], "min"), reduced([3.9, 3.5, 3.6], "mean:2")
(3.6, 3.5, 3.55)
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import Table

TAIL = 10  # last values that ``mean`` is taken over
RUN_NAMES = ("run_id", "id", "run", "run_name", "name")
STEP_NAMES = ("step", "_step", "global_step", "iteration", "iter")


def reduction(how: str) -> tuple[str, int]:
    """``last``, ``min`` or ``mean:10``, as a word and a number of values.

    Raises:
        UserError: when it is none of them.

    Example:
        >>> reduction("mean"), reduction("mean:3")
        (('mean', 10), ('mean', 3))
    """
    found = re.fullmatch(r"(last|min|mean)(?:(?<=mean):([1-9]\d*))?", how)
    if not found:
        raise UserError(f"--reduce {how}: choose last, min, or mean:10 for the mean of the last 10")
    return found[1], int(found[2] or TAIL)


def reduced(history: Sequence[float], how: str) -> float:
    """One value of a history; not a number when it ended so."""
    word, tail = reduction(how)
    if word == "last" or not math.isfinite(history[-1]):
        return history[-1]
    if word == "min":
        return min(value for value in history if math.isfinite(value))
    return math.fsum(history[-tail:]) / len(history[-tail:])


def one_a_run(table: Table, outcomes: Sequence[str], how: str) -> Table:
    """One row a run, from a table with a row a step.

    The runs are told apart by a column such as ``run_id``; without one the table is one run. Other columns
    are as they were last known at that step. A run whose history has no outcome, or ends in one that is no
    number, is left out and named.

    Args:
        table: in the order of a column such as ``step``, if it has one.
        outcomes: columns whose histories are reduced.
        how: ``last``, ``min`` (the row of the least outcome), or ``mean:10``.

    Raises:
        UserError: when there is no outcome, or a minimum is asked of several.
    """
    word, _ = reduction(how)
    if not outcomes:
        raise UserError(
            f"--reduce {how}: {table.name} has no column of the outcome; say which with --outcome"
        )
    if word == "min" and len(outcomes) > 1:
        raise UserError(f"--reduce min: {', '.join(outcomes)} have no common minimum; take last or mean:10")
    steps = step_column(table)
    order = np.arange(table.num_rows) if steps is None else np.argsort(table.numbers(steps), kind="stable")
    values = np.stack([table.numbers(name) for name in outcomes], axis=1)
    missing = np.logical_or.reduce([table.missing(name) for name in outcomes])
    rows, known, means, left_out = [], [], [], []
    for name, own in _runs(table, order):
        history = own[~missing[own]]
        if not history.size or not np.isfinite(values[history[-1]]).all():
            why = "ended in no number" if history.size else "has no outcome"
            left_out.append(f"{name} {why}")
            continue
        row = history[np.nanargmin(values[history, 0])] if word == "min" else history[-1]
        rows.append(int(row))
        known.append(own[: int(np.flatnonzero(own == row)[0]) + 1])
        means.append([reduced(values[history, index].tolist(), how) for index in range(len(outcomes))])
    found = _filled(table, rows, known)
    if word == "mean":
        data = found.data
        for index, name in enumerate(outcomes):
            column = pa.array([mean[index] for mean in means], pa.float64())
            data = data.set_column(data.column_names.index(name), name, column)
        found = replace(found, data=data)
    notes = [f"left out: {'; '.join(left_out)}"] if left_out else []
    return replace(found, notes=(*table.notes, *notes))


def step_column(table: Table) -> str | None:
    """The column that counts steps, if there is one."""
    return _called(table, STEP_NAMES)


def run_column(table: Table) -> str | None:
    """The column that tells runs apart, if there is one."""
    return _called(table, RUN_NAMES)


def has_steps(table: Table) -> bool:
    """Whether it has several rows of one run."""
    column = run_column(table)
    return len(set(table.text(column)) if column else {""}) < table.num_rows


def _called(table: Table, names: Sequence[str]) -> str | None:
    lower = {column.lower(): column for column in reversed(table.columns)}
    return next((lower[name] for name in names if name in lower), None)


def _runs(table: Table, order: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The rows of every run, in order, and what it is called."""
    column = run_column(table)
    if column is None:
        return [(table.name, order)]
    names = np.array(table.text(column))
    return [(f"{table.name}, {name}", order[names[order] == name]) for name in dict.fromkeys(names.tolist())]


def _filled(table: Table, rows: Sequence[int], known: Sequence[np.ndarray]) -> Table:
    """Some rows, with every cell that is empty there as it was last ``known`` in the rows up to it."""
    columns = {}
    for name in table.columns:
        empty = table.missing(name)
        last = [
            int(before[~empty[before]][-1]) if (~empty[before]).any() else row
            for row, before in zip(rows, known, strict=True)
        ]
        columns[name] = table.data.column(name).take(pa.array(last, pa.int64()))
    return replace(table.take(np.array(rows, int)), data=pa.table(columns))
