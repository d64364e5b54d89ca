"""Bootstraps of a law's fit: refit to drawn runs, in one traceable call.

- ``Residuals``: outcomes are the fitted curve plus residuals drawn from the other runs; equal noise of any
  shape, the design stays.
- ``Pairs``: runs are drawn with their outcomes, as integer weights; unequal noise, a misfitting law.
- ``Groups``: whole groups of runs are drawn (families, seeds, data sets), for noise that a group shares.

A draw is ``(key, law, observations, theta) -> (observations, weight)``; anybody may bring their own.
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 9.)
"""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.fit import Fit, Solver, fit
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations

Draw = Callable[[Array, AnyLaw, Observations, Array], tuple[Observations, Array]]


class Residuals(eqx.Module):
    """Residuals of the fit, centred within each output, drawn with replacement; whole rows stay together.

    They are blown up by ``sqrt(n D / (n D - P))`` (at least one degree of freedom is left), since a fit of
    P parameters is closer to its runs than the truth is.
    """

    def __call__(
        self, key: Array, law: AnyLaw, observations: Observations, theta: Array
    ) -> tuple[Observations, Array]:
        """Curve plus drawn residuals, every run once."""
        mask, count = observations.mask, observations.num_observed
        fitted = law.predict(theta, observations.x)
        residual = jnp.where(mask[:, None], observations.y - fitted, 0.0)
        residual = residual - jnp.sum(residual, axis=0) / count
        total = count * law.num_outputs
        scale = jnp.sqrt(total / jnp.maximum(total - law.num_real, 1))
        chosen = _draw(key, mask, mask.shape[0])
        y = jnp.where(mask[:, None], fitted + scale * residual[chosen], 0.0)
        return replace(observations, y=y), mask.astype(y.dtype)


class Pairs(eqx.Module):
    """Runs with their outcomes, as many as there are, drawn with replacement."""

    def __call__(
        self, key: Array, law: AnyLaw, observations: Observations, theta: Array
    ) -> tuple[Observations, Array]:
        """The same runs, each weighted by how often it was drawn."""
        mask, count = observations.mask, observations.num_observed
        chosen = _draw(key, mask, mask.shape[0])
        drawn = (jnp.arange(mask.shape[0]) < count).astype(observations.y.dtype)
        return observations, jnp.zeros(mask.shape, drawn.dtype).at[chosen].add(drawn)


class Groups(eqx.Module):
    """Whole groups, as many as there are, drawn with replacement.

    Attributes:
        group: the group of each run, ``(row,)`` of int in ``[0, row)``; that of a padded row is not read.
    """

    group: Array

    def __call__(
        self, key: Array, law: AnyLaw, observations: Observations, theta: Array
    ) -> tuple[Observations, Array]:
        """The same runs, each weighted by how often its group was drawn."""
        size, dtype = observations.mask.shape[0], observations.y.dtype
        present = jnp.zeros(size, bool).at[self.group].max(observations.mask)
        chosen = _draw(key, present, size)
        drawn = (jnp.arange(size) < jnp.sum(present)).astype(dtype)
        times = jnp.zeros(size, dtype).at[chosen].add(drawn)
        return observations, jnp.where(observations.mask, times[self.group], 0.0)


class Bootstrap(eqx.Module):
    """Refitted optima, the best of each draw.

    Attributes:
        theta: ``(draw, param)``.
        loss: on the drawn runs, ``(draw,)``; what a prior adds is not in it.
        valid: whether any start of the draw ended finite, ``(draw,)`` of bool.
    """

    theta: Array
    loss: Array
    valid: Array

    def predict(self, law: AnyLaw, x: Array) -> Array:
        """What every draw predicts at ``x (row, feature)``: ``(draw, row, output)``; nan where not valid."""
        predicted = jax.vmap(law.predict, (0, None))(self.theta, x)
        return jnp.where(self.valid[:, None, None], predicted, jnp.nan)

    def interval(self, law: AnyLaw, x: Array, level: float = 0.95) -> Array:
        """Percentile interval of the curve at ``x``: ``(2, row, output)``."""
        ends = jnp.array([(1 - level) / 2, (1 + level) / 2], self.theta.dtype)
        return jnp.nanquantile(self.predict(law, x), ends, axis=0)

    @property
    def deviation(self) -> Array:
        """Standard deviation of each parameter over the valid draws, ``(param,)``."""
        theta = jnp.where(self.valid[:, None], self.theta, jnp.nan)
        return jnp.nanstd(theta, axis=0, ddof=1)


def bootstrap(
    key: Array,
    law: AnyLaw,
    observations: Observations,
    found: Fit,
    num_draws: int,
    draw: Draw | None = None,
    solver: Solver | None = None,
    num_starts: int = 4,
    batch_size: int = 32,
) -> Bootstrap:
    """Refit ``law`` to ``num_draws`` drawn data sets, warm from the best ``num_starts`` optima of ``found``.

    Every refit is made as ``found`` was: with its prior, if it has one, against the noise of the drawn runs.

    Args:
        key: for the draws.
        law: the law; static under ``jit``.
        observations: the runs that ``found`` was fitted to.
        found: their fit; its best optimum is the curve of ``Residuals``.
        num_draws: static under ``jit``, as the two numbers below.
        draw: ``Residuals()`` when None.
        solver: as in ``fit``.
        num_starts: optima that every refit starts from.
        batch_size: draws refitted at once, which bounds the memory; a batch lasts as long as its slowest.
    """
    draw = Residuals() if draw is None else draw
    starts = found.theta[:num_starts]
    prior = None if found.prior is None else found.prior.precision

    def one(key):
        drawn, weight = draw(key, law, observations, found.theta[0])
        refitted = fit(law, drawn, starts, solver, weight, prior=prior)
        return refitted.theta[0], refitted.loss[0]

    theta, loss = jax.lax.map(one, jax.random.split(key, num_draws), batch_size=batch_size)
    return Bootstrap(theta, loss, jnp.isfinite(loss))


def _draw(key: Array, allowed: Array, num: int) -> Array:
    """``num`` positions drawn with replacement from those allowed, ``(num,)`` of int."""
    total = jnp.cumsum(allowed)
    rank = jax.random.randint(key, (num,), 1, jnp.maximum(total[-1], 1) + 1)
    return jnp.searchsorted(total, rank)
