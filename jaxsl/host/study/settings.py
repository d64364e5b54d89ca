"""What is studied: from what a person gives to the first records of a journal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

import jaxsl
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.decision.aim import OPTIMAL, read_aim
from jaxsl.host.decision.question import question
from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import parse
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.law_columns import column_names
from jaxsl.host.input.problem import Problem, Runs, Targets, own_targets, runs
from jaxsl.host.input.reading import Reading, read_runs
from jaxsl.host.input.table import Table
from jaxsl.host.input.target import parse_target
from jaxsl.host.study.ledger import DONE, Ledger
from jaxsl.host.study.records import now
from jaxsl.host.study.sizes import check_curves
from jaxsl.host.study.space import parse_space
from jaxsl.law import Law

Record = dict[str, Any]


@dataclass(frozen=True)
class Stop:
    """When a study is over before its budget is.

    Attributes:
        width: mean width of the targets' 95 % intervals at which it is.
        ess: equivalent sample size at which it is.
        item_sd: standard deviation of a test item's score, for ``ess``; without it scores lie in [0, 1].
        gain: share by which the best affordable run must be expected to narrow the interval.
        price: what narrowing the interval by one is worth, in the unit of the costs; with an aim, what a
            loss lower by one is worth.
        regret: with an aim, loss given up by deciding, as expected, at which the decision is good enough.
    """

    width: float | None = None
    ess: float | None = None
    item_sd: float | None = None
    gain: float | None = None
    price: float | None = None
    regret: float | None = None

    def __post_init__(self):
        for name, value in vars(self).items():
            if value is not None and not (np.isfinite(value) and value > 0):
                option = name.replace("_", "-")
                raise UserError(f"--{option} {value:g}: give a positive number, or leave it out")
        if self.gain is not None and self.gain >= 1:
            raise UserError(f"--gain {self.gain:g}: a share below 1, such as 0.01")


def new_records(
    law: Law,
    law_names: Sequence[str],
    *,
    target: Any,
    candidates: Any = None,
    space: Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    cost: str | None = None,
    budget: float | None = None,
    replicates: int = 1,
    seed: int = 0,
    stop: Stop | None = None,
    level: float = LEVEL,
    of: str = "outcome",
    options: FitOptions = PLAIN,
    aim: str | None = None,
    hold: Mapping[str, float] | None = None,
    range: Mapping[str, tuple[float, float]] | None = None,
    curves: Mapping[str, Any] | None = None,
    **how: Unpack[Reading],
) -> tuple[Record, list[Record], tuple[str, ...]]:
    """Header and first records of a study, and what was understood of its table; as in ``Study.create``.

    Args:
        law: what the runs are read with.
        law_names: by which the laws are found again.
        options: how they are fitted.
        aim, hold, range: as of ``jaxsl.host.decision.next_for``, in place of a target.
        curves: prices ``restart`` and ``row_cost`` where runs are curves; None where each tells one outcome.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    if (candidates is None) == (not space):
        raise UserError("say what may be run: --candidates FILE, or --space for every input; one of the two")
    if aim is not None:
        check_aim(aim, target, space, options)
    elif target is None:
        raise UserError("there is no target; say what to predict with --target, or to decide with --aim")
    check_rules(aim, stop or Stop())
    check_budget(budget)
    check_level(level, of)
    if options.weight is not None:
        raise UserError(f"--weight {options.weight}: every run of a study counts once; leave it out")
    if options.group is not None:
        raise UserError(f"--group {options.group}: every run of a study has one outcome; leave it out")
    if replicates < 1:
        raise UserError(f"--replicates {replicates}: how often one configuration may be run, 1 or more")
    if space:
        for option, value in how.items():
            if value is not None:
                name = option.replace("_", "-")
                raise UserError(f"--{name} {value}: says how a table is read; with --space leave it out")
        cost = _needed(cost)
        parse_space(space, law, cost)
        targets, records = targets_alone(law, target, mapping or {}), list[Record]()
        notes: tuple[str, ...] = ()
    else:
        table = study_table(candidates, law, mapping, outcome, **how)
        if cost is None and "cost" in table.columns:
            cost = "cost"
        cost = _needed(cost)
        problem = runs(table, law, mapping=mapping, cost=cost, outcome=outcome, target=target)
        seen = problem.runs.take(problem.runs.observed)
        options.check_outcomes(seen, problem.table, problem.unit)
        records = [
            *history_records(Ledger(), problem, law, cost, counts=False),
            *candidate_records(problem, law, 0),
        ]
        if aim is not None:
            question(law, cost, hold, range, problem.runs.x)
        aside = Targets(problem.runs.x[[np.nanargmax(problem.runs.cost)]], np.ones(1, int))
        targets, notes = problem.targets or aside, problem.notes
    if curves is not None:
        if aim is not None:
            raise UserError("--curves chooses runs for a target; leave out --aim")
        offered = [one for one in records if one["event"] == "candidate"]
        check_curves(list(law.inputs), offered, **curves)
    aimed = {} if aim is None else {"aim": aim, "hold": dict(hold or {}), "range": dict(range or {})}
    header = {
        "jaxsl": jaxsl.__version__,
        "created": now(),
        "law": law_names[0] if len(law_names) == 1 else list(law_names),
        "inputs": list(law.inputs),
        "outputs": list(law.outputs),
        "target": targets.x.tolist(),  # the dearest run where there is an aim
        "cost": cost,
        "space": list(space),
        "budget": budget,
        "level": level,
        "of": of,
        "replicates": replicates,
        "seed": seed,
        "fit": options.record(),
        "stop": {name: value for name, value in vars(stop or Stop()).items() if value is not None},
        **aimed,
        **({} if curves is None else {"curves": dict(curves)}),
    }
    return header, records, notes


def check_rules(aim: str | None, stop: Stop) -> None:
    """Refuse rules about the interval of a target where there is an aim, and about regret where is none.

    Raises:
        UserError: saying which option to leave out.
    """
    if aim is None and stop.regret is not None:
        raise UserError(
            f"--regret {stop.regret:g}: is of a decision; give one with --aim in place of --target"
        )
    of_target = ("width", "ess", "item_sd", "gain")
    for name in of_target if aim is not None else ():
        if getattr(stop, name) is not None:
            option = name.replace("_", "-")
            raise UserError(f"--{option}: is about a target's interval, and --aim has none; leave it out")


def check_aim(aim: str, target: Any, space: Sequence[str], options: FitOptions) -> None:
    """Refuse what is no aim, and what does not go with one.

    Raises:
        UserError: saying which option to leave out.
    """
    if read_aim(aim).kind != OPTIMAL:
        raise UserError(f"--aim {aim}: a study is of one recipe; `jaxsl next --by` chooses among recipes")
    if target:
        raise UserError("--aim takes the place of --target; give one of them")
    if space:
        raise UserError("--aim chooses among candidates; give them with --candidates in place of --space")
    if options != PLAIN:
        raise UserError("--aim fits laws as they are; leave out the options of the fit")


def check_budget(budget: float | None) -> None:
    """Refuse what is no budget."""
    if budget is not None and not (np.isfinite(budget) and budget >= 0):
        raise UserError(f"--budget {budget:g}: give a number, zero or more, in the unit of the costs")


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
    """Targets without a table of runs: points, or a table of their own."""
    nothing = pa.table({name: pa.array([1.0]) for name in (*law.inputs, *law.outputs)})
    table, names = Table("the study", nothing, "row", np.zeros(1, int)), column_names(law, mapping)
    marked = parse_target(target, table, law, names)
    if marked.table is None:
        raise UserError(
            f"--target {target}: give points or a table of targets; there is no table of runs yet"
        )
    return own_targets(marked, law, names)


def candidate_records(problem: Problem, law: Law, first: int) -> list[Record]:
    """The runs without an outcome as candidates, numbered from ``first + 1``."""
    pool = problem.runs.take(~problem.runs.observed)
    return [
        {
            "event": "candidate",
            "id": f"c{first + row + 1}",
            "x": dict(zip(law.inputs, pool.x[row].tolist(), strict=True)),
            "cost": float(pool.cost[row]),
            "name": _name(problem, pool, row),
        }
        for row in range(len(pool.x))
    ]


def history_records(
    ledger: Ledger, problem: Problem, law: Law, cost: str, counts: bool, told_cost: bool = False
) -> list[Record]:
    """The runs with an outcome as runs that were done earlier, but for those the study has already.

    Args:
        ledger: of the study.
        problem: the runs.
        law: the law.
        cost: the study's cost: column or expression.
        counts: whether they count against the budget.
        told_cost: whether the problem's costs are what the runs really cost, rather than planned.
    """
    seen = problem.runs.take(problem.runs.observed)
    planned = planned_costs(cost, law, seen.x)
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
                "x": dict(zip(law.inputs, key[0], strict=True)),
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


def planned_costs(cost: str, law: Law, x: np.ndarray) -> np.ndarray:
    """The planned cost at ``x (row, feature)`` where it is arithmetic on the inputs, else not a number."""
    try:
        expression = parse(cost)
    except UserError:  # a column whose name is no arithmetic
        return np.full(len(x), np.nan)
    if not set(expression.names) <= set(law.inputs):
        return np.full(len(x), np.nan)
    columns = dict(zip(law.inputs, x.T, strict=True))
    return np.broadcast_to(expression.evaluate(columns), len(x)).astype(np.float64)


def _needed(cost: str | None) -> str:
    if cost is None:
        raise UserError(
            "say what a run costs with --cost COLUMN, or an expression such as --cost 6*N*D; for measured "
            "hours, plan them (--cost 6*N*D/4e17) and tell what each run took"
        )
    return cost


def _name(problem: Problem, some: Runs, row: int) -> str:
    words = [str(values[row]) for values in some.labels.values() if str(values[row])]
    return " ".join(words) or f"{problem.table}, {problem.unit} {some.row_numbers[row]}"
