"""Runs that were done elsewhere: tables and experiment trackers brought into a study.

Bringing the same source in again adds what is new and corrects what has changed; nothing is doubled.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import runs
from jaxsl.host.input.table import Table, read
from jaxsl.host.study.ledger import DIVERGED, DONE, FAILED, PENDING, Ledger
from jaxsl.host.study.records import now
from jaxsl.host.study.settings import candidate_records, history_records, planned_costs, with_outcomes
from jaxsl.host.study.study import Study
from jaxsl.host.study.told_costs import check_records

# What trackers call the state of a run.
STATES = {
    "finished": DONE,
    "running": PENDING,
    "scheduled": PENDING,
    "pending": PENDING,
    "preempting": PENDING,
    "crashed": FAILED,
    "failed": FAILED,
    "killed": FAILED,
    "preempted": FAILED,
}


@dataclass(frozen=True)
class Imported:
    """What an import did: how many runs by state, new candidates, and what should be known."""

    added: Mapping[str, int]
    num_candidates: int = 0
    num_known: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tracked:
    """A run of an experiment tracker.

    Attributes:
        id: unique for ever, such as ``wandb:team/project/3f2k1``.
        name: what people call it.
        state: as the tracker says.
        values: configuration, results and ``hours``, by name.
    """

    id: str
    name: str
    state: str
    values: Mapping[str, Any] = field(default_factory=dict)


def import_table(
    study: Study,
    source: Any,
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    cost: str | None = None,
    counts: bool = False,
    confirmed: bool = False,
) -> Imported:
    """Bring in a table: rows with an outcome as runs done, the others as candidates.

    Args:
        study: where to.
        source: anything ``jaxsl.host.input.table.read`` takes.
        mapping, outcome: as in ``jaxsl.host.input.problem.runs``.
        cost: column or expression of what the runs really cost; unknown when None.
        counts: whether they count against the budget.
        confirmed: that costs far from the plan are meant, as in ``Study.tell``.

    Raises:
        UserError: naming the row and the column; nothing is brought in then.
    """
    law, settings = study.law, study.ledger.settings
    table = read(source)
    if not settings["space"]:  # a table without outcomes is a list of further candidates
        table = with_outcomes(table, law, mapping, outcome)
    whole = runs(table, law, mapping=mapping, outcome=outcome)
    done = np.array(whole.runs.observed)
    history = (
        runs(_rows(table, done), law, mapping=mapping, outcome=outcome, cost=cost) if done.any() else None
    )
    notes = list(whole.notes)
    pool = None
    if not done.all() and not settings["space"]:
        pool = runs(_rows(table, ~done), law, mapping=mapping, outcome=outcome, cost=settings["cost"])
    elif not done.all():
        notes.append(f"{int((~done).sum())} {table.unit}s without an outcome were left out")
    counted = {"candidates": 0, "runs": 0}

    def records(ledger: Ledger) -> list[dict[str, Any]]:
        found = []
        if history is not None:
            found += history_records(ledger, history, law, settings["cost"], counts, cost is not None)
        counted["runs"] = len(found)
        if pool is not None:
            known = {candidate.x for candidate in ledger.candidates.values()}
            fresh = candidate_records(pool, law, len(ledger.candidates))
            found += [item for item in fresh if tuple(item["x"].values()) not in known]
        counted["candidates"] = len(found) - counted["runs"]
        if not confirmed:
            check_records(ledger, found)
        return found

    study.add(records)
    known = int(done.sum()) - counted["runs"]
    return Imported({DONE: counted["runs"]}, counted["candidates"], known, tuple(notes))


def import_tracked(
    study: Study,
    tracked: Sequence[Tracked],
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    cost: str | None = None,
    counts: bool = False,
    confirmed: bool = False,
) -> Imported:
    """Bring in runs of a tracker; those that run are pending, those that crashed have failed.

    A finished run whose outcome is not finite has diverged. A run that lacks an input, or that is finished
    without an outcome, is left out, and how many there are is said.

    Args:
        study, mapping, outcome, cost, counts, confirmed: as in ``import_table``.
        tracked: the runs.

    Raises:
        UserError: when no run has an input or an outcome that the law needs.
    """
    law, settings = study.law, study.ledger.settings
    if not tracked:
        raise UserError("there is no run to bring in; check the name of the project")
    names = {name: name for name in (*law.inputs, *law.outputs)} | dict(mapping or {})
    if outcome is not None:
        names[law.outputs[0]] = outcome
    table = _table(tracked)
    x = np.stack([table.evaluate(names[name]) for name in law.inputs], axis=1)
    y = np.stack([table.evaluate(names[name]) for name in law.outputs], axis=1)
    spent = np.full(len(tracked), np.nan) if cost is None else table.evaluate(cost)
    plan = planned_costs(settings["cost"], law, x)
    notes, usable = [], np.isfinite(x).all(axis=1)
    for index, name in enumerate(law.inputs):
        lacking = int((~np.isfinite(x[:, index])).sum())
        if lacking:
            notes.append(f"{lacking} of {len(tracked)} runs have no {names[name]} and were left out")
    outcomes, unfinished = [names[name].strip("`") for name in law.outputs], 0
    states = [_state(run, row, outcomes) for run, row in zip(tracked, y, strict=True)]
    items: list[dict[str, Any]] = []
    for row in np.flatnonzero(usable).tolist():
        run, state = tracked[row], states[row]
        if state == "":
            unfinished += 1
            continue
        items.append(
            {
                "event": "run",
                "id": run.id,
                "x": dict(zip(law.inputs, x[row].tolist(), strict=True)),
                "status": state,
                "y": y[row].tolist() if state == DONE else None,
                "cost": float(spent[row]) if np.isfinite(spent[row]) and state != PENDING else None,
                "planned": float(plan[row]) if np.isfinite(plan[row]) else None,
                "counts": counts,
                "name": run.name,
                "time": now(),
            }
        )
    if unfinished:
        notes.append(f"{unfinished} finished runs have no outcome and were left out")
    if items:
        usable_x = {name: [item["x"][name] for item in items] for name in law.inputs}
        blank = {name: [None] * len(items) for name in law.outputs}
        runs(pa.table({**usable_x, **{n: pa.array(v, pa.float64()) for n, v in blank.items()}}), law)

    def records(ledger: Ledger) -> list[dict[str, Any]]:
        new = [item for item in items if _differs(ledger, item)]
        if not confirmed:
            check_records(ledger, new)
        return new

    new = study.add(records)
    added = {
        state: sum(item["status"] == state for item in new) for state in (DONE, PENDING, FAILED, DIVERGED)
    }
    return Imported(added, 0, len(items) - len(new), tuple(notes))


def _differs(ledger: Ledger, item: dict[str, Any]) -> bool:
    known = ledger.runs.get(item["id"])
    if known is None:
        return True
    y = None if item["y"] is None else tuple(item["y"])
    return (known.status, known.y, known.cost) != (item["status"], y, item["cost"])


def _state(run: Tracked, y: np.ndarray, outcomes: Sequence[str]) -> str:
    """The state as a study knows it; empty for a finished run that never said what came out."""
    state = STATES.get(run.state.lower(), FAILED)
    if state != DONE or np.isfinite(y).all():
        return state
    told = [_number(run.values.get(name)) for name in outcomes]
    blown = any(isinstance(value, float) and not math.isfinite(value) for value in told)
    return DIVERGED if blown or np.isinf(y).any() else ""


def _table(tracked: Sequence[Tracked]) -> Table:
    """The runs as a table; a column is of numbers where every value that is there is a number."""
    columns: dict[str, pa.Array] = {}
    for name in dict.fromkeys(name for run in tracked for name in run.values):
        values = [_number(run.values.get(name)) for run in tracked]
        if all(value is None or isinstance(value, float) for value in values):
            columns[name] = pa.array(values, pa.float64())
        else:
            columns[name] = pa.array([None if v is None else str(v) for v in values], pa.string())
    if not columns:
        raise UserError("the runs have neither configuration nor results")
    return Table("the tracker", pa.table(columns), "run", np.arange(len(tracked)))


def _number(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return None if value is None else float(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _rows(table: Table, some: np.ndarray) -> Table:
    return replace(table, data=table.data.filter(pa.array(some)), row_numbers=table.row_numbers[some])
