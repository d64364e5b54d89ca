"""What to predict: points, a second table, or rows of the table of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.table import NUMBER, Table, is_number, read
from jaxsl.law import Law

YES, NO = ("true", "yes", "x", "1", "target"), ("", "false", "no", "0")


@dataclass(frozen=True)
class Marked:
    """Where the targets are.

    Attributes:
        rows: the rows of the table of runs that are targets, ``(row,)`` of bool.
        table: a table of their own, if they have one.
        is_point: whether the columns of ``table`` are the law's inputs themselves.
    """

    rows: np.ndarray
    table: Table | None = None
    is_point: bool = False


def parse_target(target: Any, runs: Table, law: Law) -> Marked:
    """Find out what ``target`` means.

    - ``"N=7e10,D=1.4e12"`` or ``{"N": 7e10, "D": 1.4e12}``, or several of them: points, in the law's inputs.
    - ``"is_target"``: the rows of the table of runs where this column says yes.
    - ``"split=test"``: the rows where the column holds this value.
    - anything else is read as a table: a path, ``"-"`` or a data frame.

    Raises:
        UserError: when it is none of these, or marks no row.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> runs = read({"N": [1e6, 2e6], "split": ["train", "test"]})
        >>> parse_target("split=test", runs, CHINCHILLA).rows.tolist()
        [False, True]
        >>> parse_target("N=1e9,D=2e10", runs, CHINCHILLA).table.num_rows
        1
    """
    none = np.zeros(runs.num_rows, bool)
    if target is None:
        return Marked(none)
    if isinstance(target, str) or not isinstance(target, Sequence):
        target = [target]
    if not target:
        return Marked(none)
    if all(_is_point(item, law) for item in target):
        points = [_point(item, law) for item in target]
        columns = {name: np.concatenate([point[name] for point in points]) for name in law.inputs}
        return Marked(none, read(columns, "the target"), is_point=True)
    if len(target) > 1:
        raise UserError("several targets may be given only as points, such as " + _example(law))
    return _one(target[0], runs, law, none)


def _one(target: Any, runs: Table, law: Law, none: np.ndarray) -> Marked:
    if not isinstance(target, str):
        return Marked(none, read(target, None if isinstance(target, Path) else "the target's data frame"))
    column, equals, value = target.rpartition("=")
    if target in runs.columns:
        rows, said = _says_yes(runs, target), f"column {target!r} says yes"
    elif equals and column in runs.columns:
        rows, said = _holds(runs, column, value.strip()), f"column {column!r} holds {value.strip()!r}"
    elif target == "-" and runs.name == "standard input":
        raise UserError("--target -: standard input already holds the runs; put the targets in a file")
    elif (
        target == "-"
        or Path(target).exists()
        or Path(target).suffix in (".csv", ".parquet", ".tsv", ".txt", ".pq")
    ):
        return Marked(none, read(target))
    else:
        raise UserError(
            f"--target {target}: neither a file, nor a column of {runs.name}, nor a point of {law.name} "
            f"such as {_example(law)}; {runs.suggest(column or target)}"
        )
    if not rows.any():
        raise UserError(f"--target {target}: {runs.name} has no {runs.unit} where {said}")
    return Marked(rows)


def _example(law: Law) -> str:
    return ",".join(f"{name}=NUMBER" for name in law.inputs)


def _is_point(item: Any, law: Law) -> bool:
    if isinstance(item, Mapping):
        return set(law.inputs) <= set(item)
    return isinstance(item, str) and any(
        part.split("=")[0].strip() in law.inputs for part in item.split(",") if "=" in part
    )


def _point(item: Any, law: Law) -> dict[str, np.ndarray]:
    if isinstance(item, Mapping):
        return {name: np.atleast_1d(np.asarray(item[name])) for name in law.inputs}
    point: dict[str, np.ndarray] = {}
    for part in item.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in law.inputs or name in point:
            problem = "is given twice" if name in point else f"is no input of {law.name}"
            raise UserError(f"--target {item}: {name!r} {problem}; write {_example(law)}")
        if not NUMBER.fullmatch(value):
            raise UserError(f"--target {item}: {value!r} is not a number; write {name}=1500 or {name}=1.5e3")
        point[name] = np.array([float(value)])
    lacking = [name for name in law.inputs if name not in point]
    if lacking:
        raise UserError(f"--target {item}: {', '.join(lacking)} is missing; write {_example(law)}")
    return point


def _says_yes(runs: Table, column: str) -> np.ndarray:
    if is_number(runs.data.column(column).type):
        return np.nan_to_num(runs.numbers(column)) != 0
    words = [word.lower() for word in runs.text(column)]
    for row, word in enumerate(words):
        if word not in YES + NO:
            raise UserError(
                f"{runs.place(row, column)}: {word!r} is neither yes nor no; "
                f"name the value that marks a target: --target {column}={word}"
            )
    return np.array([word in YES for word in words])


def _holds(runs: Table, column: str, value: str) -> np.ndarray:
    if is_number(runs.data.column(column).type) and NUMBER.fullmatch(value):
        return runs.numbers(column) == float(value)
    return np.array([word == value for word in runs.text(column)])
