"""What the bought runs say: of each law, and of all together.

A rule makes ``Learned`` of one law: ``jaxsl.discrepancy`` of a law that may be wrong and runs that may be
bad, ``jaxsl.paper`` as the paper does. ``Belief`` is their mixture.
"""

from collections.abc import Sequence
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.along import Along
from jaxsl.basins import Basins
from jaxsl.fit import Fit, Solver
from jaxsl.moments import quantile
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target
from jaxsl.posterior import Mixture, Posterior, Widened, tabulate
from jaxsl.quantile import normal, student_over_normal, student_t


class Learned(eqx.Module):
    """What the runs say of one law.

    Attributes:
        fit: all optima.
        basins: those that predict different things.
        posterior: predictions, a basin or a component of one each.
        evidence: logarithm of the marginal likelihood, a scalar; -inf where the law could not be fitted.
        dof: degrees of freedom of the noise, for Student's t; infinite for a noise taken as known.
        holds: probability that the law holds without a discrepancy, a scalar; 1 where none is thought of.
        bad: probability that each run is bad, ``(row,)``; of a row of several of one run, that what it
            adds to those before it is.
        leverage: how much of the fit at each run is its own outcome, ``(row,)``, near 1 for a run that
            carries a parameter alone.
        along: how the errors of one training run's rows hang together; None where none has several rows.
    """

    fit: Fit
    basins: Basins
    posterior: Posterior
    evidence: Array
    dof: Array
    holds: Array
    bad: Array
    leverage: Array
    along: Along | None = None


class Rule(Protocol):
    """From runs and starts to what is learned of one law."""

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
        """Fit ``law`` from ``starts (start, param)`` and say what it predicts.

        Args:
            law: the law.
            observations: runs.
            starts: ``(start, param)``.
            target: what matters.
            solver: of the fits.
            prior: precision of the parameters' prior, see ``jaxsl.fit.fit``.
            candidates: configurations that will be asked about, ``(row, feature)``.
        """


class Belief(eqx.Module):
    """What the bought runs say, told to the user and to the acquisition but not carried.

    Attributes:
        learned: of each law.
        share: weight of each law, ``(law,)``, summing to one.
        posterior: the mixture of all components of all laws.
    """

    learned: tuple[Learned, ...]
    share: Array
    posterior: Mixture

    @property
    def fits(self) -> tuple[Fit, ...]:
        """All optima, one a law."""
        return tuple(one.fit for one in self.learned)

    @property
    def basins(self) -> tuple[Basins, ...]:
        """Plausible basins, one a law."""
        return tuple(one.basins for one in self.learned)

    @property
    def holds(self) -> Array:
        """Probability that the law holds, weighed over laws, a scalar."""
        return self.share @ jnp.stack([one.holds for one in self.learned])

    @property
    def bad(self) -> Array:
        """Probability that each run is bad, weighed over laws, ``(row,)``."""
        return self.share @ jnp.stack([one.bad for one in self.learned])

    @property
    def leverage(self) -> Array:
        """How much of the fit at each run is its own outcome, weighed over laws, ``(row,)``."""
        return self.share @ jnp.stack([one.leverage for one in self.learned])

    @property
    def along(self) -> Along | None:
        """How errors along a run hang together, weighed over laws; None where no run has several rows."""
        each = [one.along for one in self.learned if one.along is not None]
        if not each:
            return None
        return jax.tree.map(lambda *parts: jnp.stack(parts), *each).average(self.share)

    @property
    def dof(self) -> Array:
        """Degrees of freedom of the noise of every component, ``(basin,)``."""
        return jnp.concatenate(
            [jnp.broadcast_to(one.dof, one.posterior.weight.shape) for one in self.learned]
        )

    def interval(self, x: Array, level: float = 0.9, noisy: bool = True) -> Array:
        """Lower end, median and upper end at ``x (row, feature)``: ``(3, row, output)``.

        See the function of the same name.

        Args:
            x: configurations.
            level: such as 0.9.
            noisy: of an outcome, with the noise of one run, or of the curve.
        """
        return interval(self.posterior, self.dof, x, level, noisy)


def interval(
    posterior: Posterior, dof: Array, x: Array, level: float | Array = 0.9, noisy: bool = True
) -> Array:
    """Lower end, median and upper end of a mixture at ``x (row, feature)``: ``(3, row, output)``.

    Quantiles of the mixture in which every component is Student's t: a component's deviation is multiplied by
    ``t_(dof, p) / z_p``, ``p = (1 + level) / 2``, which is exact for one component.

    Args:
        posterior: the mixture.
        dof: degrees of freedom of the noise of every component, ``(basin,)``; infinite for a known noise.
        x: configurations.
        level: such as 0.9.
        noisy: of an outcome, with the noise of one run, or of the curve.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.posterior import Tabulated
        >>> one = Tabulated(jnp.ones(1), jnp.ones(1), jnp.zeros((1, 1, 1)), jnp.zeros((1, 1, 1, 1)))
        >>> ends = jax.jit(lambda dof: interval(one, dof, jnp.zeros((1, 1))))
        >>> [round(float(ends(jnp.array([dof]))[2, 0, 0]), 2) for dof in (jnp.inf, 5.0)]  # of t_5 2.015
        [1.64, 2.02]
    """
    table, row = tabulate(posterior, x)
    upper = (1 + level) / 2
    if isinstance(upper, float):
        wide = student_over_normal(upper, dof)
    else:
        wide = student_t(upper, jnp.minimum(dof, 1e6)) / normal(upper)
    upper = jnp.asarray(upper)
    wide = wide.astype(table.weight.dtype)

    def one(factor: Array, probability: Array) -> Array:
        return quantile(Widened(table, factor), row, probability[None], noisy)[0]

    factor = jnp.stack([wide, jnp.ones_like(wide), wide])
    low, median, high = jax.vmap(one)(factor, jnp.stack([1 - upper, jnp.full_like(upper, 0.5), upper]))
    return jnp.stack([jnp.minimum(low, median), median, jnp.maximum(high, median)])


def believe(learned: Sequence[Learned]) -> Belief:
    """All laws together, each with the weight of its evidence; equal weights where none has any.

    The evidence holds the discrepancy of the law: one that is a little wrong everywhere loses little, and the
    runs of one sweep, which err together, count as few.
    """
    share = shares(jnp.stack([one.evidence for one in learned]))
    return Belief(tuple(learned), share, Mixture(tuple(one.posterior for one in learned), share))


def shares(evidence: Array) -> Array:
    """Weights of laws by their log evidence, ``(law,)`` both; equal where none has any.

    Example:
        >>> import jax.numpy as jnp
        >>> shares(jnp.array([0.0, -jnp.inf, 0.0])).tolist(), shares(jnp.full(2, -jnp.inf)).tolist()
        ([0.5, 0.0, 0.5], [0.5, 0.5])
    """
    usable = jnp.isfinite(evidence)
    return jax.nn.softmax(jnp.where(usable, evidence, jnp.where(jnp.any(usable), -jnp.inf, 0.0)))
