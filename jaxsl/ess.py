"""Equivalent sample size: how many test items on the target itself a prediction is worth.

A prediction whose interval at confidence ``1 - delta`` has length ``L`` is worth the ``n`` items whose
direct evaluation would give an interval of that length ("Extrapolating Large Models from the Small",
Definition 1). Which ``n`` that is depends on the interval of the direct evaluation:

- ``hoeffding``: valid for any score in a bounded range, and wasteful near 0 and 1. The paper's radius
  ``sqrt(ln(1/delta) / 2n)`` is one-sided; a valid two-sided interval needs ``sides=2``.
- ``clopper_pearson``: the exact interval of a share of right answers.
- ``beta``: the paper's Appendix B, matches the variance of the prediction to a Beta posterior.
- ``gaussian``: for scores without bounds, such as a loss, from the spread of the score between items.

Appendix B says that a poor accuracy gives a small ESS. It gives the largest: behind a logistic link of slope
omega the interval of the prediction shrinks with ``P (1 - P)``, so Hoeffding's size grows with its inverse
square; and although a direct test is easier there too, even the Beta size grows, as
``1 / (omega^2 var(Y) P (1 - P)) - 1``.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl import moments, quantile
from jaxsl.posterior import Posterior

# Beyond this many items the exact interval and its asymptotic length agree to 1e-4, and JAX's incomplete
# beta function starts to lose digits.
MOST_EXACT = 1e5


class Equivalent(eqx.Module):
    """What a prediction is worth, in test items; not a number where a size has no meaning.

    Attributes:
        length: length of the prediction's interval.
        hoeffding, clopper_pearson, beta: see the module.
    """

    length: Array
    hoeffding: Array
    clopper_pearson: Array
    beta: Array


def hoeffding(length: Array, delta: float = 0.05, sides: int = 1, width: float = 1.0) -> Array:
    """``n = 2 ln(sides/delta) (width/length)^2`` (section 4).

    Args:
        length: length of the prediction's interval at confidence ``1 - delta``.
        delta: one minus the confidence.
        sides: 1 as in the paper, whose interval covers ``1 - 2 delta`` for sure; 2 for a valid two-sided one.
        width: the width of the range of an item's score.

    Example:
        >>> round(float(hoeffding(0.1)), 2), round(float(hoeffding(0.1, sides=2)), 2)
        (599.15, 737.78)
    """
    return 2 * jnp.log(sides / delta) * (width / length) ** 2


def hoeffding_length(num_items: Array, delta: float = 0.05, sides: int = 1, width: float = 1.0) -> Array:
    """The length of Hoeffding's interval for ``num_items``: the inverse of ``hoeffding``.

    Example:
        >>> round(float(hoeffding_length(599.15)), 4)
        0.1
    """
    return width * jnp.sqrt(2 * jnp.log(sides / delta) / num_items)


def gaussian(length: Array, item_sd: Array, delta: float = 0.05) -> Array:
    """``n = (2 z item_sd / length)^2`` for scores without bounds, by the central limit theorem.

    ``item_sd`` is the standard deviation of the score (such as the loss in nats) between test items.

    Example:
        >>> round(float(gaussian(0.02, 0.5)))  # an interval of 0.02 nats, items that scatter by 0.5
        9604
    """
    return (2 * quantile.normal(1 - delta / 2) * item_sd / length) ** 2


def beta(mean: Array, variance: Array) -> Array:
    """``n = m (1 - m) / v - 1`` from mean and variance of the predicted performance (Appendix B).

    0 where the variance is larger than that of any Beta distribution of this mean.

    Example:
        >>> round(float(beta(0.3, 0.3 * 0.7 / 11)), 6)  # Beta(3, 7)
        10.0
    """
    return jnp.maximum(mean * (1 - mean) / variance - 1, 0.0)


@jax.jit
def clopper_pearson_length(performance: Array, num_items: Array, delta: float = 0.05) -> Array:
    """Length of the exact interval when a share ``performance`` of ``num_items`` is right; broadcasts.

    The count ``performance * num_items`` may be fractional, so the length is smooth. Beyond
    ``MOST_EXACT`` items: ``2 z sqrt(p q / n) + 1 / n``.

    Example:
        >>> round(float(clopper_pearson_length(0.5, 100)), 3)
        0.203
    """
    exact_items = jnp.minimum(num_items, MOST_EXACT)
    right = performance * exact_items
    wrong = exact_items - right
    low = quantile.beta(delta / 2, jnp.where(right > 0, right, 1.0), wrong + 1)
    high = quantile.beta(1 - delta / 2, right + 1, jnp.where(wrong > 0, wrong, 1.0))
    exact = jnp.where(wrong > 0, high, 1.0) - jnp.where(right > 0, low, 0.0)
    spread = jnp.sqrt(performance * (1 - performance) / num_items)
    asymptotic = 2 * quantile.normal(1 - delta / 2) * spread + 1 / num_items
    return jnp.where(num_items > MOST_EXACT, asymptotic, exact)


@jax.jit
def clopper_pearson(performance: Array, length: Array, delta: float = 0.05) -> Array:
    """The number of items whose exact interval at ``performance`` has length ``length``; broadcasts.

    Not a number when ``performance`` is no share, or the length is not in (0, 1). A length that a single
    item reaches gives 1.

    Example:
        >>> round(float(clopper_pearson(0.023, 0.061)))  # where Hoeffding says 1621
        130
    """
    performance, length = jnp.broadcast_arrays(jnp.asarray(performance), jnp.asarray(length))
    valid = (performance >= 0) & (performance <= 1) & (length > 0) & (length < 1)
    share, wanted = jnp.where(valid, performance, 0.5), jnp.where(valid, length, 0.5)

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        longer = clopper_pearson_length(share, jnp.exp(middle), delta) > wanted
        return jnp.where(longer, middle, low), jnp.where(longer, high, middle)

    ends = jnp.zeros_like(wanted), jnp.full_like(wanted, 40.0)
    low, high = jax.lax.fori_loop(0, quantile.HALVINGS, halve, ends)
    return jnp.where(valid, jnp.exp((low + high) / 2), jnp.nan)


def from_interval(
    lower: Array, upper: Array, performance: Array, delta: float = 0.05, sides: int = 1
) -> Equivalent:
    """All sizes from an interval for the performance, of whatever law it was predicted with.

    ``beta`` takes the interval for one of a normal distribution, ``v = ((upper - lower) / 2 z)^2``.

    Example:
        >>> import jax.numpy as jnp
        >>> worth = from_interval(jnp.array(0.25), jnp.array(0.35), jnp.array(0.3))
        >>> round(float(worth.hoeffding)), round(float(worth.beta))
        (599, 322)
    """
    length = upper - lower
    variance = (length / (2 * quantile.normal(1 - delta / 2))) ** 2
    return _sizes(length, performance, variance, delta, sides)


def from_moments(mean: Array, variance: Array, delta: float = 0.05, sides: int = 1) -> Equivalent:
    """All sizes from mean and variance of the predicted performance, its interval being ``mean +- z sd``.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(from_moments(jnp.array(0.3), jnp.array(0.3 * 0.7 / 11)).beta), 3)
        10.0
    """
    length = 2 * quantile.normal(1 - delta / 2) * jnp.sqrt(variance)
    return _sizes(length, mean, variance, delta, sides)


def from_samples(samples: Array, delta: float = 0.05, sides: int = 1) -> Equivalent:
    """All sizes from draws of the predicted performance, ``(draw, ...) -> (...,)``.

    The interval runs between the ``delta/2`` and ``1 - delta/2`` quantiles; ``beta`` uses the moments.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> draws = jax.random.beta(jax.random.key(0), 3.0, 7.0, (20000,))
        >>> bool(abs(from_samples(draws).beta - 10) < 0.5)
        True
    """
    ends = jnp.quantile(samples, jnp.array([delta / 2, 1 - delta / 2], samples.dtype), axis=0)
    mean, variance = jnp.mean(samples, axis=0), jnp.var(samples, axis=0, ddof=1)
    return _sizes(ends[1] - ends[0], mean, variance, delta, sides)


def from_posterior(posterior: Posterior, x: Array, delta: float = 0.05, sides: int = 1) -> Equivalent:
    """All sizes of a fitted scaling prediction at ``x (row, feature)``: ``(row, output)``.

    The law's outcome is the performance itself; the noise of a single run is not part of the prediction.
    """
    ends = moments.quantile(posterior, x, (delta / 2, 1 - delta / 2), noisy=False)
    belief = moments.moments(posterior, x)
    return _sizes(ends[1] - ends[0], belief.mean, belief.within + belief.between, delta, sides)


def _sizes(length: Array, performance: Array, variance: Array, delta: float, sides: int) -> Equivalent:
    share = (performance >= 0) & (performance <= 1)
    return Equivalent(
        length=length,
        hoeffding=hoeffding(length, delta, sides),
        clopper_pearson=clopper_pearson(performance, length, delta),
        beta=jnp.where(share, beta(performance, variance), jnp.nan),
    )
