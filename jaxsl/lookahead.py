"""Looking further than one run: the rest of the budget is planned in several ways, and the best plan begins.

A greedy choice trades gain for cost by one exponent. Whether many cheap runs or few dear ones are better
depends on how much money is left, so each exponent plans the whole of it: run after run by the fall of the
target's variance within basins, ``tr(S^-1 G C M C G^T)``, per ``cost^gamma``, with the rank-D update
``C <- C - C G^T S^-1 G C`` after each, where ``G`` is the candidate's root, ``S = sigma^2 I + G C G^T`` and
``M`` the target's moment. No outcome is imagined: what is known within a basin does not depend on it. The
plan that leaves the least ``sum_k w_k tr(M C)`` wins, and its first run is the choice (a rollout: Bertsekas,
Tsitsiklis and Wu 1997).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition.mspe import target_stack
from jaxsl.choice import Choice, Chooser
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, finite, predict, split


class Plan(eqx.Module):
    """What one exponent would buy.

    Attributes:
        first: the first run's choice.
        variance: of the target after all of it, a scalar.
        spent: its cost, a scalar.
        num_runs: a scalar int.
    """

    first: Choice
    variance: Array
    spent: Array
    num_runs: Array


class Rollout(eqx.Module):
    """The choice whose plan for the rest of the budget leaves the least variance at the target.

    Attributes:
        exponents: gammas in ``gain / cost^gamma``, one plan each.
        most: runs in a plan.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import Pool, uniform_target
        >>> from jaxsl.posterior import LawPosterior
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
        >>> pool = Pool(jnp.array([[1.0], [2.0]]), jnp.array([1.0, 9.0]))
        >>> target = uniform_target(jnp.array([[4.0]]))
        >>> choice = Rollout()(belief, pool, target, jnp.ones(2, bool), 9.0, jax.random.key(0))
        >>> int(choice.index)  # the dear run alone beats the cheap one, after which it is too dear
        1
    """

    exponents: tuple[float, ...] = eqx.field(static=True, default=(0.4, 0.0, 1.0))
    most: int = eqx.field(static=True, default=64)

    def __call__(
        self, posterior: Posterior, pool: Pool, target: Target, available: Array, money: Array, key: Array
    ) -> Choice:
        """The first run of the best plan; arguments as of ``Chooser`` with what is believed."""
        plans = self.plans(posterior, pool, target, available, money, key)
        best = jnp.argmin(plans.variance)
        return jax.tree.map(lambda leaf: leaf[best], plans.first)

    def plans(
        self, posterior: Posterior, pool: Pool, target: Target, available: Array, money: Array, key: Array
    ) -> Plan:
        """All plans, stacked in the order of the exponents."""
        everywhere = predict(posterior, jnp.concatenate([target.x, pool.x]))
        at_target, here = split(everywhere, target.x.shape[0])
        known = finite(here)
        weight = posterior.weight
        noise = jnp.where(weight > 0, posterior.noise, 1.0)
        _, root = target_stack(weight, at_target, target)
        moment = root.mT @ root
        roots = jnp.where(known[:, None, None, None], jnp.moveaxis(here.root, 1, 0), 0.0)
        identity = jnp.eye(roots.shape[2], dtype=root.dtype)

        def score(covariance):
            """Fall of the variance by each candidate, ``(pool,)``, and how it would change the covariance."""
            side = jnp.einsum("xkdf,kfg->xkdg", roots, covariance)
            gain = jnp.linalg.inv(noise[:, None, None] * identity + side @ roots.mT) @ side
            return jnp.einsum("k,xkdf,kfg,xkdg->x", weight, side, moment, gain), side, gain

        def plan(exponent):
            chooser = Chooser(cost_exponent=exponent)

            def step(carry):
                covariance, left, available, first, num, _ = carry
                fall, side, gain = score(covariance)
                choice = chooser(jnp.maximum(fall, 0.0), pool, available, left, key)
                row, bought = jnp.maximum(choice.index, 0), choice.index >= 0
                change = jnp.where(bought, side[row].mT @ gain[row], 0.0)
                first = jax.tree.map(lambda new, old: jnp.where(num == 0, new, old), choice, first)
                left = left - jnp.where(bought, pool.cost[row], 0.0)
                available = available.at[row].set(available[row] & ~bought)
                return covariance - change, left, available, first, num + bought, bought

            factors = root.shape[-1]
            start = jnp.broadcast_to(jnp.eye(factors, dtype=root.dtype), (weight.shape[0], factors, factors))
            none = Choice(jnp.asarray(-1), jnp.full(pool.cost.shape, -jnp.inf, pool.cost.dtype))
            money_left = jnp.asarray(money, pool.cost.dtype)
            carry = (start, money_left, available, none, jnp.asarray(0), jnp.asarray(True))
            covariance, left, _, first, num, _ = jax.lax.while_loop(
                lambda carry: carry[-1] & (carry[-2] < self.most), step, carry
            )
            variance = jnp.einsum("k,kfg,kgf->", weight, moment, covariance)
            return Plan(first, variance, money_left - left, num)

        return jax.lax.map(plan, jnp.asarray(self.exponents, root.dtype))
