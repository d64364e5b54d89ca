"""How good any design could be: a lower bound on the risk, for any cost and any features.

Let runs come in fractions: ``n_i >= 0`` runs at candidate i, ``sum n_i c_i <= C``. The risk
``Phi(n) = tr(B (M_0 + sum n_i phi_i phi_i^T)^-1)``, ``B = E_W phi* phi*^T``, is convex in n. So by its
tangent at any n, with the sensitivity ``d_i = phi_i^T M^-1 B M^-1 phi_i``, no design within the budget has
less than

    Phi(n) + sum n_i d_i - C max_i d_i / c_i .

At the fractional optimum the bound is attained: ``d_i = lambda c_i`` on its support and less elsewhere (the
general equivalence theorem, Kiefer and Wolfowitz 1960, with costs and existing runs). Convexity of the cost,
Assumption 1, is not needed. The bound holds for the candidates given; on a line that is a fine grid.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxsl.allocation.cost import ROUNDING, CostModel
from jaxsl.allocation.criteria import RISK, factor
from jaxsl.allocation.design import Region

COARSE, FINE = 129, 4097  # sizes on a line that the optimum is sought on, and that the bound is taken over
TILTS = 9  # prices of a run, against prices of a unit of budget, tried for every number of runs
MOST_TILT = 6.0
GROUPED = 1.04  # numbers of runs closer than this ratio are bounded together
BLOCK = 64
HALVINGS = 25


class Certificate(eqx.Module):
    """The fractional optimum.

    Attributes:
        bound: no design within the budget has a smaller risk.
        risk: of the fractional design; at least ``bound``.
        runs: fractional number of runs at each candidate, ``(candidate,)``.
    """

    bound: Array
    risk: Array
    runs: Array


def certificate(
    features: Array,
    cost: Array,
    budget: ArrayLike,
    moment: Array,
    information: Array | None = None,
    num_steps: int = 500,
    tolerance: ArrayLike = 1e-7,
) -> Certificate:
    """Minimise the risk over fractional designs, and bound it.

    Alternates multiplicative steps (Silvey, Titterington and Torsney 1978), which move all weights, with an
    exchange between the least and the most sensitive candidate, which ends slow tails.

    Args:
        features: ``phi``, ``(candidate, feature)``.
        cost: ``(candidate,)``, positive.
        budget: in the same unit.
        moment: ``B``, ``(feature, feature)``.
        information: ``sum phi phi^T`` of the runs already there.
        num_steps: at most.
        tolerance: relative distance of risk and bound that is good enough.
    """
    information = jnp.zeros_like(moment) if information is None else information
    scaled = features * jnp.sqrt(budget / cost)[:, None]

    def judge(weight):
        inverse = _equilibrated_inverse(information + (scaled * weight[:, None]).T @ scaled)
        sensitivity = jnp.sum((scaled @ (inverse @ moment @ inverse)) * scaled, axis=1)
        risk = jnp.sum(moment * inverse)
        return risk, risk + weight @ sensitivity - jnp.max(sensitivity), sensitivity

    def advance(state):
        weight, best, bound, step = state
        _, _, sensitivity = judge(weight)
        weight = weight * jnp.sqrt(sensitivity)
        weight = weight / jnp.sum(weight)
        risk, new, sensitivity = judge(weight)
        weight = _exchange(weight, sensitivity, scaled, information, moment)
        return weight, jnp.minimum(best, risk), jnp.maximum(bound, new), step + 1

    def unfinished(state):
        _, risk, bound, step = state
        return (step < num_steps) & (bound < (1 - tolerance) * risk)

    weight = jnp.full(cost.shape, 1.0 / cost.shape[0], features.dtype)
    infinite = jnp.full((), jnp.inf, features.dtype)
    weight, _, bound, _ = jax.lax.while_loop(unfinished, advance, (weight, infinite, -infinite, 0))
    risk, new, _ = judge(weight)
    return Certificate(jnp.maximum(jnp.maximum(bound, new), 0.0), risk, weight * budget / cost)


def tangent_bound(
    runs: Array,
    at: Array,
    features: Array,
    cost: Array,
    budget: ArrayLike,
    moment: Array,
    information: Array,
) -> Array:
    """The bound over candidates ``features (candidate, feature)`` by the tangent at a design of others.

    That one has ``runs (support,)`` at ``at (support, feature)``: found on few candidates, it bounds many.
    """
    inverse = _equilibrated_inverse(information + (at * runs[:, None]).T @ at)
    middle = inverse @ moment @ inverse
    spent = runs @ jnp.sum((at @ middle) * at, axis=1)
    steepest = jnp.max(jnp.sum((features @ middle) * features, axis=1) / cost)
    return jnp.sum(moment * inverse) + spent - budget * steepest


def line_bound(
    model: CostModel,
    region: Region,
    existing: np.ndarray,
    criterion: str = RISK,
    delta: float = 0.05,
    max_runs: int | None = None,
) -> float:
    """No new runs within the budget give a line a smaller criterion than this.

    For ``t_risk`` each number of runs k is bounded on its own: both ``sum n_i c_i <= C`` and ``sum n_i = k``
    hold, so every weighted sum of the two does, and the best of a few such sums counts. Large numbers are
    bounded in groups, with the factor of their largest.

    Example:
        >>> from jaxsl.allocation.design import uniform_region
        >>> from jaxsl.allocation.two_scale import two_scale
        >>> cost, region = (lambda x: 0.3 * np.exp(x)), uniform_region(4, 7)
        >>> best = two_scale(cost, 5.44, region)
        >>> bool(line_bound(CostModel(cost, 5.44), region, np.zeros(0)) <= best.risk)
        True
    """
    width = model.high - model.low
    known = np.stack([np.ones(existing.size), (existing - model.low) / width], axis=1)
    goal = (region.mean - model.low) / width
    moment = np.array([[1.0, goal], [goal, goal**2 + region.variance / width**2]])
    coarse, fine = (np.linspace(0.0, 1.0, num) for num in (COARSE, FINE))
    costs = [model.cost(model.low + width * grid) / model.budget for grid in (coarse, fine)]
    features = [np.stack([np.ones_like(grid), grid], axis=1) for grid in (coarse, fine)]
    most = int(1 / costs[0][0] * (1 + ROUNDING))
    most = most if max_runs is None else min(most, max_runs)
    information = known.T @ known
    if criterion == RISK and max_runs is None:
        return float(_bounds(*features, *(cost[None] for cost in costs), moment, information, 1e-7)[0])
    first, last = _counts(most)
    finite = np.isfinite(factor(existing.size + last, criterion, delta))
    first, last = first[finite], last[finite]
    if last.size == 0:
        return np.inf
    # Since c >= c_0, a run may have a negative price, which asks for more runs than money would choose.
    highest = np.minimum(1 / np.maximum(1 - first * costs[0][0], 1e-9), MOST_TILT)
    share = (np.linspace(0.2, 0.98, TILTS) * highest[:, None]).ravel()
    count = np.where(share > 1, np.repeat(first, TILTS), np.repeat(last, TILTS))
    factors = factor(existing.size + np.repeat(last, TILTS), criterion, delta)

    def evaluate(rows: np.ndarray) -> np.ndarray:
        # Blocks of one shape, so that one program serves every budget.
        found = []
        for start in range(0, rows.size, BLOCK):
            block = np.resize(rows[start:], BLOCK)
            of_cost, of_run = share[block][:, None], ((1 - share[block]) / count[block])[:, None]
            prices = (of_cost * cost + of_run for cost in costs)
            found.append(np.asarray(_bounds(*features, *prices, moment, information, 1e-3)))
        return np.concatenate(found)[: rows.size] * factors[rows]

    return _least_of_best(evaluate, last.size)


def _counts(most: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of runs up to ``most``, in groups: the first and the last of each, large ones grouped."""
    last = [1]
    while last[-1] < most:
        last.append(min(most, max(last[-1] + 1, int(GROUPED * last[-1]))))
    return np.array([1, *(num + 1 for num in last[:-1])]), np.array(last)


def _least_of_best(evaluate: Callable[[np.ndarray], np.ndarray], num_groups: int) -> float:
    """The least over groups of the best of the ``TILTS`` cases in each; the lowest groups come first.

    ``evaluate`` gives values of some cases; it is not asked for those that can no longer matter.
    """
    cases = np.arange(num_groups * TILTS).reshape(-1, TILTS)
    best, complete = evaluate(cases[:, TILTS // 2]), np.full(len(cases), False)
    others = np.delete(cases, TILTS // 2, axis=1)
    while not complete[np.argmin(best)]:
        lowest = np.argsort(best)
        lowest = lowest[~complete[lowest]][: BLOCK // (TILTS - 1)]
        found = evaluate(others[lowest].ravel()).reshape(lowest.size, -1)
        best[lowest], complete[lowest] = np.maximum(best[lowest], found.max(axis=1)), True
    return float(best.min())


@jax.jit
def _bounds(
    coarse: Array,
    fine: Array,
    coarse_price: Array,
    fine_price: Array,
    moment: Array,
    information: Array,
    tolerance: Array,
) -> Array:
    """The bound for each row of prices ``(case, candidate)``, in units of the budget."""

    def one(price, every_price):
        found = certificate(coarse, price, 1.0, moment, information, 200, tolerance)
        return tangent_bound(found.runs, coarse, fine, every_price, 1.0, moment, information)

    return jax.vmap(one)(coarse_price, fine_price)


def _exchange(weight: Array, sensitivity: Array, scaled: Array, information: Array, moment: Array) -> Array:
    """Move weight from the least sensitive candidate in use to the most sensitive one, by bisection."""
    used = weight > 1e-12
    source = jnp.argmin(jnp.where(used, sensitivity, jnp.inf))
    sink = jnp.argmax(sensitivity)
    matrix = information + (scaled * weight[:, None]).T @ scaled
    pair = scaled[jnp.array([source, sink])]  # U^T, and M(t) = M + U diag(-t, t) U^T
    reach = pair @ _equilibrated_inverse(matrix)
    felt = reach @ moment @ reach.T
    start, slope = jnp.eye(2, dtype=felt.dtype), (reach @ pair.T).at[:, 0].multiply(-1)

    def halve(_, ends):
        middle = (ends[0] + ends[1]) / 2
        turned = start + middle * slope  # U^T M(t)^-1 = turned^-1 U^T M^-1
        other = jnp.array(
            [[turned[1, 1], -turned[0, 1]], [-turned[1, 0], turned[0, 0]]]
        )  # |turned| turned^-1
        drop = jnp.sum((other @ felt) * other, axis=1)
        further = drop[1] > drop[0]
        return jnp.where(further, middle, ends[0]), jnp.where(further, ends[1], middle)

    low, _ = jax.lax.fori_loop(0, HALVINGS, halve, (jnp.zeros_like(weight[0]), weight[source]))
    return weight.at[source].add(-low).at[sink].add(low)


def _equilibrated_inverse(matrix: Array) -> Array:
    """Inverse of a positive definite matrix, its diagonal equilibrated first."""
    scale = jax.lax.rsqrt(jnp.diagonal(matrix))
    return jnp.linalg.inv(matrix * scale[:, None] * scale) * scale[:, None] * scale
