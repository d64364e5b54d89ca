"""What is decided by an aim: its numbers with intervals, and what a choice made earlier gives up."""

import numpy as np

from jaxsl.host.decision import programs
from jaxsl.host.decision.aim import Aim
from jaxsl.host.decision.estimate import Estimate, values
from jaxsl.host.decision.known import Known
from jaxsl.host.decision.optimal import decisions_at, estimates_at
from jaxsl.host.decision.reach import costs
from jaxsl.host.decision.report import Decision
from jaxsl.host.programs.packing import pad
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision


def decided(known: Known, aim: Aim, level: float) -> list[Estimate]:
    """The best inputs and the loss at a cost, or the least cost of a loss and its inputs.

    Args:
        known: the laws, learned near the decision.
        aim: one of those two.
        level: of the intervals, in per cent.
    """
    told = values(known, aim.levels, aim.reach)
    return costs(known, told, 0, level) if aim.reach else estimates_at(known, told, [0], level)[0]


def decision_of(known: Known, aim: Aim, level: float) -> Decision:
    """The same as a decision; that of a loss is at its least cost, and has no regret nor flatness."""
    if aim.reach:
        found = decided(known, aim, level)
        return Decision(found[0].median, tuple(found), np.nan, (), ())
    told = values(known, aim.levels, False)
    return decisions_at(known, told, aim.levels, [0], np.array([aim.at]), level)[0]


def losses(known: Known, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loss of configurations, and how far it is above the least of their own cost: ``(row,)`` each.

    By the heaviest component of the heaviest law.

    Args:
        known: the laws, learned near these.
        x: configurations, ``(row, feature)``.
    """
    part, asked = known.parts[0], known.asked
    rows = pad(x, buffer_size(len(x)))
    with double_precision():
        num_factors = programs.num_factors(part.posterior)
        found = programs.drawn(
            part.posterior,
            asked.space(),
            asked.free,
            False,
            known.ask(np.log(asked.costs(rows))),
            np.asarray(rows),
            np.array([np.argmax(np.asarray(part.posterior.weight))]),
            np.zeros((1, num_factors)),
        )
    least, above = np.asarray(found)[: len(x), 0, -2:].T
    return least + above, above
