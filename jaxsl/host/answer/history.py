"""Finished runs whose outcomes are handed out one by one, and the ways of choosing among them.

Every way buys the same cheapest runs first, as many as a study would. ``active``, D-opt and V-opt then choose
by what they know; cheapest, cost-random (odds of one over the cost) and random never look at an outcome, nor
do they buy, while the largest budget lasts, what it does not afford.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from jaxsl.acquisition import MSPE, DOptimal, VOptimal
from jaxsl.design import Design
from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.episode import Episode
from jaxsl.host.answer.fit_options import FitOptions
from jaxsl.host.input.problem import Runs
from jaxsl.law import Law

ACTIVE: dict[str, Callable] = {"active": MSPE(), "D-opt": DOptimal(), "V-opt": VOptimal()}
DRAWN = "cost-random", "random"
WAYS = (*ACTIVE, "cheapest", *DRAWN)
CHECKPOINTS = 24  # of spend, at which ways that never look at an outcome are fitted


@dataclass(frozen=True)
class Seen:
    """What was predicted after some purchases.

    Attributes:
        spent, num_runs: by then.
        interval: lower end, median and upper end at the targets, ``(3, target, output)``.
    """

    spent: float
    num_runs: int
    interval: np.ndarray


@dataclass(frozen=True)
class History:
    """Laws, finished runs of which some are known at a time, and what is to be predicted.

    Attributes:
        laws: over the same inputs and outputs.
        runs: all of them.
        target: ``(target, feature)``.
        seed: of starting points and random orders.
        level: of intervals, in per cent.
        options: how errors count.
    """

    laws: tuple[Law, ...]
    runs: Runs
    target: np.ndarray
    seed: int
    level: float
    options: FitOptions

    def again(self, draw: int) -> "History":
        """The same with other starting points and orders; those of draw 0 are its own."""
        return replace(self, seed=self.seed + draw)

    def episode(self, acquisition: Callable = ACTIVE["active"]) -> Episode:
        """An episode that chooses by an acquisition."""
        design, runs = Design((), acquisition=acquisition), self.runs
        return Episode(
            self.laws,
            runs.x,
            runs.cost,
            self.target,
            self.seed,
            self.level,
            design,
            self.options,
            runs.weight,
            runs.course,
        )

    def believe(self, rows: Iterable[int]) -> Believed:
        """What is believed once these runs are known."""
        return self.episode().believe({row: self.runs.y[row] for row in rows})

    def warm(self) -> list[int]:
        """The runs that every way buys first: the cheapest."""
        return self.episode().warm().tolist() or [int(np.argmin(self.runs.cost))]

    def by(self, way: str, budgets: Sequence[float], to_the_end: bool) -> Iterator[Seen]:
        """What one of ``WAYS`` predicts after its purchases.

        Args:
            way: its name.
            budgets: at which it is asked what it predicts.
            to_the_end: whether it buys all runs, or as many as the last budget affords.
        """
        if way in ACTIVE:
            return self._active(ACTIVE[way], np.inf if to_the_end else budgets[-1])
        return self._ordered(self._order(way, budgets[-1]), budgets, to_the_end)

    def _active(self, acquisition: Callable, budget: float) -> Iterator[Seen]:
        rows, episode = self.warm(), self.episode(acquisition)
        while True:
            found = self.believe(rows)
            yield self._seen(rows, found)
            chosen = episode.choose(found, rows, budget - self.runs.cost[rows].sum())
            if chosen < 0:
                return
            rows = [*rows, chosen]

    def _order(self, way: str, budget: float) -> list[int]:
        """All rows in the order of a way that never looks at an outcome."""
        cost, warm = self.runs.cost, self.warm()
        rng = np.random.default_rng((self.seed, WAYS.index(way)))
        # The smallest of exponential waiting times is drawn with odds of their rates: 1, or 1 / cost.
        waiting = rng.exponential(size=len(cost)) * (cost if way == "cost-random" else 1.0)
        wanted = np.argsort(cost if way == "cheapest" else waiting, kind="stable")
        left, now, later = budget - cost[warm].sum(), list(warm), list[int]()
        for row in map(int, wanted):
            if row in warm:
                continue
            affordable = cost[row] <= left * (1 + 1e-12)
            (now if affordable else later).append(row)
            left -= cost[row] * affordable
        return [*now, *later]

    def _ordered(self, rows: list[int], budgets: Sequence[float], to_the_end: bool) -> Iterator[Seen]:
        spent, first = np.cumsum(self.runs.cost[rows]), len(self.warm())
        counts = np.searchsorted(spent, np.array(budgets) * (1 + 1e-12), side="right")
        if to_the_end:
            marks = np.geomspace(max(spent[first - 1], 1e-12 * spent[-1]), spent[-1], CHECKPOINTS)
            counts = np.append(counts, np.searchsorted(spent, marks * (1 - 1e-12)) + 1)
        for count in np.unique(np.clip(counts, first, len(rows))):
            some = rows[: int(count)]
            yield self._seen(some, self.believe(some))

    def _seen(self, rows: list[int], found: Believed) -> Seen:
        interval = np.asarray(found.intervals(self.target).outcome)
        return Seen(float(self.runs.cost[rows].sum()), len(rows), interval)
