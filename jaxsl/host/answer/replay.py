"""Your own history again: what would other ways of choosing have spent for the same prediction?

All runs are finished; each way of choosing buys them one after the other, sees the outcome of what it bought
alone, and predicts the target after every purchase. Where the target's outcomes are known, its predictions
are scored by them at 2, 5, 10 and 20 % of what all runs cost. The prediction is the same as that of all runs
together from the spend on at which it stays within a tolerance of it, by default the runs' scatter about the
law.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from jaxsl.choice import BAD
from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.fit import predicted
from jaxsl.host.answer.fit_options import FitOptions, How, split
from jaxsl.host.answer.fit_report import Prediction
from jaxsl.host.answer.history import BUDGETS, WAYS, PredictedHistory, Walk
from jaxsl.host.answer.report import Report, beyond_rounding
from jaxsl.host.answer.scores import NOTHING, Scores, mean_and_error, scores
from jaxsl.host.answer.trust import Trust, trust
from jaxsl.host.answer.which_laws import Ensemble, Laws, ensemble, resolved, run_table
from jaxsl.host.errors import UserError
from jaxsl.host.input.choice import require_cost
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.problem import DEAREST, Problem, Runs
from jaxsl.host.input.remarks import ties
from jaxsl.law import Law

ALL_RUNS = "all runs"


@dataclass(frozen=True)
class Path(Report):
    """One way of choosing.

    Attributes:
        method: its name.
        spent: by the time of each prediction, ``(step,)``.
        num_runs: bought by then.
        distance: root mean square over targets and outputs between this prediction and that of all runs.
        needed: spend from which on the prediction is the same; that of all runs at most.
        needed_runs: runs bought by then.
    """

    method: str
    spent: np.ndarray
    num_runs: np.ndarray
    distance: np.ndarray
    needed: float
    needed_runs: int


@dataclass(frozen=True)
class Scored(Report):
    """What a way of choosing foretold at a budget, means over draws.

    Attributes:
        method: its name.
        budget: as a share of what all runs cost; 1 for all runs.
        r2, coverage, width, interval_score: see ``Scores``.
        r2_error: standard error of the mean; not a number for one draw.
        gain: R² of active choice less this one's, paired by draw, and its error.
    """

    method: str
    budget: float
    r2: float
    r2_error: float
    coverage: float
    width: float
    interval_score: float
    gain: float
    gain_error: float


@dataclass(frozen=True)
class ReplayReport(Report):
    """What each way of choosing would have spent, and how well it would have foretold.

    Attributes:
        law: names of the laws.
        num_runs, cost: of all runs together.
        tolerance: within which predictions count as the same.
        prediction: from all runs.
        trust: how far that may be trusted.
        paths: one for each way, several for random choice.
        draws: of starting points and random orders, over which scores are means.
        scores: of every way at every budget, and of all runs; none where the target's outcomes are unknown.
        notes: what should be known.
    """

    law: str
    num_runs: int
    cost: float
    tolerance: float
    prediction: Prediction
    trust: Trust
    paths: tuple[Path, ...]
    draws: int
    scores: tuple[Scored, ...]
    notes: tuple[str, ...]


def replay(
    source: Any,
    law: Laws,
    *,
    target: Any = None,
    target_share: float | None = None,
    map: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    within: float | None = None,
    draws: int = 5,
    level: float = LEVEL,
    of: str = "outcome",
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
    **how: Unpack[How],
) -> ReplayReport:
    """Replay a table of finished runs.

    Args:
        source, law, target, map, outcome, level, of, how: as in ``jaxsl.host.fit``.
        target_share: share of the runs that are the target, the dearest, in place of ``target``.
        cost: column or expression; by default the column ``cost``.
        within: predictions closer than this, on the scale of the errors, are the same; by default the root
            mean squared residual about the heaviest law of all runs that are not bad.
        draws: of starting points and random orders.
        seed: of the first of them.
        progress: told what is going on.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    check_level(level, of)
    check_within(within)
    check_draws(draws)
    laws = resolved(law)
    reading, options = split(how)
    table = run_table(source, laws, map, outcome, **reading)
    price = require_cost(table, cost)
    if (target is None) == (target_share is None):
        raise UserError(
            "say what to predict with --target, or take the dearest runs with --target-share"
            if target is None
            else "--target and --target-share both say what to predict; give one of them"
        )
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, cost=price, options=options)
    problem, left_out = chosen.problem, len(chosen.problem.runs.x) - len(chosen.seen.x)
    seen, x, observed, row_numbers, notes = hidden_target(chosen, target_share)
    if np.isfinite(observed).sum() == 1:
        notes.append("one outcome of the target is known, and scores need two: name more with --target")
    if left_out:
        notes.append(f"{left_out} runs without an outcome were left out")
    history = PredictedHistory(chosen.laws, seen, seed, level, x, options)
    progress("fitting all runs")
    everything = history.believe(range(len(seen.x)))
    best = everything.lessons[everything.best].learned.fit
    if not np.isfinite(best.loss[0]):
        raise UserError(
            f"{problem.law.name} cannot be fitted to the runs of {problem.table}; see `jaxsl fit`"
        )
    close = within or _scatter(everything)
    last = np.asarray(everything.intervals(x).outcome)
    paths, told = _replayed(history, last[1], close, observed, draws, progress)
    if told:
        told[ALL_RUNS, 1.0] = [scores(last, observed, level)]
    return ReplayReport(
        law=", ".join(law.name for law in chosen.laws),
        num_runs=len(seen.x),
        cost=float(seen.cost.sum()),
        tolerance=close,
        prediction=predicted(everything, x, row_numbers, observed, of),
        trust=trust(everything, seen.x, seen.row_numbers.tolist(), problem.unit, x),
        paths=paths,
        draws=draws,
        scores=tuple(_scored(told)),
        notes=tuple(notes),
    )


def _scatter(found: Believed) -> float:
    """Root mean squared residual about the heaviest law of the runs that are not bad."""
    y = found.outcomes
    good = found.bad[: len(y)] < BAD
    return float(np.sqrt(np.mean((y - np.asarray(found.lessons[found.best].fitted)[: len(y)])[good] ** 2)))


def check_draws(draws: int) -> None:
    """Refuse what is no number of draws."""
    if draws < 1:
        raise UserError(f"draws={draws}: give 1 or more")


class HiddenTarget(NamedTuple):
    """Finished runs to choose among, and the target that is hidden from them, ``(target, ...)``."""

    seen: Runs
    x: np.ndarray
    y: np.ndarray
    row_numbers: np.ndarray
    notes: list[str]


def hidden_target(chosen: Ensemble, share: float | None) -> HiddenTarget:
    """The target that was named, or this share of the runs, the dearest; a sixth where it is None.

    Raises:
        UserError: where there is no pool beside it, as of ``check_replayed``.
    """
    problem, seen, notes = chosen.problem, chosen.seen, list(chosen.problem.notes)
    if problem.targets is None or problem.answers is None:
        share = DEAREST if share is None else share
        num, (seen, dear) = len(seen.x), seen.split_dearest(share)
        notes += ties(len(dear.x), num, share)
        found = HiddenTarget(seen, dear.x, dear.y, dear.row_numbers, notes)
    else:
        aim = problem.targets
        found = HiddenTarget(seen, aim.x, problem.answers.y, aim.row_numbers, notes)
    check_replayed(problem, found.seen, chosen.laws)
    return found


def check_within(within: float | None) -> None:
    """Refuse what is no tolerance."""
    if within is not None and not (np.isfinite(within) and within > 0):
        raise UserError(f"--within {within:g}: give a positive number, in the unit of the outcome")


def check_replayed(problem: Problem, seen: Runs, laws: tuple[Law, ...]) -> None:
    """Refuse runs without a cost, and too few of them."""
    unpriced = np.flatnonzero(np.isnan(seen.cost))
    if unpriced.size:
        row = seen.row_numbers[unpriced[0]]
        raise UserError(f"{problem.table}, {problem.unit} {row}: has no cost, and a replay needs all of them")
    smallest = min(laws, key=lambda law: law.num_params)
    if len(seen.x) <= smallest.num_params:
        raise UserError(
            f"{problem.table} has {len(seen.x)} finished runs beside the target and {smallest.name} has "
            f"{smallest.num_params} parameters; there is nothing to choose among"
        )


def _replayed(
    history: PredictedHistory,
    reference: np.ndarray,
    close: float,
    observed: np.ndarray,
    draws: int,
    progress: Callable[[str], None],
) -> tuple[tuple[Path, ...], dict[tuple[str, float], list[Scores]]]:
    """Every way: what it needed, and by way and budget its scores, a draw each, where there is a truth.

    What a way needs is seen in its first draw, and in all of those that are random; the others end with the
    last budget.
    """
    is_scored = bool(np.isfinite(observed).sum() > 1)
    paths: list[Path] = []
    told: dict[tuple[str, float], list[Scores]] = {}
    for walk in history.walks(WAYS, draws, is_scored, progress):
        if walk.to_the_end:
            paths.append(path_of(walk, reference, close, history.options))
        for share, budget in zip(BUDGETS, history.money, strict=True) if is_scored else ():
            last = walk.within(budget)
            told_then = None if last is None else walk.steps[last].interval
            scored = NOTHING if told_then is None else scores(told_then, observed, history.level)
            told.setdefault((walk.way, share), []).append(scored)
    return tuple(paths), told


def path_of(walk: Walk, reference: np.ndarray, close: float, options: FitOptions) -> Path:
    """How near the predictions of one way come to those of all runs, and from where on they are the same."""
    on_scale = options.on_scale
    away = [on_scale(step.interval[1]) - on_scale(reference) for step in walk.steps]
    distance = np.array([np.sqrt(np.mean(one**2)) for one in away])
    first = walk.settled(distance, close)
    return Path(walk.way, walk.spent, walk.num_runs, distance, first.spent, first.num_runs)


def _scored(told: Mapping[tuple[str, float], list[Scores]]) -> Iterable[Scored]:
    """Means over draws, a way after the other."""
    for (method, budget), found in told.items():
        r2, error = mean_and_error([one.r2 for one in found])
        active = told.get((WAYS[0], budget), [])
        gain = np.nan, np.nan
        if active and method != WAYS[0]:
            less = [beyond_rounding(a.r2 - b.r2, 1.0) for a, b in zip(active, found, strict=True)]
            gain = mean_and_error(less)
        inside, width, score = (
            float(np.mean([getattr(one, name) for one in found]))
            for name in ("coverage", "width", "interval_score")
        )
        yield Scored(method, budget, r2, error, inside, width, score, *gain)
