"""How well a link is known: from models drawn with replacement, and families left out."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.link.base import Curve, Link


def bootstrap_curves(
    link: Link, key: Array, y: Array, p: Array, num_draws: int, weight: Array | None = None
) -> Curve:
    """Curves through models drawn with replacement: every leaf has a leading ``(draw,)`` axis.

    Models are drawn with probability proportional to ``weight (model,)``; one of weight 0 never is. The same
    key gives common draws, so two designs can be compared on the same links.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.link import NeighbourLink
        >>> y = jnp.linspace(0.0, 1.0, 9)
        >>> curves = bootstrap_curves(NeighbourLink(num=1), jax.random.key(0), y, y**2, 5)
        >>> at(curves, jnp.array([0.1, 0.6])).shape
        (5, 2)
    """
    weight = jnp.ones_like(y) if weight is None else weight
    size = jnp.sum(weight > 0)

    def one(key):
        chosen = jax.random.choice(key, y.shape[0], y.shape, p=weight / jnp.sum(weight))
        counted = jnp.arange(y.shape[0]) < size
        counts = jnp.zeros_like(y).at[chosen].add(counted.astype(y.dtype))
        return link.fit(y, p, counts)

    return jax.vmap(one)(jax.random.split(key, num_draws))


def at(curves: Curve, y: Array) -> Array:
    """Bootstrapped curves at ``y (...,)``: ``(draw, ...)``."""
    return jax.vmap(lambda curve: curve(y))(curves)


class HeldOut(eqx.Module):
    """Predictions for every model from a link that never saw its family, each ``(model,)``.

    Attributes:
        prediction: by the link.
        lower, upper: what the link claims, as a predicted performance does: the interval of its curve.
        scattered_lower, scattered_upper: the same with the scatter of the other models around the curve. A
            universal link covers one model with this one; a family that breaks it is outside.
    """

    prediction: Array
    lower: Array
    upper: Array
    scattered_lower: Array
    scattered_upper: Array


def leave_one_family_out(
    link: Link, key: Array, y: Array, p: Array, families: Array, num_draws: int = 200, delta: float = 0.05
) -> HeldOut:
    """Whether the link is universal: predict each family from the others (Remark 1).

    Args:
        link: settings.
        key: for the bootstrap.
        y, p: ``(model,)``.
        families: whether a model belongs to a family, ``(family, model)`` of bool.
        num_draws: bootstrap draws per family.
        delta: the interval runs between the ``delta/2`` and ``1 - delta/2`` quantiles of the draws.
    """

    def one(carry, family):
        weight = jnp.where(family, 0.0, 1.0).astype(y.dtype)
        draws = at(bootstrap_curves(link, key, y, p, num_draws, weight), y)
        prediction = link.fit(y, p, weight)(y)
        scatter = jax.random.choice(scatter_key, p - prediction, draws.shape, p=weight / jnp.sum(weight))
        tails = jnp.array([delta / 2, 1 - delta / 2], y.dtype)
        ends = [*jnp.quantile(draws, tails, axis=0), *jnp.quantile(draws + scatter, tails, axis=0)]
        new = HeldOut(prediction, *ends)
        return jax.tree.map(lambda new, old: jnp.where(family, new, old), new, carry), None

    nothing = HeldOut(*(jnp.full_like(y, jnp.nan) for _ in range(5)))
    key, scatter_key = jax.random.split(key)
    return jax.lax.scan(one, nothing, families)[0]
