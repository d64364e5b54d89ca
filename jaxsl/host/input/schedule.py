"""Which rows of a run count: by its schedule of the learning rate, each checkpoint or the last one alone.

>>> run, place = np.array([0, 0, 0, -1]), np.array([8.0, 8.5, 9.0, 8.0])
>>> counting("cosine", run, place, np.array([True, True, False, True])).tolist()
[False, True, True, True]
"""

import numpy as np

from jaxsl.host.errors import UserError

CONSTANT, WSD, COSINE = SCHEDULES = ("constant", "wsd", "cosine")


def check_schedule(schedule: str | None, group: str | None) -> None:
    """Refuse what is no schedule, and one of rows that are not grouped.

    Raises:
        UserError: saying what to give.
    """
    if schedule is None:
        return
    if schedule not in SCHEDULES:
        raise UserError(f"--schedule {schedule}: choose one of {', '.join(SCHEDULES)}")
    if group is None:
        raise UserError(f"--schedule {schedule}: say which rows are of one run with --group COLUMN")


def counting(schedule: str | None, run: np.ndarray, place: np.ndarray, done: np.ndarray) -> np.ndarray:
    """Which rows count, ``(row,)`` of bool: of ``cosine`` the last outcome of each run, else all.

    Args:
        run: number of the run of each row, negative for a run of one row, ``(row,)``.
        place: how far along it, ``(row,)``; where that is the same, the later row is further.
        done: which rows have an outcome, ``(row,)``; the others always count, as candidates.
    """
    kept = np.ones(len(run), bool)
    if schedule == COSINE:
        kept = ~done | (run < 0)
        for one in np.unique(run[done & (run >= 0)]):
            rows = np.flatnonzero((run == one) & done)
            kept[rows[np.lexsort((rows, place[rows]))[-1]]] = True
    return kept


def require_schedule(schedule: str | None, table: str, run: np.ndarray, done: np.ndarray) -> None:
    """Refuse several outcomes of one run unless it is told how its learning rate went.

    Raises:
        UserError: with the reason, and what to say.
    """
    grouped = run[done & (run >= 0)]
    num = len(np.unique(grouped))
    if schedule is None and num < len(grouped):
        raise UserError(
            f"{table} has {len(grouped)} outcomes of {num} runs. Where the rate decays over the whole run, a "
            "loss on the way, at a rate still high, is no outcome of the law: say --schedule wsd (each "
            "after its own decay), constant (all at one rate), or cosine (the last of each run alone counts)"
        )
