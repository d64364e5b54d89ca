"""From a table of runs to a problem: what was run, what may be run, what to predict, checked row by row.

A run without an outcome is a candidate. Runs marked as target are held apart, and what came out at them
goes into ``Answers``, a type that nothing which fits or selects takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.course import course_of
from jaxsl.host.input.law_columns import column_names, costs_of, inputs_of, outcomes_of, weights_of
from jaxsl.host.input.remarks import repeated, slips
from jaxsl.host.input.schedule import check_schedule, counting, require_schedule
from jaxsl.host.input.table import Table, read
from jaxsl.host.input.target import Marked, parse_target

if TYPE_CHECKING:
    from jaxsl.along import Course
    from jaxsl.law import Law

DEAREST = 1 / 6  # share of finished runs that are the target where none is named


@dataclass(frozen=True)
class Runs:
    """Runs and candidates.

    Attributes:
        x: configurations, ``(row, feature)``.
        y: outcomes, ``(row, output)``, not a number throughout a candidate's row.
        cost: cost of each, ``(row,)``, not a number where unknown.
        row_numbers: where a person finds each in the table, ``(row,)``.
        labels: columns of text by name, ``(row,)`` each.
        weight: how often each run counts, ``(row,)``; None for once each.
        course: the training run that each row is of, and where along it; None where each is of its own.
    """

    x: np.ndarray
    y: np.ndarray
    cost: np.ndarray
    row_numbers: np.ndarray
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    weight: np.ndarray | None = None
    course: "Course | None" = None

    @property
    def observed(self) -> np.ndarray:
        """Which rows have an outcome, ``(row,)`` of bool; the others are candidates."""
        return ~np.isnan(self.y).any(axis=1)

    def take(self, rows: np.ndarray) -> "Runs":
        """Some of the rows, by index or by mask."""
        labels = {name: values[rows] for name, values in self.labels.items()}
        weight = None if self.weight is None else self.weight[rows]
        course = None if self.course is None else self.course.take(rows)
        return Runs(
            self.x[rows], self.y[rows], self.cost[rows], self.row_numbers[rows], labels, weight, course
        )

    def split_dearest(self, share: float = DEAREST) -> tuple["Runs", "Runs"]:
        """The cheaper runs and the dearest, this share of them, at least one and with all that cost the same.

        Raises:
            UserError: when the share is none, and when all runs cost the same.
        """
        if not 0 < share < 1:
            raise UserError(f"--target-share {share:g}: give a share of the runs above 0 and below 1")
        num = max(int(share * len(self.cost) * (1 + 1e-9)), 1)
        dear = self.cost >= np.sort(self.cost)[-num]
        if dear.all():
            raise UserError(
                f"all {len(dear)} runs cost the same, so that none is the dearest: say what to predict with "
                "--target"
            )
        return self.take(~dear), self.take(dear)

    def _repr_html_(self) -> str:
        from jaxsl.host.html.display import runs_html

        return runs_html(self)


@dataclass(frozen=True)
class Targets:
    """Configurations to predict, ``x (target, feature)``, without outcomes."""

    x: np.ndarray
    row_numbers: np.ndarray
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """What came out at the targets, ``y (target, output)``, not a number where unknown: for display alone."""

    y: np.ndarray


@dataclass(frozen=True)
class Problem:
    """A law, the runs it is fitted to or may buy, and what it is to predict.

    Attributes:
        table: what messages call the table of runs.
        unit: what one of its rows is called, ``line`` or ``row``.
        targets, answers: ``None`` when no target was given.
        notes: things that are allowed and worth saying.
    """

    law: "Law"
    runs: Runs
    table: str
    unit: str
    targets: Targets | None = None
    answers: Answers | None = None
    notes: tuple[str, ...] = ()


def runs(
    source: Any,
    law: "Law",
    *,
    mapping: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    target: Any = None,
    weight: str | None = None,
    group: str | None = None,
    schedule: str | None = None,
) -> Problem:
    """Read a problem.

    Args:
        source: anything ``jaxsl.host.input.table.read`` takes.
        law: the law, whose inputs and outputs are columns of the same names unless mapped.
        mapping: law input or output -> column, or expression over columns.
        cost: column, or expression over law inputs and columns; without it no cost is known.
        outcome: column of the outcome, for a law with one output.
        target: see ``jaxsl.host.input.target.parse_target``.
        weight: column or expression of how often each run counts.
        group: column that tells training runs apart, of which the table has a row for each checkpoint.
        schedule: of the learning rate along a run, ``"constant"``, ``"wsd"`` or ``"cosine"``: whether every
            outcome of a run counts, or, of cosine, the last alone.

    Raises:
        UserError: naming the row and the column, for anything that cannot be used as it stands.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> table = {"params": [1e6, 2e6], "D": [1e8, 1e8], "loss": [3.9, None]}
        >>> problem = runs(table, CHINCHILLA, mapping={"N": "params"}, cost="6*N*D/1e14")
        >>> problem.runs.observed.tolist(), problem.runs.cost.tolist()
        ([True, False], [6.0, 12.0])
    """
    check_schedule(schedule, group)
    table = read(source)
    names = column_names(law, mapping or {}, outcome)
    marked = parse_target(target, table, law, names)
    x = inputs_of(table, law, names)
    y = outcomes_of(table, law, names)
    costs = costs_of(table, law, x, cost, ~marked.rows & np.isnan(y).any(axis=1))
    formulas = [*names.values(), *([] if cost is None else [cost])]
    used = {name for formula in formulas for name in table.names(formula)}
    texts = table.labels(used) | (
        {} if group is None or group not in table.columns else {group: table.text(group)}
    )
    labels = {name: np.array(values, object) for name, values in texts.items()}
    times, course = (
        weights_of(table, weight, ~np.isnan(y).any(axis=1)),
        course_of(table, law, names, x, group),
    )
    whole = Runs(x, y, costs, table.row_numbers, labels, times, course)
    kept, told = _counted(whole.take(~marked.rows), schedule, table)
    targets, answers = _targets(marked, whole, table, law, names)
    aim = None if targets is None else targets.x
    own = marked.table
    notes = (
        *table.notes,
        *table.readings(used),
        *told,
        *(() if own is None else (*own.notes, *(f"the target's {what}" for what in own.readings(used)))),
        *repeated(kept.x, aim),
        *slips(kept.x, aim, law.inputs, names),
    )
    return Problem(law, kept, table.name, table.unit, targets, answers, notes)


def _counted(given: Runs, schedule: str | None, table: Table) -> tuple[Runs, tuple[str, ...]]:
    """The rows that count by the schedule of their runs, and what is worth saying of it."""
    if given.course is None:
        return given, ()
    run, place = np.asarray(given.course.run), np.asarray(given.course.place)
    require_schedule(schedule, table.name, run, given.observed)
    kept = counting(schedule, run, place, given.observed)
    if kept.all():
        return given, ()
    note = f"--schedule {schedule}: {np.sum(~kept)} outcomes before the last of their runs are left out"
    return replace(given.take(kept), course=None), (note,)


def configurations(source: Any, law: "Law", mapping: Mapping[str, str] | None = None) -> np.ndarray:
    """The law's inputs in a table, whatever else it holds: ``(row, feature)``; errors as in ``runs``.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> configurations({"N": [1e6], "D": [1e8]}, CHINCHILLA).tolist()
        [[1000000.0, 100000000.0]]
    """
    return inputs_of(read(source), law, column_names(law, mapping or {}))


def _targets(
    marked: Marked, whole: Runs, runs: Table, law: "Law", names: Mapping[str, str]
) -> tuple[Targets | None, Answers | None]:
    if marked.table is not None:
        targets, needed = own_targets(marked, law, names), (runs.names(names[name]) for name in law.outputs)
        if not marked.is_point and set().union(*needed) <= set(marked.table.columns):
            return targets, Answers(outcomes_of(marked.table, law, names))
        return targets, Answers(np.full((len(targets.x), law.num_outputs), np.nan))
    if not marked.rows.any():
        return None, None
    held = whole.take(marked.rows)
    return Targets(held.x, held.row_numbers, held.labels), Answers(held.y)


def own_targets(marked: Marked, law: "Law", names: Mapping[str, str]) -> Targets:
    """The targets of a table of their own; ``names`` maps inputs to columns, but for points."""
    assert marked.table is not None
    x = inputs_of(marked.table, law, {name: name for name in names} if marked.is_point else names)
    labels = {name: np.array(values, object) for name, values in marked.table.labels().items()}
    return Targets(x, marked.table.row_numbers, labels)
