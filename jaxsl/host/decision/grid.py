"""A first set of runs: sizes at some budgets that tell most of the best size at a larger one.

With ``J`` the law's derivatives at the runs in the coordinates of its box and ``c`` those of ``log N*`` at
the aim, the runs are those with the least variance

    c (J^T J / sigma^2 + kappa I)^-1 c^T

under the law's published parameters, equally many at every budget: first greedily, then by exchange while
that helps (Fedorov 1972).
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import jax.numpy as jnp
import numpy as np

from jaxsl.fit import PRIOR
from jaxsl.host.decision import programs
from jaxsl.host.decision.estimate import Estimate
from jaxsl.host.decision.known import best_of_heaviest, published
from jaxsl.host.decision.question import check_budgets
from jaxsl.host.decision.report import GridReport
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.posterior import LawPosterior
from jaxsl.precision import double_precision
from jaxsl.transform import box

WITHIN = 4.0  # of the best size: beyond, a law that is a little wrong misleads
SIZES = 33  # that may be run at each budget
BEYOND = 10.0  # times the largest budget, the aim unless another is given
ROUNDS = 20  # of exchanges


def grid(
    law: str,
    *,
    budgets: Sequence[float],
    runs: int,
    cost: str,
    aim: float | None = None,
    noise: float = 0.005,
    within: float = WITHIN,
    size: str = "N",
    hold: Mapping[str, float] | None = None,
    level: float = LEVEL,
) -> GridReport:
    """Lay out runs at some budgets.

    Args:
        law: with its parameters, such as ``"chinchilla@epoch"``; of two inputs that may be chosen.
        budgets: costs of runs.
        runs: how many in all, equally many at each budget as far as that goes.
        cost, hold, level: as in ``jaxsl.host.optimal``.
        aim: the cost at which the best size is to be told; ten times the largest budget when None.
        noise: standard deviation of an outcome, in its unit.
        within: sizes are at most so many times the best and at least its share.
        size: the input that is chosen at each budget.

    Raises:
        UserError: for anything that cannot be used as it stands.

    Example:
        >>> found = grid("chinchilla@epoch", budgets=[1e18, 1e19], runs=8, cost="6*N*D")
        >>> found.x["N"].shape, bool(np.allclose(6 * found.x["N"] * found.x["D"], found.budget))
        ((8,), True)
    """
    check_level(level)
    centres = check_budgets(budgets, "--budgets")
    if not (np.isfinite(noise) and noise > 0):
        raise UserError(f"--noise {noise:g}: a standard deviation is positive")
    if not (np.isfinite(within) and within > 1):
        raise UserError(f"--within {within:g}: a factor above 1, such as 4")
    if runs < max(3, len(centres)):
        raise UserError(f"--runs {runs}: at least three, and one for each of {len(centres)} budgets")
    if runs > len(centres) * SIZES:
        raise UserError(f"--runs {runs}: at most {SIZES} sizes at each of {len(centres)} budgets")
    end = float(check_budgets([BEYOND * centres[-1] if aim is None else aim], "--aim")[0])
    known = published(law, cost, hold or {}, {})
    asked = known.asked
    names = [asked.inputs[index] for index in asked.free]
    if len(names) != 2 or size not in names:
        raise UserError(
            f"--size {size}: two inputs are to be chosen, one of them the size; --hold the others"
        )
    at = asked.inputs.index(size)
    best = best_of_heaviest(known, np.log(centres), False)
    x = np.repeat(best, SIZES, axis=0)
    x[:, at] *= np.tile(np.geomspace(1 / within, within, SIZES), len(centres))
    spent = np.repeat(centres, SIZES)
    x = asked.met(x, spent, [index for index in asked.free if index != at])
    part = known.parts[0]
    assert isinstance(part.posterior, LawPosterior)
    theta, model = np.asarray(part.posterior.theta), part.law
    with double_precision():
        slope = np.asarray(box(model).slope(jnp.asarray(theta[0])))
        one = LawPosterior(
            model, jnp.asarray(theta), jnp.asarray(np.diag(slope)[None]), jnp.ones(1), jnp.zeros(1)
        )
        levels = np.log([centres[0], end])
        told = programs.believed(one, asked.space(), asked.free, False, known.ask(levels))
        jacobian = np.asarray(model.jacobian(jnp.asarray(theta[0]), jnp.asarray(x))) * slope
    mean, root = np.asarray(told.mean)[:, 0, :, 0], np.asarray(told.root)[:, 0, :, 0]
    exponent = (root[1] - root[0]) / (levels[1] - levels[0])
    wanted = [*root[1], *exponent[:2]]
    middle = [*mean[1], *((mean[1] - mean[0]) / (levels[1] - levels[0]))[:2]]
    information = np.einsum("rop,roq->rpq", jacobian, jacobian) / noise**2
    share = np.diff(np.linspace(0, runs, len(centres) + 1).round().astype(int))
    rows = chosen(information, root[1, names.index(size)], np.repeat(np.arange(len(centres)), SIZES), share)
    left = np.linalg.inv(information[rows].sum(axis=0) + PRIOR * np.eye(len(slope)))
    half = NormalDist().inv_cdf(0.5 + level / 200)
    labels = [*names, "loss", *(f"{name} ~ C^a" for name in names)]
    expected = []
    for name, value, row in zip(labels, middle, wanted, strict=True):
        width = half * np.sqrt(row @ left @ row)
        ends = [float(np.exp(end) if name in names else end) for end in (value, value - width, value + width)]
        expected.append(Estimate(name, "", ends[0], ends[1], ends[2], "delta"))
    return GridReport(
        law=law,
        cost=cost,
        budget=spent[rows],
        x={name: x[rows, index] for index, name in enumerate(asked.inputs)},
        aim=end,
        expected=tuple(expected),
        noise=noise,
        total=float(spent[rows].sum()),
        level=level,
    )


def chosen(information: np.ndarray, aim: np.ndarray, group: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Rows with the least variance of ``aim``, so many of every group, each at most once.

    Args:
        information: of every row, ``(row, param, param)``.
        aim: derivatives of what is to be told, ``(param,)``.
        group: of every row. count: wanted of each, ``(group,)``.

    Example:
        >>> x = np.array([0.0, 1.0, 2.0, 3.0])  # a line: its slope is told best by the ends
        >>> rows = np.stack([np.ones(4), x], axis=1)
        >>> each, slope = rows[:, :, None] * rows[:, None], np.array([0.0, 1.0])
        >>> chosen(each, slope, np.zeros(4, int), np.array([2])).tolist()
        [0, 3]
    """
    total = PRIOR * np.eye(len(aim))
    rows: list[int] = []

    def variance(added: np.ndarray) -> np.ndarray:
        return np.einsum("p,rpq,q->r", aim, np.linalg.inv(added), aim)

    for _ in range(int(count.sum())):
        open_rows = np.array(
            [
                row
                for row in np.arange(len(group))
                if row not in rows and np.sum(group[rows] == group[row]) < count[group[row]]
            ]
        )
        best = open_rows[np.argmin(variance(total + information[open_rows]))]
        rows.append(int(best))
        total = total + information[best]
    for _ in range(ROUNDS):
        before = float(variance(total[None])[0])
        for place, row in enumerate(rows):
            rest = total - information[row]
            open_rows = np.array(
                [r for r in np.flatnonzero(group == group[row]) if r == row or r not in rows]
            )
            best = open_rows[np.argmin(variance(rest + information[open_rows]))]
            rows[place], total = int(best), rest + information[best]
        if float(variance(total[None])[0]) > before * (1 - 1e-9):
            break
    return np.sort(np.array(rows))
