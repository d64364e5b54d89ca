"""The compiled programs behind answers of several laws: one fits a law, and two mix what the laws say.

Laws are fitted, validated and predicted with one after the other, by one program for all that may share it
(``jaxsl.one_of``). What mixes sees numbers and no law. ``python -m experiments speed ensembles`` compares
that with a program for each law and with a single one for everything.
"""

from collections.abc import Sequence
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition import MSPE
from jaxsl.basins import Basins
from jaxsl.chaining import Validation
from jaxsl.design import Belief, Design
from jaxsl.fit import Fit
from jaxsl.host.compiled import compiled
from jaxsl.identify import identify
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Pool, Target
from jaxsl.posterior import Heaviest, Mixture, Moments, Predictive, Tabulated, moments
from jaxsl.weighing import Evidence, Weighing

LEVEL = 0.9  # of every interval of several laws
FACTORS = 8  # roots are padded to multiples of so many columns, so that few programs are compiled


class Learned(eqx.Module):
    """What one law says about the runs and about rows asked for.

    Attributes:
        fit, basins, validation: as in ``jaxsl.design.Belief``.
        here: the basins at the rows, targets first, ``(basin, row, ...)``.
    """

    fit: Fit
    basins: Basins
    validation: Validation
    here: Predictive

    @property
    def posterior(self) -> Tabulated:
        """The basins at the rows, which are named by their numbers."""
        noise = jnp.full(self.basins.weight.shape, self.basins.noise)
        return Tabulated(self.basins.weight, noise, self.here.mean, self.here.root)


class Mixed(eqx.Module):
    """What the laws say together.

    Attributes:
        share: weight of each law, ``(law,)``.
        evidence: log evidence of each, ``-BIC / 2``, ``(law,)``.
        interval: lower end, median and upper end at the targets, ``(3, target, output)``.
    """

    share: Array
    evidence: Array
    interval: Array


class Ranking(eqx.Module):
    """Candidates by value, best first, ``(candidate,)``.

    Attributes:
        exponent: gamma in the value, ``score / cost^gamma``, a scalar.
        moments: of the targets, before any of them.
    """

    index: Array
    value: Array
    within: Array
    between: Array
    exponent: Array
    moments: Moments


def learn(law: AnyLaw, observations: Observations, target: Target, x: Array, key: Array) -> Learned:
    """Fit a law, validate it toward the target and predict at ``x (row, feature)``."""
    design = Design((law,))
    design = replace(design, chain=design.default_chain)
    fit, basins, validation = _validated_fit(design, observations, target, key)
    return Learned(fit, basins, validation, _predicted(law, basins, x))


@compiled
def _validated_fit(
    design: Design, observations: Observations, target: Target, key: Array
) -> tuple[Fit, Basins, Validation]:
    """The dear program: a table that grows by candidates, or is asked another question, needs no other."""
    state = design.start(Pool(observations.x, jnp.ones(observations.x.shape[0])), observations)
    belief = design.believe(state, target, key)
    return belief.fits[0], belief.basins[0], belief.validations[0]


@compiled
def _predicted(law: AnyLaw, basins: Basins, x: Array) -> Predictive:
    return basins.posterior(law).at(x)


@compiled
def mix(
    rule: Weighing,
    laws: Sequence[AnyLaw],
    learned: Sequence[Learned],
    observations: Observations,
    rows: Array,
) -> Mixed:
    """Weigh the laws and predict with all of them at ``rows (target, 1)`` of what they were asked for."""
    fits = tuple(one.fit for one in learned)
    basins, validations = tuple(one.basins for one in learned), tuple(one.validation for one in learned)
    share = rule(laws, fits, observations, validations)
    parts = tuple(one.posterior for one in learned)
    belief = Belief(fits, basins, validations, share, Mixture(parts, share))
    return Mixed(
        share=share,
        evidence=Evidence().log_evidence(laws, fits, observations),
        interval=belief.interval(rows, LEVEL),
    )


@compiled
def heaviest(learned: Sequence[Learned], share: Array, num: int, least: float) -> Tabulated:
    """``jaxsl.posterior.Heaviest`` of all laws, in arrays whose shapes do not tell which laws they were."""
    whole = Heaviest(Mixture(tuple(one.posterior for one in learned), share), num, least)
    here = whole.at(jnp.arange(learned[0].here.mean.shape[1])[:, None])
    more = -here.root.shape[-1] % FACTORS
    return Tabulated(whole.weight, whole.noise, here.mean, jnp.pad(here.root, [(0, 0)] * 3 + [(0, more)]))


@compiled
def rank_rows(
    design: Design,
    posterior: Tabulated,
    cost: Array,
    available: Array,
    target_weight: Array,
    most: Array,
    money: Array,
    key: Array,
    count: int,
) -> Ranking:
    """Score the candidates, whose rows follow those of the targets; the ``count`` best in detail.

    The next run may cost ``most``; ``money`` is what the design looks ahead over, infinite for no limit.
    """
    num_target = target_weight.size
    rows = jnp.arange(num_target + cost.size, dtype=cost.dtype)[:, None]
    target, pool = Target(rows[:num_target], target_weight), Pool(rows[num_target:], cost)
    fall = MSPE().fall(posterior, pool.x, target)
    score = jnp.maximum(fall.within + fall.between, 0.0)
    chooser = design.priced(posterior, pool, target, available, money, key)
    value, index = jax.lax.top_k(chooser(score, pool, available, most, key).value, count)
    now = moments(posterior, target.x)
    return Ranking(
        index, value, fall.within[index], fall.between[index], jnp.asarray(chooser.cost_exponent), now
    )


@compiled
def num_identified(law: AnyLaw, observations: Observations, basins: Basins) -> Array:
    """Parameters of the heaviest basin, less those at a bound and less directions that the runs leave open.

    A scalar, by ``jaxsl.identify``.
    """
    found = identify(law, observations, basins.theta[0], basins.noise)
    return jnp.sum(jnp.isfinite(found.eigenvalue) & ~found.flat)
