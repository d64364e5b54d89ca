"""Sequential design: ask which run to buy, tell what it gave.

``ask`` changes nothing and ``tell`` is the only transition; both are pure and may be jitted, and all random
numbers come from ``fold_in(key, num_observed)``, so replaying the same runs gives the same answers.

>>> import jax, jax.numpy as jnp
>>> from jaxsl.law import Law, params, power
>>> from jaxsl.pool import Pool, uniform_target
>>> def loss(theta, x):
...     "L = E + A N^-alpha"
...     E, A, alpha = theta
...     return E + A * power(x[0], -alpha)
>>> law = Law("mine", loss, ("N",), params(E=(0.01, 10), A=(1, 1e3), alpha=(0.05, 2)), linear=("E", "A"))
>>> size = jnp.logspace(1.0, 4.0, 9)[:, None]
>>> pool, target = Pool(size[:7], size[:7, 0]), uniform_target(size[7:])
>>> design, key = Design((law,)), jax.random.key(0)
>>> state, ask, tell = design.start(pool), jax.jit(design.ask), jax.jit(design.tell)
>>> for _ in range(3):
...     choice, belief = ask(state, pool, target, 1e4, key)
...     state = tell(state, pool, choice.index, 1 + 8 * pool.x[choice.index] ** -0.4, belief)
>>> int(state.observations.num_observed)
3
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition import MSPE, leading
from jaxsl.basins import BasinRule
from jaxsl.belief import Belief, Rule, believe
from jaxsl.choice import Choice, Chooser, checked
from jaxsl.curves import left, tell_rows, told_together
from jaxsl.discrepancy import DiscrepancyRule
from jaxsl.fit import PRIOR
from jaxsl.lookahead import Rollout
from jaxsl.one_of import AnyLaw
from jaxsl.paper import PaperRule
from jaxsl.pool import Observations, Pool, Target, buffer_size, empty, on_course
from jaxsl.posterior import Heaviest, Posterior
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import warm_starts
from jaxsl.turns import in_turn


class State(eqx.Module):
    """All that is carried from one purchase to the next.

    Attributes:
        observations: bought runs.
        available: which candidates may still be bought, ``(pool,)`` of bool.
        spent: cost of what was bought, a scalar.
        earlier: cost of the runs done before, which no budget counts, a scalar; infinite where unknown.
        lost: outcomes that were paid for and found the buffer full, a scalar int; above 0 is a mistake of
            whoever made the buffer, see ``jaxsl.episode.enlarge``.
        optima: the latest distinct best fits of each law, for warm starts: ``(warm, param)`` a law.
        num_optima: how many of them there are, a scalar int a law.
    """

    observations: Observations
    available: Array
    spent: Array
    earlier: Array
    lost: Array
    optima: tuple[Array, ...]
    num_optima: tuple[Array, ...]


class Design(eqx.Module):
    """Settings of budget-aware sequential design (Spend Less, Fit Better, algorithm 1).

    Attributes:
        laws: laws believed in; one, or several over the same inputs and outputs.
        acquisition: ``(posterior, pool, target) -> score (pool,)``.
        chooser: from scores to a purchase; its exponent of the cost is planned where the design looks ahead.
        rule: from runs to what is learned of a law.
        solver: of the multi-start fit.
        prior: precision of the parameters' prior, in fits and belief.
        num_starts: starting points of each fit.
        num_warm: at most so many of them are earlier best fits.
        lookahead: what decides how much cost counts, in place of the chooser's exponent, by plans for the
            rest of the budget; None for the exponent.
        num_scored: components that are scored, the heaviest: the work grows with their square; None for all.
        least_scored: weight of the lightest of them.

    Raises:
        ValueError: when ``num_warm`` exceeds ``num_starts``.
    """

    laws: tuple[AnyLaw, ...]
    acquisition: Callable[..., Array] = MSPE()
    chooser: Chooser = Chooser(cost_exponent=0.0, growth=1.0)
    rule: Rule = DiscrepancyRule()
    solver: Callable = LevenbergMarquardt(tolerance=1e-6)
    prior: float | Array | None = 0.6
    num_starts: int = eqx.field(static=True, default=32)
    num_warm: int = eqx.field(static=True, default=12)
    lookahead: Rollout | None = None
    num_scored: int | None = eqx.field(static=True, default=6)
    least_scored: float = 0.01

    def __check_init__(self):
        if self.num_warm > self.num_starts:
            raise ValueError(f"num_warm={self.num_warm} exceeds num_starts={self.num_starts}: lower num_warm")

    @classmethod
    def paper(cls, law: AnyLaw, basin_rule: BasinRule | None = None, **settings: Any) -> "Design":
        """The method of the paper: a law that is right, runs that are good, noise by its prior.

        Args:
            law: the law.
            basin_rule: from optima to basins; the paper's by default.
            settings: any of this class.
        """
        usual = {"solver": LevenbergMarquardt(), "prior": PRIOR, "num_starts": 64, "num_warm": 30}
        usual |= {"chooser": Chooser(), "num_scored": None}
        rule = PaperRule(BasinRule() if basin_rule is None else basin_rule)
        return cls((law,), rule=rule, **{**usual, **settings})

    def start(
        self, pool: Pool, observations: Observations | None = None, earlier: float | Array = jnp.inf
    ) -> State:
        """The state before the first purchase, with any runs done earlier (not counted as spent).

        Args:
            pool: candidates.
            observations: earlier runs, with room for those to come; an empty buffer for the whole pool
                when None.
            earlier: what those cost in all; infinite where it is not known.
        """
        if observations is None:
            size = buffer_size(pool.x.shape[0] if pool.rows is None else pool.rows.mask.size)
            observations = empty(pool.x[0], self.laws[0].num_outputs, size)
        if pool.rows is not None:
            observations = on_course(observations)
        dtype = observations.y.dtype
        return State(
            observations=observations,
            available=jnp.ones(pool.x.shape[0], bool),
            spent=jnp.zeros((), pool.cost.dtype),
            earlier=jnp.where(jnp.any(observations.mask), jnp.asarray(earlier, pool.cost.dtype), 0.0),
            lost=jnp.zeros((), int),
            optima=tuple(jnp.ones((self.num_warm, law.num_params), dtype) for law in self.laws),
            num_optima=tuple(jnp.zeros((), int) for _ in self.laws),
        )

    def believe(self, state: State, target: Target, key: Array, pool: Pool | None = None) -> Belief:
        """Fit every law from warm and fresh starts, find what it may be wrong by, and weigh the laws.

        Args:
            state: what was bought.
            target: what to predict.
            key: as for ``ask``.
            pool: candidates that will be asked about.
        """
        key = jax.random.fold_in(key, state.observations.num_observed)
        candidates = None if pool is None else pool.x

        def learn(law, number, runs, optima, num_optima):
            valid = jnp.arange(self.num_warm) < num_optima
            starts = warm_starts(jax.random.fold_in(key, number), law, self.num_starts, optima, valid)
            return self.rule(law, runs, starts, target, self.solver, self.prior, candidates)

        return believe(in_turn(learn, self.laws, state.observations, state.optima, state.num_optima))

    def ask(
        self, state: State, pool: Pool, target: Target, budget: Array, key: Array
    ) -> tuple[Choice, Belief]:
        """The run to buy next, and the belief it follows from.

        Args:
            state: what was bought.
            pool, target: candidates and what to predict.
            budget: total that may be spent, in the unit of the costs; what ``state`` spent counts.
            key: the same for a whole study.
        """
        belief = self.believe(state, target, key, pool)
        pool = left(pool, state.observations)
        posterior, pool, target = told_together(
            self.scored(belief.posterior), belief.along, pool, target, state.observations
        )
        key = jax.random.fold_in(jax.random.fold_in(key, state.observations.num_observed), len(self.laws))
        money = budget - state.spent
        spent = checked(state.spent + state.earlier, belief.bad)
        return self.choose(posterior, pool, target, state.available, spent, money, key), belief

    def choose(
        self,
        posterior: Posterior,
        pool: Pool,
        target: Target,
        available: Array,
        spent: Array,
        money: Array,
        key: Array,
    ) -> Choice:
        """The run to buy next, by what is believed; no law is looked at.

        Args:
            posterior: what candidates are scored by, see ``scored``.
            pool, target: candidates and what to predict.
            available: which candidates may be bought, ``(pool,)`` of bool.
            spent: cost of all runs so far, infinite where it is not known.
            money: what may be spent in all from now on; infinite for no limit.
            key: for ties.
        """
        chooser = self.priced(posterior, pool, target, available, money, key)
        price = chooser.price(pool, available, money, spent)
        score = leading(self.acquisition, posterior, pool, target, price, every=chooser.draw)
        return chooser(score, pool, available, money, key, spent)

    def scored(self, posterior: Posterior) -> Posterior:
        """What candidates are scored by: the heaviest components alone."""
        if self.num_scored is None:
            return posterior
        return Heaviest(posterior, self.num_scored, self.least_scored)

    def priced(
        self, posterior: Posterior, pool: Pool, target: Target, available: Array, money: Array, key: Array
    ) -> Chooser:
        """The chooser, its exponent by looking ahead where the design does; arguments as of ``Rollout``."""
        if self.lookahead is None:
            return self.chooser
        return replace(
            self.chooser, cost_exponent=self.lookahead(posterior, pool, target, available, money, key)
        )

    def tell(
        self,
        state: State,
        pool: Pool,
        index: Array,
        y: Array,
        belief: Belief | None = None,
        cost: Array | None = None,
    ) -> State:
        """The state after candidate ``index`` gave ``y (output,)``.

        Args:
            state: before.
            pool: the candidates.
            index: row of the pool; negative changes nothing.
            y: its outcome, of a run that tells of several rows ``(row, output)``. Where it is not finite the
                run diverged: it is paid for and not asked for again, and nothing is learned from it.
            belief: that of the ask, whose best fits become warm starts.
            cost: what it really cost; the pool's cost when None or not finite, nothing where that is not.

        Raises:
            ValueError: when the buffer is full and that is known; under ``jit`` the run counts as ``lost``.
        """
        bought, row, pool = index >= 0, jnp.maximum(index, 0), left(pool, state.observations)
        planned = jnp.where(jnp.isfinite(pool.cost[row]), pool.cost[row], 0.0)
        cost = planned if cost is None else jnp.where(jnp.isfinite(cost), cost, planned)
        observations, lost = tell_rows(state.observations, pool, row, y, bought)
        after = State(
            observations=observations,
            available=state.available.at[row].set(False),
            spent=state.spent + cost,
            earlier=state.earlier,
            lost=state.lost + lost,
            optima=state.optima,
            num_optima=state.num_optima,
        )
        if belief is not None:
            kept = [
                _remember(old, num, found.theta[0], jnp.isfinite(found.loss[0]))
                for old, num, found in zip(state.optima, state.num_optima, belief.fits, strict=True)
            ]
            after = eqx.tree_at(lambda s: (s.optima, s.num_optima), after, tuple(zip(*kept, strict=True)))
        return jax.tree.map(lambda new, old: jnp.where(bought, new, old), after, state)


def _remember(optima: Array, num: Array, theta: Array, usable: Array) -> tuple[Array, Array]:
    """``theta`` in front of the earlier optima, unless it is among them."""
    known = jnp.arange(optima.shape[0]) < num
    same = jnp.all(jnp.abs(optima - theta) <= 1e-5 * jnp.abs(theta) + 1e-8, axis=1)
    new = usable & ~jnp.any(known & same)
    shifted = jnp.concatenate([theta[None], optima[:-1]])
    return jnp.where(new, shifted, optima), jnp.minimum(num + new, optima.shape[0])


def cheapest(cost: Array, num_runs: int, most: Array) -> Array:
    """The ``num_runs`` cheapest candidates while their cost is at most ``most``: ``(pool,)`` of bool.

    The warm start of the paper: ``floor(2.5 P / D)`` runs for at most 2 % of the pool's cost. None has a
    cost that is NaN or infinite.

    Example:
        >>> cheapest(jnp.array([5.0, 1.0, 2.0, 9.0]), 3, 4.0).tolist()
        [False, True, True, False]
    """
    order = jnp.argsort(cost)
    total = jnp.cumsum(cost[order])
    taken = (jnp.arange(cost.shape[0]) < num_runs) & jnp.isfinite(total) & (total <= most * (1 + 1e-9))
    return jnp.zeros(cost.shape[0], bool).at[order].set(taken)
