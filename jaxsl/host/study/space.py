"""Configurations anywhere inside bounds: ``N in [1e7, 1e9] log``, rounded to what can be run.

>>> axis = parse_axis("N in [1e7, 1e9] log digits 2")
>>> axis.name, axis.low, axis.high, axis.log
('N', 10000000.0, 1000000000.0, True)
>>> axis.neighbours(123456789.0)
(120000000.0, 130000000.0)
>>> parse_axis("batch in [8, 1024] log step 8").neighbours(30)
(24.0, 32.0)
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import Expression, parse
from jaxsl.law import Law

NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
RANGE = re.compile(
    rf"\s*(\w+)\s+in\s*\[\s*{NUMBER}\s*,\s*{NUMBER}\s*\]\s*(log|linear)?\s*(?:(step|digits)\s+{NUMBER})?\s*"
)
VALUE = re.compile(rf"\s*(\w+)\s*=\s*{NUMBER}\s*")
SAME = 0.01  # share of an axis within which two runs count as replicates
DIGITS = 3  # to which a value is rounded unless a step is given
GRAMMAR = "write NAME in [LOW, HIGH], then log if you like, then step S or digits K; or NAME = VALUE"


@dataclass(frozen=True)
class Axis:
    """Where one input may lie.

    Attributes:
        name: of the input.
        low, high: bounds, both allowed.
        log: whether it is searched in its logarithm.
        step: values are multiples of it; 0 to round to ``digits`` significant digits instead.
    """

    name: str
    low: float
    high: float
    log: bool = False
    step: float = 0.0
    digits: int = DIGITS

    def neighbours(self, value: float) -> tuple[float, ...]:
        """The allowed values just below and above; the bounds themselves are always allowed."""
        if self.low == self.high:
            return (self.low,)
        step = self.step
        if not step:
            size = max(abs(value), abs(self.low), 1e-300) if value == 0 else abs(value)
            step = 10.0 ** (math.floor(math.log10(size)) + 1 - self.digits)
        around = (math.floor(value / step * (1 + 1e-15)) * step, math.ceil(value / step * (1 - 1e-15)) * step)
        # Multiples of a power of ten are given their shortest decimal form.
        clean = (float(f"{min(max(item, self.low), self.high):.12g}") for item in around)
        return tuple(dict.fromkeys(clean))


@dataclass(frozen=True)
class Space:
    """A box of configurations in the order of a law's inputs, and the cost of a run in it."""

    axes: tuple[Axis, ...]
    cost: Expression

    def coordinates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds in search coordinates and which of them are logarithms, ``(feature,)`` each."""
        log = np.array([axis.log for axis in self.axes])
        bounds = np.array([[axis.low, axis.high] for axis in self.axes])
        low, high = np.where(log[:, None], np.log(np.where(log[:, None], bounds, 1.0)), bounds).T
        return low, high, log

    def at(self, share: np.ndarray) -> np.ndarray:
        """Configurations at shares of the box, ``(row, feature)`` in and out."""
        low, high, log = self.coordinates()
        values = low + (high - low) * share
        return np.where(log, np.exp(np.where(log, values, 0.0)), values)

    def share(self, x: np.ndarray) -> np.ndarray:
        """The inverse of ``at``; 0 on an axis without extent."""
        low, high, log = self.coordinates()
        values = np.where(log, np.log(np.where(log, x, 1.0)), x)
        return np.clip((values - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)

    def near(self, x: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Which rows of ``x`` are the same run as one of ``others``, all but for ``SAME`` of each axis."""
        low, high, log = self.coordinates()
        near = np.zeros(len(x), bool)
        if not len(others):
            return near
        line, lines = (np.where(log, np.log(np.where(log, some, 1.0)), some) for some in (x, others))
        reach = SAME * (high - low) + 1e-12 * np.abs(low)
        for row in range(len(x)):
            near[row] = (np.abs(line[row] - lines) <= reach).all(axis=1).any()
        return near

    def runnable(self, x: np.ndarray) -> np.ndarray:
        """All roundings of ``x (row, feature)`` up and down, without repeats, in order of appearance."""
        corners: dict[tuple[float, ...], None] = {}
        for row in x:
            around = [axis.neighbours(float(value)) for axis, value in zip(self.axes, row, strict=True)]
            corners |= dict.fromkeys(product(*around))
        return np.array(list(corners))

    def costs(self, x: np.ndarray) -> np.ndarray:
        """What runs at ``x (row, feature)`` cost by the plan, ``(row,)``."""
        columns = {axis.name: x[:, index] for index, axis in enumerate(self.axes)}
        return np.broadcast_to(self.cost.evaluate(columns), len(x)).astype(np.float64)


def parse_axis(text: str) -> Axis:
    """Read one axis.

    Raises:
        UserError: when it cannot be read.
    """
    if found := VALUE.fullmatch(text):
        return Axis(found[1], float(found[2]), float(found[2]))
    found = RANGE.fullmatch(text)
    if not found:
        raise UserError(f"--space {text!r} cannot be read; {GRAMMAR}")
    name, low, high, scale, kind, amount = found.groups()
    axis = Axis(name, float(low), float(high), scale == "log")
    if not axis.low < axis.high:
        raise UserError(f"--space {text!r}: {axis.low:g} is not below {axis.high:g}; {GRAMMAR}")
    if axis.log and axis.low <= 0:
        raise UserError(f"--space {text!r}: a logarithm needs positive bounds; leave out log, or raise {low}")
    if kind is None:
        return axis
    number = float(amount)
    if kind == "step" and 0 < number <= axis.high - axis.low:
        return Axis(axis.name, axis.low, axis.high, axis.log, step=number)
    if kind == "digits" and number in range(1, 13):
        return Axis(axis.name, axis.low, axis.high, axis.log, digits=int(number))
    raise UserError(f"--space {text!r}: a step is positive and within the bounds, digits are 1 to 12")


def parse_space(specs: Sequence[str], law: Law, cost: str) -> Space:
    """Read the axes of all inputs of ``law`` and the cost over them.

    Raises:
        UserError: when an input is missing, unknown or outside of what the law takes, or a cost is no number.
    """
    axes: dict[str, Axis] = {}
    for spec in specs:
        axis = parse_axis(spec)
        if axis.name not in law.inputs or axis.name in axes:
            why = "given twice" if axis.name in axes else f"no input of {law.name} ({', '.join(law.inputs)})"
            raise UserError(f"--space {spec!r}: {axis.name} is {why}")
        if axis.low < 0 or (axis.low == 0 and axis.name not in law.nonnegative):
            raise UserError(
                f"--space {spec!r}: {law.name} takes only positive {axis.name}; raise the lower bound"
            )
        axes[axis.name] = axis
    lacking = [name for name in law.inputs if name not in axes]
    if lacking:
        raise UserError(
            f"--space says nothing of {', '.join(lacking)}; give it once for every input of {law.name}, such "
            f"as --space '{lacking[0]} in [1e7, 1e9] log' or --space '{lacking[0]} = 1e8'"
        )
    expression = parse(cost)
    unknown = [name for name in expression.names if name not in law.inputs]
    if unknown:
        raise UserError(
            f"--cost {cost}: {', '.join(unknown)} is no input of {law.name}; the cost of a run anywhere in "
            f"the space is arithmetic on {', '.join(law.inputs)}"
        )
    space = Space(tuple(axes[name] for name in law.inputs), expression)
    corners = space.at(np.array(list(product((0.0, 1.0), repeat=len(law.inputs)))))
    costs = space.costs(corners)
    if not (np.isfinite(costs).all() and (costs >= 0).all()):
        raise UserError(f"--cost {cost} is {costs.min():g} in a corner of the space; a cost is zero or more")
    return space


def space_of(settings: dict[str, Any], law: Law) -> Space:
    """The space that a study's settings describe."""
    return parse_space(settings["space"], law, settings["cost"])
