"""The loss about the best value of an input, at a fixed cost: how flat it is, for ``plots.flatness``."""

from collections.abc import Sequence

import numpy as np

from jaxsl.host.decision.held import Held
from jaxsl.host.decision.known import Known
from jaxsl.host.decision.report import Around
from jaxsl.host.programs.learning import intervals, mixture, predicted
from jaxsl.host.programs.packing import array, pad
from jaxsl.pool import buffer_size
from jaxsl.posterior import Predictive
from jaxsl.precision import double_precision, to_numpy

FACTORS = np.exp(np.linspace(-1, 1, 25) * np.log(4.0))  # of an input's best value


def around(known: Known, ask: int, budget: float, best: Sequence[float], level: float) -> tuple[Around, ...]:
    """The loss about every free input's best value, all others at their best again.

    Args:
        known: the laws.
        ask: which of its decisions this is.
        budget: the cost.
        best: values of the free inputs.
        level: of the interval, in per cent.
    """
    asked, held = known.asked, Held(known, ask)
    middle, found = asked.whole(np.array([best]))[0], []
    for index in asked.free if len(asked.free) > 1 else ():
        values = middle[index] * FACTORS
        values = values[(asked.low[index] <= values) & (values <= asked.high[index])]
        rows, losses = [], []
        for value in values:
            x, loss = held(np.where(np.arange(len(middle)) == index, value, middle), (index,), budget)
            rows.append(x)
            losses.append(loss)
        x, median = np.array(rows), np.array(losses)
        fine = np.isfinite(median)
        low, median, high = (
            _interval(known, x[fine], level)
            if known.found
            else (median[fine] * np.nan, median[fine], median[fine] * np.nan)
        )
        found.append(Around(asked.inputs[index], values[fine], median, low, high))
    return tuple(found)


def _interval(known: Known, x: np.ndarray, level: float) -> np.ndarray:
    """Lower end, median and upper end of the loss at ``x (row, feature)``, ``(3, row)``."""
    parts = []
    with double_precision():
        rows = array(pad(x, buffer_size(len(x))))
        for part in known.parts:
            weight = np.asarray(part.posterior.weight) * part.share
            here = to_numpy(predicted(part.posterior, np.arange(len(weight)), rows))
            mean, root = (np.mean(one, axis=2, keepdims=True) for one in (here.mean, here.root))
            noise = np.asarray(part.posterior.noise)
            parts.append((weight, noise, np.full(len(weight), part.dof), Predictive(mean, root)))
        return np.asarray(intervals(mixture(parts), np.asarray(level / 100)).curve)[:, : len(x), 0]
