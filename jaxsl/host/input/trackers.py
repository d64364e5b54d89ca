"""Run tables of experiment trackers: which rows are runs that are done, and which are not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import Table

# What trackers call the state of a run.
FINISHED = ("finished",)
RUNNING = ("running", "scheduled", "pending", "preempting")
STOPPED = ("crashed", "failed", "killed", "preempted")
STATES = (*FINISHED, *RUNNING, *STOPPED)
SHOWN = 8  # rows that are named


def state_column(table: Table) -> str | None:
    """The column of a tracker's states: one called state or status that holds nothing else.

    Example:
        >>> from jaxsl.host.input.table import read
        >>> state_column(read({"State": ["finished", "crashed"]}))
        'State'
    """
    for name in table.columns:
        if name.lower() in ("state", "status") and table.is_text(name):
            words = {word.lower() for word in table.text(name)} - {""}
            if words and words <= set(STATES):
                return name
    return None


def id_column(table: Table) -> str | None:
    """The column of a tracker's run ids."""
    return next((name for name in table.columns if name.lower() in ("id", "run_id", "run id")), None)


def unrepeated(table: Table) -> np.ndarray:
    """Which rows stand for their run, ``(row,)`` of bool: the last finished one of an id, else the last."""
    column = id_column(table)
    if column is None:
        return np.ones(table.num_rows, bool)
    ids, states = table.text(column), table.text(state_column(table) or column)
    kept: dict[str, int] = {}
    for row, (name, state) in enumerate(zip(ids, states, strict=True)):
        before = states[kept[name]].lower() if name in kept else ""
        if state.lower() in FINISHED or before not in FINISHED:
            kept[name] = row
    return np.array([not name or kept[name] == row for row, name in enumerate(ids)])


def done_alone(table: Table, outcomes: Sequence[str]) -> Table:
    """A tracker's table without runs that are not done, rows that repeat a run, and runs without an outcome.

    Those left out are named. A table without states is returned as it is; so are rows without a state.

    Args:
        table: the table.
        outcomes: columns of the outcomes.

    Raises:
        UserError: when no row is left.
    """
    column = state_column(table)
    if column is None:
        return table
    states = [state.lower() for state in table.text(column)]
    values = [np.isfinite(table.numbers(name)) for name in outcomes if name in table.columns]
    told = np.all(values, axis=0) if values else np.ones(table.num_rows, bool)
    single = unrepeated(table)
    why = [
        "repeated"
        if not single[row]
        else ""
        if not state
        else state
        if state not in FINISHED
        else ""
        if told[row]
        else "no outcome"
        for row, state in enumerate(states)
    ]
    kept = np.array([not reason for reason in why])
    if kept.all():
        return table
    labels = table.text(next((name for name in table.columns if name.lower() in ("name", "run")), column))
    named = [
        f"{table.unit} {table.row_numbers[row]} ({labels[row]}, {why[row]})" for row in np.flatnonzero(~kept)
    ]
    if not kept.any():
        raise UserError(
            f"{table.name}: no row is a finished run; {named[0]} is the first of {len(named)}; "
            f"if {column!r} does not say how runs went, rename it"
        )
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    note = f"{kept.sum()} of {len(kept)} rows are runs; left out: {', '.join(named[:SHOWN])}{more}"
    return replace(table.take(kept), notes=(*table.notes, note))
