"""Which runs to train for a budget: designs, and how far each is from the best possible.

- ``design``, ``criteria``, ``cost``: the question (a target region, a cost of runs, a budget) and the answer.
- ``two_scale``: the optimum on a line for free sizes (Theorem 6.1, Algorithms 1 and 2).
- ``scales``: the optimum with enough scales to see curvature.
- ``subset``: the best of the given runs, exact.
- ``exchange``: several variables, interactions, polynomials, any cost.
- ``certificate``: a lower bound for all of them.
- ``replan``: planning again after every run; what a wrong cost model does.

The formulas are those of ``jaxsl.linear_model``. The bound and the exchange are JAX; searches whose size
follows the budget are NumPy in double precision and say so.
"""

from jaxsl.allocation.certificate import certificate, line_bound
from jaxsl.allocation.cost import CostModel
from jaxsl.allocation.design import Allocation, Region, uniform_region, weighted_region
from jaxsl.allocation.exchange import exchange_design
from jaxsl.allocation.replan import follow, next_run
from jaxsl.allocation.scales import at_least_scales
from jaxsl.allocation.subset import Subset, best_line_subset, best_subset
from jaxsl.allocation.two_scale import two_scale

__all__ = [
    "Allocation",
    "CostModel",
    "Region",
    "Subset",
    "at_least_scales",
    "best_line_subset",
    "best_subset",
    "certificate",
    "exchange_design",
    "follow",
    "line_bound",
    "next_run",
    "two_scale",
    "uniform_region",
    "weighted_region",
]
