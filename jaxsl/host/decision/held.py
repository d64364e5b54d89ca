"""The best configuration at a cost where some inputs may not be chosen any more."""

from collections.abc import Sequence

import numpy as np

from jaxsl.decision import Space
from jaxsl.host.decision import programs
from jaxsl.host.decision.known import Known, some
from jaxsl.host.programs.packing import array
from jaxsl.precision import double_precision


class Held:
    """By the heaviest component of the heaviest law.

    Args:
        known: the laws.
        ask: about which of its decisions it is.
    """

    def __init__(self, known: Known, ask: int):
        self.known, self.centre = known, known.centre[min(ask, len(known.centre) - 1)]

    def __call__(self, x: np.ndarray, held: Sequence[int], cost: float) -> tuple[np.ndarray, float]:
        """The best that costs ``cost`` with the inputs ``held`` as in ``x (feature,)``, and its loss.

        The loss is not a number where there is none.
        """
        part, asked = self.known.parts[0], self.known.asked
        slot = np.full(1, np.argmax(np.asarray(part.posterior.weight)))
        free = np.array([index in asked.free and index not in held for index in np.arange(len(x))])
        with double_precision():
            whole = asked.space()
            space = Space(whole.cost, array(free), array(np.where(free, 1.0, x)), whole.low, whole.high)
            start = np.log(np.where(x > 0, x, 1.0))[None, None]
            ask = programs.ask(np.log([cost]), self.centre[None], start)
            found = programs.believed(some(part.posterior, slot), space, asked.free, False, ask)
        values = np.asarray(found.mean)[0, 0, :, 0]
        best = asked.whole(np.exp(values[None, :-1]))[0]
        return np.where(free, best, x), float(values[-1])
