"""The scaling model ``Y = phi(x)^T beta + eps``, ``eps ~ N(0, sigma^2)``: fit, leverage, risk, intervals.

``features`` are rows ``phi(x_i)``, ``(row, feature)``. A ``weight`` is a run's precision relative to the
others, ``var(eps_i) = sigma^2 / w_i``: known unequal noise, or 0 for a padded row.

("Extrapolating Large Models from the Small", Eqs. 1, 3, 4 and 5, Appendix E.1.)
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl import quantile


def line_terms(x: Array) -> Array:
    """``phi = (1, x_1, .., x_d)``: ``(row, variable) -> (row, 1 + d)``.

    Example:
        >>> import jax.numpy as jnp
        >>> line_terms(jnp.array([[2.0], [3.0]])).tolist()
        [[1.0, 2.0], [1.0, 3.0]]
    """
    return jnp.concatenate([jnp.ones_like(x[:, :1]), x], axis=1)


def interaction_terms(x: Array) -> Array:
    """A line's terms and every product of two different variables.

    Example:
        >>> import jax.numpy as jnp
        >>> interaction_terms(jnp.array([[2.0, 3.0]])).tolist()
        [[1.0, 2.0, 3.0, 6.0]]
    """
    first, second = jnp.triu_indices(x.shape[1], 1)
    return jnp.concatenate([line_terms(x), x[:, first] * x[:, second]], axis=1)


def quadratic_terms(x: Array) -> Array:
    """A line's terms and every product of two variables, squares included.

    Example:
        >>> import jax.numpy as jnp
        >>> quadratic_terms(jnp.array([[2.0, 3.0]])).tolist()
        [[1.0, 2.0, 3.0, 4.0, 6.0, 9.0]]
    """
    first, second = jnp.triu_indices(x.shape[1])
    return jnp.concatenate([line_terms(x), x[:, first] * x[:, second]], axis=1)


def polynomial_terms(x: Array, degree: int) -> Array:
    """``phi = (1, x_j, .., x_j^degree)`` for every variable, without products between variables.

    Example:
        >>> import jax.numpy as jnp
        >>> polynomial_terms(jnp.array([[2.0]]), 3).tolist()
        [[1.0, 2.0, 4.0, 8.0]]
    """
    powers = [x**power for power in range(1, degree + 1)]
    return jnp.concatenate([jnp.ones_like(x[:, :1]), *powers], axis=1)


class LinearFit(eqx.Module):
    """A least-squares fit.

    Attributes:
        coefficient: ``beta``, ``(feature,)``.
        root: ``R^-1`` of ``sqrt(W) Phi = Q R``, ``(feature, feature)``: the coefficient's covariance is
            ``sigma^2 root root^T``.
        sigma: residual standard deviation with ``dof`` in its denominator; not a number when dof is 0.
        dof: number of runs minus number of features.
    """

    coefficient: Array
    root: Array
    sigma: Array
    dof: Array


class Interval(eqx.Module):
    """A prediction: ``mean``, ``lower`` and ``upper``, each ``(target,)``."""

    mean: Array
    lower: Array
    upper: Array


@jax.jit
def fit(features: Array, y: Array, weight: Array | None = None) -> LinearFit:
    """(Weighted) least squares, by QR: ``(row, feature), (row,)``.

    Rows of weight 0 do not count. With fewer independent rows than features the root is infinite.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> x = jnp.array([[0.0], [1.0], [2.0], [3.0]])
        >>> found = jax.jit(fit)(line_terms(x), jnp.array([1.0, 3.0, 5.0, 7.0]))
        >>> found.coefficient.round(3).tolist(), int(found.dof)
        ([1.0, 2.0], 2)
    """
    weight = jnp.ones_like(y) if weight is None else weight
    num_features = features.shape[1]
    table = jnp.concatenate([features, y[:, None]], axis=1) * jnp.sqrt(weight)[:, None]
    r, size = _triangle(table, num_features + 1)
    root = _inverse_triangle(r, size, num_features)
    coefficient = root @ r[:num_features, num_features]
    dof = jnp.sum(weight > 0) - num_features
    # The last diagonal entry is the length of what the features leave of y.
    sigma = jnp.abs(r[num_features, num_features]) / jnp.sqrt(jnp.where(dof > 0, dof, 1))
    return LinearFit(coefficient, root, jnp.where(dof > 0, sigma, jnp.nan), dof)


@jax.jit
def leverage(features: Array, target_features: Array, weight: Array | None = None) -> Array:
    """Variance of the predicted mean over sigma^2, ``phi*^T (Phi^T W Phi)^-1 phi*``: ``(target,)``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> runs, target = jnp.array([[0.0], [1.0], [2.0], [3.0]]), jnp.array([[6.0]])
        >>> jax.jit(leverage)(line_terms(runs), line_terms(target)).round(3).tolist()
        [4.3]
    """
    scaled = features if weight is None else features * jnp.sqrt(weight)[:, None]
    r, size = _triangle(scaled, scaled.shape[1])
    root = _inverse_triangle(r, size, scaled.shape[1])
    return jnp.sum((target_features @ root) ** 2, axis=1)


def weighted_risk(num, mean, variance, target_mean, target_variance):
    """Eq. 5 over sigma^2 for a line: the prediction variance averaged over a target region.

    ``R = ((X_bar - E_W X*)^2 + var_W X* + v) / (n v)``. Operators only, so NumPy and JAX arrays both do;
    Eq. 3 is the case ``target_variance = 0``.

    Args:
        num: number of runs, ``n``.
        mean, variance: of the runs' X, ``variance`` with ``n`` in its denominator.
        target_mean, target_variance: of X* under the weight W of the region.

    Example:
        >>> round(weighted_risk(4, 1.5, 1.25, 6.0, 0.0), 3)  # the leverage of four runs 0, 1, 2, 3 at 6
        4.3
    """
    return ((mean - target_mean) ** 2 + target_variance + variance) / (num * variance)


def line_variance(x: Array, target: Array) -> Array:
    """Eq. 3 over sigma^2: runs ``x (row,)``, targets ``(target,) -> (target,)``; the leverage of a line.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> jax.jit(line_variance)(jnp.array([0.0, 1.0, 2.0, 3.0]), jnp.array([1.5, 6.0])).round(3).tolist()
        [0.25, 4.3]
    """
    return weighted_risk(x.shape[0], jnp.mean(x), jnp.var(x), target, 0.0)


def interval(
    fitted: LinearFit,
    target_features: Array,
    delta: float = 0.05,
    sigma: Array | None = None,
    with_noise: bool = False,
) -> Interval:
    """Interval at confidence ``1 - delta`` for the mean at ``target_features (target, feature)``.

    Student's t when sigma is estimated, the normal quantile when ``sigma`` is given. (The normal quantile
    with an estimated sigma covers 0.88 for six runs and 0.70 for three, where 0.95 is meant.)

    Args:
        fitted: the fit.
        target_features: ``phi(x*)``.
        delta: one minus the confidence.
        sigma: a known noise standard deviation.
        with_noise: add the noise of one more run: an interval for what the target run will show.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> x = jnp.array([[0.0], [1.0], [2.0], [3.0]])
        >>> found = jax.jit(fit)(line_terms(x), jnp.array([0.9, 3.1, 5.1, 6.9]))
        >>> ends = jax.jit(interval)(found, line_terms(jnp.array([[4.0]])))
        >>> bool(ends.lower[0] < 9 < ends.upper[0])
        True
    """
    mean = target_features @ fitted.coefficient
    spread = jnp.sum((target_features @ fitted.root) ** 2, axis=1) + (1.0 if with_noise else 0.0)
    if sigma is None:
        half = quantile.student_t(1 - delta / 2, fitted.dof) * fitted.sigma * jnp.sqrt(spread)
    else:
        half = quantile.normal(1 - delta / 2) * sigma * jnp.sqrt(spread)
    return Interval(mean, mean - half, mean + half)


def _triangle(table: Array, num_columns: int) -> tuple[Array, Array]:
    """``R`` of ``table = Q R`` by modified Gram-Schmidt, and the length of every column before.

    Unrolled over the few columns, so that a ``vmap`` over thousands of resampled tables is plain vector work
    and not a LAPACK call for each. As accurate as Householder's R (Bjorck 1967).
    """
    size = jnp.sqrt(jnp.sum(table**2, axis=0))
    rest, rows = table, []
    for j in range(num_columns):
        length = jnp.sqrt(jnp.sum(rest[:, j] ** 2))
        direction = rest[:, j] / jnp.where(length > 0, length, 1.0)
        later = jnp.arange(num_columns) > j
        row = jnp.where(later, direction @ rest, jnp.where(jnp.arange(num_columns) == j, length, 0.0))
        rest = rest - direction[:, None] * jnp.where(later, row, 0.0)
        rows.append(row)
    return jnp.stack(rows), size


def _inverse_triangle(r: Array, size: Array, num: int) -> Array:
    """Inverse of the leading ``(num, num)`` triangle; infinite where a column vanishes to rounding."""
    r = r[:num, :num]
    diagonal = jnp.diagonal(r)
    singular = jnp.any(diagonal <= 32 * jnp.finfo(r.dtype).eps * size[:num])
    safe = jnp.where(singular, 1.0, diagonal)
    # R^-1 = (I + N)^-1 D^-1 with N = D^-1 R - I nilpotent.
    strict = jnp.triu(r, 1) / safe[:, None]
    inverse = jnp.eye(num, dtype=r.dtype)
    for _ in range(num - 1):
        inverse = jnp.eye(num, dtype=r.dtype) - strict @ inverse
    return jnp.where(singular, jnp.inf, inverse / safe)
