"""The belief of a residual bootstrap: least squares, and refits to the curve plus residuals drawn."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.belief import Learned
from jaxsl.bootstrap import bootstrap
from jaxsl.fit import Solver
from jaxsl.one_of import AnyLaw
from jaxsl.paper import PaperRule
from jaxsl.pool import Observations, Target
from jaxsl.posterior import LawPosterior


class BootstrapRule(eqx.Module):
    """Every refit is a component of equal weight; noise by the residuals of least squares.

    Attributes:
        num_draws: refits.
    """

    num_draws: int = eqx.field(static=True, default=200)

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
        """See ``jaxsl.belief.Rule``; neither the prior nor the candidates matter."""
        learned = PaperRule()(law, observations, starts, target, solver, None)
        found = learned.fit
        drawn = bootstrap(jax.random.key(0), law, observations, found, self.num_draws, solver=solver)
        count = observations.num_outcomes()
        noise = found.loss[0] * count / jnp.maximum(count - law.num_real, 1)
        share = drawn.valid / jnp.maximum(jnp.sum(drawn.valid), 1)
        theta = jnp.where(drawn.valid[:, None], drawn.theta, found.theta[0])
        root = jnp.zeros((*theta.shape, theta.shape[1]), theta.dtype)
        posterior = LawPosterior(law, theta, root, share, jnp.broadcast_to(noise, share.shape))
        return eqx.tree_at(lambda one: one.posterior, learned, posterior)
