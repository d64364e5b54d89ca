"""Which of the given runs to do: the exact best subset within a budget.

Up to ``ENUMERATED`` candidates every subset is looked at. Beyond, branch and bound: a node has some runs in,
some out, the rest free; fractions of the free runs (0 to 1) make the risk convex, a few Frank-Wolfe steps
minimise it, and the tangent at each step bounds every subset of the node (its best fractional knapsack is a
sort). Nodes are taken best bound first, a batch at a time, until no bound is below the best subset found.

Adding a run never raises the variance of least squares, so a best subset is one to which no run can be added.
(With ``ddof=1``, the reading that reproduces the paper's four OPT models, that is not so.)

NumPy on purpose: the set of open nodes grows and shrinks, and is driven from Python.
"""

from dataclasses import dataclass

import numpy as np

from jaxsl.allocation.cost import ROUNDING
from jaxsl.allocation.criteria import RISK, factor, line_risk
from jaxsl.allocation.design import Region

ENUMERATED = 20
BATCH, STEPS = 128, 12
SEARCHED = 0.5 ** np.arange(11)  # steps of the line search
TIGHT = 1e-10  # a bound this close to the best subset, relative, closes a node


@dataclass(frozen=True)
class Subset:
    """A choice of candidates.

    Attributes:
        index: the chosen candidates, ascending.
        cost, risk, value, bound, proof: as in ``Allocation``.
    """

    index: np.ndarray
    cost: float
    risk: float
    value: float
    bound: float
    proof: str

    @property
    def gap(self) -> float:
        """How far above the bound the criterion is, relative; 0 is proven optimal."""
        return max(0.0, self.value / self.bound - 1) if self.bound > 0 else np.inf


def best_line_subset(
    x: np.ndarray,
    cost: np.ndarray,
    budget: float,
    region: Region,
    existing: np.ndarray | None = None,
    *,
    criterion: str = RISK,
    delta: float = 0.05,
    ddof: int = 0,
) -> Subset:
    """The best subset of candidates of sizes ``x (candidate,)`` for a line.

    Args:
        x, cost: of the candidates, ``(candidate,)``.
        budget: for the subset.
        region: what is to be predicted.
        existing: sizes of runs already there.
        criterion: ``"risk"`` or ``"t_risk"``.
        delta: one minus the confidence, for ``"t_risk"``.
        ddof: 1 for the reading that reproduces the paper's subset (see ``criteria.line_risk``).

    Raises:
        ValueError: when ``ddof=1`` is asked of more candidates than can be enumerated.

    Example:
        >>> from jaxsl.allocation.design import uniform_region
        >>> x = np.array([0.0, 1.0, 2.0, 3.0])
        >>> best_line_subset(x, np.exp(x), 22.0, uniform_region(5, 5)).index.tolist()
        [0, 3]
    """
    existing = np.zeros(0) if existing is None else np.asarray(existing, float)
    if x.size <= ENUMERATED:
        return _every_subset(x, cost, budget, region, existing, criterion, delta, ddof)
    if ddof:
        raise ValueError(f"ddof=1 is enumerated, so it takes at most {ENUMERATED} candidates, not {x.size}")
    centre, width = x.mean(), np.ptp(x) or 1.0
    place = np.array([1.0, (region.mean - centre) / width])
    moment = np.outer(place, place) + np.diag([0.0, region.variance / width**2])
    terms = [np.stack([np.ones(v.size), (v - centre) / width], axis=1) for v in (x, existing)]
    return best_subset(
        terms[0],
        cost,
        budget,
        moment,
        terms[1].T @ terms[1],
        num_existing=existing.size,
        criterion=criterion,
        delta=delta,
    )


def best_subset(
    features: np.ndarray,
    cost: np.ndarray,
    budget: float,
    moment: np.ndarray,
    information: np.ndarray | None = None,
    *,
    num_existing: int = 0,
    criterion: str = RISK,
    delta: float = 0.05,
    max_nodes: int = 50_000,
) -> Subset:
    """The best subset for any features, by branch and bound.

    Args:
        features: ``phi`` of the candidates, ``(candidate, feature)``.
        cost: ``(candidate,)``.
        budget: for the subset.
        moment: ``E_W phi* phi*^T`` over the target region, ``(feature, feature)``.
        information: ``sum phi phi^T`` over the runs already there, and their number ``num_existing``.
        criterion, delta: as in ``best_line_subset``.
        max_nodes: the search stops there, with the bound it has.

    Example:
        >>> x = np.array([0.0, 1.0, 2.0, 3.0])
        >>> features, target = np.stack([np.ones(4), x], axis=1), np.array([1.0, 5.0])
        >>> best_subset(features, np.exp(x), 22.0, np.outer(target, target)).index.tolist()
        [0, 3]
    """
    search = _Search(features, cost, budget, moment, information, num_existing, criterion, delta)
    return search.run(max_nodes)


class _Search:
    """Branch and bound over the candidates that the budget allows at all."""

    def __init__(self, features, cost, budget, moment, information, num_existing, criterion, delta):
        self.allowed = np.flatnonzero(cost <= budget * (1 + ROUNDING))
        self.features, self.cost = features[self.allowed], cost[self.allowed]
        self.budget, self.moment = budget * (1 + ROUNDING), moment
        size = features.shape[1]
        self.known = np.zeros((size, size)) if information is None else information
        num = np.arange(self.cost.size + 1) + num_existing
        self.factors = factor(num, criterion, delta, size)
        # A vanishing prior keeps the risk of a subset that fits nothing finite, and far too large to win.
        self.ridge = 1e-12 * np.trace(features.T @ features) / size * np.eye(size)
        self.best, self.value = np.zeros(self.cost.size, bool), np.inf

    def run(self, max_nodes: int) -> Subset:
        """Search until nothing open can be better."""
        num = self.cost.size
        state, bound = np.full((1, num), -1, np.int8), np.zeros(1)
        seen = 0
        while bound.size and seen < max_nodes:
            order = np.argsort(bound, kind="stable")
            now, rest = order[:BATCH], order[BATCH:]
            nodes, inherited = state[now], bound[now]
            found, fraction = self._bound(nodes)
            found = np.maximum(found, inherited)
            seen += now.size
            children, inherited = self._branch(nodes, found, fraction)
            state = np.concatenate([state[rest], children])
            bound = np.concatenate([bound[rest], inherited])
            open_ = bound < self.value * (1 - TIGHT)
            state, bound = state[open_], bound[open_]
        rows = self.features[self.best]
        information = self.known + rows.T @ rows
        fits = np.isfinite(self.value) and np.linalg.matrix_rank(information) == information.shape[0]
        risk = float(np.sum(self.moment * np.linalg.inv(information))) if fits else np.inf
        value = risk * float(self.factors[self.best.sum()])
        return Subset(
            index=self.allowed[self.best],
            cost=float(self.cost[self.best].sum()),
            risk=risk,
            value=value,
            bound=float(min(value, bound.min(initial=np.inf))),
            proof=f"branch and bound, {seen} nodes" + (", stopped early" if bound.size else ""),
        )

    def _bound(self, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A lower bound for every node ``(node, candidate)`` of {1 in, 0 out, -1 free}, and its fractions."""
        free, inside = nodes == -1, nodes == 1
        left = self.budget - inside @ self.cost
        wanted, rest = free @ self.cost, np.maximum(left, 0.0)
        share = np.where(wanted > rest, rest / np.where(wanted > rest, wanted, 1.0), 1.0)
        weight = inside + free * share[:, None]
        best = np.full(nodes.shape[0], -np.inf)
        for _ in range(STEPS):
            inverse = self._inverse(weight)
            middle = inverse @ self.moment @ inverse
            sensitivity = np.einsum("cp,bpq,cq->bc", self.features, middle, self.features, optimize=True)
            risk = np.einsum("pq,bqp->b", self.moment, inverse)
            vertex = inside + self._knapsack(np.where(free, sensitivity, 0.0), free, left)
            best = np.maximum(best, risk + ((weight - vertex) * sensitivity).sum(axis=1))
            weight = self._line_search(weight, vertex, risk)
        self._round(weight, nodes, left)
        price = np.sort(np.where(free, self.cost, np.inf), axis=1)
        most = inside.sum(axis=1) + (np.cumsum(price, axis=1) <= left[:, None]).sum(axis=1)
        return best * self.factors[most], weight

    def _knapsack(self, gain: np.ndarray, free: np.ndarray, left: np.ndarray) -> np.ndarray:
        """The fractional knapsack: free candidates by gain per cost until the budget is spent.

        Those without a cost come first and whole: a bound that leaves part of one out is none.
        """
        paid = self.cost > 0
        rate = np.where(paid, gain / np.where(paid, self.cost, 1.0), np.inf)
        order = np.argsort(-np.where(free, rate, -1.0), axis=1)
        price = np.where(free, self.cost, 0.0)
        ordered = np.take_along_axis(price, order, 1)
        before = np.cumsum(ordered, axis=1) - ordered
        part = np.clip((left[:, None] - before) / np.where(ordered > 0, ordered, 1.0), 0, 1)
        share = np.where(ordered > 0, part, 1.0)
        out = np.empty_like(share)
        np.put_along_axis(out, order, share, 1)
        return np.where(free, out, 0.0)

    def _line_search(self, weight: np.ndarray, vertex: np.ndarray, risk: np.ndarray) -> np.ndarray:
        points = weight[:, None] + SEARCHED[:, None] * (vertex - weight)[:, None]
        inverse = self._inverse(points.reshape(-1, weight.shape[1]))
        risks = np.einsum("pq,bqp->b", self.moment, inverse).reshape(points.shape[:2])
        step = np.argmin(risks, axis=1)
        rows = np.arange(risk.size)
        better = risks[rows, step] < risk
        return np.where(better[:, None], points[rows, step], weight)

    def _inverse(self, weight: np.ndarray) -> np.ndarray:
        information = np.einsum("bc,cp,cq->bpq", weight, self.features, self.features, optimize=True)
        return np.linalg.inv(information + self.known + self.ridge)

    def _round(self, weight: np.ndarray, nodes: np.ndarray, left: np.ndarray) -> None:
        """Fill each node's subset by descending fraction, and remember the best."""
        order = np.argsort(-(weight + (nodes == 1)), axis=1, kind="stable")
        chosen = np.zeros(nodes.shape, bool)
        money = np.full(nodes.shape[0], self.budget)
        rows = np.arange(nodes.shape[0])
        for place in order.T:
            fits = (nodes[rows, place] != 0) & (self.cost[place] <= money)
            chosen[rows, place] = fits
            money = money - np.where(fits, self.cost[place], 0.0)
        risks = np.einsum("pq,bqp->b", self.moment, self._inverse(chosen.astype(float)))
        values = risks * self.factors[chosen.sum(axis=1)]
        best = np.argmin(values)
        if values[best] < self.value:
            self.value, self.best = float(values[best]), chosen[best]

    def _branch(self, nodes, bound, fraction) -> tuple[np.ndarray, np.ndarray]:
        """Split on the free candidate whose fraction is least decided; closed nodes have no children."""
        left = self.budget - (nodes == 1) @ self.cost
        possible = (nodes == -1) & (self.cost <= left[:, None])
        undecided = np.where(possible, 0.5 - np.abs(fraction - 0.5) + 1e-9, -1.0)
        split = np.argmax(undecided, axis=1)
        keep = possible.any(axis=1) & (bound < self.value * (1 - TIGHT))
        children = np.repeat(nodes[keep], 2, axis=0)
        children[np.arange(children.shape[0]), np.repeat(split[keep], 2)] = np.tile([1, 0], keep.sum())
        return children, np.repeat(bound[keep], 2)


def _every_subset(x, cost, budget, region, existing, criterion, delta, ddof) -> Subset:
    """Every subset, by doubling: subset ``s`` has candidate ``j`` where bit ``j`` of ``s`` is set."""
    start = existing.size, 0.0, existing.sum(), (existing**2).sum()
    num, price, total, squares = (np.array([value], float) for value in start)
    for size, its_cost in zip(x, cost, strict=True):
        num, price = np.concatenate([num, num + 1]), np.concatenate([price, price + its_cost])
        total, squares = np.concatenate([total, total + size]), np.concatenate([squares, squares + size**2])
    values = line_risk(num, total, squares, region, ddof) * factor(num, criterion, delta)
    values = np.where(price <= budget * (1 + ROUNDING), values, np.inf)
    best = int(np.argmin(values))
    value = float(values[best])
    return Subset(
        index=np.flatnonzero(best >> np.arange(x.size) & 1),
        cost=float(price[best]),
        risk=float(value / factor(num[best], criterion, delta)) if np.isfinite(value) else np.inf,
        value=value,
        bound=value,
        proof=f"all {values.size} subsets enumerated",
    )
