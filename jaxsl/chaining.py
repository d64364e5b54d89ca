"""Forward chaining: how well a law that saw only the runs far from the target predicts the nearer ones.

The evidence on the runs says which law describes them; what is wanted is the law that extrapolates. So the
runs are put in the order of their distance to the target; a law is fitted to the farthest share of them and
its error is taken on the rest, for one share or several. Nothing but bought runs is used.

Source: prequential analysis (Dawid 1984), with distance to the target in place of time.
"""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.fit import PRIOR, Solver, fit
from jaxsl.noise import outcome_variance
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target
from jaxsl.quantile import weighted_median
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import random_starts

EXACT = 1e-8  # share of the outcomes' variance below which an error is none
FAR = 10.0  # deviations of the outcomes at which an error counts as this large, however large it is


class Validation(eqx.Module):
    """Errors of one law on runs it was not fitted to.

    Attributes:
        error: prediction minus outcome, ``(fold, row, output)``; 0 where the row was not held out.
        held: which rows a fold held out, ``(fold, row)`` of bool; none in a fold without enough runs.
        spread: variance of the outcomes, a scalar.
    """

    error: Array
    held: Array
    spread: Array

    @property
    def mean_square(self) -> Array:
        """Mean over folds of their mean squared error; the outcomes' variance where no fold held a run."""
        held = jnp.sum(self.held, axis=1)
        squares = jnp.sum(jnp.mean(self.error**2, axis=2), axis=1) / jnp.maximum(held, 1)
        folds = jnp.sum(held > 0)
        mean = jnp.sum(squares) / jnp.maximum(folds, 1)
        return jnp.maximum(jnp.where(folds > 0, mean, self.spread), EXACT * self.spread)


class ForwardChain(eqx.Module):
    """Settings of forward chaining.

    Attributes:
        shares: of the runs, farthest first, that the folds fit; the rest, one run at least, is held out.
            Shares of less overstate the error of a fit to all runs.
        num_starts: starting points of each fit.
        solver: of the fits.
        prior: of the fits, see ``jaxsl.fit.fit``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe, uniform_target
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-99, 99), b=(-99, 99)), linear=("a", "b"))
        >>> x = jnp.arange(1.0, 7.0)[:, None]
        >>> runs = observe(x, 1 + 2 * x.at[5].set(7.0))  # the nearest run lies 2 above the line
        >>> chain = ForwardChain(num_starts=2)
        >>> found = jax.jit(chain)(law, runs, uniform_target(jnp.array([[9.0]])), jax.random.key(0))
        >>> found.held.tolist(), round(float(found.mean_square), 3)
        ([[False, False, False, False, False, True]], 4.0)
    """

    shares: tuple[float, ...] = eqx.field(static=True, default=(0.85,))
    num_starts: int = eqx.field(static=True, default=8)
    solver: Solver = LevenbergMarquardt()
    prior: float | Array | None = PRIOR

    def __call__(self, law: AnyLaw, observations: Observations, target: Target, key: Array) -> Validation:
        """Fit every fold and predict what it held out, by the median over equally good optima."""
        count = observations.num_observed
        place = farthest_first(law, observations, target)
        mask = observations.mask
        first = jnp.minimum(jnp.ceil(jnp.asarray(self.shares) * count - 1e-6), count - 1)[:, None]
        seen = mask & (place < first)
        held = mask & (place >= first) & (first >= 1)
        starts = random_starts(key, law, self.num_starts, observations.y.dtype)
        spread = outcome_variance(observations)

        def fold(seen):
            runs = replace(observations, mask=seen)
            found = fit(law, runs, starts, self.solver, prior=self.prior)
            loss = jnp.maximum(found.loss, EXACT * spread + jnp.finfo(spread.dtype).tiny)
            weight = jax.nn.softmax(-runs.num_outcomes() * jnp.log(loss) / 2)
            predicted = jax.vmap(law.predict, (0, None))(found.theta, observations.x)
            return weighted_median(predicted, weight)

        error = jax.lax.map(fold, seen) - observations.y
        far = FAR * jnp.sqrt(spread)
        error = jnp.where(jnp.isnan(error), far, jnp.clip(error, -far, far))
        return Validation(jnp.where(held[..., None], error, 0.0), held, spread)


def farthest_first(law: AnyLaw, observations: Observations, target: Target) -> Array:
    """Place of every run in the order of its distance to the target, ``(row,)`` of int, the farthest 0.

    The distance is the mean over the target of Euclidean distances in logarithms of the inputs (in the inputs
    themselves where they may be 0), each in standard deviations over runs and target. Padded rows come last.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe, uniform_target
        >>> law = Law("size", lambda theta, x: theta[0] * x[0], ("N",), params(a=(0, 1)))
        >>> runs = observe(jnp.array([[1e8], [1e6], [1e7]]), jnp.zeros((3, 1)), 4)
        >>> jax.jit(farthest_first)(law, runs, uniform_target(jnp.array([[1e9]]))).tolist()
        [2, 0, 1, 3]
    """
    plain = law.apply(lambda law: jnp.array([name in law.nonnegative for name in law.inputs]))

    def coordinates(x):
        return jnp.where(plain, x, jnp.log(jnp.where(plain | (x <= 0), 1.0, x)))

    runs, aim = coordinates(observations.x), coordinates(target.x)
    share = observations.mask / jnp.maximum(observations.num_observed, 1) / 2
    weight = jnp.concatenate([share, target.weight / 2])[:, None]
    both = jnp.concatenate([runs, aim])
    centre = jnp.sum(weight * both, axis=0) / jnp.sum(weight)
    scale = jnp.sqrt(jnp.sum(weight * (both - centre) ** 2, axis=0))
    scale = jnp.where(scale > 0, scale, 1.0)
    distance = jnp.sqrt(jnp.sum(((runs[:, None] - aim) / scale) ** 2, axis=2)) @ target.weight
    order = jnp.argsort(jnp.where(observations.mask, -distance, jnp.inf))
    return jnp.argsort(order)
