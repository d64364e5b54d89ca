"""Bootstraps of the linear model, for noise that is not Gaussian or not equal (Appendix E.2).

- ``residual``: equal noise of any shape; the design stays as it is.
- ``wild``: noise that differs between runs (Rademacher signs on the runs' own residuals).
- ``pairs``: runs are drawn with their outcomes. On a design of as many scales as features a draw that misses
  a scale has no fit at all, and one that does not has learned nothing about the model: see ``num_scales``.

("Extrapolating Large Models from the Small", Appendix E.2.)
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl import linear_model
from jaxsl.linear_model import Interval, LinearFit

ROUNDING = 1e-9


class Draws(eqx.Module):
    """Refitted models.

    Attributes:
        coefficient: ``(draw, feature)``.
        root: as in ``LinearFit``, ``(draw, feature, feature)``.
        sigma: ``(draw,)``.
        valid: whether the draw had a fit, ``(draw,)`` of bool.
    """

    coefficient: Array
    root: Array
    sigma: Array
    valid: Array


def num_scales(features: Array, tolerance: float = 1e-9) -> Array:
    """Number of different rows; two rows are equal when no feature differs by ``tolerance`` of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> int(num_scales(jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 2.0]])))
        2
    """
    width = jnp.max(features, axis=0) - jnp.min(features, axis=0)
    same = jnp.all(jnp.abs(features[:, None] - features) <= tolerance * width, axis=-1)
    return jnp.sum(~jnp.any(jnp.tril(same, -1), axis=1))


def residual(key: Array, features: Array, y: Array, num_draws: int) -> Draws:
    """Resampled residuals, each blown up by ``1/sqrt(1 - h)`` for its own leverage h, and centred.

    A run that the fit passes through whatever it shows (h = 1) has no residual to give.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.linear_model import line_terms
        >>> x = jnp.arange(6.0)
        >>> draws = jax.jit(residual, static_argnums=3)
        >>> drawn = draws(jax.random.key(0), line_terms(x[:, None]), 2 * x + jnp.cos(x), 4)
        >>> drawn.coefficient.shape, drawn.valid.all().item()
        ((4, 2), True)
    """
    fitted, error, room = _fit_and_residuals(features, y)
    informative = room > 1e-9
    scaled = jnp.where(informative, error / jnp.sqrt(jnp.where(informative, room, 1.0)), 0.0)
    scaled = jnp.where(informative, scaled - jnp.sum(scaled) / jnp.sum(informative), 0.0)

    def one(key):
        chosen = jax.random.choice(key, y.shape[0], y.shape, p=informative / jnp.sum(informative))
        return features @ fitted.coefficient + scaled[chosen]

    return _refit(features, jax.vmap(one)(jax.random.split(key, num_draws)))


def wild(key: Array, features: Array, y: Array, num_draws: int) -> Draws:
    """Every run keeps its residual, blown up by ``1/(1 - h)``, with a random sign.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.linear_model import line_terms
        >>> x = jnp.arange(6.0)
        >>> draws = jax.jit(wild, static_argnums=3)
        >>> draws(jax.random.key(0), line_terms(x[:, None]), 2 * x + jnp.cos(x), 4).sigma.shape
        (4,)
    """
    fitted, error, room = _fit_and_residuals(features, y)
    informative = room > 1e-9
    scaled = jnp.where(informative, error / jnp.where(informative, room, 1.0), 0.0)
    signs = jax.random.rademacher(key, (num_draws, y.shape[0]), y.dtype)
    return _refit(features, features @ fitted.coefficient + signs * scaled)


def pairs(key: Array, features: Array, y: Array, num_draws: int) -> Draws:
    """Runs drawn with replacement; a draw without enough scales is not valid.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.linear_model import line_terms
        >>> x = jnp.arange(6.0)
        >>> draws = jax.jit(pairs, static_argnums=3)
        >>> draws(jax.random.key(0), line_terms(x[:, None]), 2 * x + jnp.cos(x), 4).valid.shape
        (4,)
    """
    chosen = jax.random.randint(key, (num_draws, y.shape[0]), 0, y.shape[0])

    def one(chosen):
        counts = jnp.zeros_like(y).at[chosen].add(1.0)
        fitted = linear_model.fit(features, y, counts)
        return Draws(fitted.coefficient, fitted.root, fitted.sigma, jnp.all(jnp.isfinite(fitted.root)))

    return jax.vmap(one)(chosen)


def studentised_interval(
    fitted: LinearFit, draws: Draws, target_features: Array, delta: float = 0.05
) -> Interval:
    """The bootstrap-t interval for the mean at ``target_features``: the draws stand in for Student's t."""
    mean = target_features @ fitted.coefficient
    error = fitted.sigma * jnp.sqrt(jnp.sum((target_features @ fitted.root) ** 2, axis=1))
    drawn = draws.coefficient @ target_features.T
    spread = jnp.sqrt(jnp.sum((target_features @ draws.root) ** 2, axis=-1))
    # A draw of as many different runs as features passes through them: its sigma is rounding alone.
    usable = (draws.valid & (draws.sigma > ROUNDING * fitted.sigma))[:, None]
    pivot = (drawn - mean) / jnp.where(usable, draws.sigma[:, None] * spread, 1.0)
    pivot = jnp.where(usable, pivot, jnp.nan)
    ends = jnp.nanquantile(pivot, jnp.array([delta / 2, 1 - delta / 2], mean.dtype), axis=0)
    return Interval(mean, mean - ends[1] * error, mean - ends[0] * error)


def _fit_and_residuals(features: Array, y: Array) -> tuple[LinearFit, Array, Array]:
    fitted = linear_model.fit(features, y)
    return fitted, y - features @ fitted.coefficient, 1 - jnp.sum((features @ fitted.root) ** 2, axis=1)


def _refit(features: Array, outcomes: Array) -> Draws:
    fitted = jax.vmap(lambda y: linear_model.fit(features, y))(outcomes)
    return Draws(
        fitted.coefficient, fitted.root, fitted.sigma, jnp.all(jnp.isfinite(fitted.root), axis=(1, 2))
    )
