"""Standard errors of a least-squares fit by its linearisation, as textbooks and most papers give them.

With ``J`` the Jacobian of the predictions by the P parameters that no bound holds, at the optimum,

    sigma^2 = sum w r^2 / (n - P),   Cov theta = sigma^2 (J^T W J)^-1,   theta_j +- t_(n-P) se_j

and of a derived quantity ``q(theta)`` the error is ``sqrt(g^T Cov g)``, ``g = dq/dtheta`` (the delta method).
``scipy.optimize.curve_fit`` gives the same covariance. (Bates and Watts, Nonlinear Regression Analysis, 1988,
chapter 2; Seber and Wild, Nonlinear Regression, 1989, section 5.1.)
"""

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.quantile import student_t
from jaxsl.transform import box

FLOOR = 1e-12  # singular values below this share of the largest are taken to be that, and errors to be huge


class StandardErrors(eqx.Module):
    """The linearised covariance of a fit.

    Attributes:
        root: of the covariance of the parameters, ``Cov = root root^T``, ``(param, param)``; 0 for those that
            a bound holds.
        dof: degrees of freedom, ``n - P``, a scalar.
        sigma: standard deviation of the noise, a scalar; not a number without a degree of freedom.
        free: which parameters no bound holds, ``(param,)`` of bool.
    """

    root: Array
    dof: Array
    sigma: Array
    free: Array

    @property
    def each(self) -> Array:
        """Of every parameter, ``(param,)``."""
        return jnp.linalg.norm(self.root, axis=1)

    def of(self, gradient: Array) -> Array:
        """Of quantities with ``gradient (..., param)``, ``(...,)``."""
        return jnp.linalg.norm(gradient @ self.root, axis=-1)

    def factor(self, level: float | Array) -> Array:
        """Half the width of an interval in standard errors; infinite without a degree of freedom."""
        return student_t((1 + level) / 2, self.dof)


def standard_errors(
    law: Law, observations: Observations, theta: Array, weight: Array | None = None
) -> StandardErrors:
    """The covariance at a least-squares optimum.

    Args:
        law: the law.
        observations: the runs it was fitted to.
        theta: the optimum, ``(param,)``.
        weight: times each run counts, ``(row,)``; one each when None.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe
        >>> law = Law("level", lambda theta, x: theta[0] + 0 * x[0], ("x",), params(a=(-9, 9)))
        >>> runs = observe(jnp.zeros((4, 1)), jnp.array([[1.0], [2.0], [3.0], [2.0]]))
        >>> errors = jax.jit(standard_errors, static_argnums=0)
        >>> found = errors(law, runs, jnp.array([2.0]))  # sqrt(2/3) / sqrt(4)
        >>> round(float(found.each[0]), 4), int(found.dof), round(float(found.factor(0.9)), 3)
        (0.4082, 3, 2.353)
    """
    bounds = box(law, theta.dtype)
    lower, upper = bounds.active(theta)
    free = ~(lower | upper)
    first = observations.x[jnp.argmax(observations.mask)]
    x = jnp.where(observations.mask[:, None], observations.x, first)
    value, jacobian = law.linearise(theta, x)
    root = jnp.sqrt(observations.times(weight))[:, None]
    count = observations.num_outcomes(weight)
    dof = count - jnp.sum(free)
    squares = jnp.sum((root * (observations.y - value)) ** 2)
    sigma = jnp.sqrt(jnp.where(dof > 0, squares / jnp.where(dof > 0, dof, 1.0), jnp.nan))
    columns = (root[..., None] * jacobian).reshape(-1, theta.shape[0]) * free
    size = jnp.linalg.norm(columns, axis=0)
    scale = jnp.where(size > 0, size, 1.0)
    held = jnp.diag(1.0 - free.astype(theta.dtype))  # directions of their own, which touch no other parameter
    _, values, rows = jnp.linalg.svd(jnp.concatenate([columns / scale, held]), full_matrices=False)
    values = jnp.maximum(values, FLOOR * jnp.max(values))
    inner = (rows.T / values) / scale[:, None]
    return StandardErrors(jnp.where(free[:, None], sigma * inner, 0.0), dof, sigma, free)
