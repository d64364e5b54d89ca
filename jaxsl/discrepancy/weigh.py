"""Components of all basins and kinds, what they weigh, and what the heaviest predict."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logsumexp

from jaxsl.basins import Basins
from jaxsl.belief import Learned
from jaxsl.discrepancy.component import Solved
from jaxsl.discrepancy.known import Known
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.fit import Fit

LIGHTEST = 1e-3  # weight below which a component is dropped
BENT = 100.0  # times the misfit of an optimum above which a component's parameters are no longer near it


def weigh(known: Known, fit: Fit, theta: Array, label: Array, used: Array, num_components: int) -> Learned:
    """What the runs say of a law, from basins ``theta (basin, param)`` of which some are ``used``."""
    found, bad, evidence = jax.vmap(lambda theta: known.solved(known.linearised(theta)))(theta)
    evidence = jnp.where(used[:, None], evidence, -jnp.inf)
    every, kinds = _shares(evidence), evidence.shape[1]
    share, slot = jax.lax.top_k(every.ravel(), min(num_components, evidence.size))
    share = jnp.where(share >= LIGHTEST, share, 0.0)
    kept = jnp.sum(share)
    share = share / kept

    def picked(leaf):
        leaf = leaf.reshape(-1, *leaf.shape[2:])[slot]
        return jnp.where(jnp.isfinite(leaf), leaf, 0.0)

    heaviest, doubted = jax.tree.map(picked, found), picked(bad)
    posterior = _posterior(known, theta[slot // kinds], slot % kinds, share, heaviest)
    claimed = jnp.mean(heaviest.claimed, axis=2) * (1 - doubted) / heaviest.noise[:, None]
    _, size, _ = known.kinds.forms
    return Learned(
        fit=fit,
        basins=_basins(known, fit, posterior, label, slot // kinds, every, doubted, 1 - kept),
        posterior=posterior,
        evidence=jnp.where(jnp.isfinite(fit.objective[0]), logsumexp(jnp.max(evidence, axis=0)), -jnp.inf),
        dof=known.dof + known.noise.count,
        holds=jnp.sum(every[:, size == 0]),
        bad=jnp.where(known.mask, share @ doubted, 0.0),
        leverage=jnp.where(known.mask, share @ claimed, 0.0),
        along=known.along,
    )


def _shares(evidence: Array) -> Array:
    """Weights of all components, ``(basin, kind)``; the first has all where none can be used."""
    none = jnp.full(evidence.size, -jnp.inf).at[0].set(0.0).reshape(evidence.shape)
    return jax.nn.softmax(jnp.where(jnp.any(jnp.isfinite(evidence)), evidence, none), axis=(0, 1))


def _posterior(known: Known, theta: Array, kind: Array, share: Array, found: Solved) -> DiscrepantPosterior:
    kernel, size, _ = (jnp.asarray(part) for part in known.kinds.forms)
    scale = jnp.sqrt(size[kind] * found.noise)
    return DiscrepantPosterior(
        law=known.law,
        field=known.field,
        theta=theta,
        slope=jax.vmap(known.runs.box.slope)(theta),
        shift=found.shift,
        root=found.root,
        offset=found.offset,
        cross=found.cross,
        spread=scale[:, None, None] * found.free,
        kernel=kernel[kind],
        weight=share,
        noise=found.noise,
    )


def _basins(
    known: Known,
    fit: Fit,
    posterior: DiscrepantPosterior,
    label: Array,
    basin: Array,
    weight: Array,
    bad: Array,
    dropped: Array,
) -> Basins:
    """Basins with all their kinds together: the mean and covariance of parameters are the heaviest's.

    Where that mean is so far from the optimum that the law is bent between them, the optimum is told.
    """
    box, share = known.runs.box, jnp.sum(weight, axis=1)
    order = jnp.argsort(-share)
    first = jnp.argmax((basin == order[:, None]) & (posterior.weight > 0), axis=1)
    optimum = posterior.theta[first]
    mean = box.theta(box.clip(box.scaled(optimum) + posterior.shift[first]))

    def misfit(theta):
        """Of runs that are not bad, ``(basin,)``."""
        return jnp.sum((1 - bad[first])[:, :, None] * jax.vmap(known.runs.residual)(theta) ** 2, axis=(1, 2))

    near = misfit(mean) <= BENT * (misfit(optimum) + posterior.noise[first])
    theta = jnp.where(near[:, None], mean, optimum)
    share = jnp.where(jnp.any((basin == order[:, None]) & (posterior.weight > 0), axis=1), share[order], 0.0)
    return Basins(
        theta=theta,
        root=box.slope(theta)[:, :, None] * posterior.root[first],
        weight=share / jnp.sum(share),
        loss=jax.vmap(known.runs.loss)(theta),
        noise=posterior.weight @ posterior.noise,
        label=jnp.where(label >= 0, jnp.argsort(order)[jnp.maximum(label, 0)], -1),
        num_clusters=jnp.sum(share > 0),
        silhouette=jnp.zeros_like(dropped),
        dropped=dropped,
    )
