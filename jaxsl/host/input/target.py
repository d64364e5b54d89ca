"""What to predict: points, a second table, or rows of the table of runs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import is_number
from jaxsl.host.input.files import names_a_table
from jaxsl.host.input.numerals import number
from jaxsl.host.input.reading import fulfilling
from jaxsl.host.input.table import Table, read

if TYPE_CHECKING:
    from jaxsl.law import Law

COMPARES = re.compile("[<>]|[=!]=")  # what a condition has and neither a file, a column nor a point
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


def parse_target(target: Any, runs: Table, law: "Law", formulas: Mapping[str, str] | None = None) -> Marked:
    """Find out what ``target`` means.

    - ``"N=7e10,D=1.4e12"`` or ``{"N": 7e10, "D": 1.4e12}``, or several of them: points, in the law's inputs
      or in the columns that ``formulas`` makes them from.
    - ``"is_target"``: the rows of the table of runs where this column says yes.
    - ``"split=test"``: the rows where the column holds this value.
    - ``"N >= 1e9"``: the rows that fulfil this condition, as for ``--where``.
    - anything else is read as a table: a path, ``"-"`` or a data frame.

    Args:
        target: what to predict.
        runs: the table of runs.
        law: the law.
        formulas: law input -> column or expression over columns, for those that have another name.

    Raises:
        UserError: when it is none of these, or marks no row.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> runs = read({"N": [1e6, 2e6], "split": ["train", "test"]})
        >>> parse_target("split=test", runs, CHINCHILLA).rows.tolist()
        [False, True]
        >>> parse_target("N < 2e6", runs, CHINCHILLA).rows.tolist()
        [True, False]
        >>> parse_target("N=1e9,D=2e10", runs, CHINCHILLA).table.num_rows
        1
        >>> parse_target("N=1e9,tokens=20", runs, CHINCHILLA, {"D": "1e9*tokens"}).table.numbers("D").tolist()
        [20000000000.0]
    """
    none = np.zeros(runs.num_rows, bool)
    if target is None:
        return Marked(none)
    if isinstance(target, str) or not isinstance(target, Sequence):
        target = [target]
    if not target:
        return Marked(none)
    formulas = {name: (formulas or {}).get(name, name) for name in law.inputs}
    ways = {name: _ways(name, formula, runs) for name, formula in formulas.items()}
    if all(_is_point(item, ways) for item in target):
        points = [_point(item, law, ways, formulas) for item in target]
        columns = {name: np.concatenate([point[name] for point in points]) for name in law.inputs}
        return Marked(none, read(columns, "the target"), is_point=True)
    if len(target) > 1:
        raise UserError("several targets may be given only as points, such as " + _example(law))
    return _one(target[0], runs, law, formulas, none)


def _one(target: Any, runs: Table, law: "Law", formulas: Mapping[str, str], none: np.ndarray) -> Marked:
    if not isinstance(target, str):
        return Marked(none, read(target, None if isinstance(target, Path) else "the target's data frame"))
    column, equals, value = target.rpartition("=")
    if target in runs.columns:
        rows, said = _says_yes(runs, target), f"column {target!r} says yes"
    elif equals and column in runs.columns:
        rows, said = _holds(runs, column, value.strip()), f"column {column!r} holds {value.strip()!r}"
    elif COMPARES.search(target):
        rows, said = fulfilling(runs, formulas, (), target), "this holds"
    elif target == "-" and runs.name == "standard input":
        raise UserError("--target -: standard input already holds the runs; put the targets in a file")
    elif names_a_table(target):
        return Marked(none, read(target))
    else:
        raise UserError(
            f"--target {target}: neither a file, nor a column of {runs.name}, nor a point of {law.name} "
            f"such as {_example(law)}, nor a condition; {runs.suggest(column or target)}"
        )
    if not rows.any():
        raise UserError(f"--target {target}: {runs.name} has no {runs.unit} where {said}")
    return Marked(rows)


def _example(law: "Law") -> str:
    return ",".join(f"{name}=NUMBER" for name in law.inputs)


def _ways(name: str, formula: str, runs: Table) -> tuple[set[str], ...]:
    """What a point may give for an input of the law: itself, its column, or the columns of its formula."""
    try:
        return {name}, {formula}, set(runs.names(formula)) or {name}
    except UserError:  # a column that these runs lack
        return {name}, {formula}


def _is_point(item: Any, ways: Mapping[str, tuple[set[str], ...]]) -> bool:
    """Whether something gives all inputs; text need only give one of them by its own name."""
    if isinstance(item, str):
        given = {part.rpartition("=")[0].strip() for part in item.split(",") if "=" in part}
        if given & set(ways):
            return True
    elif isinstance(item, Mapping):
        given = set(item)
    else:
        return False
    return all(any(names <= given for names in some) for some in ways.values())


def _point(
    item: Any, law: "Law", ways: Mapping[str, tuple[set[str], ...]], formulas: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """The law's inputs at a point, an array each."""
    known = {name for some in ways.values() for names in some for name in names}
    given = _assignments(item, law, known) if isinstance(item, str) else dict(item)
    taken = {
        name: next((names for names in some if names <= set(given)), None) for name, some in ways.items()
    }
    lacking = [name for name, names in taken.items() if names is None]
    if lacking:
        raise UserError(f"--target {item}: {', '.join(lacking)} is missing; write {_example(law)}")
    used = set().union(*(names for names in taken.values() if names))
    idle = sorted(set(given) - used) if isinstance(item, str) else []
    if idle:
        raise UserError(f"--target {item}: {idle[0]!r} says again what the other values say; leave it out")
    table = read({name: given[name] for name in sorted(used)}, "the target")
    return {name: table.evaluate(name if name in given else formulas[name]) for name in law.inputs}


def _assignments(item: str, law: "Law", known: set[str]) -> dict[str, float]:
    """``N=7e10,D=1.4e12`` as numbers by name."""
    given: dict[str, float] = {}
    for part in item.split(","):
        name, _, value = (piece.strip() for piece in part.rpartition("="))
        if name not in known or name in given:
            problem = "is given twice" if name in given else f"is no input of {law.name}"
            raise UserError(f"--target {item}: {name!r} {problem}; write {_example(law)}")
        if (found := number(value)) is None:
            raise UserError(f"--target {item}: {value!r} is not a number; write {name}=1500 or {name}=1.5e3")
        given[name] = found
    return given


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
    if is_number(runs.data.column(column).type) and (wanted := number(value)) is not None:
        return runs.numbers(column) == wanted
    return np.array([word == value for word in runs.text(column)])
