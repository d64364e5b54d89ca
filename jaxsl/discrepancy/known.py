"""The runs of one law under every kind of component: what stays the same while the law is fitted."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logsumexp

from jaxsl.along import Along, Course, Innovations, innovations
from jaxsl.discrepancy.component import Linearised, Noise, Solved, bad_evidence, trusting_and_doubting
from jaxsl.discrepancy.field import Field, field
from jaxsl.discrepancy.kinds import Kinds
from jaxsl.noise import negligible_variance, outcome_variance
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target
from jaxsl.residual import Problem, problem


class Whitening(eqx.Module):
    """How a descent counts errors under one kind of component.

    Attributes:
        root, explained, pull: of ``jaxsl.residual.Problem``.
        kind: number of the kind. bad: probability that each run is bad in it, ``(row,)``.
        evidence: of the kind, with its prior.
        along: how errors along a run hang together; None where no run has several rows.
    """

    root: Array
    explained: Array
    pull: Array
    kind: Array
    bad: Array
    evidence: Array
    along: Along | None


class Known(eqx.Module):
    """The runs of one law with all that stays the same while it is fitted; ``weight`` as in ``times``.

    Where rows of one run share errors, ``features`` and what is ``linearised`` are of what is ``new`` in each
    row (``jaxsl.along``), and all that follows counts these as it counts independent runs: a row is bad when
    what it adds to those before it in its run is.
    """

    kinds: Kinds
    law: AnyLaw
    target: Target
    field: Field
    runs: Problem
    mask: Array
    weight: Array
    features: Array
    kappa: Array
    noise: Noise
    course: Course | None
    along: Along | None
    new: Innovations | None

    def __init__(
        self,
        kinds: Kinds,
        law: AnyLaw,
        observations: Observations,
        target: Target,
        prior: float | Array,
        candidates: Array | None,
    ):
        self.kinds, self.law, self.target = kinds, law, target
        self.field = field(law, observations, target, candidates)
        self.runs = problem(law, observations)
        self.mask, self.weight = observations.mask, observations.times()
        self.features = jnp.where(self.mask[:, None], self.field.features(self.runs.x), 0.0)
        self.course = self.along = self.new = None
        if observations.course is not None:
            alone = jnp.where(self.mask, observations.course.run, -1)
            self.course = Course(alone, observations.course.place)
        dtype = observations.y.dtype
        self.kappa = jnp.asarray(prior, dtype)
        outputs = observations.y.shape[1]
        least = negligible_variance(observations)
        spread = jnp.maximum(outcome_variance(observations), least)
        count = observations.num_outcomes()
        passed = jnp.minimum(law.num_real, num_distinct(self.runs.x, self.mask) * outputs)
        self.noise = Noise(
            count=jnp.asarray(kinds.noise_count, dtype),
            variance=kinds.noise_share**2 * spread,
            least=least,
            dof=jnp.maximum(count - passed, 0.0),
            flat=1 / jnp.sqrt(2 * jnp.pi * spread),
        )

    def sharing(self, along: Along | None) -> "Known":
        """The same where errors along runs hang together so; asked of runs of which that is not said yet."""
        if along is None or self.course is None:
            return self
        new = innovations(self.course, along, self.weight)
        parts = along, new, jax.vmap(new)(self.features)
        return eqx.tree_at(
            lambda known: (known.along, known.new, known.features),
            self,
            parts,
            is_leaf=lambda leaf: leaf is None,
        )

    def likely(self, theta: Array) -> Along | None:
        """How errors along runs hang together about ``theta (param,)``, averaged by the evidence.

        The evidence has the parameters and the discrepancy integrated out, as restricted likelihood has, and
        the noise may have any size: to rows that share much, one size of the errors' differences says a
        larger one of the errors, so a prior of it would choose the share by what it expects.
        """
        if self.course is None:
            return None
        forms, prior = jax.tree.map(lambda leaf: leaf.astype(self.kappa.dtype), self.kinds.alongs)
        of_any_size = eqx.tree_at(lambda known: known.noise.count, self, jnp.zeros_like(self.noise.count))

        def evidence(along: Along) -> Array:
            known = of_any_size.sharing(along)
            return logsumexp(known.solved(known.linearised(theta))[2])

        every = jax.lax.map(evidence, forms) + prior
        weight = jax.nn.softmax(jnp.where(jnp.isfinite(every), every, jnp.finfo(every.dtype).min))
        return forms.average(weight)

    @property
    def dof(self) -> Array:
        """Degrees of freedom for Student's t, a scalar: rows of one run count as what they tell of a mean."""
        if self.new is None:
            return self.noise.dof
        alone = jnp.sum(self.weight * (1 - self.new(jnp.ones_like(self.weight)) ** 2))
        return jnp.maximum(self.noise.dof - alone * self.runs.y.shape[1], 0.0)

    def independent(self) -> Whitening:
        """Before anything is known."""
        total = jnp.sum(self.weight) * self.runs.y.shape[1]
        pull = self.kappa * (self.noise.variance + self.noise.least) / jnp.where(total > 0, total, jnp.inf)
        none = jnp.zeros_like(self.features[0])
        never = jnp.full_like(pull, -jnp.inf)
        bad = jnp.zeros_like(self.runs.root)
        along = None if self.course is None else Along(jnp.zeros_like(pull), jnp.ones_like(pull))
        return Whitening(self.runs.root, none, pull, jnp.asarray(0), bad, never, along)

    def linearised(self, theta: Array) -> Linearised:
        """The law about ``theta (param,)``; where it is not finite, it knows nothing and fits badly."""
        box = self.runs.box
        value, jacobian = self.law.linearise(theta, self.runs.x)
        jacobian = jnp.where(self.mask[:, None, None], jacobian * box.slope(theta), 0.0)
        residual = jnp.where(self.mask[:, None], self.runs.y - value, 0.0)
        pull = box.centre - box.scaled(theta)
        finite = jnp.isfinite
        far = 1e3 * jnp.sqrt(self.noise.variance) / self.kinds.noise_share
        jacobian = jnp.where(finite(jacobian), jacobian, 0.0)
        residual = jnp.where(finite(residual), residual, far)
        if self.new is not None:
            jacobian, residual = self.new(jacobian), self.new(residual)
        return Linearised(jacobian, residual, jnp.where(finite(pull), pull, 0.0))

    def solved(self, seen: Linearised) -> tuple[Solved, Array, Array]:
        """Every kind about one vector of parameters, its bad runs, and log evidence with prior."""
        kernel, size, doubt = self.kinds.forms
        features, sizes = self.features[kernel[~doubt]], jnp.asarray(size[~doubt], self.kappa.dtype)
        given = seen, features, sizes, self.weight, self.noise, self.kappa
        found, bad = trusting_and_doubting(*given, self.kinds.bad_share)
        outputs = seen.residual.shape[1]

        def more(bad):
            return bad_evidence(bad, self.weight, self.noise, self.kinds.bad_share, outputs)

        evidence = found.evidence + jnp.where(doubt, jax.vmap(more)(bad), 0.0)
        if self.new is not None:
            evidence = evidence - outputs * self.new.log_det / 2
        evidence = jnp.where(self.noise.dof > 0, evidence, evidence[0])
        finite = jnp.isfinite(evidence) & jnp.all(jnp.isfinite(found.shift), axis=1)
        return found, bad, jnp.where(finite, evidence + self.kinds.log_prior, -jnp.inf)

    def whitened(self, theta: Array) -> tuple[Whitening, Whitening, Whitening]:
        """The heaviest kinds about ``theta (param,)``: that trusts all runs, that does not, and of all."""
        kernel, size, doubt = (jnp.asarray(part) for part in self.kinds.forms)
        found, bad, evidence = self.solved(self.linearised(theta))

        def of(among: Array) -> Whitening:
            among = jnp.where(among, evidence, -jnp.inf)
            top = jnp.argmax(among)
            weight = self.weight * (1 - bad[top])
            root = jnp.sqrt(weight)[:, None]
            scaled = self.features[kernel[top]] * root * jnp.sqrt(size[top])
            explained = scaled @ found.free[top]
            total = jnp.sum(weight) * self.runs.y.shape[1]
            total = jnp.where(total > 0, total, 1.0)
            pull = self.kappa * found.noise[top] / total
            root = root[:, 0] / jnp.sqrt(total)
            return Whitening(root, explained, pull, top, bad[top], among[top], self.along)

        every = jax.vmap(of)(jnp.stack([~doubt, doubt, jnp.ones_like(doubt)]))
        trusting, doubting, either = (jax.tree.map(lambda leaf, i=i: leaf[i], every) for i in range(3))
        return trusting, doubting, either


def num_distinct(x: Array, mask: Array) -> Array:
    """Number of different configurations among the runs, a scalar int."""
    same = jnp.all(x[:, None] == x, axis=2) & mask
    first = jnp.argmax(same, axis=1) == jnp.arange(x.shape[0])
    return jnp.sum(first & mask)
