"""A cost of runs by their size, and its inverse."""

import numpy as np

from jaxsl.allocation.design import Cost

TABLE = 4097  # nodes between the smallest and the largest size
HALVINGS = 16  # of the distance between two nodes, before the cost is taken for a line: exact to rounding
ROUNDING = 1e-9  # a budget of 0.9 buys three runs of 0.3


class NotIncreasingError(ValueError):
    """The cost falls somewhere, or is not finite, so it has no inverse."""


class CostModel:
    """A cost that increases with size on ``[low, high]``, and its inverse.

    Raises:
        ValueError: when ``low`` costs nothing or more than the budget, or no size costs the whole budget;
            ``NotIncreasingError`` when the cost is not finite and increasing there.

    Example:
        >>> model = CostModel(lambda x: 0.3 * np.exp(x), 5.0)
        >>> bool(model.meets_assumption), np.round(model.exactly(np.array([0.6])), 4).tolist()
        (True, [0.6931])
    """

    def __init__(self, cost: Cost, budget: float, low: float = 0.0, high: float | None = None):
        self.cost = lambda x: np.broadcast_to(np.asarray(cost(np.asarray(x, float)), float), np.shape(x))
        self.low, self.budget = low, budget
        self.smallest = float(self.cost(np.array(low)))
        if not self.smallest > 0:
            raise ValueError(f"the cost of the smallest run is {self.smallest:g}; it must be positive")
        if self.smallest > budget * (1 + ROUNDING):
            raise ValueError(f"a budget of {budget:g} buys nothing: the smallest run costs {self.smallest:g}")
        self.is_capped = high is not None and float(self.cost(np.array(high))) < budget
        top = float(high) if high is not None and self.is_capped else self._largest(high)
        self.x = np.linspace(low, top, TABLE)
        self.y = self.cost(self.x)
        if not (np.isfinite(self.y).all() and (np.diff(self.y) > 0).all()):
            raise NotIncreasingError(f"the cost does not increase throughout sizes {low:g} to {top:g}")
        self.high, self.largest = top, float(self.y[-1])

    def _largest(self, high: float | None) -> float:
        """The size that the whole budget buys."""
        step = 1.0
        while high is None and float(self.cost(np.array(self.low + step))) <= self.budget:
            step *= 2
            if step > 1e6:
                raise ValueError("the cost never reaches the budget; say how large a run can be: high")
        ends = np.array([self.low, self.low + step if high is None else high])
        for _ in range(80):
            middle = ends.mean()
            ends[int(float(self.cost(middle)) > self.budget)] = middle
        return float(max(ends[0], self.low + 1e-12))

    def roughly(self, y: np.ndarray) -> np.ndarray:
        """The size of cost y by linear interpolation."""
        return np.interp(y, self.y, self.x)

    def exactly(self, y: np.ndarray, halvings: int = HALVINGS) -> np.ndarray:
        """The size of cost y: bisection between two nodes, then interpolation."""
        y = np.clip(y, self.y[0], self.y[-1])
        node = np.clip(np.searchsorted(self.y, y), 1, TABLE - 1)
        low, high = self.x[node - 1], self.x[node]
        for _ in range(halvings):
            middle = (low + high) / 2
            above = self.cost(middle) > y
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        below, above = self.cost(low), self.cost(high)
        rise = above - below
        share = np.clip((y - below) / np.where(rise > 0, rise, 1.0), 0, 1)
        return low + share * (high - low)

    @property
    def meets_assumption(self) -> bool:
        """Assumption 1, on the table: c'' is not negative and does not fall."""
        second = np.diff(self.y, 2)
        slack = 1e-9 * np.abs(second).max() + 64 * np.finfo(float).eps * self.largest
        return bool((second >= -slack).all() and (np.diff(second) >= -slack).all())
