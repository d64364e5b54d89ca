"""Telling what a run gave: checked against its study, and written down where it says anything new."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.study.configuration import named
from jaxsl.host.study.ledger import DONE, PENDING, Ledger, Run
from jaxsl.host.study.records import Record, now
from jaxsl.host.study.told_costs import check_run
from jaxsl.host.study.told_outcomes import told_outcome
from jaxsl.host.study.told_rows import told_rows

if TYPE_CHECKING:
    from jaxsl.host.study.journal import Journal


def tell(
    journal: "Journal",
    refresh: Callable[[], Ledger],
    unfit: Callable[[np.ndarray], np.ndarray],
    id: str,
    loss: float | Sequence[float] | None,
    cost: float | None,
    status: str,
    confirmed: bool,
    rows: Any,
    map: Mapping[str, str] | None,
) -> Run:
    """See ``jaxsl.host.study.Study.tell``.

    Args:
        journal: of the study.
        refresh: reads what other processes have added.
        unfit: as in ``jaxsl.host.study.told_outcomes.told_outcome``.
        id, loss, cost, status, confirmed, rows, map: as in ``Study.tell``.

    Raises:
        UserError: when there is no such run, or the values do not fit; nothing is written then.
    """
    ledger = refresh()
    run = run_of(ledger, id, journal.path)
    told_at = () if rows is None else told_rows(rows, run, status, ledger, map)
    loss = told_at[-1][1] if told_at and status == DONE else loss
    y = told_outcome(id, loss, status, ledger.settings, unfit)
    if cost is not None and not (np.isfinite(cost) and cost >= 0):
        raise UserError(f"run {id}: cost {cost:g}; a cost is a number, zero or more")
    if cost is not None and not confirmed:
        check_run(ledger, id, cost, status)
    settings, told = ledger.settings, None if cost is None else float(cost)

    def decide() -> list[Record]:
        run = run_of(refresh(), id, journal.path)
        if (run.status, run.y, run.rows) == (status, y, told_at) and told in (None, run.cost):
            return []
        record = {
            "event": "told",
            "id": id,
            "status": status,
            "y": None if y is None else list(y),
            "cost": told,
            "x": named(settings, run.x),
            "planned": run.planned,
            "time": now(),
        }
        at = [[named(settings, x), list(value)] for x, value in told_at]
        return [record | ({"rows": at} if at else {})]

    journal.write(decide)
    return run_of(refresh(), id, journal.path)


def run_of(ledger: Ledger, id: str, path: Path) -> Run:
    """The run of this id.

    Raises:
        UserError: when there is none in the study at ``path``.
    """
    run = ledger.runs.get(id)
    if run is None:
        pending = ", ".join(run.id for run in ledger.with_status(PENDING)[:8])
        raise UserError(
            f"{path} has no run {id!r}; "
            + (f"pending are {pending}" if pending else "none is pending: ask for one first")
        )
    return run
