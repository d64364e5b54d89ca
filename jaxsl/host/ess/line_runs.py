"""A table of runs as points on a line: size X and critical quantity Y of each, a target, a cost by size."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import parse
from jaxsl.host.input.numerals import number
from jaxsl.host.input.table import Table

EXACT = 1e-12  # residuals this small, relative to the outcomes, are rounding
FAR = 20  # ranges of the runs beyond which a number is no size on a computed scale
WIDE = 100  # ratio of sizes beyond which a line seldom runs in them, but in their logarithm
LOOSE = 0.02  # a cost that a power of size misses by more than this share is worth a note


@dataclass(frozen=True)
class LineRuns:
    """Runs on a line.

    Attributes:
        table: where they come from.
        x: sizes, ``(run,)``.
        y: outcomes, ``(run,)``.
        expression: how ``x`` was computed from the columns.
    """

    table: Table
    x: np.ndarray
    y: np.ndarray
    expression: str


@dataclass(frozen=True)
class SizeCost:
    """Cost as a function of size.

    Attributes:
        function: for arrays of X.
        note: how it was found, if not given as such.
    """

    function: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    note: str = ""


def finite_column(table: Table, formula: str, option: str) -> np.ndarray:
    """A column or expression, refused where a value is missing or not finite.

    Raises:
        UserError: naming the first row where one is.
    """
    values = table.evaluate(formula)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise UserError(
            f"{table.place(int(bad[0]))}: {option} {formula} has no finite value there; fill the cells "
            "or leave the row out"
        )
    return np.asarray(values, float)


def line_runs(table: Table, x: str, y: str) -> LineRuns:
    """Read the runs.

    Raises:
        UserError: when a value is missing, or there are fewer than three runs of two sizes.
    """
    found = LineRuns(table, finite_column(table, x, "--x"), finite_column(table, y, "--y"), x)
    if found.x.size < 3 or np.unique(found.x).size < 2:
        raise UserError(
            f"{table.name}: a line with its noise needs three runs of at least two sizes, not {found.x.size} "
            f"of {np.unique(found.x).size}; add runs"
        )
    return found


def line_notes(runs: LineRuns, x: str, y: str) -> list[str]:
    """What was understood of the table, and what was read as what in the columns of both."""
    return [*runs.table.notes, *runs.table.readings({*runs.table.names(x), *runs.table.names(y)})]


def require_noise(sigma: float, y: np.ndarray, name: str) -> None:
    """Refuse a standard deviation of outcomes ``y (run,)`` that is rounding."""
    if not sigma > EXACT * np.abs(y).max():
        raise UserError(
            f"{name}: the runs are fitted to rounding, so their noise cannot be estimated and an interval "
            "would have no length; say what it is: --sigma"
        )


def target_columns(text: str) -> dict[str, float]:
    """``N=66,D=0.18`` as values by column, a plain number as ``{"": number}``.

    Raises:
        UserError: when it is neither.
    """
    if (size := number(text)) is not None:
        if not np.isfinite(size):
            raise UserError(f"--target {text}: a size is a finite number")
        return {"": size}
    values: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.rpartition("="))
        if not equals or not name or (found := number(value)) is None:
            raise UserError(
                f"--target {text}: write the size itself, or its columns as NAME=VALUE,NAME=VALUE"
            )
        values[name] = found
    return values


def value_at(table: Table, formula: str, values: Mapping[str, float], option: str) -> float:
    """A formula over the columns of a table, at given values of them.

    Raises:
        UserError: when a column is missing, or the value is not finite.
    """
    if formula in values:
        return values[formula]
    names = table.names(formula)
    lacking = [name for name in names if name not in values]
    if lacking:
        raise UserError(
            f"{option} {formula} needs {', '.join(lacking)} of the target; write --target "
            + ",".join(f"{name}=VALUE" for name in names)
        )
    expression = parse(formula, names)
    found = float(expression.evaluate({name: np.array(value) for name, value in values.items()}))
    if not np.isfinite(found):
        raise UserError(f"{option} {formula} has no finite value at the target; check --target")
    return found


def target_size(runs: LineRuns, values: Mapping[str, float]) -> float:
    """X at the target.

    Raises:
        UserError: when a column is missing, or a number looks like a column's value and no size.
    """
    if "" not in values:
        return value_at(runs.table, runs.expression, values, "--x")
    size, names = values[""], runs.table.names(runs.expression)
    if runs.expression not in names and size - runs.x.max() > FAR * np.ptp(runs.x):
        raise UserError(
            f"--target {size:g} is meant as the size {runs.expression} itself, and lies "
            f"{(size - runs.x.max()) / np.ptp(runs.x):.2g} times the range of the runs beyond them; write "
            "the target's columns: --target " + ",".join(f"{name}=VALUE" for name in names)
        )
    return size


def formula_cost(formula: str) -> Callable[[np.ndarray], np.ndarray]:
    """A cost written as a function of ``x``, such as ``0.3*exp(x)``.

    Raises:
        UserError: when it uses anything else.
    """
    expression = parse(formula)
    others = [name for name in expression.names if name != "x"]
    if others:
        raise UserError(f"--cost {formula}: {others[0]} is unknown; write the cost as a function of x")
    return lambda x: np.broadcast_to(expression.evaluate({"x": np.asarray(x, float)}), np.shape(x))


def size_cost(
    runs: LineRuns, formula: str, target: float, values: Mapping[str, float]
) -> tuple[SizeCost, float]:
    """The cost as a function of size, and the target's.

    A formula in ``x`` alone is one already. Else the logarithm of the runs' costs, and the target's, is
    fitted with a line in X: a cost that is a power of what X is the logarithm of.

    Raises:
        UserError: when a cost is not positive, or cannot be computed.
    """
    if set(runs.table.names(formula)) <= {"x"} and ("x" not in runs.table.columns or runs.expression == "x"):
        function = formula_cost(formula)
        costs, at_target = np.asarray(function(runs.x), float), float(function(np.array(target)))
        found = SizeCost(function)
    else:
        costs = finite_column(runs.table, formula, "--cost")
        known = "" not in values
        at_target = value_at(runs.table, formula, values, "--cost") if known else np.nan
        everything = np.append(costs, at_target) if known else costs
        found = SizeCost(lambda x: np.exp(np.polyval(coefficients, x)))
        if (everything > 0).all():
            sizes = np.append(runs.x, target) if known else runs.x
            coefficients = np.polyfit(sizes, np.log(everything), 1)
            off = float(np.max(np.abs(np.polyval(coefficients, sizes) - np.log(everything))))
            at_target = at_target if known else float(found.function(np.array(target)))
            note = f"cost by size taken as exp({coefficients[1]:.4g} + {coefficients[0]:.4g} x)"
            note += f", within {np.expm1(off):.0%} of the runs'" if off > LOOSE else ""
            found = SizeCost(found.function, note)
    if not (costs > 0).all():
        row = int(np.flatnonzero(~(costs > 0))[0])
        raise UserError(
            f"{runs.table.place(row)}: --cost {formula} is {costs[row]:g}; a cost must be positive"
        )
    if not at_target > 0:
        raise UserError(f"--cost {formula} is {at_target:g} at the target; a cost must be positive")
    return found, at_target
