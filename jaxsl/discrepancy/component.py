"""Generalised least squares of a linearised law with a discrepancy of one size, and its evidence.

About a vector ``theta`` of parameters, with ``r = y - f(theta)``, scaled Jacobian ``J`` and features ``phi``
of the discrepancy,

    r = J s + phi b + e,   s ~ N(s_0, I / kappa),   b ~ N(0, rho sigma^2 I),   e_i ~ N(0, sigma^2 / w_i)

where ``s_0`` leads to the middle of the box, ``rho`` is the size of the discrepancy and ``w`` the weights of
the runs. With ``V = W^-1 + rho phi phi^T`` and ``Q`` what generalised least squares leaves of ``r^T V^-1 r``,

    sigma^2 = (Q + nu_0 sigma_0^2) / (n - P + nu_0)
    log evidence = -((n + nu_0) log sigma^2 + log|W V| + log|J^T V^-1 J / sigma^2 + kappa I| - P log kappa
                     + kappa |s - s_0|^2) / 2

Some runs may be bad: with a small probability an outcome says nothing and lies anywhere within the spread
of all outcomes. A component that allows for it has ``w_i = 1 - q_i``, where ``q_i`` is the probability that
run i is bad given all others: its density when it is left out against the flat one. A run that carries the
fit alone has a small residual, and is found by its error when it is left out.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl._linalg import inverse_root

DOUBTS = 6  # rounds in which bad runs are looked for
SURE = 1e-6  # weight of a run that is certainly bad


class Linearised(eqx.Module):
    """A law about one vector of parameters, at the runs; masked rows are zero.

    Attributes:
        jacobian: by scaled coordinates, ``(row, output, param)``.
        residual: outcome minus prediction, ``(row, output)``.
        pull: from here to the middle of the box in scaled coordinates, ``(param,)``.
    """

    jacobian: Array
    residual: Array
    pull: Array


class Noise(eqx.Module):
    """Prior of the noise variance: worth ``count`` outcomes of ``variance``, and never below ``least``.

    ``dof`` is how many outcomes the runs have beyond those that the parameters may pass through; a bad one
    has density ``flat``.
    """

    count: Array
    variance: Array
    least: Array
    dof: Array
    flat: Array


class Solved(NamedTuple):
    """What one component says: of the parameters given the runs, and of the discrepancy given both.

    With ``s ~ N(shift, root root^T)`` and ``free free^T = (I + rho phi^T W phi)^-1``, the discrepancy of an
    output is ``phi (offset - cross (s - shift))`` and ``sqrt(rho noise) phi free`` times white noise.
    """

    evidence: Array
    noise: Array
    shift: Array  # (param,)
    root: Array  # of the covariance, upper triangular, (param, param)
    offset: Array  # (landmark, output)
    cross: Array  # (landmark, output, param)
    free: Array  # upper triangular, (landmark, landmark)
    left: Array  # residuals, (row, output)
    claimed: Array  # variance of the fitted values, (row, output)


def solve(
    seen: Linearised, features: Array, size: Array, weight: Array, bad: Array, noise: Noise, kappa: Array
) -> Solved:
    """One component on the runs.

    Args:
        seen: the linearised law.
        features: of its kernel at the runs, ``(row, landmark)``.
        size: ``rho``, variance of the discrepancy in units of the noise's.
        weight: how often every run counts, ``(row,)``; 0 where masked.
        bad: probability that it is bad, ``(row,)``.
        noise: prior of its variance, and degrees of freedom that tell of it.
        kappa: precision of the parameters' prior.
    """
    outputs, params = seen.jacobian.shape[1:]
    weight = weight * (1 - bad)
    times = jnp.sqrt(weight)[:, None]
    scaled = features * times * jnp.sqrt(size)
    landmarks = scaled.shape[1]
    free = inverse_root(jnp.eye(landmarks, dtype=scaled.dtype) + scaled.T @ scaled).T
    both = jnp.concatenate([seen.jacobian, seen.residual[..., None]], axis=2) * times[..., None]
    moved = jnp.einsum("rm,rdp->mdp", scaled, both).reshape(landmarks, -1)
    moved = free.T @ moved
    gram = jnp.einsum("rdp,rdq->pq", both, both)
    flat = moved.reshape(-1, params + 1)
    gram = gram - flat.T @ flat
    inner, outer = gram[:params, :params], gram[:params, params]
    eye = jnp.eye(params, dtype=gram.dtype)

    ridge = 1e-9 * jnp.trace(inner) / params + jnp.finfo(gram.dtype).tiny
    told = inverse_root(inner + ridge * eye) @ outer
    left_over = jnp.maximum(gram[params, params] - told @ told, 0.0)
    count = jnp.sum(weight) * outputs
    dof = jnp.maximum(noise.dof - jnp.sum(bad) * outputs, 0.0) + noise.count
    variance = (left_over + noise.count * noise.variance) / jnp.maximum(dof, 1.0) + noise.least

    precision = inner / variance + kappa * eye
    root = inverse_root(precision).T
    shift = root @ (root.T @ (outer / variance + kappa * seen.pull))
    log_det = -2 * jnp.sum(jnp.log(jnp.diagonal(root))) - params * jnp.log(kappa)
    log_det = log_det - 2 * outputs * jnp.sum(jnp.log(jnp.diagonal(free)))
    prior = kappa * jnp.sum((shift - seen.pull) ** 2)
    evidence = -((count + noise.count) * jnp.log(variance) + log_det + prior) / 2

    moved = moved.reshape(landmarks, outputs, params + 1)
    given = moved[..., params] - moved[..., :params] @ shift
    back = jnp.concatenate([moved[..., :params], given[..., None]], axis=2).reshape(landmarks, -1)
    back = jnp.sqrt(size) * (free @ back)
    back = back.reshape(landmarks, outputs, params + 1)
    cross, offset = back[..., :params], back[..., params]

    own = seen.jacobian - jnp.einsum("rm,mdp->rdp", features, cross)
    claimed = jnp.sum((own @ root) ** 2, axis=2)
    claimed = claimed + (size * variance * jnp.sum((features @ free) ** 2, axis=1))[:, None]
    left = seen.residual - seen.jacobian @ shift - features @ offset
    return Solved(evidence, variance, shift, root, offset, cross, free, left, claimed)


def doubted(
    seen: Linearised,
    solved: Solved,
    weight: Array,
    bad: Array,
    noise: Noise,
    share: float | Array,
    first: bool | Array,
) -> Array:
    """Probability that each run is bad, ``(row,)``, when a ``share`` of runs is, by a component ``solved``.

    With leverage ``h = w claimed / sigma^2`` a run left out is predicted with the error ``e / (1 - h)`` and
    the variance ``sigma^2 / w + claimed / (1 - h)``. In the ``first`` round ``sigma^2`` is that without the
    run. The rest as in ``solve``.
    """
    outputs = seen.residual.shape[1]
    leverage = jnp.clip((weight * (1 - bad))[:, None] * solved.claimed / solved.noise, 0.0, 1 - 1e-6)
    error = solved.left / (1 - leverage)
    squares = jnp.sum(solved.left**2 / (1 - leverage), axis=1)
    others = (noise.dof * solved.noise - squares) / jnp.maximum(noise.dof - outputs, 1.0)
    others = jnp.clip(others, noise.variance, solved.noise)
    variance = jnp.where(first, others, solved.noise) / jnp.where(weight > 0, weight, 1.0)
    variance = variance[:, None] + solved.claimed / (1 - leverage)
    good = -jnp.sum(jnp.log(2 * jnp.pi * variance) + error**2 / variance, axis=1) / 2
    odds = jnp.log(share) - jnp.log1p(-share) + outputs * jnp.log(noise.flat) - good
    new = jnp.minimum(jax.nn.sigmoid(odds), 1 - SURE)
    return jnp.where(jnp.isfinite(new) & (weight > 0), new, 0.0)


def trusting_and_doubting(
    seen: Linearised,
    features: Array,
    size: Array,
    weight: Array,
    noise: Noise,
    kappa: Array,
    share: float | Array,
) -> tuple[Solved, Array]:
    """Components that trust all runs and, behind them, the same where runs may be bad, as ``solve`` has them.

    Args:
        seen, weight, noise, kappa: as there. features: ``(form, row, landmark)``. size: ``(form,)``.
        share: of runs that are bad.

    Returns:
        ``2 form`` components and the probability that each run is bad in them, ``(2 form, row)``.
    """

    def again(bad: Array, first: Array):
        def one(features, size, bad):
            found = solve(seen, features, size, weight, bad, noise, kappa)
            return found, doubted(seen, found, weight, bad, noise, share, first)

        found, new = jax.vmap(one)(features, size, bad)
        return new, (found, bad)

    none = jnp.zeros((features.shape[0], len(weight)), weight.dtype)
    _, rounds = jax.lax.scan(again, none, jnp.arange(1 + DOUBTS) == 0)
    return jax.tree.map(lambda leaf: jnp.concatenate([leaf[0], leaf[-1]]), rounds)


def bad_evidence(bad: Array, weight: Array, noise: Noise, share: float | Array, outputs: int) -> Array:
    """What bad runs add to the log evidence of the others, a scalar: their densities, and which they are."""
    # The evidence leaves out the constants of Gaussian densities, for good runs alone.
    flat = jnp.log(noise.flat) + jnp.log(2 * jnp.pi) / 2
    each = bad * (jnp.log(share) - jnp.log(bad) + outputs * flat)
    each = jnp.where(bad > 0, each, 0.0) + (1 - bad) * (jnp.log1p(-share) - jnp.log1p(-bad))
    return jnp.sum(jnp.where(weight > 0, each, 0.0))
