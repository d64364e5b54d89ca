"""How much each of several laws is believed: by evidence, by forward chaining, or by stacking.

A rule is ``(laws, fits, observations, validations) -> share (law,)``, summing to one. Which to use:
``python -m experiments weighing`` compares them inside the pools of the benchmark, without its targets.

>>> from jaxsl.law import Law, params
>>> from jaxsl.pool import observe
>>> laws = [Law(name, lambda theta, x: theta[0], ("N",), params(a=(0, 9))) for name in ("one", "other")]
>>> runs = observe(jnp.ones((4, 1)), jnp.array([[1.0], [2.0], [3.0], [4.0]]))
>>> zero = jnp.zeros((1, 1))
>>> fits = [Fit(zero, jnp.array([loss]), zero, zero, zero, zero, zero) for loss in (1.0, 2.0)]
>>> errors, held = (jnp.full((1, 4, 1), error) for error in (1.0, 3.0)), jnp.ones((1, 4), bool)
>>> validations = [Validation(error, held, 1.0) for error in errors]
>>> pairs = Average((Equal(), InverseError())), Product((Evidence(), InverseError()))
>>> rules = Equal(), Evidence(), Evidence(8.0), InverseError(), Stacking(), *pairs
>>> def shares(rule: Weighing):
...     return [round(float(share), 2) for share in rule(laws, fits, runs, validations)]
>>> [shares(rule)[0] for rule in rules]
[0.5, 0.8, 0.54, 0.9, 1.0, 0.7, 0.97]
"""

from collections.abc import Sequence
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.chaining import Validation
from jaxsl.fit import Fit
from jaxsl.noise import outcome_variance
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations


class Weighing(Protocol):
    """A rule that weighs laws."""

    def __call__(
        self,
        laws: Sequence[AnyLaw],
        fits: Sequence[Fit],
        observations: Observations,
        validations: Sequence[Validation],
    ) -> Array:
        """Weights ``(law,)``; a law whose fit failed weighs nothing; if all did, they weigh the same."""


class Equal(eqx.Module):
    """The same weight for every law whose fit succeeded."""

    def __call__(self, laws, fits, observations, validations) -> Array:
        """Equal weights."""
        return _softmax(jnp.zeros(len(laws), observations.y.dtype), fits)


class Evidence(eqx.Module):
    """Weights by ``exp(-BIC / (2 T))``, ``BIC = n log(SSR / (n - P)) + P log n``: what the runs say.

    A law with as many parameters as outcomes passes through them all and has shown nothing: it counts as if
    it were a constant, with the variance of the outcomes for its error.

    Attributes:
        temperature: T; runs of one sweep err together, so that more than 1 is honest.
        exact: share of the outcomes' variance below which a fit counts as exact.
    """

    temperature: float = 1.0
    exact: float = 1e-8

    def __call__(self, laws, fits, observations, validations) -> Array:
        """Weights by the losses of the fits."""
        return _softmax(self.log_evidence(laws, fits, observations) / self.temperature, fits)

    def log_evidence(self, laws: Sequence[AnyLaw], fits: Sequence[Fit], observations: Observations) -> Array:
        """``-BIC / 2``, ``(law,)``; -inf where the fit failed."""
        count = (observations.num_observed * observations.y.shape[1]).astype(observations.y.dtype)
        variance = outcome_variance(observations)
        loss = jnp.stack([fit.loss[0] for fit in fits])
        num_params = jnp.stack([jnp.asarray(law.num_real) for law in laws])
        spare = count - num_params
        known = jnp.where(spare > 0, loss * count / jnp.maximum(spare, 1), variance)
        known = jnp.maximum(known, self.exact * variance + jnp.finfo(count.dtype).tiny)
        bic = count * jnp.log(known) + num_params * jnp.log(jnp.maximum(count, 1))
        return jnp.where(jnp.isfinite(loss), -bic / 2, -jnp.inf)


class InverseError(eqx.Module):
    """Weights ``error^-power`` by the error of forward chaining: which law extrapolates.

    ``power = 1`` is the combination of forecasts of Bates and Granger (1969): the best weights when errors
    are independent. Larger powers trust the ranking more.

    Attributes:
        power: of the inverse mean squared error.
    """

    power: float = 1.0

    def __call__(self, laws, fits, observations, validations) -> Array:
        """Weights by the mean squared errors of the validations."""
        error = jnp.stack([found.mean_square for found in validations])
        return _softmax(-self.power * jnp.log(jnp.maximum(error, jnp.finfo(error.dtype).tiny)), fits)


class Stacking(eqx.Module):
    """Weights on the simplex that minimise the squared error of the weighted prediction in forward chaining.

    ``min_w w^T S w``, ``S = E^T E / mean(diag E^T E) + ridge I`` with the errors E of the laws, by
    multiplicative updates (Wolpert 1992; Breiman 1996).

    Attributes:
        ridge: pulls toward equal weights.
        steps: of the minimisation.
    """

    ridge: float = 0.01
    steps: int = eqx.field(static=True, default=500)

    def __call__(self, laws, fits, observations, validations) -> Array:
        """Weights by the errors of the validations, row by row."""
        each = jnp.stack([found.error.ravel() for found in validations])
        moment = each @ each.T
        size = jnp.maximum(jnp.trace(moment) / len(laws), jnp.finfo(moment.dtype).tiny)
        moment = moment / size + self.ridge * jnp.eye(len(laws), dtype=moment.dtype)

        def update(_, score):
            slope = moment @ _softmax(score, fits)
            return score - slope / jnp.max(jnp.abs(slope))

        return _softmax(jax.lax.fori_loop(0, self.steps, update, jnp.zeros_like(each[:, 0])), fits)


class Product(eqx.Module):
    """The normalised product of the weights of several rules: a law must pass them all.

    The logarithmic pool of opinions (Genest and Zidek 1986). Inside the pools of the benchmark no rule alone
    and no average did better (``experiments weighing``).

    Attributes:
        rules: the rules.
    """

    rules: tuple[Weighing, ...]

    def __call__(self, laws, fits, observations, validations) -> Array:
        """The product of all shares, divided by its sum."""
        shares = jnp.stack([rule(laws, fits, observations, validations) for rule in self.rules])
        return _softmax(jnp.sum(jnp.log(shares), axis=0), fits)


class Average(eqx.Module):
    """The mean of the weights of several rules: what one of them misjudges, the others soften.

    Of three rules or more none can give a law the majority alone, and so not move the median of the mixture
    as far as it likes.

    Attributes:
        rules: the rules.
    """

    rules: tuple[Weighing, ...]

    def __call__(self, laws, fits, observations, validations) -> Array:
        """The mean of all shares."""
        shares = jnp.stack([rule(laws, fits, observations, validations) for rule in self.rules])
        return jnp.mean(shares, axis=0)


def _softmax(score: Array, fits: Sequence[Fit]) -> Array:
    """Softmax over the laws whose fit succeeded; equal weights where none did."""
    usable = jnp.isfinite(score) & jnp.stack([jnp.isfinite(fit.loss[0]) for fit in fits])
    return jax.nn.softmax(jnp.where(usable, score, jnp.where(jnp.any(usable), -jnp.inf, 0.0)))
