"""Expectations over a mixture of Gaussians: rules that give nodes and their probabilities.

A rule is ``(mean (basin, output), root (basin, output, output), weight (basin,)) -> (y (node, output),
probability (node,))`` with ``E_{y ~ p}[h(y)] ~ sum_q probability_q h(y_q)`` for the mixture
``p = sum_k weight_k N(mean_k, root_k root_k^T)``; ``root`` is lower triangular.

Which to use: ``python -m experiments speed quadrature`` prints, for 8 basins 0.3 to 30 deviations apart, the
worst error in a score relative to the largest score of the pool, and CPU time for 1000 candidates (rules
without a class here are in ``experiments.speed.rules``):

    rule                            nodes   equal deviations   deviations 1 to 100      ms
    GaussHermite(32)                  256             1.2e-4                1.5e-1      18
    GaussHermite(64)                  512             1.1e-5                1.3e-1      48
    Trapezoid(256)                    256             1.8e-5                4.1e-1      24
    Trapezoid(512)                    512             3.9e-8                2.3e-1      63
    QuasiMonteCarlo(256)             2048             1.7e-2                7.0e-3     361
    GaussLegendre((2.5, 5), 6)        234             1.2e-5                1.2e-5      43
    GaussLegendre((2, 4, 7), 16)      880             1.6e-10               7.2e-11    107

Gauss-Hermite, the rule of the paper, is exact for polynomials, but the responsibilities of basins of unequal
width are none: no number of nodes on a wide basin sees a narrow one inside it, and the choice suffers. So
``GaussLegendre`` is the default, its last row where more digits are wanted.

For several outputs a product rule would need too many nodes. The same for 5 outputs, worst of 9 pools, by
``... speed quadrature --outputs 5``:

                            3 basins: error, same choice, ms     8 basins: error, same choice, ms
    GaussHermite(2)            4.7e-2    8/9     19                 7.7e-2    8/9    195
    leading direction, 8       7.3e-2    8/9     74                 5.8e-2    6/9    353
    512 shared by weight       2.3e-2    8/9    238                 3.0e-2    7/9    429
    QuasiMonteCarlo(32)        6.4e-2    7/9     17                 9.5e-2    7/9    151
    QuasiMonteCarlo(64)        5.2e-2    5/9     47                 5.4e-2    4/9    450
    QuasiMonteCarlo(128)       2.2e-2    7/9     76                 4.1e-2    7/9    825
    QuasiMonteCarlo(256)       1.2e-2    8/9    153                 3.2e-2    9/9   1160

Covariances differ in every direction, so one direction is not enough. ``QuasiMonteCarlo(256)`` has the least
error and keeps the choice in all pools but one; three hundredths are off where 8 basins overlap.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp

from jaxsl.sobol import sobol

Rule = Callable[[Array, Array, Array], tuple[Array, Array]]


class GaussHermite(eqx.Module):
    """Gauss-Hermite on each component: ``sum_k w_k pi^(-1/2) sum_q omega_q h(m_k + sqrt(2) s_k t_q)``.

    Exact when ``h`` is a polynomial of degree below ``2 num_nodes``. For several outputs the product rule,
    ``num_nodes ** output`` nodes a basin.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> one = jnp.ones((1, 1, 1))
        >>> y, probability = jax.jit(GaussHermite())(jnp.array([[2.0]]), 3 * one, jnp.ones(1))
        >>> round(float(probability @ y[:, 0] ** 2), 3)  # mean^2 + deviation^2
        13.0
    """

    num_nodes: int = eqx.field(static=True, default=32)

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see the module."""
        outputs = mean.shape[-1]
        line, mass = np.polynomial.hermite.hermgauss(self.num_nodes)
        grid = np.stack(np.meshgrid(*[line] * outputs, indexing="ij"), -1).reshape(-1, outputs) * np.sqrt(2)
        mass = np.prod(np.stack(np.meshgrid(*[mass / np.sqrt(np.pi)] * outputs), -1).reshape(-1, outputs), -1)
        return _on_components(mean, root, weight, grid, mass)


class QuasiMonteCarlo(eqx.Module):
    """A scrambled Sobol sequence on each component, the same for all: ``num_nodes`` equal weights.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> root = jnp.eye(2)[None]
        >>> y, probability = jax.jit(QuasiMonteCarlo())(jnp.zeros((1, 2)), root, jnp.ones(1))
        >>> y.shape[1], round(float(probability.sum()), 3)
        (2, 1.0)
    """

    num_nodes: int = eqx.field(static=True, default=256)
    seed: int = eqx.field(static=True, default=0)

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see the module."""
        from scipy.special import ndtri

        points = sobol(self.num_nodes, mean.shape[-1], self.seed)
        return _on_components(mean, root, weight, ndtri(points), np.full(self.num_nodes, 1 / self.num_nodes))


class GaussLegendre(eqx.Module):
    """Gauss-Legendre on panels whose edges lie at every mean and at multiples of every deviation about it.

    For one output. However far apart and unequal the components are, each is resolved on its own scale, so
    a few nodes a panel suffice where rules on one range or on one component at a time miss a narrow
    component inside a wide one. ``basin (2 edges + 1) - 1`` panels; the last edge truncates the tails.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> mean, root = jnp.array([[0.0], [10.0]]), jnp.ones((2, 1, 1))
        >>> y, probability = jax.jit(GaussLegendre())(mean, root, jnp.array([0.5, 0.5]))
        >>> round(float(probability @ y[:, 0]), 3)  # of the mixture of N(0, 1) and N(10, 1)
        5.0
    """

    edges: tuple[float, ...] = eqx.field(static=True, default=(2.5, 5.0))
    num_nodes: int = eqx.field(static=True, default=6)

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see the module."""
        if mean.shape[-1] != 1:
            raise ValueError(f"Gauss-Legendre on panels serves one output, not {mean.shape[-1]}")
        mean, sd = mean[:, 0], root[:, 0, 0]
        heaviest = jnp.argmax(weight)  # an unused component adds empty panels at the heaviest
        used = weight > 0
        centre, scale = jnp.where(used, mean, mean[heaviest]), jnp.where(used, sd, sd[heaviest])
        steps = np.array([*(-edge for edge in reversed(self.edges)), 0.0, *self.edges])
        edge = jnp.sort((centre[:, None] + scale[:, None] * jnp.asarray(steps, mean.dtype)).ravel())
        line, mass = np.polynomial.legendre.leggauss(self.num_nodes)
        half = (edge[1:] - edge[:-1])[:, None] / 2
        y = (edge[:-1, None] + half * jnp.asarray(1 + line, mean.dtype)).ravel()
        return y[:, None], _probability(y, mean, sd, weight, (half * jnp.asarray(mass, mean.dtype)).ravel())


def _probability(y: Array, mean: Array, sd: Array, weight: Array, length: Array) -> Array:
    """Probabilities in proportion to the mixture's density at ``y (node,)`` times ``length (node,)``."""
    score = -(((y[:, None] - mean) / sd) ** 2) / 2 - jnp.log(sd) + jnp.log(weight)
    score = logsumexp(score, axis=1)
    mass = length * jnp.exp(score - jnp.max(score))
    return mass / jnp.sum(mass)


def _on_components(
    mean: Array, root: Array, weight: Array, grid: np.ndarray, mass: np.ndarray
) -> tuple[Array, Array]:
    """Standard normal nodes moved to every component."""
    y = mean[:, None, :] + jnp.einsum("koi,qi->kqo", root, jnp.asarray(grid, mean.dtype))
    probability = weight[:, None] * jnp.asarray(mass, mean.dtype)
    return y.reshape(-1, mean.shape[-1]), probability.ravel()
