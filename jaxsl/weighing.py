"""How much each of several laws is believed: by evidence, by forward chaining, or by stacking.

A rule is ``(laws, fits, observations, target, key) -> Weights``. Which to use: ``python -m experiments
weighing`` compares them; the page on several laws has the table.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.chaining import ForwardChain, Validation
from jaxsl.fit import Fit
from jaxsl.law import Law
from jaxsl.noise import outcome_variance
from jaxsl.pool import Observations, Target


class Weights(eqx.Module):
    """What a rule says of the laws.

    Attributes:
        share: weight of each law, ``(law,)``, summing to one.
        error: mean squared error to expect of each law's prediction of an outcome, ``(law,)``.
    """

    share: Array
    error: Array


class Weighing(Protocol):
    """A rule that weighs laws."""

    def __call__(
        self,
        laws: tuple[Law, ...],
        fits: tuple[Fit, ...],
        observations: Observations,
        target: Target,
        key: Array,
    ) -> Weights:
        """Weights of ``laws`` from the bought runs and where the target lies."""


class Equal(eqx.Module):
    """The same weight for every law whose fit succeeded."""

    def __call__(self, laws, fits, observations, target, key) -> Weights:
        """Equal weights; errors are those of the fits, ``n MSE / (n - P)``."""
        usable = jnp.stack([jnp.isfinite(fit.loss[0]) for fit in fits])
        return Weights(_softmax(jnp.where(usable, 0.0, -jnp.inf)), _residual(laws, fits, observations))


class Evidence(eqx.Module):
    """Weights by ``exp(-BIC / (2 T))``, ``BIC = n log MSE + P log n``: which law describes the runs.

    Attributes:
        temperature: T; runs of one sweep err together, so that more than 1 is honest.
        exact: share of the outcomes' variance below which a fit counts as exact.
    """

    temperature: float = 1.0
    exact: float = 1e-8

    def __call__(self, laws, fits, observations, target, key) -> Weights:
        """Weights of laws; one whose fit failed weighs nothing, and if all failed they weigh the same."""
        outputs = observations.y.shape[1]
        count = (observations.num_observed * outputs).astype(observations.y.dtype)
        floor = self.exact * outcome_variance(observations) + jnp.finfo(count.dtype).tiny
        loss = jnp.stack([jnp.maximum(fit.loss[0], floor) for fit in fits])
        num_params = jnp.array([law.num_params for law in laws])
        bic = count * jnp.log(loss) + num_params * jnp.log(jnp.maximum(count, 1))
        return Weights(_softmax(-bic / (2 * self.temperature)), _residual(laws, fits, observations))


class InverseError(eqx.Module):
    """Weights ``error^-power`` by the error of forward chaining: which law extrapolates.

    ``power = 1`` is the combination of forecasts of Bates and Granger (1969): the best weights when errors
    are independent. Larger powers trust the ranking more.

    Attributes:
        power: of the inverse mean squared error.
        chain: how errors are found.
    """

    power: float = 1.0
    chain: ForwardChain = ForwardChain()

    def __call__(self, laws, fits, observations, target, key) -> Weights:
        """Weights and errors from one validation per law."""
        error = jnp.stack(
            [item.mean_square for item in _validate(self.chain, laws, observations, target, key)]
        )
        usable = jnp.stack([jnp.isfinite(fit.loss[0]) for fit in fits])
        floor = jnp.finfo(error.dtype).tiny
        score = jnp.where(usable, -self.power * jnp.log(jnp.maximum(error, floor)), -jnp.inf)
        return Weights(_softmax(score), error)


class Stacking(eqx.Module):
    """Weights on the simplex that minimise the squared error of the weighted prediction in forward chaining.

    ``min_w w^T S w``, ``S = E^T E / rows + ridge mean(diag S) I``, by multiplicative updates (Wolpert 1992;
    Breiman 1996).

    Attributes:
        ridge: pulls toward equal weights.
        steps: of the minimisation.
        chain: how errors are found.
    """

    ridge: float = 0.01
    steps: int = 500
    chain: ForwardChain = ForwardChain()

    def __call__(self, laws, fits, observations, target, key) -> Weights:
        """Weights, and errors of the laws one by one."""
        found = _validate(self.chain, laws, observations, target, key)
        error = jnp.stack([item.mean_square for item in found])
        each = jnp.stack([item.error.ravel() for item in found])
        moment = each @ each.T
        size = jnp.maximum(jnp.trace(moment) / len(laws), jnp.finfo(moment.dtype).tiny)
        moment = moment / size + self.ridge * jnp.eye(len(laws), dtype=moment.dtype)
        usable = jnp.stack([jnp.isfinite(fit.loss[0]) for fit in fits])

        def update(_, log_share):
            share = _softmax(log_share)
            slope = moment @ share
            return log_share - slope / jnp.max(jnp.abs(slope))

        start = jnp.where(usable, jnp.zeros_like(error), -jnp.inf)
        return Weights(_softmax(jax.lax.fori_loop(0, self.steps, update, start)), error)


def _validate(
    chain: ForwardChain, laws: tuple[Law, ...], observations: Observations, target: Target, key: Array
) -> list[Validation]:
    keys = (jax.random.fold_in(key, index) for index in range(len(laws)))
    return [chain(law, observations, target, key) for law, key in zip(laws, keys, strict=True)]


def _softmax(score: Array) -> Array:
    """Softmax in which -inf and NaN weigh nothing, or all the same where nothing weighs."""
    usable = jnp.isfinite(score)
    score = jnp.where(usable, score, -jnp.inf)
    return jax.nn.softmax(jnp.where(jnp.any(usable), score, 0.0))


def _residual(laws: tuple[Law, ...], fits: tuple[Fit, ...], observations: Observations) -> Array:
    """``n MSE / (n - P)`` of each law, with at least one degree of freedom: ``(law,)``."""
    count = observations.num_observed * observations.y.shape[1]
    freedom = jnp.stack([jnp.maximum(count - law.num_params, 1) for law in laws])
    return jnp.stack([fit.loss[0] for fit in fits]) * count / freedom
