"""Which laws can be fitted side by side to a table: named ones, or all that it has columns for."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.answer.fit_report import LeftOut
from jaxsl.host.errors import UserError
from jaxsl.host.input.law_columns import own, read_for
from jaxsl.host.input.problem import Problem, Runs
from jaxsl.host.input.problem import runs as read_problem
from jaxsl.host.input.reading import Reading, read_runs
from jaxsl.host.input.table import Table
from jaxsl.host.laws.common_inputs import common_inputs, whole
from jaxsl.host.laws.lookup import catalogue, find
from jaxsl.law import Law

ALL = "all"
Laws = str | Law | Iterable[str | Law]


@dataclass(frozen=True)
class Ensemble:
    """Laws over the same inputs and outputs, and the problem they are given.

    Attributes:
        laws: those that can be fitted, one at least.
        problem: of the one law; of several with a stand-in for them, of the same inputs and outputs.
        seen: the runs that are fitted.
        left_out: laws that were asked for and cannot be fitted.
        options: how the laws are fitted; what concerns their parameters was done to them.
        units: by the name of each law, that in which it takes outcomes.
    """

    laws: tuple[Law, ...]
    problem: Problem
    seen: Runs
    left_out: tuple[LeftOut, ...]
    options: FitOptions = PLAIN
    units: Mapping[str, float] = field(default_factory=dict)


def ensemble(
    source: Any,
    laws: Laws,
    *,
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    target: Any = None,
    cost: str | None = None,
    options: FitOptions = PLAIN,
    **reading: Unpack[Reading],
) -> Ensemble:
    """Read a table for a law or several; arguments as in ``jaxsl.host.input.problem.runs``.

    Args:
        source, mapping, outcome, target, cost: the runs and what to predict. An input that some of the laws
            have must be given to all, in the target too.
        laws: laws or their names. ``"all"`` stands for the laws of the catalogue whose inputs and outputs the
            table has; of those that predict different things the largest group is taken.
        options: how they are fitted.
        reading: as in ``jaxsl.host.input.reading.Reading``.

    Raises:
        UserError: for anything that cannot be used as it stands; when no law can be fitted.

    Example:
        >>> runs = {"N": [1e6, 2e6, 4e6], "loss": [3.9, 3.6, 3.4]}
        >>> found = ensemble(runs, "all")
        >>> [law.name for law in found.laws], found.problem.law.inputs
        (['kaplan/n'], ('N',))
        >>> [reason.reason for reason in found.left_out if reason.law == "chinchilla"]
        ['no column for its input D']
    """
    mapping = dict(mapping or {})
    asked = resolved(laws)
    named = tuple(law for law in asked if isinstance(law, Law))
    if len(named) < len(asked) - 1:
        raise UserError("--law all is given twice; give it once")
    offered = tuple(catalogue().values()) if ALL in asked else ()
    check_named(named, offered)
    _check_mapping(named, offered, mapping)
    is_read = isinstance(source, Table) and not any(reading.values())
    table = source if is_read else run_table(source, asked, mapping, outcome, **reading)
    for law in named if len(asked) > 1 else ():
        read_problem(table, law, mapping=own(mapping, law), outcome=outcome)
    found, left_out = _fitting(table, offered, named, mapping, outcome, target)
    chosen = (*named, *found)
    if not chosen:
        raise UserError(
            f"no law of the catalogue has all its inputs and outputs in {table.name}; its columns are "
            f"{', '.join(table.columns)}: name them with --map INPUT=COLUMN, and the outcome with "
            "--outcome COLUMN; `jaxsl laws` lists the laws"
        )
    together = common_inputs(chosen)
    every = whole(together)
    problem = read_problem(
        table,
        every,
        mapping=own(mapping, every),
        outcome=outcome,
        target=target,
        cost=cost,
        weight=options.weight,
        group=options.group,
        schedule=options.schedule,
    )
    given = fitted_as(options, problem, together)
    seen = given.seen
    different = [_num_different(seen, every, law) for law in chosen]
    enough = [num >= num_needed(law) for law, num in zip(given.laws, different, strict=True)]
    if not any(enough):
        place = min(range(len(chosen)), key=lambda i: num_needed(given.laws[i]))
        require_runs(problem, given.laws[place], different[place])
    left_out += [
        LeftOut(
            law.name,
            f"its {law.num_params} parameters need runs at {num_needed(law)} configurations; there are {num}",
        )
        for law, num, fits in zip(given.laws, different, enough, strict=True)
        if not fits
    ]
    kept = tuple(law for law, fits in zip(given.laws, enough, strict=True) if fits)
    return replace(given, laws=kept, left_out=tuple(left_out))


def fitted_as(options: FitOptions, problem: Problem, laws: Sequence[Law]) -> Ensemble:
    """The laws of a problem as they are to be fitted to its runs, with notes of what should be known.

    Raises:
        UserError: when an option names no parameter of theirs, or an outcome has no place in it.
    """
    seen = problem.runs.take(problem.runs.observed)
    options.check_outcomes(seen, problem.table, problem.unit)
    units = options.units(laws, seen.x, seen.y)
    notes = (*problem.notes, *options.notes(units, seen.y, seen.weight))
    return Ensemble(options.laws(laws, units), replace(problem, notes=notes), seen, (), options, units)


def run_table(
    source: Any,
    laws: Sequence[str | Law],
    mapping: Mapping[str, str] | None,
    outcome: str | None,
    **how: Unpack[Reading],
) -> Table:
    """The table of runs, read for what some laws predict; other arguments as in ``ensemble``.

    Args:
        laws: those of ``resolved``.
    """
    known = [law for law in laws if isinstance(law, Law)]
    known += catalogue().values() if ALL in laws else []
    return read_runs(source, *read_for(known, mapping or {}, outcome), **how)


def num_needed(law: Law) -> int:
    """The different configurations that a fit needs: as many outcomes as parameters."""
    return math.ceil(law.num_params / law.num_outputs)


def require_runs(problem: Problem, law: Law, different: int) -> None:
    """Refuse runs at too few ``different`` configurations for a law.

    Raises:
        UserError: when they are fewer than ``num_needed``.
    """
    num, needed = int(problem.runs.observed.sum()), num_needed(law)
    if different >= needed:
        return
    order = np.argsort(problem.runs.cost[~problem.runs.observed], kind="stable")
    candidates = problem.runs.row_numbers[~problem.runs.observed][order][: needed - different]
    first = (
        f"; the cheapest candidates are {problem.unit}s {', '.join(map(str, candidates))}"
        if len(candidates)
        else ""
    )
    raise UserError(
        f"{problem.table} has {num} runs with an outcome, at {different} configurations; {law.name} has "
        f"{law.num_params} parameters and needs {needed} configurations at least: run more first{first}"
    )


def _num_different(seen: Runs, whole: Law, law: Law) -> int:
    """At how many different configurations of a law's own inputs there are runs."""
    return len(np.unique(seen.x[:, [whole.inputs.index(name) for name in law.inputs]], axis=0))


def resolved(laws: Laws) -> list[str | Law]:
    """The laws that were asked for, looked up; ``"all"`` stays.

    Raises:
        UserError: when there is none, or one is not found.
    """
    asked = [laws] if isinstance(laws, str | Law) else list(laws)
    if not asked:
        raise UserError("no law is given; name some with --law, or --law all")
    return [law if isinstance(law, Law) or law == ALL else find(law) for law in asked]


def check_named(named: Sequence[Law], offered: Sequence[Law] = ()) -> None:
    """Refuse laws given twice and laws that predict different things."""
    names = [law.name for law in named]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--law {name} is given twice; give it once")
        if any(law.name == name for law in offered):
            raise UserError(f"--law {name} is among --law all already; leave one of them out")
    for law in named[1:]:
        if law.outputs != named[0].outputs:
            raise UserError(
                f"{named[0].name} predicts {', '.join(named[0].outputs)} and {law.name} "
                f"{', '.join(law.outputs)}: laws that are weighed against each other predict the same; "
                "leave one of them out"
            )


def _check_mapping(named: Sequence[Law], offered: Sequence[Law], mapping: Mapping[str, str]) -> None:
    """Refuse names that no law has."""
    known = {name for law in (*named, *offered) for name in (*law.inputs, *law.outputs)}
    for name in mapping:
        if name not in known:
            raise UserError(
                f"--map {name}={mapping[name]}: none of the laws has an input or output {name!r}"
                + (f"; they have {', '.join(sorted(known))}" if not offered else "; `jaxsl laws` lists them")
            )


def _fitting(
    table: Table,
    offered: Sequence[Law],
    named: Sequence[Law],
    mapping: Mapping[str, str],
    outcome: str | None,
    target: Any,
) -> tuple[list[Law], list[LeftOut]]:
    """Laws of the catalogue that can read the table and predict the same, and why the others cannot."""
    given = _given(target, {name for law in offered for name in law.inputs}, table, mapping)
    lacking = {law.name: _lacking(law, table, mapping, outcome, given) for law in offered}
    candidates = [law for law in offered if not lacking[law.name]]
    outputs = named[0].outputs if named else _outputs(candidates, outcome)
    found, left_out = [], []
    for law in offered:
        reason = lacking[law.name]
        if not reason and law.outputs != outputs:
            reason = f"predicts {', '.join(law.outputs)}, not {', '.join(outputs)}"
        if not reason:
            try:
                read_problem(table, law, mapping=own(mapping, law), outcome=outcome)
            except UserError as error:
                reason = str(error)
        if reason:
            left_out.append(LeftOut(law.name, reason))
        else:
            found.append(law)
    return found, left_out


def _lacking(law: Law, table: Table, mapping: Mapping[str, str], outcome: str | None, given: set[str]) -> str:
    """What the table or the target lacks for a law, in words; empty if nothing."""
    known = {*table.columns, *mapping}
    missing = [name for name in law.inputs if name not in known]
    if missing:
        return f"no column for its {'inputs' if len(missing) > 1 else 'input'} {', '.join(missing)}"
    if outcome is not None and law.num_outputs > 1:
        return f"predicts {law.num_outputs} outcomes, not one"
    missing = [name for name in law.outputs if name not in known and outcome is None]
    if missing:
        return f"no column for its outcome {', '.join(missing)}"
    missing = [name for name in law.inputs if given and name not in given]
    return f"the target does not give its {', '.join(missing)}" if missing else ""


def _given(target: Any, inputs: set[str], table: Table, mapping: Mapping[str, str]) -> set[str]:
    """The inputs that a target of points gives; none where the target is rows of a table."""
    names: set[str] = set()
    for item in target if isinstance(target, list | tuple) else [target]:
        if isinstance(item, Mapping):
            names |= set(item)
        elif isinstance(item, str):
            names |= {part.rpartition("=")[0].strip() for part in item.split(",") if "=" in part}
    mapped = {name for name, formula in mapping.items() if {formula, *table.names(formula)} & names}
    return (names | mapped) & inputs


def _outputs(candidates: Sequence[Law], outcome: str | None) -> tuple[str, ...]:
    """The outputs that most laws have; those called like the outcome's column before all others."""
    groups = [law.outputs for law in candidates]
    return max(groups, key=lambda outputs: (outputs == (outcome,), groups.count(outputs)), default=())
