"""What was decided, in plain NumPy: for display, JSON and Python; of one law as of several."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.fit_report import LeftOut
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import Trust
from jaxsl.host.decision.estimate import Estimate


@dataclass(frozen=True)
class Flat(Report):
    """How flat the loss is about the best value of one input, all others again at their best.

    Attributes:
        input: which.
        low, high: where half a per cent more compute is as good.
        halving, doubling: times the compute to be as good with half of it and with twice as much.
    """

    input: str
    low: float
    high: float
    halving: float
    doubling: float


@dataclass(frozen=True)
class Around(Report):
    """The loss at a cost about the best value of one input, all others again at their best.

    Attributes:
        input: which. value: of it, rising, ``(point,)``.
        median, low, high: of the loss, ``(point,)``; ends are not numbers of published parameters.
    """

    input: str
    value: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Rounded(Report):
    """A best configuration in multiples of some numbers.

    Attributes:
        x: of every free input. cost: what it costs, the budget at most.
        given_up: loss that it gives up against the same without rounding, by the heaviest law.
    """

    x: Mapping[str, float]
    cost: float
    given_up: float


@dataclass(frozen=True)
class Decision(Report):
    """The best configuration at a cost.

    Attributes:
        budget: the cost.
        estimates: of every free input, of tokens per parameter where a law has N and D, and of the loss.
        regret: expected loss given up by choosing these medians now; 0 of published parameters, not
            a number where too few draws tell.
        flat: of every free input.
        edges: inputs whose best value lies at a bound, such as ``"N at its lower bound 1e+08"``.
        rounded: the same in multiples, where they were asked for.
        around: the loss about it, of every free input, where it was asked for.
    """

    budget: float
    estimates: tuple[Estimate, ...]
    regret: float
    flat: tuple[Flat, ...]
    edges: tuple[str, ...]
    rounded: Rounded | None = None
    around: tuple[Around, ...] = ()

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of that name."""
        return next(one for one in self.estimates if one.name == name)


@dataclass(frozen=True)
class OptimalReport(Report):
    """The best configurations at some costs.

    Attributes:
        laws: their names, heaviest first. published: whether their parameters are.
        cost: the expression. held: what may not be chosen.
        decisions: one a budget, rising.
        exponents: ``a`` of ``N* ~ C^a`` for every free input: over the budgets, or over the decade about one.
        level: of intervals, in per cent.
        none: share of the belief in which there is no best configuration, a scalar.
        trust: how far to trust it, ``None`` of published parameters.
    """

    laws: tuple[str, ...]
    published: bool
    cost: str
    held: Mapping[str, float]
    decisions: tuple[Decision, ...]
    exponents: tuple[Estimate, ...]
    level: float
    none: float
    trust: Trust | None
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ReachReport(Report):
    """The least cost of some losses.

    Attributes:
        losses: asked for. estimates: the cost, free inputs and tokens per parameter of each.
        none: share of the belief in which no cost reaches it, of each.
        others: as in ``OptimalReport``.
    """

    laws: tuple[str, ...]
    published: bool
    cost: str
    held: Mapping[str, float]
    losses: tuple[float, ...]
    estimates: tuple[tuple[Estimate, ...], ...]
    none: tuple[float, ...]
    level: float
    trust: Trust | None
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Shared(Report):
    """One parameter of the law in a recipe and in the one it is compared with.

    Attributes:
        name: of the parameter. value, other: in both.
        probability: of so large a difference if it were the same in both, by Student's t.
    """

    name: str
    value: float
    other: float
    probability: float


@dataclass(frozen=True)
class Recipe(Report):
    """A recipe compared with the last one.

    Attributes:
        name: of the recipe.
        multiplier: times the compute it needs for the loss that the other has at the budget.
        loss: its own least loss at the budget.
        better: probability that its loss there is the lower one.
        crossing: the cost at which the medians of both cross; not a number where they do not within a hundred
            times the budget each way.
        shared: parameters of both, of one law alone.
    """

    name: str
    multiplier: Estimate
    loss: Estimate
    better: float
    crossing: float
    shared: tuple[Shared, ...]


@dataclass(frozen=True)
class MultiplierReport(Report):
    """Recipes compared with ``against``, whose least loss at the ``budget`` is ``loss``."""

    laws: tuple[str, ...]
    cost: str
    budget: float
    against: str
    loss: Estimate
    recipes: tuple[Recipe, ...]
    level: float
    trust: Mapping[str, Trust]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Group(Report):
    """The runs of one budget.

    Attributes:
        budget: its cost. rows: where a person finds its runs.
        size, outcome: of the runs, ``(run,)``.
        refused: why its parabola says nothing; empty where it does.
        best, loss: of the parabola's minimum. bend: what the loss rises by in its logarithm squared.
        law: the best size by the laws.
        bias: times the law's own best size that a parabola on this grid finds for a loss of that law.
    """

    budget: float
    rows: tuple[int, ...]
    size: np.ndarray
    outcome: np.ndarray
    refused: str
    best: Estimate
    loss: Estimate
    bend: float
    law: Estimate
    bias: float


@dataclass(frozen=True)
class IsoflopReport(Report):
    """Parabolas at some budgets, beside laws.

    Attributes:
        size: the input in whose logarithm they are.
        exponent: ``a`` of ``size ~ C^a`` through the minima, ``None`` of fewer than two; ``exponent_bias`` is
            what the law's own losses on this grid add to it. law_exponent: by the laws.
        noise: standard deviation about the parabolas.
    """

    laws: tuple[str, ...]
    cost: str
    size: str
    groups: tuple[Group, ...]
    exponent: Estimate | None
    exponent_bias: float
    law_exponent: Estimate | None
    noise: float
    level: float
    trust: Trust | None
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GridReport(Report):
    """Runs that are laid out.

    Attributes:
        law: with its parameters. cost: of a run.
        budget: of each run, ``(run,)``. x: its inputs by name, ``(run,)`` each.
        aim: the cost at which the best size is to be told.
        expected: what the runs will tell of the best inputs and the loss there, and of the exponents.
        noise: standard deviation of an outcome. total: cost of all runs.
    """

    law: str
    cost: str
    budget: np.ndarray
    x: Mapping[str, np.ndarray]
    aim: float
    expected: tuple[Estimate, ...]
    noise: float
    total: float
    level: float
