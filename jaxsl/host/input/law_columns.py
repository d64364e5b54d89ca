"""A law's inputs, outcomes, costs and weights from the columns of a table, checked row by row."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.table import Table

if TYPE_CHECKING:
    from jaxsl.law import Law

NUM_TRIALS = 32  # parameter vectors at which a law is tried on the rows


def column_names(law: "Law", mapping: Mapping[str, str], outcome: str | None = None) -> dict[str, str]:
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


def own(mapping: Mapping[str, str], law: "Law") -> dict[str, str]:
    """What of a mapping concerns this law."""
    return {name: column for name, column in mapping.items() if name in (*law.inputs, *law.outputs)}


def read_for(
    laws: Iterable[Any], mapping: Mapping[str, str], outcome: str | None
) -> tuple[dict[str, str], list[str]]:
    """The columns of inputs and outputs of several laws, and those of the outcomes, to read a table for."""
    laws = list(laws)
    outputs = {name for law in laws for name in law.outputs}
    names = {name: name for law in laws for name in law.inputs} | {name: outcome or name for name in outputs}
    names |= {name: column for name, column in mapping.items() if name in names}
    return names, sorted({names[name] for name in outputs})


def _column(table: Table, what: str, name: str, formula: str, option: str) -> np.ndarray:
    """The column of a law's input or output, which is named in the message when it is missing."""
    if name == formula and name not in table.columns:
        raise UserError(
            f"{table.name} has no column for {what} {name!r}: say which with {option}; {table.suggest(name)}"
        )
    return table.evaluate(formula)


def inputs_of(table: Table, law: "Law", names: Mapping[str, str]) -> np.ndarray:
    """The inputs of every row, ``(row, feature)``.

    Args:
        table: the rows.
        law: whose inputs they are.
        names: column or expression of each, as by ``column_names``.

    Raises:
        UserError: naming the first row and column that cannot be an input of the law.
    """
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
    finite = _ever_finite(law, x) if hasattr(law, "function") else np.ones(len(x), bool)
    if not finite.all():
        row = int(np.argmin(finite))
        point = ", ".join(f"{name}={x[row, i]:g}" for i, name in enumerate(law.inputs))
        raise UserError(
            f"{table.place(row)}: {law.name} has no finite value at {point}; correct or remove it"
        )
    return x


def _ever_finite(law: "Law", x: np.ndarray) -> np.ndarray:
    """Which rows have a finite value at one parameter vector of the box at least, ``(row,)`` of bool.

    One is enough: a law may well overflow in a corner of its box, but a logarithm of something negative has
    no value in all of it.
    """
    from jaxsl.host.programs.law_values import box_draws, ever_finite
    from jaxsl.host.programs.packing import pad
    from jaxsl.pool import buffer_size
    from jaxsl.precision import double_precision

    with double_precision():
        rows = pad(x, buffer_size(len(x)))
        return np.asarray(ever_finite(law, box_draws(law, NUM_TRIALS), rows))[: len(x)]


def outcomes_of(table: Table, law: "Law", names: Mapping[str, str]) -> np.ndarray:
    """The outcomes of every row, ``(row, output)``, not a number for a candidate; as ``inputs_of``.

    Raises:
        UserError: naming the row where some outcomes are given and others are not.
    """
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


def costs_of(table: Table, law: "Law", x: np.ndarray, cost: str | None, candidate: np.ndarray) -> np.ndarray:
    """What every row costs, ``(row,)``, not a number where unknown; a ``candidate`` must have a cost."""
    if cost is None:
        return np.full(table.num_rows, np.nan)
    values = np.asarray(table.evaluate(cost, dict(zip(law.inputs, x.T, strict=True))), np.float64)
    _refuse(table, cost, values < 0, values, "is negative; a cost is zero or more")
    _refuse(table, cost, np.isinf(values), values, "is infinite; give the cost as a number")
    _refuse(
        table, cost, np.isnan(values) & candidate, values, "is empty or no number; a candidate needs its cost"
    )
    return values


def weights_of(table: Table, weight: str | None, done: np.ndarray) -> np.ndarray | None:
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
