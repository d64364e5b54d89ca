"""What every solver returns."""

import equinox as eqx
from jax import Array

#: Status codes of a start.
CONVERGED, STALLED, OUT_OF_STEPS, INVALID = 0, 1, 2, 3
STATUS = ("converged", "stalled", "out of steps", "not finite")


class Solution(eqx.Module):
    """Where every start ended.

    Attributes:
        theta: ``(start, param)``, inside the box.
        loss: what was minimised, the prior included, ``(start,)``; infinite where the start was not finite.
        status: ``(start,)`` of int, see ``STATUS``.
        steps: evaluations of the law and its Jacobian, ``(start,)`` of int.
    """

    theta: Array
    loss: Array
    status: Array
    steps: Array
