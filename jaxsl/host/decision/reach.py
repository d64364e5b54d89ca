"""The least cost that reaches a loss, with the configuration that does.

>>> found = reach(None, "chinchilla@epoch", cost="6*N*D", loss=2.2)
>>> [f"{one.name} {one.median:.4g}" for one in found.estimates[0]]
['cost 3.918e+21', 'N 5.595e+09', 'D 1.167e+11', 'D/N 20.86']
"""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.which_laws import Laws
from jaxsl.host.decision.estimate import Estimate, Values, values
from jaxsl.host.decision.known import Known
from jaxsl.host.decision.optimal import free_names, known_of, ratio_row
from jaxsl.host.decision.report import ReachReport
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.reading import Reading


def reach(
    source: Any,
    law: Laws,
    *,
    cost: str,
    loss: float | Sequence[float],
    hold: Mapping[str, float] | None = None,
    range: Mapping[str, tuple[float, float]] | None = None,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    **how: Unpack[Reading],
) -> ReachReport:
    """What it costs at least to reach a loss, or several.

    Args:
        loss: to reach; the mean of several outputs.
        source, law, cost, hold, range, map, outcome, level, seed, how: as in ``jaxsl.host.optimal``.

    Raises:
        UserError: for anything that cannot be used as it stands, and for a loss below all that is predicted.
    """
    check_level(level)
    losses = np.unique(np.atleast_1d(np.asarray(loss, float)))[::-1]
    if not (len(losses) and np.isfinite(losses).all()):
        raise UserError("--loss: give finite numbers")
    known = known_of(
        source, law, cost, hold, range, losses, True, map=map, outcome=outcome, level=level, seed=seed, **how
    )
    told = values(known, losses, True)
    each = told.mean.shape[1] // len(losses)
    found = [costs(known, told, at * each, level) for at in np.arange(len(losses))]
    x = np.array([[one.median for one in some if one.name in free_names(known)] for some in found])
    return ReachReport(
        laws=known.names,
        published=known.published,
        cost=cost,
        held=known.asked.held,
        losses=tuple(losses.tolist()),
        estimates=tuple(tuple(some) for some in found),
        none=tuple(told.none(slice(at * each, (at + 1) * each)) for at in np.arange(len(losses))),
        level=level,
        trust=known.trust(known.asked.whole(x)),
        left_out=known.left_out,
        notes=known.notes,
    )


def costs(known: Known, told: Values, first: int, level: float) -> list[Estimate]:
    """The cost of the loss whose rows begin at ``first``, its inputs and tokens per parameter."""
    names = free_names(known)
    rows = np.eye(told.mean.shape[1])[first : first + 1 + len(names)]
    ratio = ratio_row(known.asked, first + 1, told.mean.shape[1])
    if ratio is not None:
        rows, names = np.concatenate([rows, ratio[None]]), [*names, "D/N"]
    labels = ["cost", *names]
    return told.linear(rows).estimates(labels, [""] * len(labels), [True] * len(labels), level)
