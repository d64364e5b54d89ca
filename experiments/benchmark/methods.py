"""The methods that are compared: settings of one design, never a copy of it.

Source: Spend Less, Fit Better, section 5.1, and the public values of its appendix.
"""

from dataclasses import dataclass, field, replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition import MSPE, DOptimal
from jaxsl.basins import BasinRule
from jaxsl.choice import Chooser
from jaxsl.design import Design
from jaxsl.fit import PRIOR
from jaxsl.lookahead import Rollout
from jaxsl.noise import InverseGamma
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Pool, Target
from jaxsl.posterior import Posterior, tabulate
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt


class Compared(eqx.Module):
    """Any of the compared acquisitions, told apart by numbers: one compiled program serves them all.

    Attributes:
        criterion: 0 for the fall of the error, 1 for V-optimality, which is that fall within the heaviest
            basin as if there were no other, 2 for D-optimality; a scalar int.
        terms: how often the fall within and between basins counts, ``(2,)``.
    """

    criterion: Array
    terms: Array

    def __call__(self, posterior: Posterior, pool: Pool, target: Target) -> Array:
        """Score every candidate: ``(pool,)``."""
        table, row = tabulate(posterior, jnp.concatenate([target.x, pool.x]))
        target, pool = Target(row[: len(target.x)], target.weight), Pool(row[len(target.x) :], pool.cost)
        heaviest = jnp.arange(table.weight.size) == jnp.argmax(table.weight)
        weight = jnp.where(self.criterion == 1, heaviest.astype(table.weight.dtype), table.weight)

        def fall():
            parts = MSPE().fall(replace(table, weight=weight), pool.x, target)
            total = self.terms[0] * parts.within + self.terms[1] * parts.between
            return jnp.where(jnp.isfinite(total), jnp.maximum(total, 0.0), 0.0)

        return jax.lax.cond(self.criterion == 2, lambda: DOptimal()(table, pool, target), fall)


@dataclass(frozen=True)
class Method:
    """How runs are chosen, with the paper's belief in one law.

    Attributes:
        criterion, terms: of ``Compared``; no criterion looks at no belief.
        chooser: from scores to a purchase.
        lookahead: of the design: what decides how much cost counts.
        prior: precision of the parameters' prior in the fits, see ``jaxsl.fit.fit``; None for least squares.
        noise: share of the outcomes' variance that is guessed to be noise (``InverseGamma.fraction``).
        leak: take that variance over the whole pool, outcomes not bought included, as the public
            implementation does: a measurement of what that is worth, not a method.
        pool: which part of the pool may be bought: ``all``, or a ``cheaper`` or ``dearer`` half.
        at_once: buy the whole of it, whatever it costs: a reference, not a method.
    """

    criterion: int | None = None
    terms: tuple[float, float] = (1.0, 1.0)
    chooser: Chooser = field(default_factory=Chooser)
    lookahead: Rollout | None = None
    prior: float | Array | None = PRIOR
    noise: float = 1.0
    leak: bool = False
    pool: str = "all"
    at_once: bool = False

    @property
    def believes(self) -> bool:
        """Whether the choice needs a fit of what was bought."""
        return self.criterion is not None

    def design(self, law: AnyLaw, spread: float) -> Design:
        """The design of this method on one law; inside the scope of double precision.

        Args:
            law: the law.
            spread: variance of all outcomes of the pool, for the method that leaks.
        """
        acquisition = Compared(jnp.asarray(self.criterion), jnp.asarray(self.terms))
        known = jnp.asarray(spread if self.leak else jnp.nan)
        prior = InverseGamma(fraction=jnp.asarray(self.noise), spread=known)
        return Design.paper(
            law,
            basin_rule=BasinRule(prior=prior),
            acquisition=acquisition,
            chooser=self.chooser,
            solver=SOLVER,
            prior=None if self.prior is None else jnp.asarray(self.prior),
            lookahead=self.lookahead,
        )


# A loss that is 1e-4 lower is 0.005 nats to 100 runs.
SOLVER = LevenbergMarquardt(rows=32, tolerance=1e-4)
METHODS = {
    "mspe": Method(0),
    "within": Method(0, (1.0, 0.0)),
    "between": Method(0, (0.0, 1.0)),
    "lookahead": Method(0, lookahead=Rollout()),
    "greedy": Method(0, lookahead=Rollout((0.4,))),
    "least-squares": Method(0, prior=None),
    "prior-0.1": Method(0, prior=0.1),
    "prior-1": Method(0, prior=1.0),
    "leak": Method(0, leak=True),
    "less-noise": Method(0, noise=0.01),
    "v-opt": Method(1, (1.0, 0.0)),
    "d-opt": Method(2),
    "random": Method(chooser=Chooser(cost_exponent=0.0)),
    "cheapest": Method(chooser=Chooser(cost_exponent=1.0)),
    "cost-random": Method(chooser=Chooser(cost_exponent=1.0, draw=True)),
    "all-data": Method(at_once=True),
    "cheaper-half": Method(pool="cheaper", at_once=True),
    "dearer-half": Method(pool="dearer", at_once=True),
}
