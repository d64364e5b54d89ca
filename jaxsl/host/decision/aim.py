"""A decision as what runs are chosen for: a target whose variance is what the decision leaves open.

Of the best configuration at a cost that is the expected regret; of the least cost of a loss it is the
variance of its logarithm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jaxsl.host.answer.episode import CHOOSING
from jaxsl.host.answer.leaders import Priced, View, leaders
from jaxsl.host.decision import programs
from jaxsl.host.decision.known import Known, Part
from jaxsl.host.decision.question import check_budgets
from jaxsl.host.errors import UserError
from jaxsl.host.input.numerals import number
from jaxsl.host.programs.learning import mixture
from jaxsl.host.programs.packing import array, pad
from jaxsl.pool import Target, buffer_size
from jaxsl.posterior import Predictive, Tabulated
from jaxsl.precision import to_numpy

OPTIMAL, REACH, MULTIPLIER = "optimal", "reach", "multiplier"
FEWEST = 128  # candidates, padded: a study has its pending runs beside them, and so has the program of `next`
NAMES = {OPTIMAL: "C", REACH: "loss", MULTIPLIER: "C"}  # of what a decision is at


@dataclass(frozen=True)
class Aim:
    """What is to be decided, of one ``kind``: at the cost ``at``, or what it costs to ``reach`` that loss."""

    kind: str
    at: float

    @property
    def reach(self) -> bool:
        """Whether a loss is to be reached, and not a cost to be spent."""
        return self.kind == REACH

    @property
    def levels(self) -> np.ndarray:
        """The logarithm of the cost, or the loss, ``(1,)``."""
        return np.array([self.at]) if self.reach else np.log([self.at])


def read_aim(aim: str) -> Aim:
    """What is to be decided, in words that a person wrote.

    Raises:
        UserError: when they say anything else.

    Example:
        >>> read_aim("optimal:C=1e24"), read_aim("reach:loss=2.2").reach
        (Aim(kind='optimal', at=1e+24), True)
    """
    kind, _, rest = (piece.strip() for piece in aim.partition(":"))
    name, _, text = rest.partition("=")
    value = number(text)
    if name.strip() != NAMES.get(kind) or value is None or not np.isfinite(value):
        raise UserError(
            f"--aim {aim}: write optimal:C=1e24, the cost at which the best sizes are wanted, "
            "reach:loss=2.2, the loss whose least cost is, or multiplier:C=1e22, the cost at which recipes "
            "are compared"
        )
    return Aim(kind, value if kind == REACH else float(check_budgets([value], f"--aim {kind}:C")[0]))


def view_for(known: Known, aim: Aim, x: np.ndarray) -> tuple[Tabulated, Target, np.ndarray]:
    """The belief as a table for any acquisition, what an aim leaves open its target; in double precision.

    Args:
        known: the laws, learned near the decision.
        aim: the best sizes at a cost, or the least cost of a loss.
        x: configurations that will be asked about, ``(row, feature)``.

    Returns, raises: as of ``aimed_at``.
    """
    if not aim.reach:
        return aimed_at(known, aim.levels, x)
    levels = np.log(known.asked.costs(known.centre))
    table, target, rows, price = least_loss_at(known, levels, x)
    return scaled(table, 1 / price), target, rows


def leaders_for(known: Known, aim: Aim, pool: Priced, money: float, spent: float, count: int) -> np.ndarray:
    """Rows of the ``count`` best of many candidates, or of all that may be bought, rising.

    In double precision.

    Args:
        known, aim: as of ``view_for``.
        pool: the candidates.
        money, spent: as of ``jaxsl.host.programs.learning.rank_rows``.
        count: how many.
    """

    def view(x):
        table, target, _ = view_for(known, aim, x)
        return table, target.weight

    return best_rows(view, pool, money, spent, count)


def best_rows(view: View, pool: Priced, money: float, spent: float, count: int) -> np.ndarray:
    """The same of any view of the candidates, at least one of which may be bought."""
    sale = pool.cost <= money
    places = np.arange(min(count, sale.sum()))
    return np.sort(leaders(view, CHOOSING, pool, sale, money, spent, places))


def aimed_at(known: Known, levels: np.ndarray, x: np.ndarray) -> tuple[Tabulated, Target, np.ndarray]:
    """The belief as a table for any acquisition, the regret of one decision its target; in double precision.

    Args:
        known: the laws.
        levels: logarithm of the decision's cost, ``(1,)``.
        x: configurations that will be asked about, ``(row, feature)``.

    Returns:
        the table, heaviest component first; the target, whose variance is the expected regret; and the
        numbers by which the table knows the configurations, ``(row, 1)``.

    Raises:
        UserError: when no component has a best configuration.
    """
    space, ask, root = known.asked.space(), known.ask(levels), None
    padded, found = np.asarray(pad(x, buffer_size(len(x), FEWEST))), []
    for part in known.parts:
        table, root = programs.regretted(part.posterior, space, _heaviest(part), root, ask, padded)
        found.append(to_numpy(table))
    return _together(known, found, x.shape[1], len(x))


def least_loss_at(
    known: Known, levels: np.ndarray, x: np.ndarray
) -> tuple[Tabulated, Target, np.ndarray, float]:
    """The same with the least loss at a cost as the target, and its fall when the cost rises by a factor e.

    Arguments, errors and what is returned first as of ``aimed_at``; the fall is that of the heaviest law.
    """
    space, ask = known.asked.space(), known.ask(levels)
    padded, found = np.asarray(pad(x, buffer_size(len(x), FEWEST))), []
    for part in known.parts:
        found.append(to_numpy(programs.least_losses(part.posterior, space, _heaviest(part), ask, padded)))
    return *_together(known, [table for table, _ in found], 1, len(x)), -float(found[0][1])


def _heaviest(part: Part) -> np.ndarray:
    return np.asarray(np.argmax(np.asarray(part.posterior.weight)))


def _together(
    known: Known, tables: Sequence[Tabulated], num_target: int, num: int
) -> tuple[Tabulated, Target, np.ndarray]:
    """Tables of the laws as one, those components left out that have no decision or hardly any weight."""
    parts = []
    for part, table in zip(known.parts, tables, strict=True):
        weight = np.asarray(part.posterior.weight) * part.share
        kept = (weight >= CHOOSING.least_scored) & np.isfinite(table.mean).all(axis=(1, 2))
        kept &= np.isfinite(table.root).all(axis=(1, 2, 3))
        here = Predictive(table.mean[kept], table.root[kept])
        parts.append((weight[kept], np.asarray(table.noise)[kept], np.full(kept.sum(), part.dof), here))
    parts = [part for part in parts if len(part[0])]
    if not parts:
        raise UserError("no belief has a best configuration there, so no run can be chosen for it")
    rows = np.arange(num_target + num, dtype=np.float64)[:, None]
    weight = np.full(num_target, 1 / num_target)
    return mixture(parts).table, Target(array(rows[:num_target]), array(weight)), rows[num_target:]


def scaled(table: Tabulated, times: float) -> Tabulated:
    """The same with its target, the first row, multiplied."""
    row = np.where(np.arange(table.mean.shape[1]) == 0, times, 1.0)[:, None]
    return replace(table, mean=table.mean * row, root=table.root * row[..., None])


def expected_error(table: Tabulated, target: Target) -> float:
    """The variance of the target of a table of ``view_for``, or ``least_loss_at``.

    Of the best sizes at a cost it is the loss that deciding now gives up in expectation.
    """
    own = np.asarray(table.mean)[:, : len(target.x), 0]
    weight = np.asarray(table.weight)
    between = weight @ (own - weight @ own) ** 2
    within = weight @ np.sum(np.asarray(table.root)[:, : len(target.x), 0] ** 2, axis=2)
    # The first of the outputs alone holds it, scaled for the mean over them.
    return float(np.mean(within + between)) / table.mean.shape[2]
