"""Which optima predict different things at the target."""

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.discrepancy.component import solve
from jaxsl.discrepancy.known import Known, Whitening
from jaxsl.fit import Fit

LEADERS = 16  # best optima among which basins are looked for


def distinct(
    known: Known, fit: Fit, others: Array, top: Whitening, num_basins: int, same: float | Array
) -> tuple[Array, Array, Array]:
    """One optimum for each different prediction, under one kind of component.

    The optimum with the most evidence is the first basin, and what predicts the same is left out; then the
    next. Two Gaussians of means m, n and variances v, w differ by ``(m - n)^2 (1/v + 1/w) / 4`` nats,
    averaged over the target.

    Args:
        known: the runs.
        fit: its best optima are looked at.
        others: more optima, ``(other, param)``.
        top: the kind of component.
        num_basins: at most.
        same: the difference below which two predict the same.

    Returns:
        ``(basin, param)``, the basin of each start, -1 for none, and which basins are in use.
    """
    leaders = jnp.concatenate([fit.theta[:LEADERS], others])
    kernel, size, _ = (jnp.asarray(part) for part in known.kinds.forms)
    kernel, size = kernel[top.kind], size[top.kind].astype(leaders.dtype)
    at_target = known.field.features(known.target.x)[kernel]

    def predicted(theta):
        seen = known.linearised(theta)
        found = solve(seen, known.features[kernel], size, known.weight, top.bad, known.noise, known.kappa)
        value, jacobian = known.law.linearise(theta, known.target.x)
        jacobian = jacobian * known.runs.box.slope(theta)
        mean = value + jacobian @ found.shift + at_target @ found.offset
        own = jacobian - jnp.einsum("rm,mdp->rdp", at_target, found.cross)
        told = jnp.sum((own @ found.root) ** 2, axis=2)
        free = size * found.noise * jnp.sum((at_target @ found.free) ** 2, axis=1)
        return mean, told + free[:, None] + found.noise, found.evidence

    mean, variance, evidence = jax.vmap(predicted)(leaders)
    good = jnp.isfinite(fit.objective[:LEADERS])
    usable = jnp.concatenate([good, jnp.any(good) & jnp.ones(len(others), bool)])
    usable &= jnp.all(jnp.isfinite(mean), axis=(1, 2))
    usable &= jnp.all(jnp.isfinite(variance), axis=(1, 2)) & jnp.isfinite(evidence)
    mean = jnp.where(usable[:, None, None], mean, 0.0)
    variance = jnp.where(usable[:, None, None], variance, 1.0)

    def take(left, _):
        best = jnp.argmax(jnp.where(left, evidence, -jnp.inf))
        apart = (mean - mean[best]) ** 2 * (1 / variance + 1 / variance[best]) / 4
        away = jnp.einsum("ntd,t->n", apart, known.target.weight) / mean.shape[2]
        gone = left & (away <= same)
        return left & ~gone, (best, jnp.any(left), gone)

    _, (place, used, gone) = jax.lax.scan(take, usable, None, length=min(num_basins, len(leaders)))
    label = jnp.where(jnp.any(gone, axis=0), jnp.argmax(gone, axis=0), -1)[: len(leaders) - len(others)]
    label = jnp.pad(label, (0, len(fit.objective) - len(label)), constant_values=-1)
    return leaders[place], label, used.at[0].set(True)
