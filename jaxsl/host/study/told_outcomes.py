"""Whether the outcome that is told of a run can be right."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.study.ledger import DONE, PENDING, STATUSES


def told_outcome(
    id: str,
    loss: float | Sequence[float] | None,
    status: str,
    settings: Mapping[str, Any],
    unfit: Callable[[np.ndarray], np.ndarray],
) -> tuple[float, ...] | None:
    """The outcomes of a run; None of one that has none.

    Args:
        id, loss, status: as in ``jaxsl.host.study.Study.tell``.
        settings: of the study.
        unfit: says which outcomes ``(row, output)`` have no place on the scale of its errors; asked only of a
            study with such a scale, since that imports JAX.

    Raises:
        UserError: when they do not fit the status or the study.
    """
    if status not in STATUSES or status == PENDING:
        others = ", ".join(STATUSES[1:])
        raise UserError(f"run {id}: status {status!r}; choose one of {others}")
    if status != DONE:
        if loss is not None:
            raise UserError(f"run {id}: a run that {status} has no outcome; leave out the loss or the status")
        return None
    names = settings["outputs"]
    if loss is None:
        raise UserError(f"run {id}: say its {' and '.join(names)}, or why it has none: --status failed")
    y = tuple(float(value) for value in np.atleast_1d(np.asarray(loss, np.float64)))
    if len(y) != len(names):
        raise UserError(f"run {id}: {len(y)} given for the outcomes {', '.join(names)}; give one for each")
    error = settings.get("fit", {}).get("error")
    if error and unfit(np.array([y])).any():
        raise UserError(f"run {id}: {y} has no place with --error {error} of this study; correct it")
    if not np.isfinite(y).all():
        raise UserError(
            f"run {id}: {', '.join(map(str, y))} is no outcome; a run that blew up is --status diverged"
        )
    return y
