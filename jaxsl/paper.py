"""The belief of the paper: local Gaussians around optima of a law that is right, runs that are all good.

(Spend Less, Fit Better, section 4.2.) It is kept as it is, for the benchmark and to compare with.
"""

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from jaxsl.basins import BasinRule
from jaxsl.belief import Learned
from jaxsl.fit import Solver, fit
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target


class PaperRule(eqx.Module):
    """Multi-start fit, clusters of optima, and the covariance of each.

    Attributes:
        basin_rule: from optima to basins.
    """

    basin_rule: BasinRule = BasinRule()

    def __call__(
        self,
        law: AnyLaw,
        observations: Observations,
        starts: Array,
        target: Target,
        solver: Solver,
        prior: float | Array | None,
        candidates: Array | None = None,
    ) -> Learned:
        """See ``jaxsl.belief.Rule``; the candidates do not matter."""
        found = fit(law, observations, starts, solver, prior=prior)
        basins = self.basin_rule(law, observations, target, found)
        count = observations.num_outcomes()
        bic = count * jnp.log(found.loss[0] + self.basin_rule.floor(observations))
        none = jnp.zeros(observations.mask.shape, found.loss.dtype)
        return Learned(
            fit=found,
            basins=basins,
            posterior=basins.posterior(law),
            evidence=-(bic + law.num_real * jnp.log(jnp.maximum(count, 1))) / 2,
            dof=jnp.full((), jnp.inf, none.dtype),
            holds=jnp.ones((), none.dtype),
            bad=none,
            leverage=none,
        )
