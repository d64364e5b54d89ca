"""What a run will end at, from its learning curve so far and its schedule: data for a law of final losses.

>>> import numpy as np
>>> step = np.arange(200, 4001, 200)
>>> rate = 1e-2 * (1 + np.cos(np.pi * step / 4000)) / 2
>>> forward, annealed = areas(step, rate)
>>> loss = 2 + 3 * forward**-0.5 - 0.02 * annealed
>>> loss[-4:] = np.nan
>>> found = finish({"step": step, "lr": rate, "loss": loss})
>>> ended = 2 + 3 * forward[-1]**-0.5 - 0.02 * annealed[-1]
>>> bool(found.runs[0].low < ended < found.runs[0].high), found.runs[0].seen
(True, 3200.0)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from jaxsl.host.answer.fit import answered, prediction
from jaxsl.host.answer.fit_options import FitOptions, How, split
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.which_laws import ensemble, num_needed, resolved
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.rates import MEMORY, areas, schedule_of
from jaxsl.host.input.reading import chosen, read_rows
from jaxsl.host.input.steps import run_column, step_column
from jaxsl.host.input.table import FILE, Table
from jaxsl.host.writing import write_table
from jaxsl.law import Law

BINS = 32  # in which the rows of a run are averaged, equally many in each
ADDED = ("deviation", "weight")


@dataclass(frozen=True)
class Finish(Report):
    """The end of one run.

    Attributes:
        run: its name. row: where its last row is found.
        step: of its end. seen: of its last outcome.
        fallen: how far the rate had come down from its peak by then, from 0 to 1.
        median, low, high: of the outcome at its end; all that outcome where it is known.
        deviation: half the interval over the normal quantile of its level; 0 for a run that has ended.
        weight: for ``--weight`` of a fit to the ends: the variance of the noise over that of this end, and 1
            for a run that has ended.
    """

    run: str
    row: int
    step: float
    seen: float
    fallen: float
    median: float
    low: float
    high: float
    deviation: float
    weight: float


@dataclass(frozen=True)
class FinishReport(Report):
    """What all runs end at; ``level`` in per cent.

    Attributes:
        law: of the learning curve. outcome: what ends.
        left_out: runs of which too little is known, and why.
    """

    law: str
    outcome: str
    unit: str
    level: float
    runs: tuple[Finish, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    table: Table = field(repr=False, compare=False)

    def save(self, path: str | Path, inputs: Any = (), force: bool = False) -> None:
        """Write the last row of every run, its outcome and, in further columns, ``deviation`` and ``weight``.

        Args:
            path, inputs, force: as in ``jaxsl.host.writing.write_table``.

        Raises:
            UserError: as there; when the table has such a column already.
        """
        row_numbers = self.table.row_numbers.tolist()
        ends = self.table.take(np.array([row_numbers.index(run.row) for run in self.runs], int))
        known = {name: [getattr(run, name) for run in self.runs] for name in ADDED}
        data = ends.with_columns(known).data
        place = data.column_names.index(self.outcome)
        ended = pa.array([run.median for run in self.runs], pa.float64())
        write_table(path, data.set_column(place, self.outcome, ended), inputs, force)


def finish(
    source: Any,
    law: str | Law = "annealing",
    *,
    rate: str = "lr",
    step: str | None = None,
    outcome: str = "loss",
    memory: float = MEMORY,
    level: float = LEVEL,
    seed: int = 0,
    **how: Unpack[How],
) -> FinishReport:
    """Predict the last outcome of every run of a step log by a law of the learning curve.

    A run's schedule is a column of the rate at all its steps, those to come too, whose outcome is empty; its
    end is its last row. The law is fitted to each run alone, to means of its rows from the peak of the rate
    on, over at most ``BINS`` bins.

    Args:
        source, how: as in ``jaxsl.host.fit``.
        law: with the inputs ``S_1`` and ``S_2`` of ``jaxsl.host.input.rates.areas``.
        rate, step, outcome: columns of the learning rate, the optimiser steps (by default ``step`` and the
            like) and the outcome. ``group`` of ``how`` tells runs apart (by default ``run_id`` and the like,
            or the file).
        memory: of the annealing area, as in ``areas``.
        level: of every interval, in per cent.
        seed: of the fits' starting points.

    Raises:
        UserError: for anything that cannot be used as it stands; when no run can be predicted.
    """
    check_level(level)
    (found,) = resolved(law)
    if not isinstance(found, Law) or set(found.inputs) != {"S_1", "S_2"}:
        raise UserError(f"--law {law}: is no law of the learning curve over S_1 and S_2; annealing is one")
    if not 0 <= memory < 1:
        raise UserError(f"--memory {memory:g}: give a share from 0 to below 1, such as 0.999")
    reading, options = split(how)
    if options.schedule is not None:
        raise UserError(f"--schedule {options.schedule}: the column of the rate says it; leave it out")
    if reading.get("reduce"):
        raise UserError("--reduce: a learning curve needs its rows; leave it out")
    logged = read_rows(source, [outcome], from_name=reading.get("from_name"))
    table = chosen(logged, {}, [outcome], reading.get("where"))
    table = replace(table, notes=())
    steps = step or step_column(table)
    if steps is None:
        raise UserError(f"{table.name} has no column that counts steps; say which with --step COLUMN")
    if outcome not in table.columns:
        raise UserError(f"{table.name} has no column {outcome!r}; {table.suggest(outcome)}")
    runs, left_out = [], []
    for name, rows in _runs(table, options.group).items():
        seen = _curve(table, rows, steps, rate, outcome, memory)
        if np.isfinite(seen.y[-1]):
            runs.append(seen.ended(name, table))
        elif len(seen.fitted) < num_needed(found):
            left_out.append(f"{name} has {len(seen.fitted)} outcomes from the peak of its rate on, too few")
        else:
            runs.append(_end(name, seen, table, found, replace(options, group=None), level, seed))
    if not runs:
        raise UserError(f"no run of {table.name} can be predicted: {'; '.join(left_out[:3])}")
    return FinishReport(
        found.name, outcome, table.unit, level, tuple(runs), tuple(left_out), _notes(runs), table
    )


@dataclass(frozen=True)
class _Curve:
    """The rows of one run in the order of their steps."""

    rows: np.ndarray
    step: np.ndarray
    rate: np.ndarray
    y: np.ndarray
    areas: np.ndarray

    @property
    def fitted(self) -> np.ndarray:
        """The places of the outcomes from the peak of the rate on."""
        return np.flatnonzero(np.isfinite(self.y) & (np.arange(len(self.y)) >= np.argmax(self.rate)))

    def binned(self) -> Mapping[str, np.ndarray]:
        """The rows that are fitted, averaged, as columns."""
        parts = np.array_split(self.fitted, min(BINS, len(self.fitted)))
        S_1, S_2 = (np.array([column[part].mean() for part in parts]) for column in self.areas)
        return {"S_1": S_1, "S_2": S_2, "loss": np.array([self.y[part].mean() for part in parts])}

    def ended(self, name: str, table: Table) -> Finish:
        """The end of a run that has it."""
        last, row, y = float(self.step[-1]), int(table.row_numbers[self.rows[-1]]), float(self.y[-1])
        return Finish(name, row, last, last, self.fallen(-1), y, y, y, deviation=0.0, weight=1.0)

    def fallen(self, place: int) -> float:
        """How far the rate has come down from its peak at a row, from 0 to 1."""
        return float(1 - self.rate[place] / max(self.rate.max(), np.finfo(float).tiny))


def _runs(table: Table, group: str | None) -> dict[str, np.ndarray]:
    """The rows of every run, by its name."""
    if group is not None:
        table.require(group, "--group")
    column = group or run_column(table) or (FILE if FILE in table.columns else None)
    if column is None:
        return {table.name: np.arange(table.num_rows)}
    names = np.array(table.text(column))
    return {name: np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}


def _curve(table: Table, rows: np.ndarray, step: str, rate: str, outcome: str, memory: float) -> _Curve:
    steps, rates = schedule_of(table, rows, step, rate)
    order = np.argsort(steps, kind="stable")
    steps, rates, rows = steps[order], rates[order], rows[order]
    return _Curve(rows, steps, rates, table.numbers(outcome)[rows], np.stack(areas(steps, rates, memory)))


def _end(
    name: str, seen: _Curve, table: Table, law: Law, options: FitOptions, level: float, seed: int
) -> Finish:
    """The end of a run by its curve so far."""
    runs, target = seen.binned(), {"S_1": seen.areas[:1, -1], "S_2": seen.areas[1:, -1]}
    runs = {law.outputs[0] if column == "loss" else column: values for column, values in runs.items()}
    answer = answered(ensemble(runs, law, target=target, options=options), level, "outcome", seed)
    told = prediction(answer)
    assert told is not None
    low, median, high = (float(values[0, 0]) for values in (told.low, told.median, told.high))
    deviation = (high - low) / (2 * float(ndtri(0.5 + level / 200)))
    last = int(np.flatnonzero(np.isfinite(seen.y))[-1])
    return Finish(
        run=name,
        row=int(table.row_numbers[seen.rows[-1]]),
        step=float(seen.step[-1]),
        seen=float(seen.step[last]),
        fallen=seen.fallen(last),
        median=median,
        low=low,
        high=high,
        deviation=deviation,
        weight=min(answer.found.noise / deviation**2, 1.0),
    )


def _notes(runs: list[Finish]) -> tuple[str, ...]:
    still = [run.run for run in runs if run.seen < run.step and run.fallen == 0]
    if not still:
        return ()
    others = " and others" if len(still) > 3 else ""
    return (
        f"the rate of {', '.join(still[:3])}{others} has not begun to fall: what the fall brings is known "
        "from the box of C alone; --prior C=MEAN+-SD or --fix C=VALUE says more",
    )
