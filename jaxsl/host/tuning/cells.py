"""The best values in every cell of a table of grids: a quadratic in logarithms around the best row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.host.compiled import compiled
from jaxsl.host.tuning.report import ALONE, MINIMUM, CellOptimum
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision, to_numpy
from jaxsl.quadratic_minimum import Minimum, quadratic_minimum
from jaxsl.quantile import student_t

NEAR = 3  # times as many rows as terms: those nearest to the best that a quadratic is fitted to
LEVELS = 3  # different values that tell a minimum


@dataclass(frozen=True)
class Grids:
    """Rows with an outcome.

    Attributes:
        over: variables to choose, ``(row,)`` each, positive. by: what a cell is, the same.
        y: outcomes, ``(row,)``. row_numbers: where a person finds each.
    """

    over: Mapping[str, np.ndarray]
    by: Mapping[str, np.ndarray]
    y: np.ndarray
    row_numbers: np.ndarray


@dataclass(frozen=True)
class _Cell:
    """One cell: its rows, and those near the best as ``u (row, variable)`` in grid steps from it."""

    rows: np.ndarray
    best: int
    step: np.ndarray
    u: np.ndarray
    y: np.ndarray
    why: str


@compiled
def _minima(u: Any, y: Any, weight: Any) -> Minimum:
    return jax.vmap(quadratic_minimum)(u, y, weight)


def cell_optima(grids: Grids, level: float) -> list[CellOptimum]:
    """The optimum of every cell, in the order of their values.

    Args:
        grids: the rows.
        level: of the intervals, in per cent.
    """
    keys = np.stack(list(grids.by.values()), axis=1)
    values, label = np.unique(keys, axis=0, return_inverse=True)
    groups = [np.flatnonzero(label.ravel() == number) for number in range(len(values))]
    if all(len(rows) == 1 for rows in groups):
        return [_alone(grids, rows[0]) for rows in groups]
    cells = [_cell(grids, rows) for rows in groups]
    # Padded to few sizes, so that few programs are compiled.
    shape = buffer_size(len(cells), 8), buffer_size(max(len(cell.y) for cell in cells))
    u, y, weight = np.zeros((*shape, len(grids.over))), np.zeros(shape), np.zeros(shape)
    for index, cell in enumerate(cells):
        near = slice(len(cell.y))
        u[index, near], y[index, near], weight[index, near] = cell.u, cell.y, 1.0
    with double_precision():
        found = to_numpy(_minima(jnp.asarray(u), jnp.asarray(y), jnp.asarray(weight)))
        factor = np.asarray(student_t((1 + level / 100) / 2, jnp.asarray(found.dof, float)))
    return [
        _optimum(
            grids, cell, jax.tree.map(lambda leaf, index=index: leaf[index], found), float(factor[index])
        )
        for index, cell in enumerate(cells)
    ]


def _alone(grids: Grids, row: int) -> CellOptimum:
    nothing = dict.fromkeys(grids.over, float("nan"))
    return CellOptimum(
        by={name: float(values[row]) for name, values in grids.by.items()},
        rows=1,
        best_row=int(grids.row_numbers[row]),
        status=ALONE,
        why="taken as the optimum",
        value={name: float(values[row]) for name, values in grids.over.items()},
        low=nothing,
        high=nothing,
    )


def _cell(grids: Grids, rows: np.ndarray) -> _Cell:
    best = int(rows[np.argmin(grids.y[rows])])
    logs = np.log(np.stack([values[rows] for values in grids.over.values()], axis=1))
    levels = [np.unique(column) for column in logs.T]
    few = [f"{len(one)} of {name}" for name, one in zip(grids.over, levels, strict=True) if len(one) < LEVELS]
    step = np.array([np.median(np.diff(one)) if len(one) > 1 else 1.0 for one in levels])
    u = (logs - logs[rows == best]) / step
    terms = (len(levels) + 1) * (len(levels) + 2) // 2
    distance = np.linalg.norm(u, axis=1)
    near = distance <= np.sort(distance)[min(NEAR * terms, len(rows)) - 1] * (1 + 1e-9)
    why = f"only {', '.join(few)}: a minimum needs {LEVELS} different values" if few else ""
    return _Cell(rows, best, step, u[near], grids.y[rows][near], why)


def _optimum(grids: Grids, cell: _Cell, found: Minimum, factor: float) -> CellOptimum:
    """What is said of a cell whose quadratic has its minimum ``found``, in steps from the best row."""
    names, rows = list(grids.over), cell.rows
    at_best = np.array([grids.over[name][cell.best] for name in names])
    span = np.array([[grids.over[name][rows].min(), grids.over[name][rows].max()] for name in names])
    status, why, value = MINIMUM, "", at_best
    low, high = np.full((2, len(names)), np.nan)
    if cell.why or not found.known:
        status, why = "too few", cell.why or f"{len(cell.y)} rows do not determine a quadratic"
    elif not found.curved:
        flat = [name for name, bent in zip(names, found.bent, strict=True) if not bent]
        status, why = (
            "no minimum",
            f"not curved upwards in {', '.join(flat) or 'some direction between them'}",
        )
    else:
        place = at_best * np.exp(found.at * cell.step)
        outside = [(name, *_end(*pair)) for name, *pair in zip(names, place, span, strict=True)]
        beyond = [f"{name} at or beyond its {end}, {value:.4g}" for name, end, value in outside if end]
        if beyond:
            status, why = "edge", "; ".join(beyond)
        else:
            half = factor * found.deviation * cell.step
            value, low, high = place, place * np.exp(-half), place * np.exp(half)
    same = rows[(grids.y[rows] == grids.y[cell.best]) & (rows != cell.best)]
    apart = [
        row for row in same if any(grids.over[name][row] != grids.over[name][cell.best] for name in names)
    ]
    return CellOptimum(
        by={name: float(values[cell.best]) for name, values in grids.by.items()},
        rows=len(rows),
        best_row=int(grids.row_numbers[cell.best]),
        status=status,
        why=why,
        value=dict(zip(names, map(float, value), strict=True)),
        low=dict(zip(names, map(float, low), strict=True)),
        high=dict(zip(names, map(float, high), strict=True)),
        ties=tuple(int(grids.row_numbers[row]) for row in apart),
    )


def _end(place: float, span: np.ndarray) -> tuple[str, float]:
    """At which end of what was tried a place lies, or none, and the value there."""
    if place <= span[0]:
        return "least", float(span[0])
    return ("largest", float(span[1])) if place >= span[1] else ("", float("nan"))
