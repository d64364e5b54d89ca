"""Finished runs whose outcomes are handed out one by one, and the ways of choosing among them.

Every way buys the same cheapest runs first, as many as a study would. ``active``, D-opt and V-opt then choose
by what they know; cheapest, cost-random (odds of one over the cost) and random never look at an outcome, nor
do they buy, while the largest budget lasts, what it does not afford.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Generic, Self, TypeVar

import numpy as np

from jaxsl.acquisition import MSPE, DOptimal, VOptimal
from jaxsl.design import Design
from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.episode import Episode
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.input.problem import Runs
from jaxsl.law import Law

ACTIVE: dict[str, Callable] = {"active": MSPE(), "D-opt": DOptimal(), "V-opt": VOptimal()}
DRAWN = "cost-random", "random"
BLIND = "cheapest", *DRAWN
WAYS = *ACTIVE, *BLIND
BUDGETS = (0.02, 0.05, 0.1, 0.2)  # shares of what all runs cost, at which a way is asked
CHECKPOINTS = 24  # of spend, at which ways that never look at an outcome are fitted

Belief = TypeVar("Belief")


@dataclass(frozen=True)
class Seen:
    """What was told after some purchases.

    Attributes:
        spent, num_runs: by then.
        interval: lower end, median and upper end: at the targets ``(3, target, output)``, of numbers that are
            decided ``(3, number)``.
    """

    spent: float
    num_runs: int
    interval: np.ndarray


@dataclass(frozen=True)
class Walk:
    """What one way of choosing told after its purchases.

    Attributes:
        way: its name.
        steps: in their order.
        to_the_end: whether all runs were bought, or as many as the last budget affords.
    """

    way: str
    steps: list[Seen]
    to_the_end: bool

    def within(self, budget: float) -> int | None:
        """Which step is the last for that money; None where the first runs cost more."""
        num = sum(step.spent <= budget * (1 + 1e-9) for step in self.steps)
        return num - 1 if num else None

    @property
    def spent(self) -> np.ndarray:
        """By the time of each step, ``(step,)``."""
        return np.array([step.spent for step in self.steps])

    @property
    def num_runs(self) -> np.ndarray:
        """Bought by then, ``(step,)``."""
        return np.array([step.num_runs for step in self.steps])

    def settled(self, away: np.ndarray, close: float) -> Seen:
        """From where on all it tells stays ``close``; ``away (step,)`` is how far it is. The end at last."""
        far = np.flatnonzero(~(away <= close))
        return self.steps[min(int(far[-1]) + 1, len(self.steps) - 1) if far.size else 0]


@dataclass(frozen=True)
class History(ABC, Generic[Belief]):
    """Laws and finished runs of which some are known at a time, for whatever is asked of them.

    Attributes:
        laws: over the same inputs and outputs.
        runs: all of them.
        seed: of starting points and random orders.
        level: of intervals, in per cent.
    """

    laws: tuple[Law, ...]
    runs: Runs
    seed: int
    level: float
    _known: dict[tuple[int, ...], tuple[Belief, Seen]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @abstractmethod
    def believe(self, rows: Iterable[int]) -> Belief:
        """What is believed once these runs are known."""

    @abstractmethod
    def choose(self, way: str, found: Belief, rows: list[int], money: float) -> int:
        """The run that a way which looks at outcomes buys after ``rows``; -1 for none."""

    @abstractmethod
    def told(self, found: Belief) -> np.ndarray:
        """The ``interval`` of ``Seen``."""

    @abstractmethod
    def warm(self) -> list[int]:
        """The runs that every way buys first: the cheapest."""

    def again(self, draw: int) -> Self:
        """The same with other starting points and orders; those of draw 0 are its own."""
        return replace(self, seed=self.seed + draw)

    @property
    def money(self) -> list[float]:
        """Of each of ``BUDGETS``."""
        return [share * float(self.runs.cost.sum()) for share in BUDGETS]

    def walks(
        self, ways: Sequence[str], draws: int, scored: bool, progress: Callable[[str], None]
    ) -> Iterator[Walk]:
        """Every draw of every way: to the end the first, and those that are random.

        They come a way after the other, and are walked a draw after the other: ways that have bought the same
        runs in one draw believe the same.

        Args:
            ways: their names.
            draws: of starting points and orders.
            scored: whether the others are wanted too, as far as the last budget goes.
            progress: told what is going on.
        """
        walks: dict[str, list[Walk]] = {way: [] for way in ways}
        for draw in range(draws):
            drawn = self.again(draw)
            for way in ways:
                to_the_end = draw == 0 or way in DRAWN
                if to_the_end or scored:
                    progress(f"choosing by {way}, draw {draw + 1} of {draws}")
                    walks[way].append(Walk(way, list(drawn.by(way, to_the_end)), to_the_end))
        return chain.from_iterable(walks.values())

    def by(self, way: str, to_the_end: bool) -> Iterator[Seen]:
        """What a way tells after its purchases: of all runs, or of as many as the last budget affords."""
        if way not in BLIND:
            return self._active(way, np.inf if to_the_end else self.money[-1])
        return self._ordered(self._order(way, self.money[-1]), to_the_end)

    def _active(self, way: str, budget: float) -> Iterator[Seen]:
        rows = self.warm()
        while True:
            found, seen = self._after(rows)
            yield seen
            chosen = self.choose(way, found, rows, budget - self.runs.cost[rows].sum())
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

    def _ordered(self, rows: list[int], to_the_end: bool) -> Iterator[Seen]:
        spent, first = np.cumsum(self.runs.cost[rows]), len(self.warm())
        counts = np.searchsorted(spent, np.array(self.money) * (1 + 1e-12), side="right")
        if to_the_end:
            marks = np.geomspace(max(spent[first - 1], 1e-12 * spent[-1]), spent[-1], CHECKPOINTS)
            counts = np.append(counts, np.searchsorted(spent, marks * (1 - 1e-12)) + 1)
        for count in np.unique(np.clip(counts, first, len(rows))):
            yield self._after(rows[: int(count)])[1]

    def _after(self, rows: list[int]) -> tuple[Belief, Seen]:
        """What is believed after these purchases, and told: found once for all ways."""
        if tuple(rows) not in self._known:
            found = self.believe(rows)
            seen = Seen(float(self.runs.cost[rows].sum()), len(rows), self.told(found))
            self._known[tuple(rows)] = found, seen
        return self._known[tuple(rows)]


@dataclass(frozen=True)
class PredictedHistory(History[Believed]):
    """Of which a target is predicted.

    Attributes:
        target: ``(target, feature)``.
        options: how errors count.
    """

    target: np.ndarray
    options: FitOptions = PLAIN

    def episode(self, way: str = "active") -> Episode:
        """An episode that chooses by one of ``ACTIVE``."""
        design, runs = Design((), acquisition=ACTIVE[way]), self.runs
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
        """As of ``History``."""
        return self.episode().believe({row: self.runs.y[row] for row in rows})

    def choose(self, way: str, found: Believed, rows: list[int], money: float) -> int:
        """As of ``History``."""
        return self.episode(way).choose(found, rows, money)

    def told(self, found: Believed) -> np.ndarray:
        """Of outcomes at the target."""
        return np.asarray(found.intervals(self.target).outcome)

    def warm(self) -> list[int]:
        """As of ``History``."""
        return self.episode().warm().tolist() or [int(np.argmin(self.runs.cost))]
