"""Your own history again, for a decision: what would other ways of choosing have decided for the same money?

All runs are finished; each way of choosing buys them one after the other, sees the outcome of what it bought
alone, and decides after every purchase. The decision by all runs is what it is compared with, and the law of
all runs says what it gives up.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np

from jaxsl.host.answer.history import BUDGETS, Seen, Walk
from jaxsl.host.answer.replay import check_replayed, check_within
from jaxsl.host.answer.report import beyond_rounding
from jaxsl.host.answer.scores import mean_and_error
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.decision.aim import MULTIPLIER, Aim, expected_error, read_aim, view_for
from jaxsl.host.decision.decided import decided, losses
from jaxsl.host.decision.decided_history import DECIDING, DecidedHistory
from jaxsl.host.decision.known import Known, learned_near
from jaxsl.host.decision.question import question
from jaxsl.host.decision.replay_report import DecidedPath, DecidedReplayReport, DecidedScore
from jaxsl.host.errors import UserError
from jaxsl.host.input.choice import require_cost
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.reading import Reading
from jaxsl.precision import double_precision


class Judged(NamedTuple):
    """A decision held against that of all runs; see ``DecidedScore``."""

    error: float
    regret: float
    coverage: float
    width: float


Told = dict[tuple[str, float], list[Judged]]
UNDECIDED = Judged(np.nan, np.nan, np.nan, np.nan)


def replay_for(
    source: Any,
    law: Laws,
    *,
    aim: str,
    cost: str | None = None,
    hold: Mapping[str, float] | None = None,
    range: Mapping[str, tuple[float, float]] | None = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    within: float | None = None,
    draws: int = 5,
    level: float = LEVEL,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
    **how: Unpack[Reading],
) -> DecidedReplayReport:
    """Replay a table of finished runs for a decision.

    Args:
        aim: ``"optimal:C=1e24"``, the best configuration at that cost; ``"reach:loss=2.2"``, the least cost
            of that loss.
        source, law, cost, map, outcome, level, how: as in ``jaxsl.host.next_for``.
        hold, range: as in ``jaxsl.host.optimal``.
        within: decisions that give up no more loss than this are the same, of a least cost those whose
            logarithms are no further apart; by default what the decision by all runs leaves open: its
            expected regret, or the deviation of the logarithm.
        draws, seed, progress: as in ``jaxsl.host.replay``.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    check_level(level)
    check_within(within)
    what = read_aim(aim)
    if what.kind == MULTIPLIER:
        raise UserError(f"--aim {aim}: a replay is of one recipe; use optimal:C=... or reach:loss=...")
    laws = resolved(law)
    table = run_table(source, laws, map, outcome, **how)
    price = require_cost(table, cost)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, cost=price)
    runs = chosen.seen
    check_replayed(chosen.problem, runs, chosen.laws)
    asked = question(chosen.laws[0], price, hold, range, runs.x)
    history = DecidedHistory(chosen.laws, runs, seed, level, chosen, asked, what)
    progress("fitting all runs")
    known = learned_near(chosen, asked, what.levels, what.reach, level=level, seed=seed, candidates=runs.x)
    with double_precision():
        view, target, _ = view_for(known, what, runs.x)
    left = expected_error(view, target)
    close = within or (left**0.5 if what.reach else left)
    paths, told = _replayed(history, known, close, draws, progress)
    return DecidedReplayReport(
        law=", ".join(law.name for law in chosen.laws),
        aim=aim,
        num_runs=len(runs.x),
        cost=float(runs.cost.sum()),
        tolerance=close,
        decision=tuple(decided(known, what, level)),
        paths=paths,
        draws=draws,
        scores=tuple(scores_of(told)),
        level=level,
        trust=known.trust(known.centre),
        notes=known.notes,
    )


def _replayed(
    history: DecidedHistory, known: Known, close: float, draws: int, progress: Callable[[str], None]
) -> tuple[tuple[DecidedPath, ...], Told]:
    """Every way: what it needed, and by way and budget a score a draw."""
    reference = history.told(known)[1]
    paths, told = list[DecidedPath](), Told()
    for walk in history.walks(DECIDING, draws, True, progress):
        found = judged(history, known, reference, walk.steps)
        if walk.to_the_end:
            paths.append(path_of(walk, found, close, history.aim))
        for share, budget in zip(BUDGETS, history.money, strict=True):
            last = walk.within(budget)
            told.setdefault((walk.way, share), []).append(UNDECIDED if last is None else found[last])
    return tuple(paths), told


def judged(
    history: DecidedHistory, known: Known, reference: np.ndarray, steps: Sequence[Seen]
) -> list[Judged]:
    """Every decision of a way, against the numbers ``reference`` that are told by all runs."""
    asked, aim = history.asked, history.aim
    interval = np.stack([step.interval for step in steps])
    fine = np.isfinite(interval).all(axis=(1, 2))
    low, median, high = np.moveaxis(np.where(fine[:, None, None], interval, reference), 1, 0)
    loss, above = losses(known, asked.whole(median[:, -len(asked.free) :]))
    away = np.log(median / reference)[:, : 1 if aim.reach else None]
    error = np.sqrt(np.mean(away**2, axis=1))
    regret = np.maximum(loss - aim.at, 0.0) if aim.reach else above
    inside = ((low <= reference) & (reference <= high)).mean(axis=1)
    width = np.log(high / low).mean(axis=1)
    each = np.stack([error, regret, inside, width], axis=1).tolist()
    return [Judged(*one) if decides else UNDECIDED for one, decides in zip(each, fine, strict=True)]


def path_of(walk: Walk, found: Sequence[Judged], close: float, aim: Aim) -> DecidedPath:
    """How good the decisions of one way are, and from where on they are as good as that of all runs."""
    error, regret = (np.array([getattr(one, name) for one in found]) for name in ("error", "regret"))
    first = walk.settled(error if aim.reach else regret, close)
    return DecidedPath(walk.way, walk.spent, walk.num_runs, error, regret, first.spent, first.num_runs)


def scores_of(told: Told) -> Iterable[DecidedScore]:
    """Over draws, a way after the other."""
    for (method, budget), found in told.items():
        error, regret, inside, width = np.array(found).T
        fine, gain = np.isfinite(regret), (np.nan, np.nan)
        active = np.array([one.regret for one in told[DECIDING[0], budget]])
        less = beyond_rounding(regret - active, active)
        if method != DECIDING[0] and np.isfinite(less).any():
            gain = mean_and_error(less[np.isfinite(less)])
        means = (
            np.array([error**2, inside, width])[:, fine].mean(axis=1) if fine.any() else np.full(3, np.nan)
        )
        mean = mean_and_error(regret[fine]) if fine.any() else (np.nan, np.nan)
        yield DecidedScore(
            method=method,
            budget=budget,
            decided=float(fine.mean()),
            error=float(np.sqrt(means[0])),
            regret=mean[0],
            regret_error=mean[1],
            coverage=float(means[1]),
            width=float(means[2]),
            gain=gain[0],
            gain_error=gain[1],
        )
