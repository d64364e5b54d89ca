"""What is studied: from what a person gives to the first records of a journal."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np

import jaxsl
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.decision.aim import MULTIPLIER, read_aim
from jaxsl.host.decision.question import question
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.problem import Targets, runs
from jaxsl.host.input.reading import Reading
from jaxsl.host.study.candidates import Candidates
from jaxsl.host.study.configuration import rows
from jaxsl.host.study.ledger import Ledger
from jaxsl.host.study.recipes import recipes_of, with_recipes
from jaxsl.host.study.records import Record, now
from jaxsl.host.study.sizes import check_curves
from jaxsl.host.study.space import parse_space
from jaxsl.host.study.stop_rules import Stop, check_rules
from jaxsl.host.study.table_records import candidate_records, history_records, study_table, targets_alone
from jaxsl.law import Law


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
    by: str | None = None,
    against: str | None = None,
    curves: Mapping[str, Any] | None = None,
    **how: Unpack[Reading],
) -> tuple[Record, list[Record], tuple[str, ...]]:
    """Header and first records of a study, and what was understood of its table; as in ``Study.create``.

    Args:
        law: what the runs are read with.
        law_names: by which the laws are found again.
        options: how they are fitted.
        aim, hold, range, by, against: as of ``jaxsl.host.decision.next_for``, in place of a target.
        curves: prices ``restart`` and ``row_cost`` where runs are curves; None where each tells one outcome.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    if (candidates is None) == (not space):
        raise UserError("say what may be run: --candidates FILE, or --space for every input; one of the two")
    if aim is not None:
        check_aim(aim, target, space, options)
    check_by(aim, by, against)
    if aim is None and target is None:
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
    settings: dict[str, Any] = {"inputs": list(law.inputs), "outputs": list(law.outputs)}
    if space:
        for option, value in how.items():
            if value is not None:
                name = option.replace("_", "-")
                raise UserError(f"--{name} {value}: says how a table is read; with --space leave it out")
        cost = settings["cost"] = _needed(cost)
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
        settings |= {"cost": cost} | ({} if by is None else recipes_of(table, by, against, law))
        if aim is not None:
            question(law, cost, hold, range, problem.runs.x)
        aside = Targets(problem.runs.x[[np.nanargmax(problem.runs.cost)]], np.ones(1, int))
        problem = with_recipes(problem, table, settings)
        records = [
            *history_records(Ledger(), problem, settings, counts=False),
            *candidate_records(problem, settings),
        ]
        targets, notes = problem.targets or aside, problem.notes
    if curves is not None:
        if aim is not None:
            raise UserError("--curves chooses runs for a target; leave out --aim")
        offered = [
            Candidates.told(rows(settings, one["x"]), one) for one in records if one["event"] == "candidates"
        ]
        check_curves(list(law.inputs), [one for block in offered for one in block], **curves)
    aimed = {} if aim is None else {"aim": aim, "hold": dict(hold or {}), "range": dict(range or {})}
    header = {
        "jaxsl": jaxsl.__version__,
        "created": now(),
        "law": law_names[0] if len(law_names) == 1 else list(law_names),
        **settings,
        "target": targets.x.tolist(),  # the dearest run where there is an aim
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


def curve_prices(curves: bool, restart: float, row_cost: float | str) -> dict[str, Any] | None:
    """Prices of a study whose runs are curves; None of another.

    Raises:
        UserError: when there are prices and no curves.
    """
    if not curves and (restart or row_cost):
        raise UserError("--restart and --row-cost are prices of runs with several rows; add --curves")
    return {"restart": float(restart), "row_cost": str(row_cost)} if curves else None


def check_aim(aim: str, target: Any, space: Sequence[str], options: FitOptions) -> None:
    """Refuse what is no aim, and what does not go with one.

    Raises:
        UserError: saying which option to leave out.
    """
    read_aim(aim)
    if target:
        raise UserError("--aim takes the place of --target; give one of them")
    if space:
        raise UserError("--aim chooses among candidates; give them with --candidates in place of --space")
    if options != PLAIN:
        raise UserError("--aim fits laws as they are; leave out the options of the fit")


def check_by(aim: str | None, by: str | None, against: str | None) -> None:
    """Refuse a column of recipes where none are compared, and their comparison without one.

    Raises:
        UserError: saying which option to give or to leave out.
    """
    compares = aim is not None and read_aim(aim).kind == MULTIPLIER
    if compares and by is None:
        raise UserError(f"--aim {aim}: name the column that tells recipes apart, --by COLUMN")
    if not compares and (by, against) != (None, None):
        other = "--target" if aim is None else f"--aim {aim}"
        raise UserError(f"--by tells recipes apart, and {other} has none; use --aim multiplier:C=...")


def check_budget(budget: float | None) -> None:
    """Refuse what is no budget."""
    if budget is not None and not (np.isfinite(budget) and budget >= 0):
        raise UserError(f"--budget {budget:g}: give a number, zero or more, in the unit of the costs")


def _needed(cost: str | None) -> str:
    if cost is None:
        raise UserError(
            "say what a run costs with --cost COLUMN, or an expression such as --cost 6*N*D; for measured "
            "hours, plan them (--cost 6*N*D/4e17) and tell what each run took"
        )
    return cost
