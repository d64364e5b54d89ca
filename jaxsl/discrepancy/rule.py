"""From the runs to a belief in one law: fits, components of law and discrepancy, and what they weigh.

The law is fitted by generalised least squares under one kind of component: a few starts without a
discrepancy, a few under the heaviest kind found there that trusts all runs, a few under the heaviest that
does not, and all starts under the heaviest kind of these. The optima that predict different things of the
target are basins, and every basin has a component of each kind, weighed by its evidence. Where rows share
training runs, how their errors hang together is found anew about the best optimum of each descent.
"""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.belief import Learned
from jaxsl.discrepancy.distinct import distinct
from jaxsl.discrepancy.kinds import Kinds
from jaxsl.discrepancy.known import Known, Whitening
from jaxsl.discrepancy.weigh import weigh
from jaxsl.fit import PRIOR, Fit, Solver
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Target

SCOUTS = 8  # starts that look for the kind of component


class DiscrepancyRule(eqx.Module):
    """Settings of the belief in a law that may be wrong, on runs that may be bad.

    Attributes:
        kinds: of components.
        num_basins: basins of different predictions, at most.
        num_components: components kept, the heaviest.
        same: divergence in nats below which two optima predict the same.
    """

    kinds: Kinds = Kinds()
    num_basins: int = eqx.field(static=True, default=4)
    num_components: int = eqx.field(static=True, default=12)
    same: float | Array = 0.1

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
        """See ``jaxsl.belief.Rule``; a prior of None is ``jaxsl.fit.PRIOR``."""
        kappa = PRIOR if prior is None else prior
        known = Known(self.kinds, law, observations, target, kappa, candidates)
        fit, others, top = _fit(known, starts, solver)
        known = known.sharing(top.along)
        theta, label, used = distinct(known, fit, others, top, self.num_basins, self.same)
        return weigh(known, fit, theta, label, used, self.num_components)


class _Descent(eqx.Module):
    """What the next descent uses, what one that doubts runs will use, the best so far and its optimum."""

    next: Whitening
    doubting: Whitening
    best: Whitening
    last: Array


def _fit(known: Known, starts: Array, solver: Solver) -> tuple[Fit, Array, Whitening]:
    """The optima under the heaviest kind, the best under two others ``(other, param)``, and that kind."""
    scouts = jnp.arange(starts.shape[0]) < SCOUTS

    def descend(carry: _Descent, step: Array):
        use = carry.next
        new = known.sharing(use.along).new
        runs = replace(known.runs, root=use.root, explained=use.explained, pull=use.pull, new=new)
        given = starts.at[0].set(jnp.where(step > 0, carry.last, starts[0]))
        found = solver(runs, jnp.where(scouts[:, None] | (step == 3), given, jnp.nan))
        loss = jnp.where(jnp.isfinite(found.loss), found.loss, jnp.inf)
        best = jnp.where(jnp.isfinite(jnp.min(loss)), found.theta[jnp.argmin(loss)], starts[0])
        trusting, doubting, either = known.sharing(known.likely(best)).whitened(best)
        better = (step > 0) & (either.evidence > carry.best.evidence)
        top = _either(better, either, carry.best)
        then = _either(step == 0, trusting, _either(step == 1, carry.doubting, top))
        doubting = _either(step == 0, doubting, carry.doubting)
        last = jnp.where((step == 2) & ~better, carry.last, best)
        return _Descent(then, doubting, top, last), (found, best, either)

    # A loop, so that the solver is compiled once.
    first = known.independent()
    start = _Descent(first, first, first, starts[0])
    _, (each, bests, tops) = jax.lax.scan(descend, start, jnp.arange(4))
    last, top = jax.tree.map(lambda leaf: leaf[-1], (each, tops))
    objective = jnp.where(jnp.isfinite(last.loss), last.loss, jnp.inf)
    order = jnp.argsort(objective)
    theta, objective = last.theta[order], objective[order]
    lower, upper = known.runs.box.active(theta)
    fit = Fit(
        theta=theta,
        loss=jnp.where(jnp.isfinite(objective), jax.vmap(known.runs.loss)(theta), jnp.inf),
        objective=objective,
        status=last.status[order],
        steps=jnp.sum(each.steps, axis=0)[order],
        lower=lower,
        upper=upper,
    )
    return fit, bests[1:3], top


def _either(first: Array, one: Whitening, other: Whitening) -> Whitening:
    return jax.tree.map(lambda a, b: jnp.where(first, a, b), one, other)
