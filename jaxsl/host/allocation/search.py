"""What a plan on a line must keep to, and the search that fits the cost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import jax
import numpy as np

from jaxsl.allocation.certificate import line_bound
from jaxsl.allocation.cost import CostModel, NotIncreasingError
from jaxsl.allocation.criteria import RISK, T_RISK
from jaxsl.allocation.design import Allocation, Region
from jaxsl.allocation.exchange import exchange_design
from jaxsl.allocation.scales import at_least_scales
from jaxsl.allocation.two_scale import two_scale
from jaxsl.precision import double_precision

CRITERIA = {"risk": RISK, "t": T_RISK}
GRID = 257  # sizes on which a cost that does not increase is searched


@dataclass(frozen=True)
class Request:
    """What a plan must keep to: see ``plan``."""

    cost: Callable[[np.ndarray], np.ndarray]
    region: Region
    existing: np.ndarray
    criterion: str
    delta: float
    low: float
    high: float | None
    max_runs: int | None
    num_scales: int

    def design(self, budget: float) -> Allocation:
        """The best design for a budget.

        Raises:
            ValueError: when the budget buys nothing, or the cost is not positive.
        """
        search = two_scale if self.num_scales <= 2 else partial(at_least_scales, num_scales=self.num_scales)
        try:
            design = search(
                self.cost,
                budget,
                self.region,
                self.existing,
                criterion=self.criterion,
                delta=self.delta,
                low=self.low,
                high=self.high,
                max_runs=self.max_runs,
            )
        except NotIncreasingError:
            return self.on_grid(budget)
        if np.isfinite(design.bound):
            return design
        return replace(design, bound=self.fractional_bound(budget), proof="general equivalence theorem")

    def on_grid(self, budget: float) -> Allocation:
        """By exchange, where the cost has no inverse."""
        if self.high is None:
            raise ValueError(
                "the cost does not increase with size, so the largest size must be given: --high"
            )
        if self.num_scales > 2 or self.criterion != RISK:
            raise ValueError(
                "a cost that does not increase with size can be planned for with --criterion risk and two "
                "scales only"
            )
        x = np.linspace(self.low, self.high, GRID)
        cost = self.cost(x)
        if not (cost > 0).all():
            raise ValueError(
                f"the cost is {cost.min():g} at size {x[np.argmin(cost)]:g}; a cost must be positive"
            )
        if cost.min() > budget:
            raise ValueError(f"a budget of {budget:g} buys nothing: the cheapest run costs {cost.min():g}")
        known = np.stack([np.ones(self.existing.size), self.existing], axis=1)
        with double_precision():
            return exchange_design(
                jax.random.key(0),
                x,
                np.stack([np.ones(GRID), x], axis=1),
                cost,
                budget,
                self.region.moment,
                known.T @ known,
                max_runs=self.max_runs,
            )

    def fractional_bound(self, budget: float) -> float:
        """The bound of the equivalence theorem; not a number where the cost has no inverse."""
        try:
            model = CostModel(self.cost, budget, self.low, self.high)
        except NotIncreasingError:
            return np.nan
        with double_precision():
            return line_bound(model, self.region, self.existing, self.criterion, self.delta, self.max_runs)
