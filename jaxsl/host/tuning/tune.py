"""Best learning rate, batch and suchlike in every cell of a table of grids, and the law of those.

>>> import numpy as np
>>> size, rate = (grid.ravel() for grid in np.meshgrid([1e7, 1e8, 1e9], 1e-3 * 2.0 ** np.arange(-3, 4)))
>>> best = 2e-3 * (size / 1e8) ** -0.3
>>> runs = {"N": size, "lr": rate, "loss": 3 + 0.1 * np.log(rate / best) ** 2}
>>> found = tune(runs, over="lr", by="N")
>>> [cell.status for cell in found.cells], round(found.laws[0].exponents[0].value, 4)
(['minimum', 'minimum', 'minimum'], -0.3)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.points import points
from jaxsl.host.input.reading import Reading, read_runs
from jaxsl.host.input.table import Table
from jaxsl.host.tuning.cells import Grids, cell_optima
from jaxsl.host.tuning.power_law import optimum_law
from jaxsl.host.tuning.report import ALONE, BestAt, CellOptimum, OptimumLaw, TuneReport
from jaxsl.law import Law, params

Names = str | Iterable[str]


def tune(
    source: Any,
    *,
    over: Names,
    by: Names,
    outcome: str = "loss",
    power: Mapping[str, Names] | None = None,
    at: Any = None,
    level: float = LEVEL,
    **how: Unpack[Reading],
) -> TuneReport:
    """Find the best values in every cell, and how they move from cell to cell.

    In a cell the outcome is a quadratic in the logarithms of ``over`` near its least row; the minimum has an
    interval by the delta method. A table with one row a cell holds optima already.

    Args:
        source, how: the runs, as in ``jaxsl.host.fit``.
        over: columns whose best values are looked for, such as ``"lr,batch"``.
        by: columns in which cells differ, such as ``"N,D"``.
        outcome: column of what is to be small.
        power: columns of ``by`` that the best value of a variable is a power of; by default all that vary.
        at: cells elsewhere to say the best values for: points, or a table.
        level: of every interval, in per cent.

    Raises:
        UserError: for anything that cannot be used as it stands; when cells with a minimum are too few.
    """
    check_level(level)
    over, by = _names(over, "--over"), _names(by, "--by")
    table = read_runs(source, {}, [outcome], **how)
    grids = _grids(table, over, by, outcome)
    cells = cell_optima(grids, level)
    varying = [name for name in by if len(np.unique(grids.by[name])) > 1]
    chosen = _chosen(power or {}, over, by, varying)
    where = _where(at, by)
    laws, best, notes = _laws(cells, over, chosen, level, where) if varying else ([], [], [])
    if not varying and where:
        raise UserError(f"--at needs a law, and {', '.join(by)} have one value each: there is one cell")
    fixed = [name for name in by if name not in varying]
    notes += [*table.notes]
    notes += [f"{', '.join(fixed)} has one value: no law in it"] if fixed else []
    return TuneReport(
        tuple(over),
        tuple(by),
        outcome,
        table.unit,
        level,
        tuple(cells),
        tuple(laws),
        tuple(best),
        tuple(notes),
    )


def _laws(
    cells: Sequence[CellOptimum],
    over: Sequence[str],
    chosen: Mapping[str, list[str]],
    level: float,
    where: Mapping[str, np.ndarray],
) -> tuple[list[OptimumLaw], list[BestAt], list[str]]:
    """The law of every variable, what they say elsewhere, and which cells they do without."""
    usable = [cell for cell in cells if cell.usable]
    laws, best = [], []
    for variable in over:
        law, elsewhere = optimum_law(variable, usable, chosen[variable], level, where)
        laws.append(law)
        best += elsewhere
    lost = len(cells) - len(usable)
    notes = (
        [f"{lost} of {len(cells)} cells have no minimum inside their grid: left out of the law"]
        if lost
        else []
    )
    if all(cell.status == ALONE for cell in cells):
        notes.append("one row a cell: taken as optima, whose own error is not known")
    return laws, best, notes


def _names(names: Names, option: str) -> list[str]:
    found = [name.strip() for name in (names.split(",") if isinstance(names, str) else names)]
    if not all(found) or len(set(found)) < len(found):
        raise UserError(f"{option} {','.join(found)}: give columns, each once, such as {option} lr,batch")
    return found


def _grids(table: Table, over: list[str], by: list[str], outcome: str) -> Grids:
    """The rows with an outcome; what is compared in logarithms must be positive."""
    both = [name for name in over if name in by]
    if both or outcome in (*over, *by):
        name = both[0] if both else outcome
        raise UserError(f"{name} is given twice; it is either chosen (--over), a cell (--by) or the outcome")
    columns = {name: _positive(table, name) for name in (*over, *by)}
    if outcome in table.columns:
        y = table.numbers(outcome)
    else:
        _check_alone(table, columns, by, outcome)
        y = np.zeros(table.num_rows)
    known = ~np.isnan(y)
    if not known.any():
        raise UserError(f"{table.name} has no {table.unit} with an outcome in column {outcome!r}")
    return Grids(
        {name: columns[name][known] for name in over},
        {name: columns[name][known] for name in by},
        y[known],
        table.row_numbers[known],
    )


def _check_alone(table: Table, columns: Mapping[str, np.ndarray], by: list[str], outcome: str) -> None:
    """Without outcomes every cell must be one row, which is its optimum."""
    cells = np.stack([columns[name] for name in by], axis=1)
    if len(np.unique(cells, axis=0)) < len(cells):
        raise UserError(
            f"{table.name} has no column {outcome!r} and several rows a cell; name it with --outcome; "
            f"{table.suggest(outcome)}"
        )


def _positive(table: Table, name: str) -> np.ndarray:
    values = table.evaluate(name)
    wrong = ~(values > 0) | np.isinf(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(
            f"{table.place(row, name)}: {values[row]:g} has no logarithm; give a positive number, or remove "
            f"the {table.unit}"
        )
    return np.asarray(values, float)


def _chosen(
    power: Mapping[str, Names], over: list[str], by: list[str], varying: list[str]
) -> dict[str, list[str]]:
    """What the law of every variable is a power of."""
    chosen = dict.fromkeys(over, varying)
    for variable, names in power.items():
        given = _names(names, f"--power {variable}=")
        if variable not in over:
            raise UserError(f"--power {variable}: choose one of --over, {', '.join(over)}")
        unknown = [name for name in given if name not in varying]
        if unknown:
            why = "has one value" if unknown[0] in by else "is not in --by"
            raise UserError(f"--power {variable}={','.join(given)}: {unknown[0]} {why}")
        chosen[variable] = given
    return chosen


def _where(at: Any, by: list[str]) -> dict[str, np.ndarray]:
    """Cells elsewhere, by column; none if none are asked for."""
    if at is None or at == []:
        return {}
    cell = Law("a cell", lambda theta, x: theta[0], tuple(by), params(level=(-1, 1)))
    x = points(at, cell).x
    return {name: x[:, index] for index, name in enumerate(by)}
