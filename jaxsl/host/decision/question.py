"""What may be chosen and what it costs, from what a person gives: ``--cost``, ``--hold``, ``--range``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from jaxsl.decision import Space
from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import Expression, parse
from jaxsl.host.programs.packing import array
from jaxsl.law import Law

DOWN, UP = 1e-6, 1e15  # times the runs' range: how far an input that costs is searched
SMALLEST, LARGEST = 1e-3, 1e40  # without runs
SPREAD = 4.0  # of starting points, in natural logarithms


class Cost(eqx.Module):
    """A cost expression as a function of a law's inputs."""

    expression: Expression = eqx.field(static=True)
    inputs: tuple[str, ...] = eqx.field(static=True)
    others: dict[str, Array]

    def __call__(self, x: Array) -> Array:
        """``(feature,) -> ()``."""
        columns = {name: x[index] for index, name in enumerate(self.inputs)} | self.others
        return jnp.asarray(self.expression.traced(columns, jnp))


@dataclass(frozen=True)
class Question:
    """Which inputs are free, within which bounds, and what a run costs.

    Attributes:
        inputs: of the laws.
        cost: of a run.
        held: inputs and other names of the cost with their values.
        low, high: of every input, ``(feature,)``; of one that is held its value.
        given: which bounds were given, or are those of the runs, and not merely far away, ``(feature,)``.
    """

    inputs: tuple[str, ...]
    cost: Expression
    held: Mapping[str, float]
    low: np.ndarray
    high: np.ndarray
    given: np.ndarray

    @property
    def free(self) -> tuple[int, ...]:
        """Which inputs may be chosen."""
        return tuple(index for index, name in enumerate(self.inputs) if name not in self.held)

    def space(self) -> Space:
        """The same for the core; in double precision."""
        free = np.isin(np.arange(len(self.inputs)), self.free)
        others = {name: array(value) for name, value in self.held.items() if name not in self.inputs}
        return Space(
            Cost(self.cost, self.inputs, others),
            array(free),
            array(np.where(free, 1.0, self.low)),
            array(np.where(free, np.log(np.where(free, self.low, 1.0)), 0.0)),
            array(np.where(free, np.log(np.where(free, self.high, 1.0)), 0.0)),
        )

    def costs(self, x: np.ndarray) -> np.ndarray:
        """What runs at ``x (row, feature)`` cost, ``(row,)``."""
        others = {name: np.asarray(value) for name, value in self.held.items() if name not in self.inputs}
        columns = {name: x[:, index] for index, name in enumerate(self.inputs)} | others
        return np.broadcast_to(self.cost.evaluate(columns), len(x)).astype(np.float64)

    def whole(self, chosen: np.ndarray) -> np.ndarray:
        """Configurations from their free inputs, ``(row, free) -> (row, feature)``."""
        x = np.tile(self.low, (len(chosen), 1))
        x[:, list(self.free)] = chosen
        return x

    def met(self, x: np.ndarray, budget: np.ndarray, scaled: Sequence[int]) -> np.ndarray:
        """Rows with the inputs ``scaled`` multiplied so that they cost ``budget``, by bisection.

        Not numbers where no factor within ``e^60`` does.
        """
        times = np.array([index in scaled for index in range(x.shape[1])])
        low, high = np.full(len(x), -60.0), np.full(len(x), 60.0)
        for _ in range(100):
            middle = (low + high) / 2
            cheap = self.costs(x * np.exp(middle[:, None] * times)) < budget
            low, high = np.where(cheap, middle, low), np.where(cheap, high, middle)
        rows = x * np.exp(low[:, None] * times)
        return np.where(np.isclose(self.costs(rows), budget, rtol=1e-6)[:, None], rows, np.nan)

    def starts(self, middle: np.ndarray) -> np.ndarray:
        """Logarithms of inputs to search from, about ``middle (feature,)``: ``(start, feature)``."""
        away = np.eye(len(self.inputs))[list(self.free)]
        offsets = np.concatenate([np.zeros((1, len(self.inputs))), SPREAD * away, -SPREAD * away])
        return np.log(np.where(middle > 0, middle, 1.0)) + offsets


def question(
    law: Law,
    cost: str,
    hold: Mapping[str, float] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    runs: np.ndarray | None = None,
) -> Question:
    """Check what may be chosen.

    Args:
        law: any of the laws, for their inputs.
        cost: arithmetic on its inputs and on names that are held.
        hold: values of inputs that may not be chosen, and of other names of the cost.
        ranges: bounds of inputs.
        runs: their configurations, ``(run, feature)``: an input without a cost is searched among them.

    Raises:
        UserError: saying what is missing, unknown or out of place.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> asked = question(CHINCHILLA, "6*N*D + 2*N*served", {"served": 1e12}, {"N": (1e8, 1e11)})
        >>> asked.free, asked.costs(np.array([[1e9, 1e10]])).tolist()
        ((0, 1), [2.06e+21])
    """
    hold, ranges, expression = dict(hold or {}), dict(ranges or {}), parse(cost)
    known = {*law.inputs, *expression.names}
    for index, name in enumerate(law.inputs):  # what never varied is no choice
        if runs is not None and name not in (*expression.names, *ranges) and len(set(runs[:, index])) == 1:
            hold.setdefault(name, float(runs[0, index]))
    for option, names in (("--hold", tuple(hold)), ("--range", tuple(ranges))):
        for name in names:
            if name not in (known if option == "--hold" else law.inputs):
                where = f"{', '.join(law.inputs)}" + (" and names of --cost" if option == "--hold" else "")
                raise UserError(f"{option} {name}: is none of the inputs of {law.name}; those are {where}")
    for name in sorted(hold.keys() & ranges.keys()):
        raise UserError(f"{name} has both --hold and --range; give one of them")
    for name in expression.names:
        if name not in law.inputs and name not in hold:
            raise UserError(
                f"--cost {cost}: {name} is no input of {law.name} ({', '.join(law.inputs)}); "
                f"say what it is with --hold {name}=VALUE"
            )
    low, high, given = np.zeros(len(law.inputs)), np.zeros(len(law.inputs)), np.zeros(len(law.inputs), bool)
    for index, name in enumerate(law.inputs):
        column = None if runs is None else runs[:, index]
        low[index], high[index], given[index] = _bounds(law, name, expression, hold, ranges, column)
    if not set(expression.names) & (set(law.inputs) - set(hold)):
        raise UserError(f"--cost {cost}: every input in it is held, so the cost is fixed; leave one free")
    return Question(law.inputs, expression, hold, low, high, given)


def _bounds(
    law: Law,
    name: str,
    cost: Expression,
    hold: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
    column: np.ndarray | None,
) -> tuple[float, float, bool]:
    """Where one input may lie, and whether somebody said so."""
    if name in hold:
        value = hold[name]
        if not np.isfinite(value) or value < 0 or (value == 0 and name not in law.nonnegative):
            raise UserError(f"--hold {name}={value:g}: {law.name} takes only positive {name}")
        return value, value, True
    if name in ranges:
        low, high = ranges[name]
        if not (np.isfinite([low, high]).all() and 0 < low < high):
            raise UserError(f"--range {name}={low:g}:{high:g}: write LOW:HIGH, both positive, LOW below HIGH")
        return low, high, True
    positive = None if column is None else column[column > 0]
    if name in cost.names and name not in law.nonnegative:
        if positive is None or not len(positive):
            return SMALLEST, LARGEST, False
        return positive.min() * DOWN, positive.max() * UP, False
    if positive is None or not len(positive) or positive.min() == positive.max():
        why = f"{name} is not in the cost" if name not in cost.names else f"{name} may be 0"
        raise UserError(f"{why}: say what it is with --hold {name}=VALUE, or --range {name}=LOW:HIGH")
    return float(positive.min()), float(positive.max()), True


def check_budgets(budgets: ArrayLike, option: str = "--budget") -> np.ndarray:
    """Budgets in rising order.

    Raises:
        UserError: when there is none, or one is not positive.
    """
    values = np.unique(np.asarray(budgets, float).ravel())
    if not len(values):
        raise UserError(f"there is no budget; give {option} 1e24, or several with commas between")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise UserError(f"{option} {values.min():g}: a budget is a positive number, in the unit of the cost")
    return values
