"""Looking further than one run: how much cost should count is decided by planning the rest of the budget.

A greedy choice trades gain for cost by one exponent. Whether many cheap runs or few dear ones are better
depends on how much money is left, so each exponent plans the whole of it: run after run by the fall of the
target's variance within basins, ``tr(S^-1 G C M C G^T)``, per ``cost^gamma``, with the rank-D update
``C <- C - C G^T S^-1 G C`` after each, where ``G`` is the candidate's root, ``S = sigma^2 I + G C G^T`` and
``M`` the target's moment. No outcome is imagined: what is known within a basin does not depend on it. The
exponent whose plan leaves the least ``sum_k w_k tr(M C)`` is that of the next choice (a rollout: Bertsekas,
Tsitsiklis and Wu 1997), which looks at both terms of the acquisition.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition.aim import target_stack
from jaxsl.choice import Chooser
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, finite, survey

EQUAL = 1e-9  # relative difference of variances that tells no plans apart


class Purchases(eqx.Module):
    """What one exponent would buy with the rest of the budget.

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
        >>> plans = jax.jit(Rollout().plans)(belief, pool, target, every, 9.0, key)
        >>> plans.bought.tolist()  # the dear run alone beats the cheap one, after which it is too dear
        [[True, False], [False, True], [True, False]]
        >>> worth = jax.jit(Rollout().__call__)
        >>> [round(worth(belief, pool, target, every, money, key).item(), 1) for money in (9.0, 99.0)]
        [0.0, 0.4]
    """

    exponents: tuple[float, ...] = eqx.field(static=True, default=(0.4, 0.0, 1.0))
    most: int = eqx.field(static=True, default=64)

    def __call__(
        self, posterior: Posterior, pool: Pool, target: Target, available: Array, money: Array, key: Array
    ) -> Array:
        """The exponent, a scalar; the first of equals, as all are where all available runs can be paid for.

        Arguments as of ``jaxsl.choice.Chooser``, with what is believed.
        """
        exponents = jnp.asarray(self.exponents, pool.cost.dtype)
        if len(self.exponents) == 1:
            return exponents[0]
        plans = self.plans(posterior, pool, target, available, money, key)
        enough = money >= jnp.sum(jnp.where(available & jnp.isfinite(pool.cost), pool.cost, 0.0))
        # Plans that buy the same runs in another order differ by rounding alone.
        equal = plans.variance <= jnp.min(plans.variance) * (1 + EQUAL)
        return exponents[jnp.argmax(equal | enough)]

    def bought(
        self,
        posterior: Posterior,
        pool: Pool,
        target: Target,
        available: Array,
        money: Array,
        key: Array,
        group: Array | None = None,
    ) -> Array:
        """What the plan that leaves the least variance buys, ``(pool,)`` of bool; as ``plans``."""
        plans = self.plans(posterior, pool, target, available, money, key, group)
        return plans.bought[jnp.argmin(plans.variance)]

    def plans(
        self,
        posterior: Posterior,
        pool: Pool,
        target: Target,
        available: Array,
        money: Array,
        key: Array,
        group: Array | None = None,
    ) -> Purchases:
        """All plans, stacked in the order of the exponents.

        Of each ``group (pool,)`` of int one candidate is bought at most; each is its own when None.
        """
        group = jnp.arange(pool.cost.shape[0]) if group is None else group
        weight, at_target, here = survey(posterior, target.x, pool.x)
        known = finite(here)
        noise = jnp.where(weight > 0, posterior.noise, 1.0)
        _, stack = target_stack(weight, at_target, target)
        aim = jnp.linalg.qr(stack, mode="r")
        root = jnp.where(known[:, None, None, None], jnp.moveaxis(here.root, 1, 0), 0.0)
        prior = jnp.broadcast_to(
            jnp.eye(root.shape[-1], dtype=root.dtype), (*weight.shape, *root.shape[-1:] * 2)
        )
        money = jnp.asarray(money, pool.cost.dtype)
        start = _Ahead(
            covariance=prior,
            spread=noise[:, None, None] * jnp.eye(root.shape[2], dtype=root.dtype) + root @ root.mT,
            cross=root @ aim.mT,
            variance=jnp.sum(weight * jnp.sum(aim**2, axis=(1, 2))),
            money=money,
            available=available,
            bought=jnp.zeros_like(available),
            num=jnp.asarray(0),
            going=jnp.asarray(True),
        )

        def plan(exponent):
            chooser = Chooser(cost_exponent=exponent)
            end = jax.lax.while_loop(
                lambda ahead: ahead.going & (ahead.num < self.most),
                lambda ahead: _buy(ahead, weight, root, chooser, pool, group, key),
                start,
            )
            return Purchases(end.variance, money - end.money, end.bought)

        return jax.lax.map(plan, jnp.asarray(self.exponents, root.dtype))


class _Ahead(NamedTuple):
    """A plan so far: what is known in every basin, and what that says of the candidates.

    ``covariance`` is ``C (basin, factor, factor)``; of candidates with root ``G``, ``spread`` is
    ``sigma^2 I + G C G^T (pool, basin, output, output)`` and ``cross`` ``G C R^T (pool, basin, output, row)``
    with ``R^T R = M``; ``variance`` is what is left at the target.
    """

    covariance: Array
    spread: Array
    cross: Array
    variance: Array
    money: Array
    available: Array
    bought: Array
    num: Array
    going: Array


def _buy(
    ahead: _Ahead, weight: Array, root: Array, chooser: Chooser, pool: Pool, group: Array, key: Array
) -> _Ahead:
    """The plan with one run more; every field by its rank-D update, so that no candidate is scored anew."""
    # Of one output no matrix is inverted: a call of LAPACK for each took two thirds of the time.
    inverse = 1 / ahead.spread if ahead.spread.shape[-1] == 1 else jnp.linalg.inv(ahead.spread)
    fall = jnp.sum(weight * jnp.sum((inverse @ ahead.cross) * ahead.cross, axis=(2, 3)), axis=1)
    choice = chooser(jnp.maximum(fall, 0.0), pool, ahead.available, ahead.money, key)
    row, bought = jnp.maximum(choice.index, 0), choice.index >= 0
    here = root[row] @ ahead.covariance
    gain = jnp.where(bought, inverse[row], 0.0)
    moved = root @ here.mT
    return _Ahead(
        covariance=ahead.covariance - here.mT @ gain @ here,
        spread=ahead.spread - moved @ gain @ moved.mT,
        cross=ahead.cross - moved @ (gain @ ahead.cross[row]),
        variance=ahead.variance - jnp.where(bought, fall[row], 0.0),
        money=ahead.money - jnp.where(bought, pool.cost[row], 0.0),
        available=ahead.available & ~(bought & (group == group[row])),
        bought=ahead.bought.at[row].set(ahead.bought[row] | bought),
        num=ahead.num + bought,
        going=bought,
    )
