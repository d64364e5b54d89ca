"""Numbers of a posterior: mean and variance by part, and quantiles."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr

from jaxsl.posterior import Posterior, known, predict, renormalised


class Moments(eqx.Module):
    """Mean and variance of a posterior's mixture.

    Attributes:
        mean: ``(row, output)``.
        within: weighted variance inside basins, without noise, ``(row, output)``.
        between: variance of the basins' means, ``(row, output)``.
    """

    mean: Array
    within: Array
    between: Array


def moments(posterior: Posterior, x: Array) -> Moments:
    """Mean and both parts of the variance at ``x (row, feature)`` (Spend Less, Fit Better, section 4.1).

    At each row of the basins that are finite there, by their shares among them; not finite where none is.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.posterior import LawPosterior
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> theta, root = jnp.array([[1.0, 2.0]]), 0.1 * jnp.eye(2)[None]
        >>> belief = LawPosterior(law, theta, root, jnp.ones(1), jnp.array([0.01]))
        >>> found = jax.jit(moments)(belief, jnp.array([[3.0]]))
        >>> float(found.mean[0, 0]), round(float(found.within[0, 0]), 3), float(found.between[0, 0])
        (7.0, 0.1, 0.0)
        >>> interval = jax.jit(quantile)(belief, jnp.array([[3.0]]), jnp.array([0.025, 0.975]))
        >>> [round(float(end), 3) for end in interval[:, 0, 0]]
        [6.35, 7.65]
    """
    predictive = predict(posterior, x)
    weight = renormalised(posterior.weight[:, None], known(predictive))[..., None]
    centre = jnp.where(weight > 0, predictive.mean, 0.0)
    root = jnp.where(weight[..., None] > 0, predictive.root, 0.0)
    mean = jnp.sum(weight * centre, axis=0)
    within = jnp.sum(weight * jnp.sum(root**2, axis=-1), axis=0)
    between = jnp.sum(weight * (centre - mean) ** 2, axis=0)
    return Moments(mean, within, between)


def quantile(
    posterior: Posterior, x: Array, probability: Sequence[float] | Array, noisy: bool = True
) -> Array:
    """Quantiles of the mixture at ``x``: ``(probability, row, output)``, by 60 bisections.

    Args:
        posterior: any posterior.
        x: ``(row, feature)``.
        probability: such as ``(0.025, 0.975)``, or an array of them.
        noisy: of an outcome (with noise), or of the noise-free curve.
    """
    predictive = predict(posterior, x)
    variance = jnp.sum(predictive.root**2, axis=-1) + (posterior.noise[:, None, None] if noisy else 0.0)
    info = jnp.finfo(variance.dtype)
    far = jnp.sqrt(info.max) / 1e3  # where a basin that is not finite is taken to be
    sd = jnp.sqrt(jnp.maximum(variance, info.tiny))
    sd = jnp.where(sd < far, sd, far)
    mean = jnp.where(jnp.isnan(predictive.mean), far, jnp.clip(predictive.mean, -far, far))
    weight = posterior.weight[:, None, None]
    used = weight > 0

    def below(y):
        """Probability of less than ``y (row, output)``."""
        return jnp.sum(jnp.where(used, weight * ndtr((y - mean) / sd), 0.0), axis=0)

    # A basin far off would make the interval too wide to bisect: begin between two ends of basins.
    heaviest = jnp.argmax(posterior.weight)
    mean, sd = (jnp.where(used, part, part[heaviest]) for part in (mean, sd))
    ends = jnp.sort(jnp.concatenate([mean - 10 * sd, mean + 10 * sd]), axis=0)
    reached = jax.lax.map(below, ends)

    def one(level):
        place = jnp.clip(jnp.sum(reached < level, axis=0), 1, ends.shape[0] - 1)[None]
        low, high = (jnp.take_along_axis(ends, index, axis=0)[0] for index in (place - 1, place))

        def halve(_, ends):
            middle = (ends[0] + ends[1]) / 2
            less = below(middle) < level
            return jnp.where(less, middle, ends[0]), jnp.where(less, ends[1], middle)

        low, high = jax.lax.fori_loop(0, 60, halve, (low, high))
        return (low + high) / 2

    return jax.vmap(one)(jnp.asarray(probability, mean.dtype))
