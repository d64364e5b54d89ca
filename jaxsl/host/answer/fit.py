"""Fit laws to a table of runs and predict: one law is several laws of one.

>>> from laws.kaplan import DATA, SIZE_DATA
>>> runs = {"N": [1e6, 2e6, 4e6, 1e6, 2e6, 4e6], "D": [1e8, 1e8, 1e8, 4e8, 4e8, 4e8]}
>>> runs["loss"] = [4.01, 3.72, 3.5, 3.64, 3.37, 3.14]
>>> found = fit(runs, [DATA, SIZE_DATA], target="N=1e9,D=2e10")
>>> sorted(law.law for law in found.laws), found.prediction.median.shape, found.prediction.level
(['kaplan/d', 'kaplan/nd'], (1, 1), 90.0)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from jaxsl.choice import BAD
from jaxsl.host.answer.asked_intervals import PaperIntervals, check_intervals
from jaxsl.host.answer.believed import Believed, believe_runs
from jaxsl.host.answer.fit_options import How, split
from jaxsl.host.answer.fit_report import (
    AlongRuns,
    BasinReport,
    FitReport,
    LawReport,
    LeftOut,
    Residuals,
)
from jaxsl.host.answer.influence import influence
from jaxsl.host.answer.kept import keep
from jaxsl.host.answer.paper_intervals import paper_intervals
from jaxsl.host.answer.parameters import parameters
from jaxsl.host.answer.prediction import Prediction, prediction_at
from jaxsl.host.answer.report import r2
from jaxsl.host.answer.trust import trust
from jaxsl.host.answer.which_laws import ALL, Ensemble, Laws, ensemble, resolved, run_table
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.law import Law

HARDLY_TOLD = 0.5  # share of the prior deviation from which a parameter is badly identified


@dataclass(frozen=True)
class Answer:
    """What is believed of a problem: all further answers are read off it.

    Attributes:
        ensemble: the laws that could be fitted, and the problem.
        found: the belief.
        of: which interval is meant, ``"outcome"`` or ``"curve"``.
    """

    ensemble: Ensemble
    found: Believed
    of: str = "outcome"


def fit(
    source: Any,
    law: Laws,
    *,
    target: Any = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    of: str = "outcome",
    seed: int = 0,
    t: bool = False,
    bootstrap: int = 0,
    draw: str = "residuals",
    profile: str | Sequence[str] = (),
    derive: Mapping[str, str] | None = None,
    **how: Unpack[How],
) -> FitReport:
    """Fit a law, or several, to a table of runs, and predict at a target.

    Several laws are weighed by the evidence of the runs and predict together.

    Args:
        source, outcome, target: as in ``jaxsl.host.input.problem.runs``. map: its ``mapping``.
        law: a law, its name, or several; ``"all"`` for every law of the catalogue that fits the table.
        level: of every interval, in per cent.
        of: what ``low`` and ``high`` of the prediction hold, an ``"outcome"`` or the ``"curve"``.
        seed: of the fits' starting points.
        t, bootstrap, draw, profile, derive: intervals of parameters as papers give them, as in
            ``jaxsl.host.answer.paper_intervals.PaperIntervals``.
        how: how the table is read, ``jaxsl.host.input.reading.Reading``, and the laws are fitted,
            ``jaxsl.host.answer.fit_options.FitOptions``, as keywords.

    Raises:
        UserError: for anything that cannot be used as it stands; when no law can be fitted.
    """
    check_level(level, of)
    asked, (reading, options) = [law] if isinstance(law, str | Law) else list(law), split(how)
    drawn_alone = bootstrap and draw != f"group:{options.group}"
    if options.group is not None and (t or profile or drawn_alone):
        raise UserError(
            "--t, --profile and other draws count every row as a run; with --group draw whole runs: "
            f"--bootstrap 1000 --draw group:{options.group}"
        )
    laws = resolved(asked)
    table = run_table(source, laws, map, outcome, **reading)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, options=options)
    profiles = (profile,) if isinstance(profile, str) else tuple(profile)
    wanted = PaperIntervals(t, bootstrap, draw, profiles, dict(derive or {}))
    check_intervals(wanted, chosen.laws, table, chosen.seen.row_numbers)
    answer = answered(chosen, level, of, seed)
    settings = {"level": level, "of": of, "seed": seed, "map": dict(map or {}), "outcome": outcome}
    settings |= {**reading, **options.record()}
    named = [one for one in asked if one != ALL]
    kept = keep(named, table, answer.found, settings, target is not None, options, chosen.units)
    intervals = paper_intervals(wanted, answer.found, table, chosen.seen.row_numbers, seed)
    problem, rows = chosen.problem, chosen.seen.row_numbers
    aim = None if problem.targets is None else problem.targets.x
    others, trusting = problem.runs.x[~problem.runs.observed], options.robust_loss is None
    moving = influence(answer.found, rows, aim, others, seed) if trusting else ()
    return replace(fit_report(answer), intervals=intervals, influence=moving, kept=kept)


def answered(chosen: Ensemble, level: float = LEVEL, of: str = "outcome", seed: int = 0) -> Answer:
    """Learn every law and leave out those that are nowhere finite.

    The candidates of the table are told to the fit, so that one table has one answer whatever is asked.

    Raises:
        UserError: when no law is finite at the runs and the targets.
    """
    targets, seen, runs = chosen.problem.targets, chosen.seen, chosen.problem.runs
    aim, others = None if targets is None else targets.x, runs.x[~runs.observed]
    found = believe_runs(
        chosen.laws, seen.x, seen.y, aim, others, level, seed, chosen.options, seen.weight, seen.course
    )
    why = [_unusable(found, index, seen.x if aim is None else aim) for index in range(len(found.laws))]
    usable = [index for index, reason in enumerate(why) if not reason]
    left_out = [LeftOut(law.name, reason) for law, reason in zip(found.laws, why, strict=True) if reason]
    if not usable:
        reasons = "; ".join(f"{one.law} {one.reason}" for one in left_out[:3])
        raise UserError(
            f"no answer on {chosen.problem.table}: {reasons}; check the units of the inputs "
            "(--map N=1e6*COLUMN rescales one) or take another law"
        )
    kept = found.some(usable)
    told = replace(chosen, laws=kept.laws, left_out=(*chosen.left_out, *left_out))
    return Answer(told, kept, of)


def _unusable(found: Believed, index: int, x: np.ndarray) -> str:
    """Why the fit of a law cannot be used, in words; empty if it can."""
    fit = found.lessons[index].learned.fit
    if not np.isfinite(fit.loss[0]):
        return f"has no finite loss on the runs from any of {len(fit.loss)} starts"
    return "" if np.isfinite(found.of_law(index, x)).all() else "predicts nothing finite at the target"


def fit_report(answer: Answer) -> FitReport:
    """What was found by fitting the laws, heaviest first."""
    reports = law_reports(answer)
    problem, seen, found = answer.ensemble.problem, answer.ensemble.seen, answer.found
    aim = None if problem.targets is None else problem.targets.x
    return FitReport(
        num_runs=len(seen.x),
        laws=tuple(sorted(reports, key=lambda law: -law.weight)),
        left_out=answer.ensemble.left_out,
        prediction=prediction(answer),
        trust=trust(found, seen.x, seen.row_numbers.tolist(), problem.unit, aim),
        notes=problem.notes + _remarks(reports[found.best]),
        along=None if found.along is None else AlongRuns(float(found.along.share), float(found.along.length)),
    )


def law_reports(answer: Answer) -> list[LawReport]:
    """What is said about each law, in the order of the ensemble."""
    seen, found = answer.ensemble.seen, answer.found
    best = max(float(one.learned.evidence) for one in found.lessons)
    reports = []
    for law, lesson, share in zip(found.laws, found.lessons, found.share, strict=True):
        fit, basins = lesson.learned.fit, lesson.learned.basins
        fitted = np.asarray(lesson.fitted)[: len(seen.x)]
        residual, good = found.outcomes - fitted, found.bad[: len(seen.x)] < BAD
        worst = np.unravel_index(np.argmax(np.abs(residual)), residual.shape)
        reports.append(
            LawReport(
                law=law.name,
                formula=law.formula,
                weight=float(share),
                log_evidence=float(lesson.learned.evidence) - best,
                holds=float(lesson.learned.holds),
                noise=float(np.sqrt(basins.noise)),
                num_params=law.num_params,
                num_starts=len(fit.loss),
                num_converged=int(np.sum(fit.converged)),
                num_best=int(np.sum(fit.objective <= 1.01 * fit.objective[0])),
                basins=tuple(
                    BasinReport(
                        weight=float(basins.weight[k]),
                        rmse=float(np.sqrt(basins.loss[k])),
                        num_optima=int(np.sum(basins.label == k)),
                        parameters=told,
                    )
                    for k, told in enumerate(parameters(law, lesson, found.level))
                ),
                residuals=Residuals(
                    rmse=float(np.sqrt(np.mean(residual[good] ** 2))),
                    r2=r2(found.outcomes[good], fitted[good]),
                    worst=float(residual[worst]),
                    worst_row=int(seen.row_numbers[worst[0]]),
                ),
            )
        )
    return reports


def prediction(answer: Answer) -> Prediction | None:
    """What is predicted at the targets, if there are any."""
    problem = answer.ensemble.problem
    if problem.targets is None or problem.answers is None:
        return None
    return predicted(
        answer.found, problem.targets.x, problem.targets.row_numbers, problem.answers.y, answer.of
    )


def predicted(
    found: Believed, x: np.ndarray, row_numbers: np.ndarray, observed: np.ndarray, of: str = "outcome"
) -> Prediction:
    """What is predicted at ``x (target, feature)``."""
    return prediction_at(found.components, found.laws, x, row_numbers, observed, found.level, of)


def _remarks(law: LawReport) -> tuple[str, ...]:
    """What is worth knowing about the heaviest law's parameters."""
    best = law.basins[0].parameters
    bound = [f"{parameter.name} ({parameter.bound})" for parameter in best if parameter.bound]
    vague = [
        parameter.name
        for parameter in best
        if parameter.told < 1 - HARDLY_TOLD and not parameter.bound and not parameter.given
    ]
    remarks = []
    if bound:
        remarks.append(f"at a bound of its box in the heaviest basin: {', '.join(bound)}")
    if vague:
        remarks.append(f"hardly told by the runs in the heaviest basin: {', '.join(vague)}")
    return tuple(remarks)
