"""From a table of runs to a problem: what was run, what may be run, what to predict, checked row by row.

A run without an outcome is a candidate. Runs marked as target are held apart, and what came out at them
goes into ``Answers``, a type that nothing which fits or selects takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.law_values import box_draws
from jaxsl.host.input.remarks import repeated, slips
from jaxsl.host.input.table import Table, read
from jaxsl.host.input.target import Marked, parse_target
from jaxsl.law import Law
from jaxsl.precision import double_precision

NUM_TRIALS = 32  # parameter vectors at which a law is tried on the rows


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
    """

    x: np.ndarray
    y: np.ndarray
    cost: np.ndarray
    row_numbers: np.ndarray
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    weight: np.ndarray | None = None

    @property
    def observed(self) -> np.ndarray:
        """Which rows have an outcome, ``(row,)`` of bool; the others are candidates."""
        return ~np.isnan(self.y).any(axis=1)

    def take(self, rows: np.ndarray) -> "Runs":
        """Some of the rows, by index or by mask."""
        labels = {name: values[rows] for name, values in self.labels.items()}
        weight = None if self.weight is None else self.weight[rows]
        return Runs(self.x[rows], self.y[rows], self.cost[rows], self.row_numbers[rows], labels, weight)

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

    law: Law
    runs: Runs
    table: str
    unit: str
    targets: Targets | None = None
    answers: Answers | None = None
    notes: tuple[str, ...] = ()


def runs(
    source: Any,
    law: Law,
    *,
    mapping: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    target: Any = None,
    weight: str | None = None,
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

    Raises:
        UserError: naming the row and the column, for anything that cannot be used as it stands.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> table = {"params": [1e6, 2e6], "D": [1e8, 1e8], "loss": [3.9, None]}
        >>> problem = runs(table, CHINCHILLA, mapping={"N": "params"}, cost="6*N*D/1e14")
        >>> problem.runs.observed.tolist(), problem.runs.cost.tolist()
        ([True, False], [6.0, 12.0])
    """
    table = read(source)
    names = column_names(law, mapping or {}, outcome)
    marked = parse_target(target, table, law, names)
    x = _inputs(table, law, names)
    y = _outcomes(table, law, names)
    costs = _costs(table, law, x, cost, ~marked.rows & np.isnan(y).any(axis=1))
    formulas = [*names.values(), *([] if cost is None else [cost])]
    used = {name for formula in formulas for name in table.names(formula)}
    labels = {name: np.array(values, object) for name, values in table.labels(used).items()}
    whole = Runs(x, y, costs, table.row_numbers, labels, _weights(table, weight, ~np.isnan(y).any(axis=1)))
    kept = whole.take(~marked.rows)
    targets, answers = _targets(marked, whole, table, law, names)
    aim = None if targets is None else targets.x
    own = marked.table
    notes = (
        *table.notes,
        *table.readings(used),
        *(() if own is None else (*own.notes, *(f"the target's {what}" for what in own.readings(used)))),
        *repeated(kept.x, aim),
        *slips(kept.x, aim, law.inputs, names),
    )
    return Problem(law, kept, table.name, table.unit, targets, answers, notes)


def configurations(source: Any, law: Law, mapping: Mapping[str, str] | None = None) -> np.ndarray:
    """The law's inputs in a table, whatever else it holds: ``(row, feature)``; errors as in ``runs``.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> configurations({"N": [1e6], "D": [1e8]}, CHINCHILLA).tolist()
        [[1000000.0, 100000000.0]]
    """
    return _inputs(read(source), law, column_names(law, mapping or {}))


def column_names(law: Law, mapping: Mapping[str, str], outcome: str | None = None) -> dict[str, str]:
    """The column or expression of every input and output of a law.

    Raises:
        UserError: when ``mapping`` names none of them, or ``outcome`` stands for several outputs.
    """
    names = {name: name for name in (*law.inputs, *law.outputs)}
    for name in mapping:
        if name not in names:
            raise UserError(
                f"--map {name}={mapping[name]}: {law.name} has no input or output {name!r}; "
                f"it has {', '.join(names)}"
            )
    if outcome is not None:
        if law.num_outputs != 1:
            raise UserError(
                f"--outcome {outcome}: {law.name} has {law.num_outputs} outputs; "
                f"name the column of each: {' '.join(f'--map {name}=COLUMN' for name in law.outputs)}"
            )
        names[law.outputs[0]] = outcome
    return names | dict(mapping)


def _column(table: Table, what: str, name: str, formula: str, option: str) -> np.ndarray:
    """The column of a law's input or output, which is named in the message when it is missing."""
    if name == formula and name not in table.columns:
        raise UserError(
            f"{table.name} has no column for {what} {name!r}: say which with {option}; {table.suggest(name)}"
        )
    return table.evaluate(formula)


def _inputs(table: Table, law: Law, names: Mapping[str, str]) -> np.ndarray:
    columns = []
    for name in law.inputs:
        formula = names[name]
        values = _column(table, f"the input of {law.name},", name, formula, f"--map {name}=COLUMN")
        _refuse(table, formula, np.isnan(values), values, "is empty or no number; every run needs its inputs")
        _refuse(table, formula, np.isinf(values), values, "is infinite; give the number")
        if name in law.nonnegative:
            low, why = values < 0, f"is negative, and {name} is none below 0; correct it"
        else:
            low, why = (
                values <= 0,
                f"is not positive, and {law.name} takes the logarithm of {name}; correct it",
            )
        _refuse(table, formula, low, values, why)
        columns.append(values)
    x = np.stack(columns, axis=1).astype(np.float64)
    finite = _ever_finite(law, x)
    if not finite.all():
        row = int(np.argmin(finite))
        point = ", ".join(f"{name}={x[row, i]:g}" for i, name in enumerate(law.inputs))
        raise UserError(
            f"{table.place(row)}: {law.name} has no finite value at {point}; correct or remove it"
        )
    return x


def _ever_finite(law: Law, x: np.ndarray) -> np.ndarray:
    """Which rows have a finite value at one parameter vector of the box at least, ``(row,)`` of bool.

    One is enough: a law may well overflow in a corner of its box, but a logarithm of something negative has
    no value in all of it.
    """
    with double_precision():
        return np.asarray(_any_finite(law, box_draws(law, NUM_TRIALS), x))


@partial(jax.jit, static_argnames="law")
def _any_finite(law: Law, theta: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.isfinite(jax.vmap(law.predict, (0, None))(theta, x)).all(axis=2).any(axis=0)


def _outcomes(table: Table, law: Law, names: Mapping[str, str]) -> np.ndarray:
    columns = []
    for name in law.outputs:
        option = "--outcome COLUMN" if law.num_outputs == 1 else f"--map {name}=COLUMN"
        values = _column(table, "the outcome", name, names[name], option)
        hint = "is infinite; a run that diverged has no place in a fit: remove it"
        _refuse(table, names[name], np.isinf(values), values, hint)
        columns.append(values)
    y = np.stack(columns, axis=1).astype(np.float64)
    missing = np.isnan(y)
    partly = missing.any(axis=1) & ~missing.all(axis=1)
    if partly.any():
        row = int(np.argmax(partly))
        lacking = names[law.outputs[int(np.argmax(missing[row]))]]
        raise UserError(
            f"{table.place(row, lacking)}: is empty while other outcomes of the run are given; "
            "give all of them, or none for a candidate"
        )
    return y


def _costs(table: Table, law: Law, x: np.ndarray, cost: str | None, candidate: np.ndarray) -> np.ndarray:
    if cost is None:
        return np.full(table.num_rows, np.nan)
    values = np.asarray(table.evaluate(cost, dict(zip(law.inputs, x.T, strict=True))), np.float64)
    _refuse(table, cost, values < 0, values, "is negative; a cost is zero or more")
    _refuse(table, cost, np.isinf(values), values, "is infinite; give the cost as a number")
    _refuse(
        table, cost, np.isnan(values) & candidate, values, "is empty or no number; a candidate needs its cost"
    )
    return values


def _weights(table: Table, weight: str | None, done: np.ndarray) -> np.ndarray | None:
    """How often each run counts; whatever stands in the row of a candidate is not read."""
    if weight is None:
        return None
    values = np.where(done, table.evaluate(weight), 1.0).astype(np.float64)
    _refuse(table, weight, np.isnan(values), values, "is empty or no number; every run needs its weight")
    bad = (values <= 0) | np.isinf(values)
    _refuse(table, weight, bad, values, "is no weight; give a positive number, 2 for a run that counts twice")
    return values


def _refuse(table: Table, column: str, bad: np.ndarray, values: np.ndarray, why: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        value = "" if np.isnan(values[row]) else f"{values[row]:g} "
        more = f" (and {bad.sum() - 1} more {table.unit}s)" if bad.sum() > 1 else ""
        raise UserError(f"{table.place(row, column)}: {value}{why}{more}")


def _targets(
    marked: Marked, whole: Runs, runs: Table, law: Law, names: Mapping[str, str]
) -> tuple[Targets | None, Answers | None]:
    if marked.table is not None:
        targets, needed = own_targets(marked, law, names), (runs.names(names[name]) for name in law.outputs)
        if not marked.is_point and set().union(*needed) <= set(marked.table.columns):
            return targets, Answers(_outcomes(marked.table, law, names))
        return targets, Answers(np.full((len(targets.x), law.num_outputs), np.nan))
    if not marked.rows.any():
        return None, None
    held = whole.take(marked.rows)
    return Targets(held.x, held.row_numbers, held.labels), Answers(held.y)


def own_targets(marked: Marked, law: Law, names: Mapping[str, str]) -> Targets:
    """The targets of a table of their own; ``names`` maps inputs to columns, but for points."""
    assert marked.table is not None
    x = _inputs(marked.table, law, {name: name for name in names} if marked.is_point else names)
    labels = {name: np.array(values, object) for name, values in marked.table.labels().items()}
    return Targets(x, marked.table.row_numbers, labels)
