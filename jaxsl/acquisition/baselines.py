"""Acquisitions to compare with: classical criteria at the single best fit, and no criterion at all."""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition.mspe import MSPE
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Heaviest, Posterior, finite, predict, survey, tabulate


class VOptimal(eqx.Module):
    """Fall of the target's variance in the heaviest basin alone (Spend Less, Fit Better, section 5.1).

    Of those that are finite on the target.
    """

    def __call__(self, posterior: Posterior, pool: Pool, target: Target) -> Array:
        """Score every candidate: ``(pool,)``."""
        table, row = tabulate(posterior, jnp.concatenate([target.x, pool.x]))
        at_target, here = jnp.split(row, [target.x.shape[0]])
        best = Heaviest(replace(table, weight=survey(table, at_target, here)[0]))
        return MSPE(between=False)(best, replace(pool, x=here), replace(target, x=at_target))


class DOptimal(eqx.Module):
    """Information on the parameters of the heaviest basin: ``log det(I + G Sigma G^T / sigma^2)``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import Pool, uniform_target
        >>> from jaxsl.posterior import LawPosterior
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
        >>> pool, target = Pool(jnp.array([[0.0], [2.0]]), jnp.ones(2)), uniform_target(jnp.array([[4.0]]))
        >>> [round(float(score), 3) for score in jax.jit(DOptimal())(belief, pool, target)]  # log(2 + x^2)
        [0.693, 1.792]
        >>> [round(float(score), 3) for score in jax.jit(VOptimal())(belief, pool, target)]
        [0.5, 13.5]
        >>> Uniform()(belief, pool, target).tolist()
        [1.0, 1.0]
    """

    def __call__(self, posterior: Posterior, pool: Pool, target: Target) -> Array:
        """Score every candidate: ``(pool,)``."""
        best = Heaviest(posterior)
        predictive = predict(best, pool.x)
        known = finite(predictive)
        root = jnp.where(known[:, None, None], predictive.root[0], 0.0)
        information = jnp.eye(root.shape[1], dtype=root.dtype) + root @ root.mT / best.noise[0]
        return jnp.where(known, jnp.linalg.slogdet(information)[1], 0.0)


class Uniform(eqx.Module):
    """The same score for all: with the cost exponent and the draw of ``jaxsl.choice`` this makes the
    heuristics random, cheapest and cost-proportional.
    """

    def __call__(self, posterior: Posterior, pool: Pool, target: Target) -> Array:
        """Ones, ``(pool,)``."""
        return jnp.ones_like(pool.cost)
