"""A posterior after some runs more, without a fit.

A run with outcome ``y`` at ``x`` changes basin k by one rank-one update an output (Spend Less, Fit Better,
appendix D), here of the root of its covariance, ``R_k = df/dtheta Sigma_k^(1/2)``, with ``v`` for ``R_k(x)``:

    s^2 = noise_k + |v|^2,    R_k+ = R_k (I - v v^T / (s (s + sqrt(noise_k)))),
    F_k+ = F_k + R_k v (y - m_k) / s^2,    w_k+ ~ w_k N(y; m_k, s^2).
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.posterior import Posterior, Predictive, predict


class Update(eqx.Module):
    """What runs have changed in a posterior, in the coordinates of its roots' columns.

    Attributes:
        log_weight: unnormalised, ``(basin,)``.
        shift: the mean moves by ``root @ shift``, ``(basin, factor)``.
        transform: the root becomes ``root @ transform``, ``(basin, factor, factor)``.
    """

    log_weight: Array
    shift: Array
    transform: Array


class Conditioned(eqx.Module):
    """A posterior after some runs: itself a posterior."""

    prior: Posterior
    learned: Update

    @property
    def weight(self) -> Array:
        """Weights of the basins after the runs, ``(basin,)``."""
        return jax.nn.softmax(self.learned.log_weight)

    @property
    def noise(self) -> Array:
        """Noise variances, ``(basin,)``, as before."""
        return self.prior.noise

    def at(self, x: Array) -> Predictive:
        """The local Gaussians at ``x (row, feature)`` after the runs."""
        before = predict(self.prior, x)
        mean = before.mean + jnp.einsum("kroi,ki->kro", before.root, self.learned.shift)
        return Predictive(mean, jnp.einsum("kroi,kij->kroj", before.root, self.learned.transform))


def nothing_learned(posterior: Posterior, x: Array) -> Update:
    """The state before the first run; ``x (row, feature)`` is any configuration."""
    shape = jax.eval_shape(posterior.at, x)
    basins, factors = shape.root.shape[0], shape.root.shape[-1]
    one = jnp.eye(factors, dtype=shape.root.dtype)
    return Update(
        jnp.log(posterior.weight),
        jnp.zeros((basins, factors), shape.root.dtype),
        jnp.broadcast_to(one, (basins, factors, factors)),
    )


def learn(posterior: Posterior, learned: Update, x: Array, y: Array) -> Update:
    """After one more run gave ``y (output,)`` at ``x (feature,)``."""
    return _update(posterior, learned, x, lambda output, mean, deviation: y[output])


def imagine(posterior: Posterior, learned: Update, x: Array, basin: Array, normal: Array) -> Update:
    """After one more run at ``x (feature,)``, whose outcome basin ``basin`` says.

    ``normal (output,)`` are the standard normal numbers that make its outcome.
    """

    def outcome(output, mean, deviation):
        return mean[basin] + deviation[basin] * normal[output]

    return _update(posterior, learned, x, outcome)


def learn_variance(posterior: Posterior, learned: Update, x: Array) -> Update:
    """After one more run at ``x (feature,)`` that gave every basin what it expected: the weights stay."""
    after = _update(posterior, learned, x, lambda output, mean, deviation: mean)
    return Update(learned.log_weight, after.shift, after.transform)


def _update(posterior: Posterior, learned: Update, x: Array, outcome: Callable) -> Update:
    """One rank-one update for each output, whose noises are independent."""
    before = predict(posterior, x[None])
    noise = jnp.where(posterior.weight > 0, posterior.noise, 1.0)

    def step(learned, output):
        root, mean = before.root[:, 0, output], before.mean[:, 0, output]
        mean = mean + jnp.sum(root * learned.shift, axis=1)
        row = jnp.einsum("ki,kij->kj", root, learned.transform)
        variance = noise + jnp.sum(row**2, axis=1)
        deviation = jnp.sqrt(variance)
        surprise = outcome(output, mean, deviation) - mean
        gain = jnp.einsum("kij,kj->ki", learned.transform, row)
        shrink = row / (deviation * (deviation + jnp.sqrt(noise)))[:, None]
        return Update(
            learned.log_weight - jnp.log(deviation) - surprise**2 / (2 * variance),
            learned.shift + gain * (surprise / variance)[:, None],
            learned.transform - gain[:, :, None] * shrink[:, None, :],
        ), None

    after, _ = jax.lax.scan(step, learned, jnp.arange(before.mean.shape[-1]))
    sane = jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in (after.shift, after.transform)]))
    return jax.tree.map(lambda new, old: jnp.where(sane, new, old), after, learned)
