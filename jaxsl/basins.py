"""Basins: optima that fit the runs about equally well, told apart by what they predict on the target."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl._linalg import symmetric_root
from jaxsl.cluster import complete_linkage
from jaxsl.fit import Fit
from jaxsl.noise import InverseGamma, outcome_variance
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target
from jaxsl.posterior import LawPosterior
from jaxsl.residual import Problem, problem


class Basins(eqx.Module):
    """The plausible basins of one law, heaviest slots first.

    Attributes:
        theta: representative of each basin, ``(basin, param)``; empty slots repeat the best optimum.
        root: square root of its covariance, ``(basin, param, factor)``, with a factor for each of the
            parameters of the fit.
        weight: ``(basin,)``, summing to one; 0 in empty slots.
        loss: mean squared error, ``(basin,)``.
        noise: noise variance, a scalar.
        label: basin of each optimum of the fit, ``(start,)``; -1 where it was not plausible.
        num_clusters: clusters found before light ones were dropped, a scalar.
        silhouette: of the chosen cut, a scalar; 0 for one cluster.
        dropped: weight of the clusters that found no slot, a scalar.
    """

    theta: Array
    root: Array
    weight: Array
    loss: Array
    noise: Array
    label: Array
    num_clusters: Array
    silhouette: Array
    dropped: Array

    @property
    def num_basins(self) -> Array:
        """Number of basins in use, a scalar."""
        return jnp.sum(self.weight > 0)

    def at(self, place: tuple[int, ...]) -> "Basins":
        """The same with the parameters at these places of ``theta``, where the others have no effect."""
        rows = np.array(place)
        return replace(self, theta=self.theta[:, rows], root=self.root[:, rows])

    def posterior(self, law: AnyLaw) -> LawPosterior:
        """What the basins predict anywhere."""
        noise = jnp.full(self.weight.shape, self.noise)
        return LawPosterior(law, self.theta, self.root, self.weight, noise)


class Optima(eqx.Module):
    """What a weighting sees of the optima of a fit.

    Attributes:
        loss: mean squared error, ``(start,)``.
        penalty: what the prior adds to it in the objective, ``(start,)``.
        root: ``H^(-1/2)`` in scaled coordinates, ``(start, param, factor)``.
        z: scaled parameters from the centre of the box, ``(start, param)``.
        noise: noise variance, a scalar.
        count: number of outcomes, a scalar.
    """

    loss: Array
    penalty: Array
    root: Array
    z: Array
    noise: Array
    count: Array


class BIC(eqx.Module):
    """Weights ``w_k ∝ exp(-BIC_k / (2 T))``, ``BIC_k = n log MSE_k + P log n`` (the paper's choice).

    Within one law ``P log n`` is common to all basins and drops out. What a prior adds to the objective of
    the fit counts as error, ``n log(MSE + lambda |z|^2) ~ n log MSE + |z|^2``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> loss, root = jnp.array([1e-4, 2e-4]), jnp.broadcast_to(jnp.eye(2), (2, 2, 2))
        >>> scores = BIC()(Optima(loss, 0 * loss, root, jnp.zeros((2, 2)), 1e-4, 10))
        >>> [round(float(weight), 3) for weight in jax.nn.softmax(scores)]  # (1/2)^(10/2) as likely
        [0.97, 0.03]
    """

    temperature: float = 1.0

    def __call__(self, optima: Optima) -> Array:
        """Unnormalised log weights, ``(start,)``."""
        return -optima.count * jnp.log(optima.loss + optima.penalty) / (2 * self.temperature)


class Laplace(eqx.Module):
    """Weights ``log w_k = -n MSE_k / (2 sigma^2) - log|H_k| / 2 + log prior(theta_k)`` in scaled coordinates.

    Against a Gaussian prior with the box's centre as mean and a quarter of its width as deviation.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> loss, root = jnp.array([1e-4, 2e-4]), jnp.broadcast_to(jnp.eye(2), (2, 2, 2))
        >>> scores = Laplace()(Optima(loss, 0 * loss, root, jnp.zeros((2, 2)), 1e-4, 10))
        >>> round(float(scores[0] - scores[1]), 3)  # 10 (2e-4 - 1e-4) / (2 1e-4)
        5.0
    """

    def __call__(self, optima: Optima) -> Array:
        """Unnormalised log weights, ``(start,)``."""
        misfit = optima.count * optima.loss / (2 * optima.noise)
        half_log_det = jnp.linalg.slogdet(optima.root)[1]
        return -misfit + half_log_det - jnp.sum(optima.z**2, axis=-1) / 2


class _Local(NamedTuple):
    """Every optimum's Gaussian: of the scaled parameters, and of outcomes on the target.

    ``root (start, param, factor)`` of the covariance, ``slope (start, param)`` of theta by it, ``mean`` and
    ``variance (start, target, output)``, and whether all of it is finite, ``sane (start,)``.
    """

    root: Array
    slope: Array
    mean: Array
    variance: Array
    sane: Array


class _Groups(NamedTuple):
    """Clusters of optima: which optima are ``plausible``, the ``first`` of each one's cluster, which are the
    ``head`` of theirs, all ``(start,)``, and the ``silhouette`` of the cut.
    """

    plausible: Array
    first: Array
    head: Array
    silhouette: Array


class BasinRule(eqx.Module):
    """How optima become basins.

    Attributes:
        plausible: an optimum counts while its loss is below this multiple of the best (public value 1.5).
        exact: and any optimum whose loss is below this share of the outcomes' variance, so that laws that
            interpolate the runs are not told apart by rounding errors.
        same: optima whose predictions on the target diverge by less (symmetric KL, in nats) are one optimum;
            the silhouette has no scale and would part them by rounding errors.
        prior: of the noise variance.
        weighting: ``BIC()``, ``Laplace()``, or any ``Optima -> log weight (start,)``.
        lightest: basins below this weight are dropped.
        max_basins: slots; the heaviest clusters take them.
    """

    plausible: float = 1.5
    exact: float = 1e-8
    same: float = 1e-4
    prior: InverseGamma = InverseGamma()
    weighting: Callable[[Optima], Array] = BIC()
    lightest: float = 1e-3
    max_basins: int = eqx.field(static=True, default=8)

    def floor(self, observations: Observations) -> Array:
        """The loss below which a fit counts as exact, a scalar."""
        return self.exact * outcome_variance(observations) + jnp.finfo(observations.y.dtype).tiny

    def __call__(self, law: AnyLaw, observations: Observations, target: Target, fit: Fit) -> Basins:
        """Cluster the plausible optima of ``fit`` in prediction space and weigh the clusters.

        (Spend Less, Fit Better, section 4.2 and appendix C.)
        """
        runs = problem(law, observations)
        count = observations.num_outcomes()
        noise = self.prior.variance(observations, fit.loss[0] * count, law.num_real)
        local = _localise(law, runs, observations.times(), target, fit.theta, noise)
        floor = self.floor(observations)
        groups = self._cluster(local, fit, target, floor)
        optima = Optima(
            loss=jnp.maximum(fit.loss, floor),
            penalty=fit.objective - fit.loss,
            root=local.root,
            z=runs.box.scaled(fit.theta) - runs.box.centre,
            noise=noise,
            count=count,
        )
        return self._pack(fit, local, groups, self._weigh(optima, groups.head), noise)

    def _cluster(self, local: _Local, fit: Fit, target: Target, floor: Array) -> _Groups:
        """Plausible optima by what they predict on the target."""
        most = self.plausible * fit.objective[0] + floor
        plausible = local.sane & jnp.isfinite(fit.objective) & (fit.objective <= most)
        mean = jnp.where(plausible[:, None, None], local.mean, 0.0)
        variance = jnp.where(plausible[:, None, None], local.variance, 1.0)
        divergence = _divergence(mean, variance, target.weight)
        distinct = jnp.where(divergence > self.same, divergence, 0.0)
        clusters = complete_linkage(jnp.log1p(distinct), plausible)
        start = jnp.arange(plausible.size)
        first = jax.ops.segment_min(jnp.where(plausible, start, start.size), clusters.label, start.size)
        first = first[clusters.label]
        return _Groups(plausible, first, plausible & (first == start), clusters.silhouette)

    def _weigh(self, optima: Optima, head: Array) -> Array:
        """Weights of the clusters, at the optima that stand for them; all on the best where there is none."""
        log_weight = self.weighting(optima)
        log_weight = jnp.where(head & jnp.isfinite(log_weight), log_weight, -jnp.inf)
        best = jnp.where(jnp.arange(head.size) == 0, 0.0, -jnp.inf)
        return jax.nn.softmax(jnp.where(jnp.any(head), log_weight, best))

    def _pack(self, fit: Fit, local: _Local, groups: _Groups, weight: Array, noise: Array) -> Basins:
        """The heaviest clusters in their slots."""
        share, slot = jax.lax.top_k(weight, min(self.max_basins, weight.size))
        share = jnp.where(share >= self.lightest, share, 0.0)
        kept = jnp.sum(share)
        slot = jnp.where(share > 0, slot, slot[0])
        seats = groups.first[:, None] == jnp.where(share > 0, slot, -1)
        return Basins(
            theta=fit.theta[slot],
            root=local.slope[slot][:, :, None] * local.root[slot],
            weight=share / kept,
            loss=fit.loss[slot],
            noise=noise,
            label=jnp.where(groups.plausible & jnp.any(seats, axis=1), jnp.argmax(seats, axis=1), -1),
            num_clusters=jnp.sum(groups.head),
            silhouette=groups.silhouette,
            dropped=1 - kept,
        )


def _localise(law: AnyLaw, runs: Problem, times: Array, target: Target, theta: Array, noise: Array) -> _Local:
    """The Laplace approximation at every ``theta (start, param)``; each run counts ``times (row,)``."""
    everywhere, times = jnp.concatenate([runs.x, target.x]), times[:, None, None]
    identity = jnp.eye(law.num_params, dtype=theta.dtype)

    def local(theta):
        slope = runs.box.slope(theta)
        value, jacobian = law.linearise(theta, everywhere)
        at_target = jacobian[runs.x.shape[0] :] * slope
        jacobian = jacobian[: runs.x.shape[0]] * slope
        jacobian = jnp.where(times > 0, jacobian, 0.0) * jnp.sqrt(times)
        jacobian = jacobian.reshape(-1, law.num_params)
        precision = jacobian.T @ jacobian / noise + identity
        sane = jnp.all(jnp.isfinite(precision))
        root = symmetric_root(jnp.where(sane, precision, identity))
        mean = value[runs.x.shape[0] :]
        variance = jnp.sum((at_target @ root) ** 2, axis=-1) + noise
        sane = sane & jnp.all(jnp.isfinite(mean)) & jnp.all(jnp.isfinite(variance))
        return _Local(root, slope, mean, variance, sane)

    return jax.vmap(local)(theta)


def _divergence(mean: Array, variance: Array, weight: Array) -> Array:
    """Symmetric KL divergence of Gaussians, averaged over the target: ``(item, item)``.

    ``d(m, n) = mean_x [v_m/v_n + v_n/v_m - 2 + (mu_m - mu_n)^2 (1/v_m + 1/v_n)] / 4``.
    """

    def row(mean_m, variance_m):
        ratio = variance_m / variance + variance / variance_m - 2
        shift = (mean_m - mean) ** 2 * (1 / variance_m + 1 / variance)
        return jnp.einsum("ntd,t->n", ratio + shift, weight) / (4 * mean.shape[-1])

    distance = jax.vmap(row)(mean, variance)
    return jnp.maximum((distance + distance.T) / 2, 0.0)
