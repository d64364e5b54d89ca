"""Your own history again: what would other ways of choosing have spent for the same prediction?

All runs are finished; each way of choosing buys them one after the other, sees the outcome of what it bought
alone, and predicts the target after every purchase. The prediction is the same as that of all runs together
from the spend on at which it stays within a tolerance of it, by default the runs' scatter about the law.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from jaxsl.acquisition import MSPE, DOptimal, VOptimal
from jaxsl.design import Design
from jaxsl.host.answer.believed import LEVEL, Believed, check_level
from jaxsl.host.answer.episode import Episode
from jaxsl.host.answer.fit import predicted
from jaxsl.host.answer.fit_options import FitOptions, How, split
from jaxsl.host.answer.fit_report import Prediction
from jaxsl.host.answer.next_runs import require_cost
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Problem, Runs
from jaxsl.law import Law

ACTIVE: dict[str, Callable] = {"active": MSPE(), "D-opt": DOptimal(), "V-opt": VOptimal()}
CHECKPOINTS = 24  # of spend, at which ways that never look at an outcome are fitted


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
class ReplayReport(Report):
    """What each way of choosing would have spent.

    Attributes:
        law: names of the laws.
        num_runs, cost: of all runs together.
        tolerance: within which predictions count as the same.
        prediction: from all runs.
        paths: one for each way, several for random choice.
        notes: what should be known.
    """

    law: str
    num_runs: int
    cost: float
    tolerance: float
    prediction: Prediction
    paths: tuple[Path, ...]
    notes: tuple[str, ...]


class _World:
    """Finished runs whose outcomes are handed out one by one."""

    def __init__(
        self,
        laws: tuple[Law, ...],
        seen: Runs,
        target: np.ndarray,
        seed: int,
        level: float,
        options: FitOptions,
    ):
        self.laws, self.seen, self.target, self.seed, self.level = laws, seen, target, seed, level
        self.options = options
        self.episode = self.chosen_by(MSPE())

    def chosen_by(self, acquisition: Callable) -> Episode:
        """An episode that chooses by an acquisition."""
        design = Design((), acquisition=acquisition)
        return Episode(
            self.laws,
            self.seen.x,
            self.seen.cost,
            self.target,
            self.seed,
            self.level,
            design,
            self.options,
            self.seen.weight,
            self.seen.course,
        )

    def believe(self, rows: list[int]) -> Believed:
        """What is believed once these runs are known."""
        return self.episode.believe({row: self.seen.y[row] for row in rows})

    def median(self, found: Believed) -> np.ndarray:
        """Predictions at the targets, on the scale of the errors, ``(target, output)``."""
        return self.options.on_scale(found.intervals(self.target).outcome[1])

    def warm(self) -> list[int]:
        """The runs that every way buys first: the cheapest."""
        rows = self.episode.warm().tolist()
        return rows or [int(np.argmin(self.seen.cost))]

    def active(self, acquisition: Callable) -> Iterator[tuple[list[int], Believed]]:
        """Buy by an acquisition until all is bought."""
        rows, episode = self.warm(), self.chosen_by(acquisition)
        while True:
            found = self.believe(rows)
            yield rows, found
            chosen = episode.choose(found, rows, np.inf)
            if chosen < 0:
                return
            rows = [*rows, chosen]

    def ordered(self, order: np.ndarray) -> Iterator[tuple[list[int], Believed]]:
        """Buy in a fixed order, with a fit at some spends."""
        warm = self.warm()
        rows = [*warm, *(int(row) for row in order if row not in warm)]
        spent = np.cumsum(self.seen.cost[rows])
        marks = np.geomspace(max(spent[len(warm) - 1], 1e-12 * spent[-1]), spent[-1], CHECKPOINTS)
        counts = np.searchsorted(spent, marks * (1 - 1e-12)) + 1
        for count in np.unique(np.clip(counts, len(warm), len(rows))):
            some = rows[: int(count)]
            yield some, self.believe(some)


def replay(
    source: Any,
    law: Laws,
    *,
    target: Any,
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
        cost: column or expression; by default the column ``cost``.
        within: predictions closer than this, on the scale of the errors, are the same; by default the root
            mean squared residual of all runs about the heaviest law.
        draws: random orders.
        seed: of starting points and random orders.
        progress: told what is going on.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    check_level(level, of)
    if within is not None and not (np.isfinite(within) and within > 0):
        raise UserError(f"--within {within:g}: give a positive number, in the unit of the outcome")
    laws = resolved(law)
    reading, options = split(how)
    table = run_table(source, laws, map, outcome, **reading)
    price = require_cost(table, cost)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, cost=price, options=options)
    problem, seen = chosen.problem, chosen.seen
    if problem.targets is None or problem.answers is None:
        raise UserError("there is no target; say what to predict with --target")
    _check(problem, seen, chosen.laws)
    left_out = len(problem.runs.x) - len(seen.x)
    notes = (*problem.notes, *([f"{left_out} runs without an outcome were left out"] if left_out else []))
    world = _World(chosen.laws, seen, problem.targets.x, seed, level, options)
    progress("fitting all runs")
    everything = world.believe(list(range(len(seen.x))))
    best = everything.lessons[everything.best].learned.fit
    if not np.isfinite(best.loss[0]):
        raise UserError(
            f"{problem.law.name} cannot be fitted to the runs of {problem.table}; see `jaxsl fit`"
        )
    reference, close = world.median(everything), within or float(np.sqrt(best.loss[0]))
    paths = []
    for name, acquisition in ACTIVE.items():
        progress(f"choosing by {name}")
        paths.append(_path(name, world, world.active(acquisition), reference, close))
    progress("choosing the cheapest and at random")
    paths.append(
        _path("cheapest", world, world.ordered(np.argsort(seen.cost, kind="stable")), reference, close)
    )
    for draw in range(draws):
        order = np.random.default_rng((seed, draw)).permutation(len(seen.x))
        paths.append(_path("random", world, world.ordered(order), reference, close))
    return ReplayReport(
        law=", ".join(law.name for law in chosen.laws),
        num_runs=len(seen.x),
        cost=float(seen.cost.sum()),
        tolerance=close,
        prediction=predicted(
            everything, problem.targets.x, problem.targets.row_numbers, problem.answers.y, of
        ),
        paths=tuple(paths),
        notes=notes,
    )


def _check(problem: Problem, seen: Runs, laws: tuple[Law, ...]) -> None:
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


def _path(
    name: str,
    world: _World,
    steps: Iterator[tuple[list[int], Believed]],
    reference: np.ndarray,
    close: float,
) -> Path:
    spent, counts, distance = [], [], []
    for rows, found in steps:
        spent.append(float(world.seen.cost[rows].sum()))
        counts.append(len(rows))
        distance.append(float(np.sqrt(np.mean((world.median(found) - reference) ** 2))))
    away = np.flatnonzero(np.array(distance) > close)
    first = min(int(away[-1]) + 1, len(spent) - 1) if away.size else 0
    return Path(name, np.array(spent), np.array(counts), np.array(distance), spent[first], counts[first])
