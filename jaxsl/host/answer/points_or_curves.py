"""The same rows bought as runs of their own, and as curves: what a game on finished runs costs either way.

Outcomes stay hidden until they are bought. As a point a row costs a whole run to it; as a part of a curve it
costs what is left of the way, the decay from it, and those of the rows on the way, which all are told.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxsl.host.answer.fit import answered, prediction
from jaxsl.host.answer.fit_options import FitOptions
from jaxsl.host.answer.next_runs import next_runs
from jaxsl.host.answer.prediction import Prediction
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.which_laws import ensemble
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import runs as read_problem
from jaxsl.host.input.table import Table, read
from jaxsl.law import Law

GROUP, POINT, MAIN, DECAY = "run", "flops", "flops_constant", "flops_decay"
CHECKPOINTS = 3  # to which the first curves go, one of each of the smallest sizes
PER_PARAMETER = 2.5  # first rows
ASKED = ("level", "seed")  # what is asked of an answer, beside how it is fitted


@dataclass(frozen=True)
class Purchase(Report):
    """A run and how far it was taken, its price, what was spent with it, and the outcomes known then."""

    run: str
    x: dict[str, float]
    cost: float
    spent: float
    known: int


@dataclass(frozen=True)
class Game(Report):
    """One way of buying.

    Attributes:
        curves: whether rows are parts of curves.
        spent: in all. known: outcomes.
        purchases: after those that the game begins with.
        prediction: at the target, from what was bought, with what came out.
        rmse: of its median. inside: share of the target in the intervals. width: of those, their mean.
    """

    curves: bool
    spent: float
    known: int
    purchases: tuple[Purchase, ...]
    prediction: Prediction
    rmse: float
    inside: float
    width: float


@dataclass(frozen=True)
class Games(Report):
    """Both ways for the same money, of runs whose rows cost ``pool_cost`` one by one."""

    law: str
    num_rows: int
    num_runs: int
    num_targets: int
    pool_cost: float
    money: float
    points: Game
    curves: Game


def play(
    source: Any,
    law: Law,
    share: float,
    level: float,
    seed: int,
    told: Callable[[str], None] = lambda words: None,
) -> Games:
    """Both games for a share of what all rows cost one by one; the dearest sixth of them is the target.

    Args:
        source: a table with a row a checkpoint, and the columns of ``jaxsl/data/pilot_curves.csv``.
        law: with the input D.
        share, level, seed: as of ``jaxsl demo``.
        told: what is going on, a line at a time.

    Raises:
        UserError: for a table that is no such game.
    """
    table = read(source)
    for name in (GROUP, POINT, MAIN, DECAY):
        if name not in table.columns:
            raise UserError(f"{table.name} has no column {name!r}, which curves need; {table.suggest(name)}")
    whole = read_problem(table, law, cost=POINT, group=GROUP, schedule="wsd").runs
    near, dear = whole.split_dearest()
    money = share * float(near.cost.sum())
    pool = table.take(np.isin(table.row_numbers, near.row_numbers))
    target = dict(zip(law.inputs, dear.x.T, strict=True))
    games = []
    for curves in (False, True):
        told(f"{'curves' if curves else 'points'} for {money:.3g}")
        games.append(_Board(pool, law, target, curves, level, seed).game(money, dear.y, told))
    runs = len(set(pool.text(GROUP)))
    return Games(law.name, pool.num_rows, runs, len(dear.x), float(near.cost.sum()), money, *games)


class _Board:
    """A pool whose outcomes are shown as they are bought."""

    def __init__(self, pool: Table, law: Law, target: dict, curves: bool, level: float, seed: int):
        self.law, self.target, self.curves = law, target, curves
        self.asking: dict[str, Any] = {
            "level": level,
            "seed": seed,
            **({"group": GROUP, "schedule": "wsd"} if curves else {}),
        }
        self.columns = {name: pool.numbers(name) for name in law.inputs}
        self.y, self.run = pool.numbers(law.outputs[0]), np.array(pool.text(GROUP))
        self.tokens = self.columns["D"]
        self.known = np.zeros(len(self.y), bool)
        decays = [pool.numbers(DECAY)[self._way(row)].sum() for row in range(len(self.y))]
        self.cost = pool.numbers(MAIN) + np.array(decays) if curves else pool.numbers(POINT)

    def game(self, money: float, y: np.ndarray, told: Callable[[str], None]) -> Game:
        """Buys until nothing is affordable; ``y (target, 1)`` is what came out, for the end alone."""
        spent, purchases = sum(map(self._buy, self._first())), list[Purchase]()
        while not self.known.all():
            try:
                asked = next_runs(
                    self._table(),
                    self.law,
                    target=self.target,
                    cost="cost",
                    budget=money - spent,
                    count=1,
                    curves=self.curves,
                    **self.asking,
                )
            except UserError:  # nothing is affordable
                break
            row = int(asked.runs[0].row_number)
            cost = self._buy(row)
            spent += cost
            x = {name: float(values[row]) for name, values in self.columns.items()}
            purchases.append(Purchase(str(self.run[row]), x, cost, spent, int(self.known.sum())))
            told(f"{self.run[row]} to D={x['D']:.3g}: {spent / money:.1%} spent, {self.known.sum()} outcomes")
        seen = {name: values[self.known] for name, values in self._table().items()}
        options = FitOptions(**{name: value for name, value in self.asking.items() if name not in ASKED})
        chosen = ensemble(seen, self.law, target=self.target, options=options)
        found = prediction(answered(chosen, self.asking["level"], "outcome", self.asking["seed"]))
        assert found is not None
        found = replace(found, observed=y)
        return Game(
            self.curves,
            float(spent),
            int(self.known.sum()),
            tuple(purchases),
            found,
            rmse=float(np.sqrt(np.mean((found.median - y) ** 2))),
            inside=float(np.mean((found.low <= y) & (y <= found.high))),
            width=float(np.mean(found.high - found.low)),
        )

    def _first(self) -> list[int]:
        """The rows that the game begins with: the cheapest, or curves of the smallest sizes."""
        if not self.curves:
            return np.argsort(self.cost, kind="stable")[: int(PER_PARAMETER * self.law.num_params)].tolist()
        sizes: dict[float, int] = {}
        for run in dict.fromkeys(self.run.tolist()):
            rows = np.flatnonzero(self.run == run)
            rows = rows[np.argsort(self.tokens[rows])]
            sizes.setdefault(float(self.columns["N"][rows[0]]), int(rows[:CHECKPOINTS][-1]))
        num = -(-int(PER_PARAMETER * self.law.num_params) // CHECKPOINTS)
        return [sizes[size] for size in sorted(sizes)[:num]]

    def _way(self, row: int) -> np.ndarray:
        """The rows of a run up to one of them, ``(row,)`` of bool."""
        return (self.run == self.run[row]) & (self.tokens <= self.tokens[row])

    def _buy(self, row: int) -> float:
        """Shows a row, and those on the way to it; what that costs."""
        if not self.curves:
            self.known[row] = True
            return float(self.cost[row])
        way = self._way(row)
        paid = self.cost[way & self.known].max(initial=0.0)
        self.known |= way
        return float(self.cost[row] - paid)

    def _table(self) -> dict[str, np.ndarray]:
        shown = np.where(self.known, self.y, np.nan)
        return {**self.columns, "run": self.run, "cost": self.cost, self.law.outputs[0]: shown}
