"""What a run told at its checkpoints: from a table of them, or a step log, to outcomes in order."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.steps import step_column
from jaxsl.host.input.table import read
from jaxsl.host.study.candidates import Point
from jaxsl.host.study.ledger import DONE, Ledger, Run
from jaxsl.host.study.sizes import TOKENS

NEAR = 0.01  # share of the tokens within which a row is at a checkpoint


def told_rows(
    source: Any, run: Run, status: str, ledger: Ledger, mapping: Mapping[str, str] | None = None
) -> tuple[tuple[Point, Point], ...]:
    """Configurations and outcomes at a run's checkpoints, beyond where it went on from.

    Of a step log, with a column such as ``step``, the rows nearest to the candidates' tokens count; of
    another table all do.

    Args:
        source: anything ``jaxsl.host.input.table.read`` takes, with the tokens and the outcomes.
        run: that is told of. status: of it; of one that is not done the rows before its first outcome that is
            no number are kept.
        ledger: of the study, one of curves.
        mapping: ``D`` or an outcome of the law -> column, or expression over columns.

    Raises:
        UserError: naming the row, for tokens that do not rise, or beyond the run; when a run that is done has
            an outcome that is no number, or ends early.
    """
    settings, names = ledger.settings, dict(mapping or {})
    if "curves" not in settings:
        raise UserError(f"run {run.id}: checkpoints are told in a study of curves (study new --curves)")
    table, place = read(source), settings["inputs"].index(TOKENS)
    tokens = table.evaluate(names.get(TOKENS, TOKENS))
    y = np.stack([table.evaluate(names.get(name, name)) for name in settings["outputs"]], axis=1)
    rows = np.arange(table.num_rows)
    if not len(rows) or not np.isfinite(tokens).all():
        raise UserError(
            f"{table.name}: every row of run {run.id} needs its tokens, {names.get(TOKENS, TOKENS)}"
        )
    fallen = np.flatnonzero(np.diff(tokens) <= 0)
    if fallen.size:
        raise UserError(
            f"{table.place(int(fallen[0]) + 1)}: {tokens[fallen[0] + 1]:g} tokens after "
            f"{tokens[fallen[0]]:g}; the checkpoints of a run go up: put them in order"
        )
    begun = max(
        (one.x[place] for one in ledger.outcomes if one.curve == run.curve and one.id != run.id), default=0.0
    )
    end = run.x[place] * (1 + NEAR)
    if tokens[-1] > end:
        raise UserError(
            f"{table.place(int(np.argmax(tokens > end)))}: {tokens[-1]:g} tokens, and run {run.id} was asked "
            f"for to {run.x[place]:g}; correct it"
        )
    if step_column(table) is not None:
        rows = _nearest(tokens, ledger, run, place)
    rows = rows[tokens[rows] > begun * (1 + 1e-9)]
    broken = np.flatnonzero(~np.isfinite(y[rows]).all(axis=1))
    if broken.size and status == DONE:
        raise UserError(
            f"{table.place(int(rows[broken[0]]))}: is no outcome; of a run that blew up say --status diverged"
        )
    rows = rows[: broken[0]] if broken.size else rows
    if status == DONE and (not rows.size or tokens[rows[-1]] < run.x[place] * (1 - NEAR)):
        raise UserError(
            f"{table.name}: run {run.id} was asked for to {run.x[place]:g} tokens and its last outcome is at "
            f"{tokens[rows[-1]] if rows.size else 0:g}; --status failed keeps what there is"
        )
    return tuple((_at(run.x, place, tokens[row]), tuple(y[row].tolist())) for row in rows)


def _nearest(tokens: np.ndarray, ledger: Ledger, run: Run, place: int) -> np.ndarray:
    """The rows of a step log that lie at candidates of the run's size."""
    rows = set()
    for one in ledger.candidates:
        if _at(one.x, place, 0.0) == _at(run.x, place, 0.0):
            row = int(np.argmin(np.abs(tokens - one.x[place])))
            if abs(tokens[row] - one.x[place]) <= NEAR * one.x[place]:
                rows.add(row)
    return np.array(sorted(rows), int)


def _at(x: Point, place: int, tokens: float) -> Point:
    return (*x[:place], float(tokens), *x[place + 1 :])
