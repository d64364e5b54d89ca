"""The variance of the noise around a law, from bought outcomes alone."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from jaxsl.pool import Observations

NEGLIGIBLE = 1e-4  # deviation of the noise, as a share of the outcomes' root mean square


class InverseGamma(eqx.Module):
    """Prior of the noise variance: ``sigma^2 ~ InvGamma(a0, b0)`` with ``b0 = a0 * fraction * Var(y)``.

    ``fraction`` is the share of the outcomes' variance that is guessed to be noise before any fit. The
    public implementation of the paper uses 1 and takes ``Var(y)`` over outcomes that were not bought yet;
    here the variance is over the bought runs, within each output.

    Attributes:
        a0: shape; worth ``2 a0`` observations.
        fraction: prior share of the variance that is noise.
        spread: ``Var(y)`` where it is known from elsewhere; NaN takes that of the bought runs.
        spend: subtract the number of parameters from the number of observations, so that a law with
            nearly as many parameters as runs is not taken to be noise-free.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.pool import observe
        >>> runs = observe(jnp.arange(4.0)[:, None], jnp.array([[0.0], [0.0], [2.0], [2.0]]))
        >>> round(float(InverseGamma().variance(runs, jnp.array(0.0), 2)), 4)  # 2 Var(y) / 3
        0.6667
    """

    a0: float = 2.0
    fraction: float | Array = 1.0
    spread: float | Array = float("nan")
    spend: bool = eqx.field(static=True, default=False)

    def variance(self, observations: Observations, squares: Array, num_params: int | Array) -> Array:
        """Posterior mean ``(b0 + SSR / 2) / (a0 + n / 2 - 1)`` (Spend Less, Fit Better, appendix C).

        Args:
            observations: the bought runs; ``n`` counts their outcomes, weights times outputs.
            squares: sum of squared residuals ``SSR``, any shape.
            num_params: P, subtracted from ``n`` (leaving at least 1) if ``spend``.

        Returns:
            ``sigma^2``, in the shape of ``squares``; positive. One run, or runs with equal outcomes, have no
            variance: the deviation is at least ``NEGLIGIBLE`` of the outcomes' size, so that what such runs
            tell of one direction does not pass for knowledge of all.
        """
        bought = outcome_variance(observations)
        spread = jnp.where(jnp.isnan(self.spread), bought, self.spread)
        count = observations.num_outcomes()
        if self.spend:
            count = jnp.maximum(count - num_params, 1)
        b0 = self.a0 * self.fraction * spread
        variance = (b0 + squares / 2) / (self.a0 + count.astype(spread.dtype) / 2 - 1)
        return jnp.maximum(variance, negligible_variance(observations))


def outcome_variance(observations: Observations) -> Array:
    """Variance of the bought outcomes within each output, averaged over outputs; a scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.pool import observe
        >>> float(outcome_variance(observe(jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]]), 8)))
        1.0
    """
    times, mask = observations.times()[:, None], observations.mask[:, None]
    total = jnp.sum(times)
    share = times / jnp.where(total > 0, total, 1.0)
    mean = jnp.sum(share * jnp.where(mask, observations.y, 0.0), axis=0)
    return jnp.mean(jnp.sum(share * jnp.where(mask, (observations.y - mean) ** 2, 0.0), axis=0))


def negligible_variance(observations: Observations, weight: Array | None = None) -> Array:
    """``NEGLIGIBLE^2`` of the mean squared bought outcome, a positive scalar: no noise is taken to be less.

    The mean is over runs counted ``weight (row,)`` times, once each when None.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.pool import observe
        >>> round(float(negligible_variance(observe(jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]]), 8))), 12)
        5e-08
    """
    squares = jnp.where(observations.mask[:, None], observations.y, 0.0) ** 2
    total = observations.num_outcomes(weight)
    mean = jnp.sum(observations.times(weight)[:, None] * squares) / jnp.where(total > 0, total, 1.0)
    return NEGLIGIBLE**2 * mean + jnp.finfo(mean.dtype).tiny
