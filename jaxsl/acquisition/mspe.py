"""Expected fall of the target's mean squared prediction error: the paper's acquisition.

With one update per candidate and basin (Spend Less, Fit Better, section 4.3 and appendix D), written for D
outputs with ``G_k = root_k(x)``, ``R_k = root_k(target)``, ``S_k = sigma_k^2 I + G_k G_k^T``:

    U_k = R_k G_k^T S_k^-1                       gain: how the target's mean moves with the outcome
    within  = sum_k w_k tr(S_k^-1 C_k^T C_k),    C_k = R_k G_k^T      (E[w_k+] = w_k makes this exact)
    between = V - E_y[V+(y)],                    V = sum_k w_k |F_k - F|^2
    V+(y) = sum_k w_k+ |F_k+|^2 - |sum_k w_k+ F_k+|^2,   F_k+(y) = F_k + U_k (y - m_k)

``V`` may be far larger than its fall, so the difference is never taken: with ``F = 0``, and because
``E[sum_k w_k+ |F_k+|^2] = sum_k w_k |F_k|^2 + within`` exactly and ``E[sum_k w_k+ |F_k+ - F_k|^2] = within``,

    between = E_y[ |sum_k w_k+ F_k+|^2 - sum_k w_k+ |F_k+ - F_k|^2 ],

which is zero node by node for one basin. Both terms together are the variance of the posterior mean,
``E_y |sum_k w_k+ F_k+|^2``, and never negative.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, Predictive, finite, survey
from jaxsl.quadrature import GaussLegendre, QuasiMonteCarlo

FEW = 3  # basins that are scored by the smaller program


class Fall(eqx.Module):
    """The two terms of the expected fall of the target's variance, each ``(pool,)``, in squared outputs."""

    within: Array
    between: Array


class MSPE(eqx.Module):
    """Expected fall of the mean squared prediction error on the target, per candidate.

    Attributes:
        within, between: which terms to count; one alone is the paper's ablation.
        rule: quadrature over the outcome; when None, ``GaussLegendre`` for one output and
            ``QuasiMonteCarlo`` for several (the paper's Gauss-Hermite misses narrow basins in wide ones).
        batch: candidates worked on at once, which bounds memory to about
            ``batch x node x basin x (1 + output)`` numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import Pool, uniform_target
        >>> from jaxsl.posterior import LawPosterior
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
        >>> pool, target = Pool(jnp.array([[0.0], [2.0]]), jnp.ones(2)), uniform_target(jnp.array([[4.0]]))
        >>> [round(float(score), 3) for score in MSPE()(belief, pool, target)]  # (1 + 4x)^2 / (2 + x^2)
        [0.5, 13.5]
    """

    within: bool = eqx.field(static=True, default=True)
    between: bool = eqx.field(static=True, default=True)
    rule: Callable[..., tuple[Array, Array]] | None = None
    batch: int = eqx.field(static=True, default=64)

    def __call__(self, posterior: Posterior, pool: Pool, target: Target) -> Array:
        """Score every candidate: ``(pool,)``, in squared units of the output."""
        fall = self.fall(posterior, pool.x, target)
        total = self.within * fall.within + self.between * fall.between
        return jnp.where(jnp.isfinite(total), jnp.maximum(total, 0.0), 0.0)

    def fall(self, posterior: Posterior, x: Array, target: Target) -> Fall:
        """Both terms at ``x (row, feature)``; zero where a basin in use is not finite.

        A basin that is not finite on the target is not in use (``jaxsl.posterior.survey``).
        """
        weights, at_target, here = survey(posterior, target.x, x)
        known = finite(here)
        here = Predictive(
            jnp.where(known[:, None], here.mean, 0.0), jnp.where(known[:, None, None], here.root, 0.0)
        )
        rule = self.rule
        if rule is None:
            rule = QuasiMonteCarlo() if here.mean.shape[-1] > 1 else GaussLegendre()
        heaviest = jnp.argsort(-weights)

        def among(num_basins):
            """Score with the heaviest basins only: exact when no other is in use."""
            kept = heaviest[:num_basins]
            weight = weights[kept]
            noise = jnp.where(weight > 0, posterior.noise[kept], 1.0)
            mean, root = target_stack(weight, Predictive(at_target.mean[kept], at_target.root[kept]), target)
            candidates = jnp.moveaxis(here.mean[kept], 1, 0), jnp.moveaxis(here.root[kept], 1, 0)
            return _batched(
                lambda item: _fall_at(
                    weight, noise, mean, root, item[0], item[1], rule if self.between else None
                ),
                candidates,
                self.batch,
            )

        # Most beliefs have few basins, and the work grows with the square of the slots.
        slots = weights.shape[0]
        if slots <= FEW or not self.between:
            fall = among(slots)
        else:
            few = jnp.sum(weights > 0) <= FEW
            fall = jax.lax.cond(few, lambda: among(FEW), lambda: among(slots))
        return jax.tree.map(lambda term: jnp.where(known, term, 0.0), fall)


def _batched(function: Callable, items: tuple[Array, ...], batch: int) -> Fall:
    """``function`` of every row, in whole batches only: a shorter last one would be compiled again."""
    num = items[0].shape[0]
    batch = min(batch, num)
    padded = jax.tree.map(
        lambda item: jnp.concatenate([item, jnp.broadcast_to(item[:1], (-num % batch, *item.shape[1:]))]),
        items,
    )
    return jax.tree.map(lambda term: term[:num], jax.lax.map(function, padded, batch_size=batch))


def target_stack(weight: Array, predictive: Predictive, target: Target) -> tuple[Array, Array]:
    """Means, centred, and roots on the target: ``(basin, row), (basin, row, factor)``.

    Rows are target configurations times outputs, scaled by the root of their weight. Only inner products
    over rows are ever taken, so many rows are replaced by their triangular factor: the cost of a score does
    not grow with the target.
    """
    basins, _, outputs, factors = predictive.root.shape
    scale = jnp.sqrt(target.weight / outputs)[:, None]
    centre = jnp.einsum("k,kto->to", weight, predictive.mean)
    mean = ((predictive.mean - centre) * scale).reshape(basins, -1)
    root = (predictive.root * scale[..., None]).reshape(basins, -1, factors)
    if mean.shape[1] <= basins * (1 + factors):
        return mean, root
    stacked = jnp.concatenate([mean[..., None], root], axis=-1)
    columns = jnp.moveaxis(stacked, 1, 0).reshape(mean.shape[1], -1)
    small = jnp.linalg.qr(columns, mode="r").reshape(-1, basins, 1 + factors)
    return jnp.moveaxis(small[..., 0], 0, 1), jnp.moveaxis(small[..., 1:], 0, 1)


def _fall_at(weight, noise, mean, root, here_mean, here_root, rule) -> Fall:
    """Both terms at one candidate.

    Shapes: weight, noise ``(basin,)``; mean ``(basin, row)``; root ``(basin, row, factor)``;
    here_mean ``(basin, output)``; here_root ``(basin, output, factor)``.
    """
    outputs = here_mean.shape[1]
    covariance = noise[:, None, None] * jnp.eye(outputs, dtype=mean.dtype) + here_root @ here_root.mT
    lower = jnp.linalg.cholesky(covariance) if outputs > 1 else jnp.sqrt(covariance)
    white = _inverse_lower(lower)
    whitened = white @ (root @ here_root.mT).mT
    within = jnp.sum(weight * jnp.sum(whitened**2, axis=(1, 2)))
    if rule is None:
        return Fall(within, jnp.zeros_like(within))
    gain = whitened.mT @ white
    centred = here_mean - weight @ here_mean
    y, probability = rule(centred, lower, weight)
    surprise = y[:, None, :] - centred
    posterior_weight = _responsibility(surprise, white, weight)
    monomials = jnp.concatenate([jnp.ones_like(surprise[..., :1]), surprise], axis=-1)
    monomials = (posterior_weight[..., None] * monomials).reshape(y.shape[0], -1)
    moves = jnp.moveaxis(jnp.concatenate([mean[..., None], gain], axis=-1), 1, 0).reshape(mean.shape[1], -1)
    together = jnp.sum((monomials @ (moves.T @ moves)) * monomials, axis=1)
    apart = jnp.einsum("qko,kop,qkp->qk", surprise, gain.mT @ gain, surprise)
    between = together - jnp.sum(posterior_weight * apart, axis=1)
    return Fall(within, jnp.sum(probability * between))


def _inverse_lower(lower: Array) -> Array:
    """``lower^-1`` of ``(basin, output, output)``, once a candidate.

    Products with it take the place of a triangular solve per node, which LAPACK may spread over threads:
    measured on ``domain``, 15 ms of CPU a candidate in place of 0.3.
    """
    if lower.shape[-1] == 1:
        return 1 / lower
    identity = jnp.broadcast_to(jnp.eye(lower.shape[-1], dtype=lower.dtype), lower.shape)
    return jax.lax.linalg.triangular_solve(lower, identity, left_side=True, lower=True)


def _responsibility(surprise: Array, white: Array, weight: Array) -> Array:
    """Basin weights after ``surprise (node, basin, output)``, ``(node, basin)``.

    A softmax, so that no tiny density divides.
    """
    distance = jnp.sum(jnp.einsum("kij,qkj->qki", white, surprise) ** 2, axis=2)
    log_det = jnp.sum(jnp.log(jnp.diagonal(white, axis1=-2, axis2=-1)), axis=-1)
    return jax.nn.softmax(jnp.log(weight) + log_det - distance / 2, axis=-1)
