"""A table of runs as records of a journal: candidates, and runs that were done earlier."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import parse
from jaxsl.host.input.law_columns import column_names
from jaxsl.host.input.problem import Problem, Runs, Targets, own_targets
from jaxsl.host.input.reading import Reading, read_runs
from jaxsl.host.input.table import Table
from jaxsl.host.input.target import parse_target
from jaxsl.host.study.candidates import Candidates
from jaxsl.host.study.configuration import Settings, by_column, named
from jaxsl.host.study.ledger import DONE, Ledger
from jaxsl.host.study.records import Record, now
from jaxsl.law import Law

BLOCK = 1000  # candidates on a line of the journal


def study_table(
    source: Any, law: Law, mapping: Mapping[str, str] | None, outcome: str | None, **how: Unpack[Reading]
) -> Table:
    """A table of runs or candidates for a study; arguments as in ``jaxsl.host.input.reading.read_runs``."""
    names = column_names(law, mapping or {}, outcome)
    table = read_runs(source, names, [names[name] for name in law.outputs], **how)
    return with_outcomes(table, law, mapping, outcome)


def with_outcomes(table: Table, law: Law, mapping: Mapping[str, str] | None, outcome: str | None) -> Table:
    """The table with empty columns for outcomes that it lacks: a list of candidates needs none."""
    lacking = [
        name
        for name in law.outputs
        if name not in table.columns and name not in (mapping or {}) and not outcome
    ]
    data = table.data
    for name in lacking:
        data = data.append_column(name, pa.nulls(table.num_rows, pa.float64()))
    return replace(table, data=data)


def targets_alone(law: Law, target: Any, mapping: Mapping[str, str]) -> Targets:
    """Targets without a table of runs: points, or a table of their own.

    Raises:
        UserError: when they are rows of a table of runs, and as ``parse_target``.
    """
    nothing = pa.table({name: pa.array([1.0]) for name in (*law.inputs, *law.outputs)})
    table, names = Table("the study", nothing, "row", np.zeros(1, int)), column_names(law, mapping)
    marked = parse_target(target, table, law, names)
    if marked.table is None:
        raise UserError(
            f"--target {target}: give points or a table of targets; there is no table of runs yet"
        )
    return own_targets(marked, law, names)


def candidate_records(problem: Problem, settings: Settings, known: Candidates | None = None) -> list[Record]:
    """The runs without an outcome as candidates, but for configurations that are known, in blocks.

    Args:
        problem: the runs, with their recipes where the study compares several.
        settings: of the study.
        known: candidates that the study has.
    """
    pool = problem.runs.take(~problem.runs.observed)
    seen = set() if known is None else set(map(tuple, known.x.tolist()))
    rows = (
        [row for row, x in enumerate(pool.x.tolist()) if tuple(x) not in seen] if seen else range(len(pool.x))
    )
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    return [
        {
            "event": "candidates",
            "x": by_column(settings, pool.x[block]),
            "cost": pool.cost[block].tolist(),
            "name": [_name(problem, pool, row) for row in block],
        }
        for block in blocks
    ]


def history_records(
    ledger: Ledger, problem: Problem, settings: Settings, counts: bool, told_cost: bool = False
) -> list[Record]:
    """The runs with an outcome as runs that were done earlier, but for those the study has already.

    Args:
        ledger: of the study.
        problem: the runs, with their recipes where the study compares several.
        settings: of the study.
        counts: whether they count against the budget.
        told_cost: whether the problem's costs are what the runs really cost, rather than planned.
    """
    seen = problem.runs.take(problem.runs.observed)
    planned = planned_costs(settings["cost"], settings["inputs"], seen.x)
    known = Counter((run.x, run.y) for run in ledger.runs.values() if run.status == DONE)
    records: list[Record] = []
    time, number = now(), sum(id.startswith("h") for id in ledger.runs)
    for row in range(len(seen.x)):
        key = tuple(seen.x[row].tolist()), tuple(seen.y[row].tolist())
        if known[key]:
            known[key] -= 1
            continue
        told = float(seen.cost[row]) if told_cost and np.isfinite(seen.cost[row]) else None
        plan = planned[row] if np.isfinite(planned[row]) else np.nan if told_cost else seen.cost[row]
        number += 1
        records.append(
            {
                "event": "run",
                "id": f"h{number}",
                "x": named(settings, key[0]),
                "status": DONE,
                "y": list(key[1]),
                "cost": told,
                "planned": float(plan) if np.isfinite(plan) else None,
                "counts": counts,
                "name": _name(problem, seen, row),
                "time": time,
            }
        )
    return records


def planned_costs(cost: str, inputs: Sequence[str], x: np.ndarray) -> np.ndarray:
    """The planned cost at ``x (row, feature)`` where it is arithmetic on the inputs, else not a number.

    Args:
        cost: the study's cost: column or expression.
        inputs: of the law, which come first in ``x``.
    """
    try:
        expression = parse(cost)
    except UserError:  # a column whose name is no arithmetic
        return np.full(len(x), np.nan)
    if not set(expression.names) <= set(inputs):
        return np.full(len(x), np.nan)
    columns = dict(zip(inputs, x[:, : len(inputs)].T, strict=True))
    return np.broadcast_to(expression.evaluate(columns), len(x)).astype(np.float64)


def _name(problem: Problem, some: Runs, row: int) -> str:
    words = [str(values[row]) for values in some.labels.values() if str(values[row])]
    return " ".join(words) or f"{problem.table}, {problem.unit} {some.row_numbers[row]}"
