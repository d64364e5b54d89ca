"""Intervals of parameters as papers give them, beside the belief's: by Student's t, profile and bootstrap.

They are of the least-squares fit of one law alone, without a prior and without a thought that the law may be
wrong or a run bad: what a paper's table has. A derived quantity, such as the exponent ``beta/(alpha+beta)``
of the compute-optimal size, is an expression over the parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from jaxsl.bootstrap import Draw
from jaxsl.fit import Fit
from jaxsl.host.answer.asked_intervals import (
    FEWEST_DRAWS,
    GROUP,
    PaperIntervals,
    check_freedom,
    draw_of,
    profiles_of,
    quantities_of,
)
from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.local_gaussian import ends
from jaxsl.host.answer.report import Report
from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import Expression
from jaxsl.host.input.table import Table
from jaxsl.host.programs.least_squares import drawn, least_squares, linearised, profiled
from jaxsl.host.programs.packing import key_of
from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.precision import double_precision, to_numpy

BELIEF, T, PROFILE = "belief", "t", "profile"


@dataclass(frozen=True)
class ParameterInterval(Report):
    """One interval of a parameter or of a derived quantity.

    Attributes:
        name: of the parameter, or of the quantity.
        method: ``"belief"``, ``"t"``, ``"profile"``, or such as ``"bootstrap (pairs)"``.
        value: the estimate: of the heaviest basin for the belief, of least squares for all others.
        low, high: the interval; not a number where there is none.
        level: of the interval, in per cent.
        bound: ``"lower"`` or ``"upper"`` where the runs set no end and the box does, else empty.
    """

    name: str
    method: str
    value: float
    low: float
    high: float
    level: float
    bound: str = ""


def paper_intervals(
    asked: PaperIntervals, found: Believed, table: Table, row_numbers: np.ndarray, seed: int = 0
) -> tuple[ParameterInterval, ...]:
    """The intervals that are asked for, of the heaviest law of a belief, and its own beside them.

    Args:
        asked: which.
        found: the belief.
        table: of the runs, for the column of groups; ``row_numbers`` says which of its rows are the runs.
        seed: of starting points and draws.

    Raises:
        UserError: when the law has no such parameter, a quantity cannot be computed, the runs leave no degree
            of freedom, or there is no such way to draw.
    """
    if not asked.wanted:
        return ()
    law = found.laws[found.best]
    quantities = quantities_of(law, asked)
    profiles = profiles_of(law, asked)
    draw = draw_of(asked, table, row_numbers, len(found.observations.mask))
    check_freedom(law, len(row_numbers))
    level = found.level / 100
    with double_precision():
        observations: Observations = jax.tree.map(jnp.asarray, found.observations)
        observations, near = found.observations, found.lessons[found.best].learned.basins.theta
        fit = to_numpy(least_squares(law, observations, near, key_of(seed)))
        rows = _believed(found, quantities, level)
        if asked.t or not (asked.bootstrap or asked.profile):
            rows += _by_t(law, observations, fit, quantities, level)
        rows += [_by_profile(law, observations, fit, index, level) for index in profiles]
        if asked.bootstrap:
            rows += _by_bootstrap(law, observations, fit, quantities, level, asked, draw, seed)
    order = list(quantities)
    return tuple(sorted(rows, key=lambda row: order.index(row.name)))


def _values(law: Law, quantities: Mapping[str, Expression], theta: Any, numbers: Any) -> Any:
    """Every quantity at ``theta (..., param)``, ``(..., quantity)``, in NumPy's numbers or JAX's."""
    named = {param.name: theta[..., index] for index, param in enumerate(law.params)}
    return numbers.stack([expression.traced(named, numbers) for expression in quantities.values()], axis=-1)


def _gradients(law: Law, quantities: Mapping[str, Expression], theta: Array) -> tuple[np.ndarray, np.ndarray]:
    """Every quantity at ``theta (param,)``, ``(quantity,)``, and its gradient, ``(quantity, param)``."""
    values = partial(_values, law, quantities, numbers=jnp)
    both = jax.jit(lambda theta: (values(theta), jax.jacfwd(values)(theta)))
    return to_numpy(both(theta))


def _believed(found: Believed, quantities: Mapping[str, Expression], level: float) -> list[ParameterInterval]:
    """Of the heaviest basin; a parameter as ``fit`` prints it, a derived quantity by the delta method."""
    law, lesson = found.laws[found.best], found.lessons[found.best]
    basins = lesson.learned.basins
    value, gradient = _gradients(law, quantities, basins.theta[0])
    half = _half_width(lesson.learned.dof, gradient @ basins.root[0], level)
    low, high = np.array(value - half), np.array(value + half)
    low[: law.num_params], high[: law.num_params] = (end[0] for end in ends(law, lesson, 100 * level))
    bound = [_bound(*at) for at in zip(lesson.lower[0], lesson.upper[0], strict=True)]
    return _rows(quantities, BELIEF, value, (low, high), level, bound)


def _by_t(
    law: Law, observations: Observations, fit: Fit, quantities: Mapping[str, Expression], level: float
) -> list[ParameterInterval]:
    theta = fit.theta[0]
    errors = to_numpy(linearised(law, observations, theta))
    value, gradient = _gradients(law, quantities, theta)
    half = _half_width(errors.dof, gradient @ errors.root, level)
    half = np.where(half > 0, half, np.nan)
    bound = [_bound(*at) for at in zip(fit.lower[0].tolist(), fit.upper[0].tolist(), strict=True)]
    return _rows(quantities, T, value, (value - half, value + half), level, bound)


def _half_width(dof: ArrayLike, root: np.ndarray, level: float) -> np.ndarray:
    """Of Student's t intervals of quantities whose covariance has the ``root (quantity, factor)``."""
    from scipy.special import stdtrit

    return stdtrit(np.minimum(dof, 1e6), (1 + level) / 2) * np.linalg.norm(root, axis=1)


def _by_profile(
    law: Law, observations: Observations, fit: Fit, index: int, level: float
) -> ParameterInterval:
    found = to_numpy(profiled(law, observations, fit, np.asarray(index), level))
    name, bound = law.params[index].name, _bound(found.open_low, found.open_high)
    ends = float(found.low), float(found.high)
    return ParameterInterval(name, PROFILE, float(found.value), *ends, 100 * level, bound)


def _by_bootstrap(
    law: Law,
    observations: Observations,
    fit: Fit,
    quantities: Mapping[str, Expression],
    level: float,
    asked: PaperIntervals,
    draw: Draw,
    seed: int,
) -> list[ParameterInterval]:
    """Percentiles over the draws that could be fitted."""
    found = to_numpy(drawn(law, observations, fit, asked.bootstrap, draw, key_of(seed)))
    values = _values(law, quantities, found.theta, np)[found.valid]
    if len(values) < FEWEST_DRAWS:
        raise UserError(
            f"only {len(values)} of {asked.bootstrap} draws could be fitted; draw residuals instead"
        )
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    value = _values(law, quantities, fit.theta[0], np)
    method = f"bootstrap ({asked.draw.removeprefix(GROUP)})"
    return _rows(quantities, method, value, (low, high), level)


def _rows(
    quantities: Mapping[str, Expression],
    method: str,
    value: ArrayLike,
    ends: tuple[ArrayLike, ArrayLike],
    level: float,
    bound: Sequence[str] = (),
) -> list[ParameterInterval]:
    """A row for each quantity, of which the parameters come first; ``bound`` is of those."""
    low, high = (np.asarray(end).tolist() for end in ends)
    where = [*bound, *[""] * (len(quantities) - len(bound))]
    return [
        ParameterInterval(name, method, estimate, low[index], high[index], 100 * level, where[index])
        for index, (name, estimate) in enumerate(zip(quantities, np.asarray(value).tolist(), strict=True))
    ]


def _bound(lower: Any, upper: Any) -> str:
    return "lower" if lower else "upper" if upper else ""
