"""What a link is, and the link that is none."""

from typing import ClassVar, Protocol

import equinox as eqx
from jax import Array


class Curve(Protocol):
    """A fitted link."""

    def __call__(self, y: Array) -> Array:
        """Performance at ``y (...,)``: ``(...,)``."""


class Link(Protocol):
    """Settings of a link."""

    fewest: ClassVar[int]

    def fit(self, y: Array, p: Array, weight: Array) -> Curve:
        """The curve through models ``(model,)``, each counted ``weight`` times."""


class IdentityCurve(eqx.Module):
    """``P = Y``: an end-to-end scaling law.

    Example:
        >>> import jax.numpy as jnp
        >>> IdentityCurve()(jnp.array([0.25, 0.5])).tolist()
        [0.25, 0.5]
    """

    def __call__(self, y: Array) -> Array:
        """``y`` itself."""
        return y


class IdentityLink(eqx.Module):
    """No link: Y is the performance.

    Example:
        >>> import jax.numpy as jnp
        >>> y = jnp.array([0.25, 0.5])
        >>> IdentityLink().fit(y, y, jnp.ones(2))(y).tolist()
        [0.25, 0.5]
    """

    fewest: ClassVar[int] = 0

    def fit(self, y: Array, p: Array, weight: Array) -> IdentityCurve:
        """Nothing to fit."""
        return IdentityCurve()
