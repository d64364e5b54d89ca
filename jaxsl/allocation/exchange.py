"""Integer designs on any candidates, features and cost: exchange, from many starts.

For several variables, interactions and polynomial features, and for costs that break Assumption 1. A design
is a number of runs of every candidate; the last candidate is "no run", without features and without cost. One
move turns one run into another. Its effect on the risk is a rank-two update, so all moves are judged at once:

    A = M^-1,  G = A B A,  S = [[1 + a_jj, a_js], [a_js, a_ss - 1]],
    change = -tr(S^-1 [[g_jj, g_js], [g_js, g_ss]])

The best move is made until none helps (Fedorov 1972). A hard budget would stop that early, because to trade
small runs for a large one takes several moves, the first of which overspends or loses. So overspending is
first allowed at a price, which then rises until nobody can pay it. Starts are drawn from the fractional
optimum, whose bound says how far from the best possible the answer is.

("Extrapolating Large Models from the Small", Appendix E.1.)
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.allocation.certificate import certificate
from jaxsl.allocation.cost import ROUNDING
from jaxsl.allocation.design import Allocation

# Prices of overspending, in risk per budget. A tenth more budget saves about a tenth of it: one is fair.
PRICES = (*np.geomspace(0.8, 5.0, 10), 1e6)
SCALED = (0.2, 1.2)
MOST_MOVES, MOST_SCALES = 50, 32


class Candidates(eqx.Module):
    """Candidates and what they are for; the last candidate is no run.

    Attributes:
        features: ``phi``, ``(candidate, feature)``. cost: ``(candidate,)``, in units of the budget.
        moment: ``E_W phi* phi*^T``. information: ``sum phi phi^T`` of the runs already there.
        ridge: a vanishing prior, so that a start that fits nothing can move on.
    """

    features: Array
    cost: Array
    moment: Array
    information: Array
    ridge: Array

    def matrix(self, runs: Array) -> Array:
        """``M`` of a design ``runs (candidate,)``."""
        return self.information + (self.features * runs[:, None]).T @ self.features

    def risk(self, runs: Array) -> Array:
        """The risk of a design."""
        return jnp.sum(self.moment * jnp.linalg.inv(self.matrix(runs) + self.ridge))

    def changes(self, runs: Array, scale: Array) -> Array:
        """What turning a run at ``scale`` into each candidate adds to the risk, ``(scale, candidate)``."""
        inverse = jnp.linalg.inv(self.matrix(runs) + self.ridge)
        middle = inverse @ self.moment @ inverse
        a_new = jnp.sum((self.features @ inverse) * self.features, axis=1)
        g_new = jnp.sum((self.features @ middle) * self.features, axis=1)
        old = self.features[scale]
        a_old, g_old = a_new[scale][:, None], g_new[scale][:, None]
        a_both, g_both = old @ inverse @ self.features.T, old @ middle @ self.features.T
        determinant = (1 + a_new) * (a_old - 1) - a_both**2
        change = -((a_old - 1) * g_new - 2 * a_both * g_both + (1 + a_new) * g_old)
        return jnp.where(determinant < 0, change / jnp.where(determinant < 0, determinant, 1.0), jnp.inf)


def exchange(candidates: Candidates, runs: Array, max_runs: Array) -> tuple[Array, Array]:
    """Improve a design ``runs (candidate,)``: the design, within the budget, and its risk."""
    nothing = candidates.cost.shape[0] - 1

    def settle(runs, price):
        def move(state):
            runs, merit, _, count = state
            (scale,) = jnp.nonzero(runs[:-1] > 0, size=MOST_SCALES, fill_value=nothing)
            # "No run" may always be turned into a run.
            scale = jnp.append(scale, nothing)
            after = runs @ candidates.cost - candidates.cost[scale][:, None] + candidates.cost
            number = jnp.sum(runs[:-1]) - (scale < nothing)[:, None] + (jnp.arange(nothing + 1) < nothing)
            risks = candidates.risk(runs) + candidates.changes(runs, scale)
            merits = risks * _toll(after, number / max_runs, price)
            old, new = jnp.unravel_index(jnp.argmin(merits), merits.shape)
            helps = merits[old, new] < (1 - 1e-7) * merit
            moved = runs.at[scale[old]].add(-1.0).at[new].add(1.0).at[nothing].set(0.0)
            return (
                jnp.where(helps, moved, runs),
                jnp.where(helps, merits[old, new], merit),
                helps,
                count + 1,
            )

        number = jnp.sum(runs[:-1]) / max_runs
        first = candidates.risk(runs) * _toll(runs @ candidates.cost, number, price)
        state = runs, first, jnp.array(True), 0
        return jax.lax.while_loop(lambda state: state[2] & (state[3] < MOST_MOVES), move, state)[0], None

    runs, _ = jax.lax.scan(settle, runs, jnp.array(PRICES, candidates.cost.dtype))
    risk = jnp.sum(candidates.moment * jnp.linalg.inv(candidates.matrix(runs)))
    within = (runs @ candidates.cost <= 1 + ROUNDING) & (jnp.sum(runs[:-1]) <= max_runs)
    good = jnp.isfinite(risk) & (risk > 0) & within
    return runs, jnp.where(good, risk, jnp.inf)


def draw(key: Array, runs: Array) -> Array:
    """A random start near a fractional design ``runs (candidate,)``: scaled, then rounded, by chance."""
    scale_key, round_key = jax.random.split(key)
    scale = jax.random.uniform(scale_key, runs.shape, runs.dtype, *SCALED)
    return jnp.floor(scale * runs + jax.random.uniform(round_key, runs.shape, runs.dtype))


def exchange_design(
    key: Array,
    x: np.ndarray,
    features: np.ndarray,
    cost: np.ndarray,
    budget: float,
    moment: np.ndarray,
    information: np.ndarray | None = None,
    *,
    max_runs: int | None = None,
    num_starts: int = 64,
) -> Allocation:
    """The best design of many starts, with its bound.

    Args:
        key: for the starts.
        x: the candidates, ``(candidate,)`` or ``(candidate, variable)``.
        features: their ``phi``, ``(candidate, feature)``.
        cost: ``(candidate,)``, positive.
        budget: in the same unit.
        moment: ``E_W phi* phi*^T`` over the target region.
        information: ``sum phi phi^T`` of the runs already there.
        max_runs: the largest number of new runs.
        num_starts: designs drawn and improved.
    """
    allowed = cost <= budget * (1 + ROUNDING)
    x, features, price = np.asarray(x)[allowed], features[allowed], cost[allowed] / budget
    information = np.zeros_like(moment) if information is None else information
    # Columns of unit size: polynomial features differ by orders of magnitude, and the risk does not notice.
    scale = np.sqrt((features**2).mean(axis=0))
    scales = np.outer(scale, scale)
    most = np.inf if max_runs is None else float(max_runs)
    runs, risk, bound = _search(
        key, features / scale, price, moment / scales, information / scales, most, num_starts
    )
    count = np.asarray(runs)[:-1].astype(int)
    return Allocation(
        x=x[count > 0],
        count=count[count > 0],
        cost=float(price @ count * budget),
        risk=float(risk),
        value=float(risk),
        bound=float(bound),
        proof="general equivalence theorem",
    )


def _toll(spent: Array, number: Array, price: Array) -> Array:
    """What too much money, and too many runs, both as shares of what is allowed, multiply the risk by."""
    over = jnp.maximum(spent - 1 - ROUNDING, 0.0) + jnp.maximum(number - 1, 0.0)
    return 1 + price * over


@eqx.filter_jit
def _search(key, features, cost, moment, information, max_runs, num_starts):
    """Fractional optimum, designs drawn from it and improved: the best, its risk and the bound."""
    features, cost, moment, information = (jnp.asarray(a) for a in (features, cost, moment, information))
    fractional = certificate(features, cost, 1.0, moment, information)
    candidates = Candidates(
        features=jnp.concatenate([features, jnp.zeros_like(features[:1])]),
        cost=jnp.append(cost, 0.0),
        moment=moment,
        information=information,
        ridge=1e-9 * jnp.eye(moment.shape[0], dtype=features.dtype),
    )

    def one(key):
        return exchange(candidates, jnp.append(draw(key, fractional.runs), 0.0), max_runs)

    runs, risk = jax.vmap(one)(jax.random.split(key, num_starts))
    best = jnp.argmin(risk)
    return runs[best], risk[best], fractional.bound
