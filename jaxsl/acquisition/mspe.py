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
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition.aim import FEW, Aim, aim, aims, cleaned
from jaxsl.acquisition.blocks import blocks, in_blocks, rows_of
from jaxsl.acquisition.expectation import Fall, fall_at
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, Predictive, of_used, survey
from jaxsl.quadrature import GaussLegendre, QuasiMonteCarlo, Rule

WHOLE = 4096  # candidates of a pool that is scored at once
FEW_ROWS = 16  # candidates for whom a second program takes longer to compile than it saves
BLOCK = 1024  # candidates of a larger one whose predictions are held at once, in the processor's cache
SLACK = 1e-3  # share by which a bound is raised, far above the error of the quadrature


class MSPE(eqx.Module):
    """Expected fall of the mean squared prediction error on the target, per candidate.

    Attributes:
        within, between: which terms to count; one alone is the paper's ablation.
        rule: quadrature over the outcome; when None, ``GaussLegendre`` for one output and
            ``QuasiMonteCarlo`` for several (the paper's Gauss-Hermite misses narrow basins in wide ones).
        batch: candidates worked on at once, which bounds memory to about
            ``batch x node x basin x (1 + output)`` numbers.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import Pool, uniform_target
        >>> from jaxsl.posterior import LawPosterior
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
        >>> pool, target = Pool(jnp.array([[0.0], [2.0]]), jnp.ones(2)), uniform_target(jnp.array([[4.0]]))
        >>> jax.jit(MSPE().__call__)(belief, pool, target).round(3).tolist()  # (1 + 4x)^2 / (2 + x^2)
        [0.5, 13.5]
    """

    within: bool = eqx.field(static=True, default=True)
    between: bool = eqx.field(static=True, default=True)
    rule: Rule | None = None
    batch: int = eqx.field(static=True, default=64)

    def __call__(self, posterior: Posterior, pool: Pool, target: Target) -> Array:
        """Score every candidate: ``(pool,)``, in squared units of the output."""
        return self.total(self.fall(posterior, pool.x, target))

    def total(self, fall: Fall) -> Array:
        """The score of both terms, ``(pool,)``."""
        total = self.within * fall.within + self.between * fall.between
        return jnp.where(jnp.isfinite(total), jnp.maximum(total, 0.0), 0.0)

    def fall(self, posterior: Posterior, x: Array, target: Target) -> Fall:
        """Both terms at ``x (row, feature)``; zero where a basin in use is not finite.

        A basin that is not finite on the target is not in use (``jaxsl.posterior.survey``).
        """
        if x.shape[0] <= WHOLE:
            weight, at_target, here = survey(posterior, target.x, x)
            return self._fall(weight, partial(aim, weight, posterior.noise, at_target, target), here)
        weight, kept = aims(posterior, target)

        def of_block(rows):
            return self._fall(weight, kept.__getitem__, of_used(weight, posterior.at(rows)))

        return in_blocks(of_block, x, BLOCK)

    def leading(
        self,
        posterior: Posterior,
        pool: Pool,
        target: Target,
        price: Array,
        num: int = 1,
        every: bool | Array = False,
        least: float | Array = -jnp.inf,
    ) -> Array:
        """Scores ``(pool,)`` of all candidates that may be among the ``num`` best by score per price.

        Those whose bound (``jaxsl.acquisition.bound``) is below ``num`` scores are -inf. Who is best does not
        change, and of a large pool few expectations are taken. Pools of at most ``WHOLE``, and of several
        outputs, for which there is no bound, are scored whole.

        Args:
            posterior, pool, target: as of a call.
            price: what a score is divided by, ``(pool,)``, positive; infinite where a candidate is out of the
                question, whose score need not be known.
            num: how many are wanted.
            every: whether all that have a price are wanted, a scalar.
            least: score per price below which none is wanted, a scalar.
        """
        outputs = jax.eval_shape(posterior.at, target.x).mean.shape[-1]
        if pool.x.shape[0] <= WHOLE or outputs > 1 or not (self.within and self.between):
            return self(posterior, pool, target)
        weight, kept = aims(posterior, target)
        whole = kept[len(weight)]

        def of_block(best, rows):
            x, price = rows
            here = of_used(weight, posterior.at(x))
            known, clean = cleaned(here)
            bound = jnp.where(known, whole.most(clean) * (1 + SLACK), 0.0) / price
            bound = jnp.where(price < jnp.inf, jnp.where(jnp.isnan(bound), jnp.inf, bound), -jnp.inf)

            def wanted(carry):
                bound, best, _ = carry
                most = jnp.max(bound)
                return (most > -jnp.inf) & (every | (most >= best[-1]))

            def score(carry):
                bound, best, scores = carry
                _, row = jax.lax.top_k(bound, min(self.batch, BLOCK))
                some = Predictive(here.mean[:, row], here.root[:, row])
                found = self.total(self._fall(weight, kept.__getitem__, some))
                value = jnp.where(bound[row] > -jnp.inf, found / price[row], -jnp.inf)
                best, _ = jax.lax.top_k(jnp.concatenate([best, value]), num)
                scores = scores.at[row].set(jnp.where(value > -jnp.inf, found, scores[row]))
                return bound.at[row].set(-jnp.inf), best, scores

            start = bound, best, jnp.full_like(price, -jnp.inf)
            _, best, scores = jax.lax.while_loop(wanted, score, start)
            return best, scores

        padded = jnp.pad(price, (0, -len(price) % BLOCK), constant_values=jnp.inf)
        items = blocks(pool.x, BLOCK), blocks(padded, BLOCK)
        _, scores = jax.lax.scan(of_block, jnp.full(num, least, price.dtype), items)
        return rows_of(scores, len(price))

    def _fall(self, weight: Array, among: Callable[[int], Aim], here: Predictive) -> Fall:
        """Both terms at candidates; ``among`` tells of so many basins what they say of the target."""
        known, here = cleaned(here)
        rule = self.rule
        if rule is None:
            rule = QuasiMonteCarlo() if here.mean.shape[-1] > 1 else GaussLegendre()

        def score(num_basins):
            """With the heaviest basins only: exact when no other is in use."""
            aim = among(num_basins)
            rows = jnp.moveaxis(here.mean[aim.basin], 1, 0), jnp.moveaxis(here.root[aim.basin], 1, 0)
            one = jax.vmap(lambda mean, root: fall_at(aim, mean, root, rule if self.between else None))
            return in_blocks(lambda rows: one(*rows), rows, self.batch)

        # Most beliefs have few basins, and the work grows with the square of the slots.
        if len(weight) <= FEW or not self.between or len(known) <= FEW_ROWS:
            fall = score(len(weight))
        else:
            few = jnp.sum(weight > 0) <= FEW
            fall = jax.lax.cond(few, lambda: score(FEW), lambda: score(len(weight)))
        return jax.tree.map(lambda term: jnp.where(known, term, 0.0), fall)
