"""Does the line hold? Equivalent sample sizes cross-validated on the runs themselves.

Every run is predicted from others, twice: from all others (leave one out), and from the smaller ones only
(forward chaining, the extrapolation that the target will need). A run at which the prediction *claims* many
test items and its error is *worth* few speaks against the model. Two tests turn that into a p-value:

- leave one out: externally studentised errors, Student's t; the largest, times the number of runs;
- forward chaining: the standardised one-step errors are independent and have mean zero when the model
  holds, and drift when it bends (Harvey and Collier 1977); a t test of their mean.

Neither says anything about a design of as many scales as features: such a model passes through the means of
its scales whatever they are. The answer is then "not testable".

("Extrapolating Large Models from the Small", Remark 2 and Appendix E.1.)
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import betainc

from jaxsl import ess, linear_model, quantile
from jaxsl.resample import num_scales

NOT_TESTABLE, CONSISTENT, MISSPECIFIED = 0, 1, 2
VERDICT = ("not testable", "consistent", "misspecified")


class CrossValidation(eqx.Module):
    """Runs predicted from others; not a number where a run could not be, ``(row,)`` each.

    Attributes:
        prediction: mean predicted for the run.
        score: its error in units of the predicted standard deviation, noise of the run included.
        claimed: Hoeffding ESS of the interval that the prediction gives the run.
        realised: Hoeffding ESS of the shortest symmetric interval that covers what the run showed.
    """

    prediction: Array
    score: Array
    claimed: Array
    realised: Array


class Diagnosis(eqx.Module):
    """What the runs say about the model.

    Attributes:
        verdict: index into ``VERDICT``.
        p_value: of both tests together, ``2 min(p_left_out, p_forward)``; not a number if not testable.
        p_left_out, p_forward: of each; not a number where it could not be computed.
        left_out, forward: the cross-validations.
    """

    verdict: Array
    p_value: Array
    p_left_out: Array
    p_forward: Array
    left_out: CrossValidation
    forward: CrossValidation


def diagnose(features: Array, y: Array, order: Array, delta: float = 0.05) -> Diagnosis:
    """Cross-validate the model ``y = features beta + noise``.

    Args:
        features: ``(row, feature)``.
        y: ``(row,)``.
        order: size of each run, ``(row,)``: forward chaining goes from small to large.
        delta: level of the tests, and one minus the confidence of the intervals.
    """
    num, size = features.shape
    rank = jnp.argsort(jnp.argsort(order, stable=True))
    left_out = _cross_validate(features, y, 1.0 - jnp.eye(num, dtype=y.dtype), delta)
    smaller = (rank < rank[:, None]).astype(y.dtype)
    forward = _cross_validate(features, y, smaller, delta)

    dof = num - size - 1
    known = jnp.isfinite(left_out.score)
    largest = jnp.max(jnp.where(known, jnp.abs(left_out.score), 0.0))
    p_left_out = jnp.minimum(1.0, jnp.sum(known) * two_sided_p(largest, dof))

    errors = _recursive_errors(features, y, smaller)
    usable = jnp.isfinite(errors)
    count = jnp.sum(usable)
    mean = jnp.sum(jnp.where(usable, errors, 0.0)) / jnp.maximum(count, 1)
    squares = jnp.sum(jnp.where(usable, errors - mean, 0.0) ** 2)
    spread = jnp.sqrt(squares / jnp.maximum(count * (count - 1), 1))
    p_forward = jnp.where(
        (count >= 3) & (spread > 0),
        two_sided_p(mean / jnp.where(spread > 0, spread, 1.0), count - 1),
        jnp.nan,
    )

    testable = (num_scales(features) > size) & (dof >= 1)
    p_value = jnp.minimum(1.0, 2 * jnp.fmin(p_left_out, p_forward))
    p_value = jnp.where(jnp.isnan(p_forward), p_left_out, p_value)
    verdict = jnp.where(p_value < delta, MISSPECIFIED, CONSISTENT)
    return Diagnosis(
        verdict=jnp.where(testable, verdict, NOT_TESTABLE),
        p_value=jnp.where(testable, p_value, jnp.nan),
        p_left_out=jnp.where(testable, p_left_out, jnp.nan),
        p_forward=jnp.where(testable, p_forward, jnp.nan),
        left_out=left_out,
        forward=forward,
    )


def two_sided_p(statistic: Array, dof: Array | int) -> Array:
    """``P(|T| >= |statistic|)`` for Student's t; not a number when ``dof < 1``."""
    safe = jnp.where(dof >= 1, jnp.asarray(dof, statistic.dtype), 1.0)
    p = betainc(safe / 2, jnp.full_like(safe, 0.5), safe / (safe + statistic**2))
    return jnp.where(dof >= 1, p, jnp.nan)


def _cross_validate(features: Array, y: Array, weights: Array, delta: float) -> CrossValidation:
    """Predict run i from the runs of ``weights[i]``."""

    def one(weight, target, outcome):
        fitted = linear_model.fit(features, y, weight)
        prediction = target @ fitted.coefficient
        sd = fitted.sigma * jnp.sqrt(1 + jnp.sum((target @ fitted.root) ** 2))
        half = quantile.student_t(1 - delta / 2, fitted.dof) * sd
        known = jnp.isfinite(half)
        error = outcome - prediction
        values = (
            prediction,
            error / sd,
            ess.hoeffding(2 * half, delta),
            ess.hoeffding(2 * jnp.abs(error), delta),
        )
        return CrossValidation(*(jnp.where(known, value, jnp.nan) for value in values))

    return jax.vmap(one)(weights, features, y)


def _recursive_errors(features: Array, y: Array, smaller: Array) -> Array:
    """``(y_i - phi_i^T beta_i) / sqrt(1 + leverage)`` with ``beta_i`` from the smaller runs, ``(row,)``."""

    def one(weight, target, outcome):
        fitted = linear_model.fit(features, y, weight)
        return (outcome - target @ fitted.coefficient) / jnp.sqrt(1 + jnp.sum((target @ fitted.root) ** 2))

    return jax.vmap(one)(smaller, features, y)
