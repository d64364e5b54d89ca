"""From runs to performance in two stages: the line predicts Y at the target, the link turns Y into P.

("Extrapolating Large Models from the Small", Eqs. 1 and 2, Appendix D.1.)
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl import linear_model, link
from jaxsl.linear_model import Interval, LinearFit

NODES = 33  # points of Y's interval at which a link that need not be monotone is looked at


class Performance(eqx.Module):
    """A predicted performance: ``point``, ``lower`` and ``upper``, each ``(target,)``."""

    point: Array
    lower: Array
    upper: Array


def plug_in(
    fitted: LinearFit,
    target_features: Array,
    curve: link.Curve,
    curves: link.Curve | None = None,
    delta: float = 0.05,
    sigma: Array | None = None,
    with_noise: bool = False,
) -> Performance:
    """Interval at confidence ``1 - delta`` for the performance (Appendix D.1).

    Args:
        fitted: the line.
        target_features: ``phi(x*)``, ``(target, feature)``.
        curve: the link.
        curves: its bootstrap draws, or None for a known link.
        delta: one minus the confidence.
        sigma: a known noise standard deviation (then z, not Student's t).
        with_noise: whether the noise of the target's own run is part of the interval for Y.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.link import LogisticCurve
        >>> x = jnp.array([[0.0], [1.0], [2.0], [3.0]])
        >>> line = jax.jit(linear_model.fit)(linear_model.line_terms(x), jnp.array([-1.0, -0.1, 1.1, 2.0]))
        >>> curve = LogisticCurve(jnp.array(0.0), jnp.array(1.0), jnp.array(0.0))
        >>> found = jax.jit(plug_in)(line, linear_model.line_terms(jnp.array([[4.0]])), curve)
        >>> bool(found.lower[0] < found.point[0] < found.upper[0])
        True
    """
    share = delta if curves is None else delta / 2
    line = linear_model.interval(fitted, target_features, share, sigma, with_noise)
    return through_link(line, curve, curves, delta)


def through_link(
    line: Interval, curve: link.Curve, curves: link.Curve | None = None, delta: float = 0.05
) -> Performance:
    """An interval for Y as one for the performance.

    With a bootstrapped link ``delta`` is shared (Bonferroni): ``line`` is at confidence ``1 - delta/2``, and
    is put through the ``delta/4`` and ``1 - delta/4`` quantiles of the curves. Without one the link counts as
    known, and ``line`` is at confidence ``1 - delta``.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.linear_model import Interval
        >>> from jaxsl.link import LogisticCurve
        >>> curve = LogisticCurve(jnp.array(0.0), jnp.array(1.0), jnp.array(0.0))
        >>> found = through_link(Interval(*jnp.array([[0.0], [-1.0], [1.0]])), curve)
        >>> [round(float(value[0]), 3) for value in (found.point, found.lower, found.upper)]
        [0.5, 0.269, 0.731]
    """
    step = jnp.linspace(0.0, 1.0, NODES, dtype=line.mean.dtype)[:, None]
    width = line.upper - line.lower
    y = jnp.where(jnp.isfinite(width), line.lower + step * width, line.mean)
    y = y.at[0].set(line.lower).at[-1].set(line.upper)
    if curves is None:
        low = high = curve(y)
    else:
        tails = jnp.array([delta / 4, 1 - delta / 4], y.dtype)
        low, high = jnp.quantile(link.at(curves, y), tails, axis=0)
    return Performance(curve(line.mean), jnp.min(low, axis=0), jnp.max(high, axis=0))


def joint_draws(coefficient: Array, curves: link.Curve, target_features: Array) -> Array:
    """Draws of the performance from draws of line and link together: ``(draw, target)``.

    ``coefficient (draw, feature)`` are bootstrap draws of the line (``jaxsl.resample``) or of its posterior,
    as many as there are ``curves``. No share of delta is lost to Bonferroni.
    """
    return jax.vmap(lambda beta, curve: curve(target_features @ beta))(coefficient, curves)


def normal_draws(key: Array, fitted: LinearFit, num_draws: int, sigma: Array | None = None) -> Array:
    """Draws of the coefficient: Student's t around the estimate, or normal where ``sigma`` is known.

    ``(draw, feature)``: the posterior under a flat prior.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> x = jnp.array([[0.0], [1.0], [2.0], [3.0]])
        >>> line = jax.jit(linear_model.fit)(linear_model.line_terms(x), jnp.array([-1.0, -0.1, 1.1, 2.0]))
        >>> normal_draws(jax.random.key(0), line, 5).shape
        (5, 2)
    """
    normal_key, chi_key = jax.random.split(key)
    normal = jax.random.normal(normal_key, (num_draws, fitted.coefficient.shape[0]), fitted.coefficient.dtype)
    if sigma is None:
        dof = jnp.asarray(fitted.dof, normal.dtype)
        chi = 2 * jax.random.gamma(chi_key, dof / 2, (num_draws, 1), normal.dtype)
        normal, sigma = normal * jnp.sqrt(dof / chi), fitted.sigma
    return fitted.coefficient + sigma * normal @ fitted.root.T
