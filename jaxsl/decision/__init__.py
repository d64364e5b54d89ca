"""What a law is fitted for: the compute-optimal size, the compute that reaches a loss, as a posterior.

A ``Quantity`` is a pure function of a law's prediction. ``curves`` says which predictions a belief holds
possible, ``delta`` and ``draws`` what that means for the quantity, and ``aimed`` makes it what an acquisition
looks at, in place of a target.
"""

from jaxsl.decision.curve import curves
from jaxsl.decision.frontier import Flatness, Optimum, Reach, Regret
from jaxsl.decision.quantity import Quantity, aimed, delta, draws
from jaxsl.decision.space import Space

__all__ = ["Flatness", "Optimum", "Quantity", "Reach", "Regret", "Space", "aimed", "curves", "delta", "draws"]
