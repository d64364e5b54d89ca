"""Rules that were measured and lost to ``GaussLegendre`` (one output) and ``QuasiMonteCarlo`` (several)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from scipy.special import ndtri
from scipy.stats import qmc


class Trapezoid(eqx.Module):
    """The trapezoid rule over the range of all components, ``reach`` standard deviations beyond their means.

    For one output. Spectrally accurate while every component's deviation spans a few nodes; distant or
    unequal components need more nodes than ``GaussLegendre``.
    """

    num_nodes: int = eqx.field(static=True, default=256)
    reach: float = 8.0

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see ``jaxsl.quadrature``."""
        mean, sd, used = mean[:, 0], root[:, 0, 0], weight > 0
        low = jnp.min(jnp.where(used, mean - self.reach * sd, jnp.inf))
        high = jnp.max(jnp.where(used, mean + self.reach * sd, -jnp.inf))
        y = low + (high - low) * jnp.linspace(0.0, 1.0, self.num_nodes, dtype=mean.dtype)
        log_density = -(((y[:, None] - mean) / sd) ** 2) / 2 - jnp.log(sd) + jnp.log(weight)
        return y[:, None], jax.nn.softmax(logsumexp(log_density, axis=1))


class LeadingDirection(eqx.Module):
    """Gauss-Hermite along the direction in which a basin is told from the others, degree 3 across it.

    In the whitened coordinates of basin k that is the leading eigenvector of
    ``sum_j w_j d_j d_j^T, d_j = L_k^-1 (m_j - m_k)``: responsibilities of two basins of equal covariance vary
    along it alone.
    """

    num_nodes: int = eqx.field(static=True, default=8)

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see ``jaxsl.quadrature``."""
        outputs = mean.shape[-1]
        line, mass = np.polynomial.hermite.hermgauss(self.num_nodes)
        across = np.sqrt(outputs - 1) * np.concatenate([np.eye(outputs - 1), -np.eye(outputs - 1)])
        along = np.repeat(line * np.sqrt(2), len(across))[:, None]
        grid = np.concatenate([along, np.tile(across, (self.num_nodes, 1))], axis=1)
        mass = np.repeat(mass / np.sqrt(np.pi), len(across)) / len(across)

        def turned(centre, lower):
            apart = jax.scipy.linalg.solve_triangular(lower, (mean - centre).T, lower=True) * jnp.sqrt(weight)
            return lower @ jnp.linalg.eigh(apart @ apart.T)[1][:, ::-1]

        y = mean[:, None] + jnp.einsum("koi,qi->kqo", jax.vmap(turned)(mean, root), jnp.asarray(grid))
        return y.reshape(-1, outputs), (weight[:, None] * jnp.asarray(mass)).ravel()


class Shared(eqx.Module):
    """``num_nodes`` quasi-random points in all, given to the basins in proportion to their weight.

    Probabilities are those of the mixture over those of the points' true shares (the balance heuristic).
    """

    num_nodes: int = eqx.field(static=True, default=512)

    def __call__(self, mean: Array, root: Array, weight: Array) -> tuple[Array, Array]:
        """Nodes and probabilities, see ``jaxsl.quadrature``."""
        basins, outputs = mean.shape
        sobol = qmc.Sobol(outputs + 1, seed=0).random(self.num_nodes)
        normal = jnp.asarray(ndtri(sobol[np.argsort(sobol[:, 0]), 1:]))
        middle = (np.arange(self.num_nodes) + 0.5) / self.num_nodes
        basin = jnp.sum(middle[:, None] > jnp.cumsum(weight)[:-1], axis=1)
        share = jnp.mean(basin[:, None] == jnp.arange(basins), axis=0)
        y = mean[basin] + jnp.einsum("qoi,qi->qo", root[basin], normal)
        whiten = jax.vmap(lambda lower: jnp.linalg.inv(lower))(root)
        distance = jnp.sum(jnp.einsum("kij,qkj->qki", whiten, y[:, None] - mean) ** 2, axis=2)
        score = -distance / 2 - jnp.sum(jnp.log(jnp.diagonal(root, axis1=1, axis2=2)), axis=1)
        wanted, given = (logsumexp(score + jnp.log(part), axis=1) for part in (weight, share))
        return y, jax.nn.softmax(wanted - given)
