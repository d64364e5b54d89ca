"""The curves that a belief holds possible: in each component a function of standard normal numbers.

In component k of law and discrepancy (``jaxsl.discrepancy.posterior``), with ``u = (v, w)`` standard normal,

    y(x) = f(x; theta(shift_k + root_k v)) + phi(x) (offset_k - cross_k root_k v + spread_k w)

where ``theta(s)`` moves in the coordinates of the fit, so that sizes stay positive and a curve is one of the
law's own wherever it is looked at. Its derivative by ``u`` at 0 is the root of ``Posterior.at`` at the same
parameters. Any other posterior has the curves ``mean_k(x) + root_k(x) u``.
"""

from dataclasses import replace
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.decision.plane import Plane, plane
from jaxsl.discrepancy.field import Field
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.one_of import AnyLaw
from jaxsl.posterior import LawPosterior, Posterior
from jaxsl.transform import box


class Predict(Protocol):
    """A curve: ``x (row, feature) -> (row, output)``; a pytree, so that it can be differentiated."""

    def __call__(self, x: Array) -> Array:
        """What it says at ``x (row, feature)``."""


class Curves(Protocol):
    """Components of curves."""

    @property
    def weight(self) -> Array:
        """Weights of the components, ``(component,)``."""

    @property
    def num_factors(self) -> int:
        """How many standard normal numbers make a curve."""

    def curve(self, index: Array, u: Array) -> Predict:
        """The curve of component ``index`` at ``u (factor,)``."""


class LawCurve(eqx.Module):
    """A law at ``theta (param,)`` and a discrepancy ``bump (landmark, output)``."""

    law: AnyLaw
    theta: Array
    field: Field | Plane | None
    kernel: Array
    bump: Array

    def __call__(self, x: Array) -> Array:
        """``(row, feature) -> (row, output)``."""
        value = self.law.predict(self.theta, x)
        return value if self.field is None else value + self.field.features(x)[self.kernel] @ self.bump


class DiscrepantCurves(eqx.Module):
    """Those of law and discrepancy."""

    posterior: DiscrepantPosterior
    log: Array

    @property
    def weight(self) -> Array:
        """``(component,)``."""
        return self.posterior.weight

    @property
    def num_factors(self) -> int:
        """Parameters, and landmarks for each output."""
        _, landmarks, outputs, num_params = self.posterior.cross.shape
        return num_params + landmarks * outputs

    def curve(self, index: Array, u: Array) -> LawCurve:
        """See the module."""
        part = self.posterior
        theta, slope = part.theta[index], part.slope[index]
        landmarks, outputs, num_params = part.cross.shape[1:]
        told = part.root[index] @ u[:num_params]
        free = part.spread[index] @ u[num_params:].reshape(outputs, landmarks).T
        bump = part.offset[index] - part.cross[index] @ told + free
        moved = _moved(theta, slope * (part.shift[index] + told), self.log)
        return LawCurve(part.law, moved, part.field, part.kernel[index], bump)

    def about(self, x: Array) -> "DiscrepantCurves":
        """The same with a discrepancy that is a plane about ``x (feature,)``."""
        field = self.posterior.field
        flat = eqx.tree_at(lambda part: part.field, self.posterior, plane(field, x))
        return replace(self, posterior=flat)


class LawCurves(eqx.Module):
    """Those of a law alone."""

    posterior: LawPosterior
    log: Array

    @property
    def weight(self) -> Array:
        """``(component,)``."""
        return self.posterior.weight

    @property
    def num_factors(self) -> int:
        """The law's parameters."""
        return self.posterior.root.shape[2]

    def curve(self, index: Array, u: Array) -> LawCurve:
        """The law at ``theta`` moved by ``root u``."""
        part = self.posterior
        moved = _moved(part.theta[index], part.root[index] @ u, self.log)
        return LawCurve(part.law, moved, None, jnp.zeros((), int), jnp.zeros((0, 0)))


class Line(eqx.Module):
    """``mean_k(x) + root_k(x) u`` of any posterior."""

    posterior: Posterior
    index: Array
    u: Array

    def __call__(self, x: Array) -> Array:
        """``(row, feature) -> (row, output)``."""
        here = self.posterior.at(x)
        return here.mean[self.index] + here.root[self.index] @ self.u


class LinearCurves(eqx.Module):
    """Those of any other posterior, of ``num_factors`` factors."""

    posterior: Posterior
    num_factors: int = eqx.field(static=True)

    @property
    def weight(self) -> Array:
        """``(component,)``."""
        return self.posterior.weight

    def curve(self, index: Array, u: Array) -> Line:
        """See ``Line``."""
        return Line(self.posterior, index, u)


def curves(posterior: Posterior, x: Array) -> Curves:
    """The curves that a posterior holds possible; ``x (feature,)`` is any configuration.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.ones((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
        >>> possible = curves(belief, jnp.ones(1))
        >>> possible.curve(0, jnp.array([0.0, 1.0]))(jnp.array([[3.0]])).item()
        7.0
    """
    if isinstance(posterior, DiscrepantPosterior):
        return DiscrepantCurves(posterior, box(posterior.law, posterior.theta.dtype).log)
    if isinstance(posterior, LawPosterior):
        return LawCurves(posterior, box(posterior.law, posterior.theta.dtype).log)
    return LinearCurves(posterior, jax.eval_shape(posterior.at, x[None]).root.shape[3])


def _moved(theta: Array, step: Array, log: Array) -> Array:
    """``theta`` after a step ``d theta``, multiplied where it is logarithmic."""
    safe = jnp.where(log, theta, 1.0)
    return jnp.where(log, theta * jnp.exp(step / safe), theta + step)
