"""From what a person has to a table with a row a run: logs reduced, trackers' states understood, rows chosen.

>>> runs = {"params": ["70M", "70M", "1.3B"], "tokens": ["350M", "1.4B", ""], "loss": [4.1, 3.6, None]}
>>> table = read_runs(runs, {"N": "params", "loss": "loss"}, ["loss"], where="N > 1e6 and loss < 4")
>>> table.numbers("params").tolist()
[70000000.0, 1300000000.0]
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.charts import RUN, side_by_side
from jaxsl.host.input.columns import Table
from jaxsl.host.input.condition import parse_condition
from jaxsl.host.input.copies import without_copies
from jaxsl.host.input.steps import has_steps, one_a_run, reduction, run_column, step_column
from jaxsl.host.input.table import joined, tables
from jaxsl.host.input.trackers import done_alone


class Reading(TypedDict, total=False):
    """How a table of runs is read; all that read one take these as keywords.

    Attributes:
        where: a condition that rows must fulfil, such as ``"tokens/params > 5 and loss < 4"``, in columns and
            in the law's inputs and outputs; a run without an outcome fulfils what is asked of its outcome.
        reduce: of logs with a row a step, what a run counts with: ``"last"``, ``"min"`` or ``"mean:10"``.
        from_name: a regular expression with named groups, ``"run-(?P<params>.*).csv"``, which become columns.
    """

    where: str | None
    reduce: str | None
    from_name: str | None


def read_runs(
    source: Any,
    names: Mapping[str, str],
    outcomes: Sequence[str],
    *,
    where: str | None = None,
    reduce: str | None = None,
    from_name: str | None = None,
) -> Table:
    """Read a table of runs.

    Of a tracker's table, with a column ``State``, the finished runs are kept, and of any table no line that
    says the same as an earlier one; those left out are named in the table's notes.

    Args:
        source: anything ``jaxsl.host.input.table.read`` takes.
        names: law input or output -> column or expression.
        outcomes: columns or expressions of the outcomes.
        where, reduce, from_name: as in ``Reading``.

    Raises:
        UserError: for anything that cannot be used as it stands, and when no row is left.
    """
    table = read_rows(source, outcomes, reduce=reduce, from_name=from_name)
    return once_each(table, names, outcomes, where)


def once_each(table: Table, names: Mapping[str, str], outcomes: Sequence[str], where: str | None) -> Table:
    """Each run that is done once, where it fulfils a condition; arguments and errors as in ``read_runs``."""
    columns = outcome_columns(table, outcomes)
    return chosen(without_copies(done_alone(table, columns), columns), names, outcomes, where)


def read_rows(
    source: Any, outcomes: Sequence[str], *, reduce: str | None = None, from_name: str | None = None
) -> Table:
    """The same with every row, whatever state its run is in.

    Raises:
        UserError: as ``read_runs``.
    """
    if reduce is not None:
        reduction(reduce)
    parts = named(source, from_name)
    logged = sum(part.num_rows for part in parts)
    steps = [part for part in parts if step_column(part)]
    if reduce is None:
        table = joined(parts, source)
        one_run = len(parts) == 1 and not run_column(parts[0])
        if one_run or not any(has_steps(part) for part in steps):
            return table
        note = f"{logged} rows of step logs are taken as runs: --reduce last takes one a run"
        return replace(table, notes=(*table.notes, note))
    if not steps and len(parts) == 1 and not run_column(parts[0]):
        raise UserError(
            f"--reduce {reduce}: {parts[0].name} has no column that counts steps (step), nor one that "
            "tells runs apart (run_id, run, name); rename one"
        )
    parts = [one_a_run(part, outcome_columns(part, outcomes), reduce) for part in parts]
    table = joined([part for part in parts if part.num_rows] or parts, source)
    if not table.num_rows:
        raise UserError(f"--reduce {reduce}: no run of {table.name} has an outcome")
    note = f"--reduce {reduce}: {logged} rows became {table.num_rows} runs"
    return replace(table, notes=(*table.notes, note))


def named(source: Any, from_name: str | None) -> list[Table]:
    """The tables of a source, runs side by side in rows, with the columns that names of files or runs give.

    Raises:
        UserError: as ``read_runs``.
    """
    parts = []
    for whole in tables(source):
        part = side_by_side(whole)
        if from_name is not None:
            names = [whole.name] * part.num_rows if part is whole else part.text(RUN)
            part = from_names(part, names, from_name)
        parts.append(part)
    return parts


def chosen(table: Table, names: Mapping[str, str], outcomes: Sequence[str], where: str | None) -> Table:
    """The rows that fulfil a condition; arguments as in ``read_runs``.

    Raises:
        UserError: when no row does, and as ``fulfilling``.
    """
    if where is None:
        return table
    kept = fulfilling(table, names, outcomes, where)
    if not kept.any():
        raise UserError(f"--where {where}: no row of {table.name} fulfils it")
    if kept.all():
        return table
    note = f"--where {where}: {int((~kept).sum())} of {table.num_rows} rows are left out"
    return replace(table.take(kept), notes=(*table.notes, note))


def fulfilling(table: Table, names: Mapping[str, str], outcomes: Sequence[str], where: str) -> np.ndarray:
    """Which rows fulfil a condition, ``(row,)`` of bool; arguments as in ``read_runs``.

    Raises:
        UserError: when it cannot be read, or names no column.
    """
    condition = parse_condition(where, [*table.columns, *names])
    numbers = {}
    for name in condition.names:
        formula = name if name in table.columns else names.get(name, name)
        numbers[name] = table.evaluate(formula)
    for name in condition.words:
        if name not in table.columns:
            raise UserError(f"{table.name} has no column {name!r}; {table.suggest(name)}")
    words = {name: table.text(name) for name in condition.words}
    columns = outcome_columns(table, outcomes)
    waits = np.any([np.isnan(table.numbers(name)) for name in columns], axis=0) if columns else True
    outcome_names = {*columns, *(name for name, formula in names.items() if formula in outcomes)}
    return np.broadcast_to(condition.holds(numbers, words, outcome_names, waits), table.num_rows)


def from_names(table: Table, names: Sequence[str], pattern: str) -> Table:
    """Further columns, of what a pattern finds in the name of each row's file or run.

    Args:
        table: the table.
        names: of each row.
        pattern: a regular expression with named groups, such as ``run-(?P<params>.*).csv``; it is sought in
            the last part of a path, unless it holds a ``/`` itself.

    Raises:
        UserError: when it is no such pattern, or does not match a name.
    """
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise UserError(f"--from-name {pattern}: is no regular expression: {error}") from None
    if not wanted.groupindex:
        raise UserError(f"--from-name {pattern}: name what it finds: 'run-(?P<params>.*).csv' gives params")
    found: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(names):
        match = wanted.search(name if "/" in pattern else Path(name).name)
        if match is None:
            raise UserError(f"--from-name {pattern}: {name} does not match; every name must")
        found[name] = match.groupdict("")
    return table.with_columns({key: [found[name][key] for name in names] for key in wanted.groupindex})


def outcome_columns(table: Table, outcomes: Sequence[str]) -> list[str]:
    """The columns of a table that the outcomes are made of."""
    names = dict.fromkeys(name for formula in outcomes for name in table.names(formula))
    return [name for name in names if name in table.columns]
