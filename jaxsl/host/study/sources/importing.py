"""Runs that were done elsewhere: tables and experiment trackers brought into a study.

Bringing the same source in again adds what is new and corrects what has changed; nothing is doubled.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import Table
from jaxsl.host.input.law_columns import column_names
from jaxsl.host.input.numerals import number
from jaxsl.host.input.problem import Problem, runs
from jaxsl.host.input.reading import Reading, chosen, from_names, once_each, read_rows
from jaxsl.host.input.records import columns
from jaxsl.host.input.trackers import (
    FINISHED,
    RUNNING,
    STOPPED,
    id_column,
    state_column,
    unrepeated,
)
from jaxsl.host.study.configuration import named
from jaxsl.host.study.ledger import DIVERGED, DONE, FAILED, PENDING, Ledger
from jaxsl.host.study.recipes import recipe_of_rows, with_recipes
from jaxsl.host.study.records import now
from jaxsl.host.study.study import Study
from jaxsl.host.study.table_records import candidate_records, history_records, planned_costs, with_outcomes
from jaxsl.host.study.told_costs import check_records
from jaxsl.law import Law

# What a study calls the states of a tracker.
STATES = dict.fromkeys(FINISHED, DONE) | dict.fromkeys(RUNNING, PENDING) | dict.fromkeys(STOPPED, FAILED)


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
    **how: Unpack[Reading],
) -> Imported:
    """Bring in a table: rows with an outcome as runs done, the others as candidates.

    A tracker's table, with columns of run ids and of states, is brought in as the tracker's runs are.

    Args:
        study: where to.
        source: anything ``jaxsl.host.input.table.read`` takes.
        mapping, outcome: as in ``jaxsl.host.input.problem.runs``.
        cost: column or expression of what the runs really cost; unknown when None.
        counts: whether they count against the budget.
        confirmed: that costs far from the plan are meant, as in ``Study.tell``.
        how: how the table is read, as in ``jaxsl.host.fit``.

    Raises:
        UserError: naming the row and the column; nothing is brought in then.
    """
    law, settings = study.law, study.ledger.settings
    where, (names, outputs) = how.get("where"), _columns(law, mapping, outcome)
    table = read_rows(source, outputs, reduce=how.get("reduce"), from_name=how.get("from_name"))
    if tracked := tracked_rows(table):
        return import_tracked(study, tracked, mapping, outcome, cost, counts, confirmed, where=where)
    table = once_each(table, names, outputs, where)
    if not settings["space"]:  # a table without outcomes is a list of further candidates
        table = with_outcomes(table, law, mapping, outcome)

    def part(some: Table, price: str | None) -> Problem:
        return with_recipes(runs(some, law, mapping=mapping, outcome=outcome, cost=price), some, settings)

    whole = part(table, None)
    done = np.array(whole.runs.observed)
    history = part(table.take(done), cost) if done.any() else None
    notes = list(whole.notes)
    pool = None
    if not done.all() and not settings["space"]:
        pool = part(table.take(~done), settings["cost"])
    elif not done.all():
        notes.append(f"{int((~done).sum())} {table.unit}s without an outcome were left out")
    counted = {"candidates": 0, "runs": 0}

    def records(ledger: Ledger) -> list[dict[str, Any]]:
        found = []
        if history is not None:
            found += history_records(ledger, history, settings, counts, cost is not None)
        counted["runs"] = len(found)
        if pool is not None:
            fresh = candidate_records(pool, settings, ledger.candidates)
            counted["candidates"] = sum(len(block["cost"]) for block in fresh)
            found += fresh
        if not confirmed:
            check_records(ledger, found)
        return found

    study.add(records)
    known = int(done.sum()) - counted["runs"]
    return Imported({DONE: counted["runs"]}, counted["candidates"], known, tuple(notes))


def tracked_rows(table: Table) -> list[Tracked]:
    """The runs of a tracker's table; none when it has no states or no ids.

    A run that is there several times counts once, as it finished if it did.
    """
    state, id = state_column(table), id_column(table)
    if state is None or id is None:
        return []
    table = table.take(unrepeated(table))
    label = next((name for name in table.columns if name.lower() in ("name", "run")), id)
    ids, names, states = (table.text(name) for name in (id, label, state))
    rows = table.data.to_pylist()
    return [Tracked(f"tracker:{ids[row]}", names[row], states[row], rows[row]) for row in range(len(rows))]


def _columns(
    law: Law, mapping: Mapping[str, str] | None, outcome: str | None
) -> tuple[dict[str, str], list[str]]:
    """Column or expression of every input and output, and those of the outputs."""
    names = column_names(law, mapping or {}, outcome)
    return names, [names[name] for name in law.outputs]


def import_tracked(
    study: Study,
    tracked: Sequence[Tracked],
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    cost: str | None = None,
    counts: bool = False,
    confirmed: bool = False,
    **how: Unpack[Reading],
) -> Imported:
    """Bring in runs of a tracker; those that run are pending, those that crashed have failed.

    A finished run whose outcome is not finite has diverged. A run that lacks an input, or that is finished
    without an outcome, is left out, and how many there are is said.

    Args:
        study, mapping, outcome, cost, counts, confirmed: as in ``import_table``.
        tracked: the runs.
        how: as in ``import_table``; histories were reduced already.

    Raises:
        UserError: when no run has an input or an outcome that the law needs.
    """
    law, settings = study.law, study.ledger.settings
    if not tracked:
        raise UserError("there is no run to bring in; check the name of the project")
    names, outputs = _columns(law, mapping, outcome)
    table = _table(tracked)
    if from_name := how.get("from_name"):
        table = from_names(table, [run.name for run in tracked], from_name)
    table = chosen(table, names, outputs, how.get("where"))
    tracked = [tracked[row] for row in table.row_numbers]
    x = np.stack([table.evaluate(names[name]) for name in law.inputs], axis=1)
    y = np.stack([table.evaluate(names[name]) for name in law.outputs], axis=1)
    spent = np.full(len(tracked), np.nan) if cost is None else table.evaluate(cost)
    plan = planned_costs(settings["cost"], law.inputs, x)
    x = np.column_stack([x, recipe_of_rows(table, settings)])
    notes, usable = list(table.notes), np.isfinite(x).all(axis=1)
    for index, name in enumerate(law.inputs):
        lacking = int((~np.isfinite(x[:, index])).sum())
        if lacking:
            notes.append(f"{lacking} of {len(tracked)} runs have no {names[name]} and were left out")
    outcomes, unfinished = [name.strip("`") for name in outputs], 0
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
                "x": named(settings, x[row]),
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
    told = [number(str(run.values.get(name))) for name in outcomes]
    blown = any(value is not None and not math.isfinite(value) for value in told)
    return DIVERGED if blown or np.isinf(y).any() else ""


def _table(tracked: Sequence[Tracked]) -> Table:
    data = columns([run.values for run in tracked])
    if not data.num_columns:
        raise UserError("the runs have neither configuration nor results")
    return Table("the tracker", data, "run", np.arange(len(tracked)))
