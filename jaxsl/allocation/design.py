"""What an allocation is asked about and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Cost = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Region:
    """Where predictions are wanted: the weight W over X* enters only through its mean and variance (Eq. 5).

    Attributes:
        low, high: the ends of the region.
        mean, variance: of X* under W.
    """

    low: float
    high: float
    mean: float
    variance: float

    @property
    def moment(self) -> np.ndarray:
        """``E_W phi phi^T`` for ``phi = (1, x)``, ``(2, 2)``."""
        return np.array([[1.0, self.mean], [self.mean, self.mean**2 + self.variance]])


def uniform_region(low: float, high: float) -> Region:
    """Equal weight on every X* in ``[low, high]``; a point when both are equal.

    Example:
        >>> uniform_region(4, 7).mean, uniform_region(4, 7).variance
        (5.5, 0.75)
    """
    return Region(low, high, (low + high) / 2, (high - low) ** 2 / 12)


def weighted_region(x: np.ndarray, weight: np.ndarray | None = None) -> Region:
    """Weights on points ``x (target,)``, equal unless given.

    Example:
        >>> weighted_region(np.array([4.0, 6.0]), np.array([3.0, 1.0])).mean
        4.5
    """
    x = np.asarray(x, float)
    share = np.ones_like(x) if weight is None else np.asarray(weight, float)
    share = share / share.sum()
    mean = float(share @ x)
    return Region(float(x.min()), float(x.max()), mean, float(share @ (x - mean) ** 2))


@dataclass(frozen=True)
class Allocation:
    """Which new runs to train, and how far from the best possible that is.

    Attributes:
        x: the scales, ascending, ``(scale,)``, or ``(scale, variable)`` for several variables.
        count: runs at each, ``(scale,)`` of int.
        cost: of all new runs.
        risk: prediction variance over sigma^2, averaged over the target region, existing runs included.
        value: the criterion that was minimised: ``risk``, or ``t^2 risk``.
        bound: no design within the budget has a smaller criterion.
        proof: where ``bound`` comes from.
    """

    x: np.ndarray
    count: np.ndarray
    cost: float
    risk: float
    value: float
    bound: float
    proof: str

    @property
    def gap(self) -> float:
        """How far above the bound the criterion is, relative; 0 is proven optimal."""
        return max(0.0, self.value / self.bound - 1) if self.bound > 0 else np.inf

    @property
    def num_runs(self) -> int:
        """Number of new runs."""
        return int(self.count.sum())

    @property
    def runs(self) -> np.ndarray:
        """Every new run, ``(run,)`` or ``(run, variable)``."""
        return np.repeat(self.x, self.count, axis=0)


def gather(x: np.ndarray, tolerance: float = 1e-6) -> tuple[np.ndarray, np.ndarray]:
    """Runs ``(run,)`` as ascending scales and counts; runs closer than ``tolerance`` are one scale.

    Example:
        >>> [part.tolist() for part in gather(np.array([2.0, 0.0, 2.0]))]
        [[0.0, 2.0], [1, 2]]
    """
    ordered = np.sort(np.asarray(x, float))
    if ordered.size == 0:
        return ordered, np.zeros(0, int)
    first = np.concatenate([[True], np.diff(ordered) > tolerance])
    group = np.cumsum(first) - 1
    count = np.bincount(group)
    return np.bincount(group, ordered) / count, count
