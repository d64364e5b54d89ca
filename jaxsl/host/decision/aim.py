"""A decision as what runs are chosen for: the best configuration at a cost, in coordinates of its regret."""

import numpy as np

from jaxsl.host.answer.episode import CHOOSING
from jaxsl.host.decision import programs
from jaxsl.host.decision.known import Known
from jaxsl.host.decision.question import check_budgets
from jaxsl.host.errors import UserError
from jaxsl.host.input.numerals import number
from jaxsl.host.programs.learning import mixture
from jaxsl.host.programs.packing import array, pad
from jaxsl.pool import Target, buffer_size
from jaxsl.posterior import Predictive, Tabulated
from jaxsl.precision import to_numpy


def read_aim(aim: str) -> float:
    """The cost at which the best is wanted.

    Raises:
        UserError: when it says anything else.

    Example:
        >>> read_aim("optimal:C=1e24")
        1e+24
    """
    kind, _, rest = aim.partition(":")
    name, _, text = rest.partition("=")
    value = number(text)
    if kind.strip() != "optimal" or name.strip() != "C" or value is None:
        raise UserError(f"--aim {aim}: write optimal:C=1e24, the cost at which the best sizes are wanted")
    return float(check_budgets([value], "--aim optimal:C")[0])


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
    features, padded = x.shape[1], np.asarray(pad(x, buffer_size(len(x))))
    space, ask, parts, root = known.asked.space(), known.ask(levels), [], None
    for part in known.parts:
        weight = np.asarray(part.posterior.weight) * part.share
        slot = np.asarray(np.argmax(weight))
        table, root = programs.regretted(part.posterior, space, slot, root, ask, padded)
        table = to_numpy(table)
        kept = (weight >= CHOOSING.least_scored) & np.isfinite(table.mean).all(axis=(1, 2))
        kept &= np.isfinite(table.root).all(axis=(1, 2, 3))
        here = Predictive(table.mean[kept], table.root[kept])
        parts.append((weight[kept], np.asarray(table.noise)[kept], np.full(kept.sum(), part.dof), here))
    parts = [part for part in parts if len(part[0])]
    if not parts:
        raise UserError("no belief has a best configuration there, so no run can be chosen for it")
    rows = np.arange(features + len(x), dtype=np.float64)[:, None]
    weight = np.full(features, 1 / features)
    target = Target(array(rows[:features]), array(weight))
    return mixture(parts).table, target, rows[features:]


def expected_regret(table: Tabulated, target: Target) -> float:
    """Loss that deciding now gives up in expectation: the variance of the target of ``aimed_at``."""
    own = np.asarray(table.mean)[:, : len(target.x), 0]
    weight = np.asarray(table.weight)
    between = weight @ (own - weight @ own) ** 2
    within = weight @ np.sum(np.asarray(table.root)[:, : len(target.x), 0] ** 2, axis=2)
    # The first of the outputs alone holds it, scaled for the mean over them.
    return float(np.mean(within + between)) / table.mean.shape[2]
