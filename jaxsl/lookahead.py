"""Looking further than one run: how much cost should count is decided by planning the rest of the budget.

A greedy choice trades gain for cost by one exponent. Whether many cheap runs or few dear ones are better
depends on how much money is left, so each exponent plans the whole of it: run after run by the fall of the
target's variance within basins, ``tr(S^-1 G C M C G^T)``, per ``cost^gamma``, with the rank-D update
``C <- C - C G^T S^-1 G C`` after each, where ``G`` is the candidate's root, ``S = sigma^2 I + G C G^T`` and
``M`` the target's moment. No outcome is imagined: what is known within a basin does not depend on it. The
exponent whose plan leaves the least ``sum_k w_k tr(M C)`` is that of the next choice (a rollout: Bertsekas,
Tsitsiklis and Wu 1997), which looks at both terms of the acquisition.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition.mspe import target_stack
from jaxsl.choice import Chooser
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, finite, predict, split


class Plan(eqx.Module):
    """What one exponent would buy.

    Attributes:
        variance: of the target after all of it, a scalar.
        spent: its cost, a scalar.
        bought: which candidates, ``(pool,)`` of bool.
    """

    variance: Array
    spent: Array
    bought: Array


class Rollout(eqx.Module):
    """The exponent of the cost whose plan for the rest of the budget leaves the least variance at the target.

    Attributes:
        exponents: gammas in ``gain / cost^gamma``, one plan each; one alone is not planned with.
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
        >>> every, key = jnp.ones(2, bool), jax.random.key(0)
        >>> plans = Rollout().plans(belief, pool, target, every, 9.0, key)
        >>> plans.bought.tolist()  # the dear run alone beats the cheap one, after which it is too dear
        [[True, False], [False, True], [True, False]]
        >>> [round(float(Rollout()(belief, pool, target, every, money, key)), 1) for money in (9.0, 99.0)]
        [0.0, 0.4]
    """

    exponents: tuple[float, ...] = eqx.field(static=True, default=(0.4, 0.0, 1.0))
    most: int = eqx.field(static=True, default=64)

    def __call__(
        self, posterior: Posterior, pool: Pool, target: Target, available: Array, money: Array, key: Array
    ) -> Array:
        """The exponent, a scalar; the first of them where all that is available can be paid for.

        Arguments as of ``jaxsl.choice.Chooser``, with what is believed.
        """
        exponents = jnp.asarray(self.exponents, pool.cost.dtype)
        if len(self.exponents) == 1:
            return exponents[0]
        plans = self.plans(posterior, pool, target, available, money, key)
        enough = money >= jnp.sum(jnp.where(available, pool.cost, 0.0))
        return jnp.where(enough, exponents[0], exponents[jnp.argmin(plans.variance)])

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
                covariance, left, free, num, _ = carry
                fall, side, gain = score(covariance)
                choice = chooser(jnp.maximum(fall, 0.0), pool, free, left, key)
                row, bought = jnp.maximum(choice.index, 0), choice.index >= 0
                change = jnp.where(bought, side[row].mT @ gain[row], 0.0)
                left = left - jnp.where(bought, pool.cost[row], 0.0)
                free = free.at[row].set(free[row] & ~bought)
                return covariance - change, left, free, num + bought, bought

            factors = root.shape[-1]
            start = jnp.broadcast_to(jnp.eye(factors, dtype=root.dtype), (weight.shape[0], factors, factors))
            money_left = jnp.asarray(money, pool.cost.dtype)
            carry = (start, money_left, available, jnp.asarray(0), jnp.asarray(True))
            covariance, left, free, *_ = jax.lax.while_loop(
                lambda carry: carry[-1] & (carry[-2] < self.most), step, carry
            )
            variance = jnp.einsum("k,kfg,kgf->", weight, moment, covariance)
            return Plan(variance, money_left - left, available & ~free)

        return jax.lax.map(plan, jnp.asarray(self.exponents, root.dtype))
