"""What a schedule of learning rates adds up to at every step: the inputs of a law of the learning curve.

>>> rate = np.concatenate([np.full(100, 1e-3), np.linspace(1e-3, 0, 101)[1:]])
>>> forward, annealed = areas(np.arange(1, 201), rate)
>>> forward[[99, 199]].round(4).tolist(), annealed[[99, 199]].round(4).tolist()
([0.1, 0.1495], [0.0, 0.0489])
"""

from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import Table

MEMORY = 0.999  # of the annealing area, a step; the value of Tissue et al.
MOST_STEPS = 10**8


def areas(step: np.ndarray, rate: np.ndarray, memory: float = MEMORY) -> tuple[np.ndarray, np.ndarray]:
    """Forward area ``S_1`` and annealing area ``S_2`` of a schedule at some of its steps, ``(row,)`` each.

        S_1(s) = sum_{i <= s} rate_i
        S_2(s) = sum_{i <= s} m_i,   m_i = memory m_{i-1} + (rate_{i-1} - rate_i)

    Between the given steps the rate is a straight line, and before the first that of the first. A rise to the
    first peak counts in ``S_1`` and is no (negative) annealing.

    Args:
        step: optimiser steps, increasing, ``(row,)``.
        rate: learning rates there, ``(row,)``.
        memory: of one step in the next, in [0, 1).

    Source: Tissue et al. 2024, arXiv:2408.11029.
    """
    every = np.arange(1, max(int(step[-1]), 1) + 1)
    line = np.interp(every, step, rate)
    fall = -np.diff(line, prepend=line[0])
    fall[: int(np.argmax(line)) + 1] = 0.0
    annealed = np.cumsum(lfilter([1.0], [1.0, -memory], fall))
    at = np.maximum(step.astype(int), 1) - 1
    return np.cumsum(line)[at], annealed[at]


def schedule_of(table: Table, rows: np.ndarray, step: str, rate: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and rates of one run, ``(row,)`` each, in the order of its steps.

    Args:
        rows: of the run. step, rate: the columns, or expressions over columns.

    Raises:
        UserError: for a step that is none or stands twice, and a rate that is not given or negative.
    """
    steps, rates = (np.asarray(table.evaluate(name), float)[rows] for name in (step, rate))
    _refuse(
        table, rows, step, ~(steps >= 0) | (steps > MOST_STEPS), "is no number of optimiser steps; correct it"
    )
    _refuse(
        table,
        rows,
        rate,
        ~(np.isfinite(rates) & (rates >= 0)),
        "is no learning rate; give it at every row, those to come too",
    )
    order = np.argsort(steps, kind="stable")
    twice = np.flatnonzero(np.diff(steps[order]) == 0)
    if twice.size:
        here = rows[order[twice[0] + 1]]
        raise UserError(
            f"{table.place(here, step)}: step {steps[order[twice[0]]]:g} of this run stands twice; remove "
            "one, or tell runs apart with --group COLUMN"
        )
    return steps, rates


def _refuse(table: Table, rows: np.ndarray, column: str, bad: Sequence[bool] | np.ndarray, why: str) -> None:
    if np.any(bad):
        raise UserError(f"{table.place(int(rows[int(np.argmax(bad))]), column)}: {why}")
