"""Functions of a prediction that people decide by: the best configuration at a cost, and the least cost.

They are what a ``jaxsl.decision.quantity.Quantity`` is made of. The loss is the mean of a law's outputs.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from jaxsl.decision.curve import Predict
from jaxsl.decision.newton import Found, frozen, least, polished
from jaxsl.decision.space import Space

ROUNDS = 40  # Newton steps for the cost that reaches a loss, at most
STILL = 1e-12  # a step in the logarithm of the cost that changes nothing any more
LEAP = 3.0  # of a step in the logarithm of the cost, at most


class Optimum(eqx.Module):
    """The best configurations at some costs.

    Attributes:
        space: where.
        log_budget: logarithms of the costs, ``(budget,)``.
        start: logarithms of inputs to begin at, ``(budget, start, feature)``.
        inputs: which inputs are told.
        choice: configurations whose regret is told too, ``(budget, feature)``: by how much their loss is
            above the least.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> far = jnp.full(2, 50.0)
        >>> space = Space(lambda x: x[0] * x[1], jnp.ones(2, bool), jnp.ones(2), -far, far)
        >>> predict = lambda x: (4 / x[:, 0] + 1 / x[:, 1])[:, None]
        >>> best = Optimum(space, jnp.log(jnp.array([100.0])), jnp.zeros((1, 1, 2)), (0, 1))
        >>> least_cost = Reach(space, jnp.array(0.4), jnp.zeros((1, 2)), (0, 1))
        >>> flat = Flatness(space, jnp.log(100.0), jnp.zeros((1, 2)), 0, jnp.array([0.6, 1.0, 2.0]))
        >>> sizes, cost, times = jax.jit(lambda: (best(predict), least_cost(predict), flat(predict)))()
        >>> sizes.round(3).tolist()  # N, D and the loss
        [20.0, 5.0, 0.4]
        >>> cost.round(2).tolist()  # cost, N and D
        [100.0, 20.0, 5.0]
        >>> times.round(3).tolist()  # 4 / N + N / C = 0.4 at N = 12, 20 and 40
        [1.8, 1.0, 1.333]
    """

    space: Space
    log_budget: Array
    start: Array
    inputs: tuple[int, ...] = eqx.field(static=True)
    choice: Array | None = None

    def __call__(self, predict: Predict) -> Array:
        """For each budget its inputs, the loss and, of a choice, the regret, one after the other."""
        chosen = jnp.array(self.inputs)

        def one(log_cost, start, choice):
            found = self.found(predict, log_cost, start)
            values = [self.space.x(found.v)[chosen], found.loss[None]]
            if choice is not None:
                values.append(jnp.maximum(_loss(predict, choice) - found.loss, 0.0)[None])
            return jnp.concatenate(values)

        return jax.vmap(one)(self.log_budget, self.start, self.choice).ravel()

    def found(self, predict: Predict, log_cost: Array, start: Array) -> Found:
        """The minimum at one cost."""
        return least(Partial(_loss, predict), self.space, log_cost, start)


class Regret(eqx.Module):
    """Coordinates whose squared error is the loss given up by deciding now.

    With ``H`` the curvature of the loss along the cost, choosing ``v`` where ``v*`` is best gives up
    ``(v - v*)^T H (v - v*) / 2``: half the square of ``H^(1/2) v*``, whose variance is the expected regret.

    Attributes:
        optimum: the decision, at one cost or several.
        root: ``(H / 2)^(1/2)`` at what is chosen, ``(budget, feature, feature)``.
    """

    optimum: Optimum
    root: Array

    def __call__(self, predict: Predict) -> Array:
        """``(budget * feature,)``, in the root of the loss's unit."""

        def one(log_cost, start, root):
            return root @ self.optimum.found(predict, log_cost, start).v

        return jax.vmap(one)(self.optimum.log_budget, self.optimum.start, self.root).ravel()


class Reach(eqx.Module):
    """The least cost that reaches a loss.

    Attributes:
        space: where.
        level: the loss, a scalar.
        start: logarithms of inputs to begin at, ``(start, feature)``.
        inputs: which inputs are told.
    """

    space: Space
    level: Array
    start: Array
    inputs: tuple[int, ...] = eqx.field(static=True)

    def __call__(self, predict: Predict) -> Array:
        """The cost, infinite where none reaches it, and its inputs, ``(1 + input,)``."""
        fixed, level = frozen(Partial(_loss, predict)), jax.lax.stop_gradient(self.level)

        def nearer(carry):
            log_cost, start, _, count = carry
            found = least(fixed, self.space, log_cost, start[None])
            step = _towards(level, found)
            return log_cost + step, found.v, step, count + 1

        begin = jax.lax.stop_gradient(self.space.log_cost(self.start[0]))
        first = least(fixed, self.space, begin, self.start).v
        carry = begin, jax.lax.stop_gradient(first), jnp.full_like(begin, LEAP), 0
        log_cost, v, _, _ = jax.lax.stop_gradient(jax.lax.while_loop(_away(ROUNDS), nearer, carry))
        there = polished(Partial(_loss, predict), self.space, log_cost, v)
        met = jnp.abs(there.loss - level) < 1e-6 * jnp.abs(level)
        log_cost = log_cost + (self.level - there.loss) / jax.lax.stop_gradient(there.price)
        found = polished(Partial(_loss, predict), self.space, log_cost, v)
        values = jnp.append(jnp.exp(log_cost), self.space.x(found.v)[jnp.array(self.inputs)])
        return jnp.where(met, values, jnp.inf)


class Flatness(eqx.Module):
    """How many times the cost it takes to be as good with one input off its best value.

    Attributes:
        space, log_budget: where and at which cost, a scalar.
        start: logarithms of inputs to begin at, ``(start, feature)``.
        index: of the input. factor: times its best value, ``(factor,)``.
    """

    space: Space
    log_budget: Array
    start: Array
    index: int | Array
    factor: Array

    def __call__(self, predict: Predict) -> Array:
        """``(factor,)``; not finite where none does."""
        loss = Partial(_loss, predict)
        best = least(loss, self.space, self.log_budget, self.start)

        def one(factor):
            v = best.v.at[self.index].add(jnp.log(factor))
            rest = self.space.hold(self.index, v)
            begin = jnp.maximum(self.log_budget, rest.log_cost(jnp.where(rest.free, rest.low, v)))

            def nearer(carry):
                log_cost, v, _, count, _ = carry
                found = least(loss, rest, log_cost, v[None])
                step = _towards(best.loss, found)
                return log_cost + step, found.v, step, count + 1, found.loss

            carry = begin, v, jnp.full_like(begin, LEAP), 0, best.loss
            log_cost, _, _, _, there = jax.lax.while_loop(_away(ROUNDS // 2), nearer, carry)
            met = jnp.abs(there - best.loss) < 1e-6 * jnp.abs(best.loss)
            return jnp.where(met, jnp.exp(log_cost - self.log_budget), jnp.inf)

        return jax.vmap(one)(self.factor)


def _towards(level: Array, found: Found) -> Array:
    """Newton's step in the logarithm of the cost to where ``level`` is the least loss, else a leap."""
    step = (level - found.loss) / jnp.minimum(found.price, -1e-12)
    return jnp.clip(jnp.where(jnp.isnan(step), LEAP, step), -LEAP, LEAP)


def _away(most: int) -> Callable[[tuple], Array]:
    """Whether ``(cost, v, step, count, ...)`` is not at that cost yet, for ``most`` steps."""
    return lambda carry: (jnp.abs(carry[2]) > STILL) & (carry[3] < most)


def _loss(predict: Predict, x: Array) -> Array:
    """Mean of the outputs at one configuration, a scalar."""
    return jnp.mean(predict(x[None]))
