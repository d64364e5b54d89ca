"""Rows of one training run: which run each row of a table is of, and where along it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.table import Table

if TYPE_CHECKING:
    from jaxsl.along import Course
    from jaxsl.law import Law

SIZE, TOKENS = "N", "D"


def course_of(
    table: Table, law: "Law", names: Mapping[str, str], x: np.ndarray, group: str | None
) -> "Course | None":
    """The run of every row, and the decimal logarithm of how far it is along it, in NumPy.

    Along a run its tokens ``D`` grow; of a law without them, the one input that differs among its rows.

    Args:
        table: the rows.
        law: whose inputs ``x (row, feature)`` they are.
        names: column or expression of each.
        x: the inputs.
        group: column that tells runs apart, empty for a run of one row; None where all are.

    Raises:
        UserError: when there is no such column; when rows of one run are of two sizes ``N``, differ in
            several inputs, or are nowhere along it.

    Example:
        >>> from jaxsl.host.input.table import read
        >>> from laws.kaplan import DATA
        >>> table = read({"run": ["a", "a", ""], "D": [1e8, 1e9, 1e8]})
        >>> course = course_of(table, DATA, {"D": "D"}, np.array([[1e8], [1e9], [1e8]]), "run")
        >>> course.run.tolist(), course.place.tolist()
        ([0, 0, -1], [8.0, 9.0, 8.0])
    """
    if group is None:
        return None
    from jaxsl.along import Course

    table.require(group, "--group")
    labels = table.text(group)
    number = {label: index for index, label in enumerate(dict.fromkeys(label for label in labels if label))}
    run: Any = np.array([number.get(label, -1) for label in labels])
    along = _along(table, law, run, x, group)
    values = np.ones(len(run)) if along is None else x[:, law.inputs.index(along)]
    nowhere = (values <= 0) & (run >= 0)
    if nowhere.any():
        row = int(np.argmax(nowhere))
        raise UserError(
            f"{table.place(row, names[along or TOKENS])}: is 0, which is nowhere along a run of "
            f"--group {group}; leave the row out"
        )
    place: Any = np.log10(np.where(values > 0, values, 1.0))
    return Course(run, place)


def _along(table: Table, law: "Law", run: np.ndarray, x: np.ndarray, group: str) -> str | None:
    """The input that grows along a run; None where no run has rows that differ."""
    first = np.array([np.argmax(run == one) if one >= 0 else row for row, one in enumerate(run)])
    differs = x != x[first]
    if SIZE in law.inputs and differs[:, law.inputs.index(SIZE)].any():
        row = int(np.argmax(differs[:, law.inputs.index(SIZE)]))
        raise UserError(
            f"{table.place(row)}: is of another {SIZE} than {table.place(int(first[row]))}, and both of run "
            f"{table.text(group)[row]!r} by --group {group}; a run has one size"
        )
    if TOKENS in law.inputs:
        return TOKENS
    several = [name for name, one in zip(law.inputs, differs.T, strict=True) if one.any()]
    if len(several) > 1:
        raise UserError(
            f"--group {group}: rows of one run differ in {' and '.join(several)}; along a run one input grows"
        )
    return several[0] if several else None
