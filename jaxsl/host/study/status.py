"""Where a study stands, without a fit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxsl.host.answer.report import Report
from jaxsl.host.study import ledger as states
from jaxsl.host.study.configuration import named
from jaxsl.host.study.ledger import DONE, PENDING, STATUSES, Ledger, Run
from jaxsl.host.study.sizes import since


@dataclass(frozen=True)
class Asked(Report):
    """A run to start.

    Attributes:
        id: by which it is told.
        x: configuration by input, and its recipe by the column of those where the study compares several.
        cost: expected.
        name: of its candidate.
        fall: expected fall of the targets' variance; not a number for one of the first runs.
        of: the run that it continues; empty for a new one. since: the tokens it is continued from, else 0.
        after: variance of the targets as expected once it, those before it and all pending runs are in.
    """

    id: str
    x: Mapping[str, Any]
    cost: float
    name: str
    fall: float
    of: str = ""
    since: float = 0.0
    after: float = math.nan


@dataclass(frozen=True)
class Status(Report):
    """Where a study stands.

    Attributes:
        law: its name; of several, all of them.
        num_candidates: that may still be run; None in a space.
        num_pending, num_done, num_failed, num_diverged, num_abandoned: runs by state, earlier ones included.
        budget, spent, reserved, left: the money; ``None`` without a budget. ``reserved`` is the expected cost
            of pending runs.
        cost_factor: what runs really cost over their plan, from ``num_reported`` runs.
        pending: the pending runs.
        notes: what should be known, such as a line that was cut off.
    """

    law: str
    num_candidates: int | None
    num_pending: int
    num_done: int
    num_failed: int
    num_diverged: int
    num_abandoned: int
    budget: float | None
    spent: float
    reserved: float
    left: float | None
    cost_factor: float
    num_reported: int
    pending: tuple[Run, ...]
    notes: tuple[str, ...]


def status_of(ledger: Ledger, notes: tuple[str, ...]) -> Status:
    """The status of a ledger; ``notes`` are those of its journal."""
    number = {status: len(ledger.with_status(status)) for status in STATUSES}
    times = ledger.candidates.times(ledger.used())
    options = int(np.sum(times < ledger.settings["replicates"]))
    law = ledger.settings["law"]
    return Status(
        law=law if isinstance(law, str) else ", ".join(law),
        num_candidates=None if ledger.settings["space"] else options,
        num_pending=number[PENDING],
        num_done=number[DONE],
        num_failed=number[states.FAILED],
        num_diverged=number[states.DIVERGED],
        num_abandoned=number[states.ABANDONED],
        budget=ledger.settings["budget"],
        spent=ledger.spent,
        reserved=ledger.reserved,
        left=ledger.left if math.isfinite(ledger.left) else None,
        cost_factor=ledger.factor,
        num_reported=ledger.num_reported,
        pending=tuple(ledger.with_status(PENDING)),
        notes=(*notes, *ledger.notes),
    )


def asked_runs(ledger: Ledger, proposals: list[Any]) -> list[Asked]:
    """Proposals as runs with the next numbers."""
    first = 1 + sum(id.startswith("r") for id in ledger.runs)
    return [
        Asked(
            id=f"r{first + index}",
            x=named(ledger.settings, item.x),
            cost=item.cost,
            name=item.name,
            fall=item.fall,
            of=item.of,
            since=since(ledger, item.of),
            after=item.after,
        )
        for index, item in enumerate(proposals)
    ]
