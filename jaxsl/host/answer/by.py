"""One fit a group of runs, side by side, and whether the groups share all parameters.

>>> from laws.kaplan import DATA
>>> runs = {"D": [1e8, 2e8, 4e8, 8e8] * 2, "data": ["web"] * 4 + ["code"] * 4}
>>> runs["loss"] = [4.01, 3.75, 3.51, 3.29, 3.02, 2.81, 2.64, 2.46]
>>> found = fit_by(runs, DATA, "data", target="D=1e10")
>>> list(found.groups), found.sharing[0].law, found.sharing[0].p < 0.01
(['web', 'code'], 'kaplan/d', True)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Unpack

import jax
import numpy as np

from jaxsl.error_scale import on_scale
from jaxsl.fit import fit as fit_law
from jaxsl.host.answer.fit import answered, fit_report
from jaxsl.host.answer.fit_options import How, split
from jaxsl.host.answer.fit_report import FitReport
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.which_laws import Ensemble, Laws, ensemble, resolved, run_table
from jaxsl.host.compiled import compiled_fit
from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import Table
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.programs.packing import key_of, pack_observations
from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.precision import double_precision
from jaxsl.starts import random_starts

NUM_STARTS = 32


@dataclass(frozen=True)
class Sharing(Report):
    """The F test of one law: all its parameters are the same in all groups, against each group its own.

    With the sums of squares ``S_0`` of one fit to all runs and ``S_1`` of one fit a group, by least squares
    without a prior, ``F = ((S_0 - S_1) / a) / (S_1 / b)``, ``a = (G - 1) P``, ``b = n - G P``.

    Attributes:
        law: its name.
        f, p: the statistic, and the probability of a larger one where the groups share all parameters; not
            numbers where b is 0.
        dof: ``(a, b)``.
    """

    law: str
    f: float
    p: float
    dof: tuple[int, int]


@dataclass(frozen=True)
class ByReport(Report):
    """Fits of groups of runs.

    Attributes:
        by: the column that tells them apart.
        groups: the fit of each, by its value, in the order of the table.
        together: the fit to all runs.
        sharing: for each law whether the groups share its parameters.
    """

    by: str
    groups: Mapping[str, FitReport]
    together: FitReport
    sharing: tuple[Sharing, ...]


def fit_by(
    source: Any,
    law: Laws,
    by: str,
    *,
    target: Any = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    of: str = "outcome",
    seed: int = 0,
    **how: Unpack[How],
) -> ByReport:
    """Fit a law, or several, to each group of runs, and to all of them.

    Args:
        by: column that tells the groups apart.
        source, law, target, map, outcome, level, of, seed, how: as in ``jaxsl.host.fit``.

    Raises:
        UserError: for anything that cannot be used as it stands; for fewer than two groups; when no law can
            be fitted to one of them.
    """
    check_level(level, of)
    laws, (reading, options) = resolved(law), split(how)
    table = run_table(source, laws, map, outcome, **reading)
    names = _groups(table, by)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, options=options)
    together = fit_report(answered(chosen, level, of, seed))
    groups = {}
    for name in dict.fromkeys(names):
        part = replace(table.take(np.array(names) == name), name=f"{by} {name} of {table.name}")
        own = ensemble(part, laws, mapping=map, outcome=outcome, target=target, options=options)
        groups[name] = fit_report(answered(own, level, of, seed))
    number = dict(zip(table.row_numbers.tolist(), names, strict=True))
    label = np.array([number[row] for row in chosen.seen.row_numbers.tolist()])
    sharing = tuple(_sharing(one, chosen, label, seed) for one in chosen.laws)
    return ByReport(by, groups, together, sharing)


def _groups(table: Table, by: str) -> list[str]:
    """The group of every row."""
    table.require(by, "--by")
    names = table.text(by)
    if "" in names:
        raise UserError(f"{table.place(names.index(''), by)}: is empty; every row needs its group for --by")
    if len(set(names)) < 2:
        raise UserError(f"--by {by}: all rows of {table.name} have {names[0]!r} there; leave it out")
    return names


def _sharing(law: Law, chosen: Ensemble, label: np.ndarray, seed: int) -> Sharing:
    seen, options = chosen.seen, chosen.options
    scaled, names = on_scale(law, options.scale), list(dict.fromkeys(label.tolist()))

    def squares(rows: np.ndarray) -> tuple[float, float]:
        weight = None if seen.weight is None else seen.weight[rows]
        runs = pack_observations(seen.x[rows], options.outcomes(seen.y[rows]), weight)
        return tuple(map(float, _squares(scaled, runs, key_of(seed))))  # type: ignore[return-value]

    with double_precision():
        whole, count = squares(np.ones(len(label), bool))
        parts = sum(squares(label == name)[0] for name in names)
    more = (len(names) - 1) * law.num_params
    left = round(count) - len(names) * law.num_params
    if left < 1 or not parts > 0:
        return Sharing(law.name, float("nan"), float("nan"), (more, max(left, 0)))
    from scipy.special import fdtrc

    statistic = max(whole - parts, 0.0) / more / (parts / left)
    return Sharing(law.name, statistic, float(fdtrc(more, left, statistic)), (more, left))


@compiled_fit
def _squares(law: Law, observations: Observations, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The least sum of squares and the number of outcomes."""
    starts = random_starts(key, law, NUM_STARTS, observations.y.dtype)
    count = observations.num_outcomes()
    return fit_law(law, observations, starts).loss[0] * count, count
