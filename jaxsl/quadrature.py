"""Expectations over a mixture of Gaussians: rules that give nodes and their probabilities.

A rule is ``(mean (basin, output), root (basin, output, output), weight (basin,)) -> (y (node, output),
probability (node,))`` with ``E_{y ~ p}[h(y)] ~ sum_q probability_q h(y_q)`` for the mixture
``p = sum_k weight_k N(mean_k, root_k root_k^T)``; ``root`` is lower triangular.

Which to use, measured by ``python -m experiments speed quadrature``: Gauss-Hermite is exact for polynomials
and the default; ``Trapezoid`` is spectrally accurate for the responsibilities that the between-basin term
contains; ``QuasiMonteCarlo`` serves several outputs, where a product rule would need too many nodes.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from scipy.special import ndtri
from scipy.stats import qmc


class GaussHermite(eqx.Module):
    """Gauss-Hermite on each component: ``sum_k w_k pi^(-1/2) sum_q omega_q h(m_k + sqrt(2) s_k t_q)``.

    Exact when ``h`` is a polynomial of degree below ``2 num_nodes``. For several outputs the product rule,
    ``num_nodes ** output`` nodes a basin.
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
    """A scrambled Sobol sequence on each component, the same for all: ``num_nodes`` equal weights."""

    num_nodes: int = eqx.field(static=True, default=256)
    seed: int = eqx.field(static=True, default=0)

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see the module."""
        sobol = qmc.Sobol(mean.shape[-1], seed=self.seed).random(self.num_nodes)
        return _on_components(mean, root, weight, ndtri(sobol), np.full(self.num_nodes, 1 / self.num_nodes))


class Trapezoid(eqx.Module):
    """The trapezoid rule over the range of all components, ``reach`` standard deviations beyond their means.

    For one output. Spectrally accurate while a component's deviation spans a few nodes; very distant or
    very unequal components need more nodes.
    """

    num_nodes: int = eqx.field(static=True, default=256)
    reach: float = 8.0

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see the module."""
        if mean.shape[-1] != 1:
            raise ValueError(f"the trapezoid rule serves one output, not {mean.shape[-1]}")
        mean, sd = mean[:, 0], root[:, 0, 0]
        used = weight > 0
        low = jnp.min(jnp.where(used, mean - self.reach * sd, jnp.inf))
        high = jnp.max(jnp.where(used, mean + self.reach * sd, -jnp.inf))
        y = low + (high - low) * jnp.linspace(0.0, 1.0, self.num_nodes, dtype=mean.dtype)
        score = -(((y[:, None] - mean) / sd) ** 2) / 2 - jnp.log(sd) + jnp.log(weight)
        return y[:, None], jax.nn.softmax(logsumexp(score, axis=1))


def _on_components(
    mean: Array, root: Array, weight: Array, grid: np.ndarray, mass: np.ndarray
) -> tuple[Array, Array]:
    """Standard normal nodes moved to every component."""
    y = mean[:, None, :] + jnp.einsum("koi,qi->kqo", root, jnp.asarray(grid, mean.dtype))
    probability = weight[:, None] * jnp.asarray(mass, mean.dtype)
    return y.reshape(-1, mean.shape[-1]), probability.ravel()
