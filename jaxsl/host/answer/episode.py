"""A whole episode: buy one run after the other until the budget is spent.

What a run gives is asked of ``outcome(index)`` when it is bought and not before: a look-up of a finished run,
or a training that starts now. (``jaxsl.episode`` makes such purchases in one compiled program where all
outcomes can be looked up by JAX.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from jaxsl.along import Course
from jaxsl.design import Design, cheapest
from jaxsl.host.answer.believed import Believed, believe
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.compiled import compiled
from jaxsl.host.input.intervals import LEVEL
from jaxsl.host.programs.learning import rank_rows
from jaxsl.host.programs.packing import (
    array,
    key_of,
    pack_course,
    pack_observations,
    pack_target,
    pad,
    pad_course,
)
from jaxsl.law import Law
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision

WARM_PER_PARAMETER = 2.5  # cheapest runs bought before the first choice, per parameter and output
WARM_SHARE = 0.02  # while they cost at most this share of the pool
cheapest_runs = compiled(cheapest)
CHOOSING = Design(())  # what is chosen by has no laws: it sees numbers


@dataclass(frozen=True)
class Step:
    """What is believed after some purchases, and the next one.

    Attributes:
        num_runs, spent: bought so far; runs that diverged are paid for, and not among the number.
        median: predictions, ``(target, output)``.
        interval: lower and upper end for outcomes, ``(2, target, output)``.
        num_basins: of the heaviest law, in use.
        index: row of the pool to buy now; -1 when nothing is affordable any more.
        cost: of this purchase.
        y: what it gave, ``(output,)``; not finite where it diverged.
    """

    num_runs: int
    spent: float
    median: np.ndarray
    interval: np.ndarray
    num_basins: int
    index: int = -1
    cost: float = 0.0
    y: np.ndarray | None = None


class Episode:
    """Some laws, one pool, one target: what every episode on them shares.

    Args:
        laws: over the same inputs and outputs.
        x, cost: configurations of the pool, ``(pool, feature)``, ``(pool,)``.
        target: configurations to predict, ``(target, feature)``.
        seed: of starting points and ties.
        level: of intervals, in per cent.
        design: how to choose; its laws do not matter.
        options: how errors count.
        weight: how often each run counts, ``(pool,)``; None for once each.
        course: the training run that each row is of, and where along it; None where each is of its own.
        often: as of ``believe``.
    """

    def __init__(
        self,
        laws: Sequence[Law],
        x: np.ndarray,
        cost: np.ndarray,
        target: np.ndarray,
        seed: int = 0,
        level: float = LEVEL,
        design: Design = CHOOSING,
        options: FitOptions = PLAIN,
        weight: np.ndarray | None = None,
        course: Course | None = None,
        often: bool = True,
    ):
        self.laws, self.x, self.cost = tuple(laws), np.asarray(x), np.asarray(cost, np.float64)
        self.target, self.seed, self.level, self.design = np.asarray(target), seed, level, design
        self.size, self.options, self.weight = buffer_size(len(self.x)), options, weight
        self.course, self.often = pack_course(course, len(self.x)), often

    def warm(self) -> np.ndarray:
        """The cheapest runs, bought before the first choice: indices, cheapest first."""
        num_params = min(law.num_params for law in self.laws)
        wanted = int(WARM_PER_PARAMETER * num_params / self.laws[0].num_outputs)
        with double_precision():
            taken = np.asarray(cheapest_runs(self.cost, wanted, WARM_SHARE * self.cost.sum()))
        rows = np.flatnonzero(taken)
        return rows[np.argsort(self.cost[rows], kind="stable")]

    def believe(self, outcomes: Mapping[int, np.ndarray]) -> Believed:
        """What is believed once these runs of the pool are known; one program up to 32 runs, 128, 512."""
        rows = np.fromiter(outcomes, int)
        y = np.reshape(np.array(list(outcomes.values()), float), (-1, self.laws[0].num_outputs))
        with double_precision():
            weight = None if self.weight is None else self.weight[rows]
            observations = pack_observations(self.x[rows], self.options.outcomes(y), weight)
            if (
                self.course is not None
            ):  # a part of it too, where no run has two rows yet: one program for all
                size = buffer_size(len(rows))
                observations = replace(observations, course=pad_course(self.course.take(rows), size))
            return believe(
                self.laws,
                observations,
                self.target,
                self.x,
                self.level,
                self.seed,
                self.options,
                often=self.often,
            )

    def choose(self, found: Believed, bought: Sequence[int], money: float) -> int:
        """The row of the pool to buy next; -1 when nothing is left or affordable."""
        with double_precision():
            aim, key = pack_target(self.target), key_of(self.seed)
            rows = np.concatenate([np.asarray(aim.x), pad(self.x, self.size)])
            sale = np.arange(self.size) < len(self.x)
            sale[list(bought)] = False
            table = found.at(rows, self.design.num_scored, self.design.least_scored, whole=True).table
            ranking = rank_rows(
                self.design,
                table,
                array(pad(self.cost, self.size)),
                array(sale),
                aim.weight,
                array(found.checked(self.cost[list(bought)].sum())),
                array(money),
                jax.random.fold_in(key, len(bought)),
                array(np.zeros(1, int)),
                1,
            )
            return int(ranking.next)

    def steps(self, outcome: Callable[[int], np.ndarray], budget: float) -> Iterator[Step]:
        """Buy until nothing is affordable; the last step has the final belief and no purchase."""
        outcomes = {int(index): np.asarray(outcome(int(index)), np.float64) for index in self.warm()}
        while True:
            found, spent = self.believe(outcomes), float(self.cost[list(outcomes)].sum())
            step = self.step(found, spent)
            index = self.choose(found, list(outcomes), budget - spent)
            if index < 0:
                yield step
                return
            y = np.asarray(outcome(index), np.float64)
            yield replace(step, index=index, cost=float(self.cost[index]), y=y)
            outcomes[index] = y

    def step(self, found: Believed, spent: float) -> Step:
        """A belief as a step without a purchase."""
        low, median, high = found.intervals(self.target).outcome
        return Step(
            num_runs=int(np.sum(found.observations.mask)),
            spent=spent,
            median=median,
            interval=np.stack([low, high]),
            num_basins=int(np.sum(found.lessons[found.best].learned.basins.weight > 0)),
        )
