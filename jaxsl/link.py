"""Links from the critical quantity Y to the performance P, learned from models of other families.

A link holds settings only: ``link.fit(y, p, weight) -> curve`` and ``curve(y) -> p``. A ``weight`` counts a
model that many times, 0 for one that is held out; so a bootstrap is one ``vmap`` over weights.

("Extrapolating Large Models from the Small", Eq. 2, Remark 1, Appendices D.1 and E.3.)
"""

from collections.abc import Callable
from typing import ClassVar, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl._linalg import solve_spd

BANDWIDTHS = 30
NEIGHBOURS = (1, 2, 3, 5, 8, 13, 21)
# Slopes and midpoints, in standard deviations of Y, among which a logistic fit chooses its starts; the
# slope and the intercept stay within LARGEST.
STARTS = tuple(
    (slope, -slope * middle) for slope in (1.0, 3.0, 8.0, -2.0) for middle in (-1.0, 0.5, 2.0, 3.0)
)
LARGEST = (20.0, 60.0)
NUM_STARTS, NUM_STEPS = 3, 40


class Curve(Protocol):
    """A fitted link."""

    def __call__(self, y: Array) -> Array:
        """Performance at ``y (...,)``: ``(...,)``."""


class Link(Protocol):
    """Settings of a link."""

    fewest: ClassVar[int]

    def fit(self, y: Array, p: Array, weight: Array) -> Curve:
        """The curve through models ``(model,)``, each counted ``weight`` times."""


class LogisticCurve(eqx.Module):
    """``P = h + (1 - h) / (1 + exp(-(omega Y + b)))``: floor h, slope omega, intercept b.

    Example:
        >>> import jax.numpy as jnp
        >>> curve = LogisticCurve(jnp.array(0.25), jnp.array(2.0), jnp.array(0.0))
        >>> curve(jnp.array([-50.0, 0.0, 50.0])).tolist()  # floor, middle, one
        [0.25, 0.625, 1.0]
    """

    floor: Array
    slope: Array
    intercept: Array

    def __call__(self, y: Array) -> Array:
        """Performance at ``y``."""
        return self.floor + (1 - self.floor) * jax.nn.sigmoid(self.slope * y + self.intercept)


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


class KernelCurve(eqx.Module):
    """Nadaraya-Watson: the mean of P weighted by ``exp(-((y - Y_i) / bandwidth)^2 / 2)``."""

    y: Array
    p: Array
    weight: Array
    bandwidth: Array

    def __call__(self, y: Array) -> Array:
        """Performance at ``y``; far outside the models it is the nearest model's."""
        exponent = -0.5 * ((y[..., None] - self.y) / self.bandwidth) ** 2
        return jax.nn.softmax(exponent + jnp.log(self.weight), axis=-1) @ self.p


class NeighbourCurve(eqx.Module):
    """The mean P of the ``num`` nearest models; a model of weight 2 is two neighbours."""

    y: Array
    p: Array
    weight: Array
    num: Array

    def __call__(self, y: Array) -> Array:
        """Performance at ``y``."""
        return _nearest(jnp.abs(y[..., None] - self.y), self.p, self.weight, self.num)


class LogisticLink(eqx.Module):
    """A logistic curve by least squares.

    The floor is eliminated: given slope and intercept the curve is affine in it. Two parameters deserve
    their own loop: the package's general solver finds the same curves, but 1,000 bootstrap draws of 76
    models took it 0.75 s where this takes 0.23 s (one core, compilation apart).

    Attributes:
        floored: whether a floor ``h`` in [0, 1] is fitted too (the level of guessing); 0 otherwise.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> y = jnp.linspace(-2.0, 2.0, 9)
        >>> curve = LogisticLink().fit(y, jax.nn.sigmoid(2 * y - 1), jnp.ones(9))
        >>> round(float(curve.slope), 2), round(float(curve.intercept), 2)
        (2.0, -1.0)
    """

    floored: bool = eqx.field(static=True, default=False)
    fewest: ClassVar[int] = 5

    def fit(self, y: Array, p: Array, weight: Array) -> LogisticCurve:
        """The best of the most promising starts."""
        share = weight / jnp.sum(weight)
        centre = share @ y
        scale = jnp.sqrt(share @ (y - centre) ** 2)
        scale = jnp.where(scale > 0, scale, 1.0)
        z = (y - centre) / scale

        def floor(shape):
            if not self.floored:
                return jnp.zeros((), y.dtype)
            room = 1 - shape
            most = jnp.maximum(share @ room**2, jnp.finfo(y.dtype).tiny)
            return jnp.clip(share @ ((p - shape) * room) / most, 0.0, 1.0)

        def residual(theta):
            shape = jax.nn.sigmoid(theta[0] * z + theta[1])
            h = floor(shape)
            return jnp.sqrt(share) * (h + (1 - h) * shape - p)

        starts = jnp.array(STARTS, y.dtype)
        losses = jax.vmap(lambda theta: jnp.sum(residual(theta) ** 2))(starts)
        starts = starts[jnp.argsort(losses)[:NUM_STARTS]]
        thetas, losses = jax.vmap(lambda start: _least_squares(residual, start))(starts)
        slope, intercept = thetas[jnp.argmin(losses)]
        return LogisticCurve(
            floor(jax.nn.sigmoid(slope * z + intercept)), slope / scale, intercept - slope * centre / scale
        )


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


class KernelLink(eqx.Module):
    """Nadaraya-Watson with the bandwidth of the least leave-one-out error on a grid.

    Example:
        >>> import jax.numpy as jnp
        >>> y = jnp.linspace(0.0, 1.0, 9)
        >>> curve = KernelLink().fit(y, y**2, jnp.ones(9))
        >>> bool(0 < curve(jnp.array([0.5]))[0] < 1)
        True
    """

    fewest: ClassVar[int] = 5

    def fit(self, y: Array, p: Array, weight: Array) -> KernelCurve:
        """Choose the bandwidth between 0.03 and 3 standard deviations of Y."""
        bandwidths = jnp.std(y) * jnp.geomspace(0.03, 3.0, BANDWIDTHS, dtype=y.dtype)
        squared = (y[:, None] - y) ** 2

        def error(bandwidth):
            exponent = -0.5 * squared / bandwidth**2 + jnp.log(weight)
            exponent = jnp.fill_diagonal(exponent, -jnp.inf, inplace=False)
            return jnp.sum(weight * (jax.nn.softmax(exponent, axis=-1) @ p - p) ** 2)

        return KernelCurve(y, p, weight, bandwidths[jnp.argmin(jax.vmap(error)(bandwidths))])


class NeighbourLink(eqx.Module):
    """k nearest neighbours.

    Attributes:
        num: k; None for that of ``NEIGHBOURS`` with the least leave-one-out error.

    Example:
        >>> import jax.numpy as jnp
        >>> y = jnp.linspace(0.0, 1.0, 9)
        >>> curve = NeighbourLink(num=1).fit(y, y, jnp.ones(9))
        >>> curve(jnp.array([0.26])).tolist()
        [0.25]
    """

    num: int | None = eqx.field(static=True, default=None)
    fewest: ClassVar[int] = 5

    def fit(self, y: Array, p: Array, weight: Array) -> NeighbourCurve:
        """Choose k."""
        if self.num is not None:
            return NeighbourCurve(y, p, weight, jnp.asarray(self.num, y.dtype))
        distance = jnp.fill_diagonal(jnp.abs(y[:, None] - y), jnp.inf, inplace=False)
        choices = jnp.array(NEIGHBOURS, y.dtype)

        def error(num):
            return jnp.sum(weight * (_nearest(distance, p, weight, num) - p) ** 2)

        return NeighbourCurve(y, p, weight, choices[jnp.argmin(jax.vmap(error)(choices))])


def bootstrap(
    link: Link, key: Array, y: Array, p: Array, num_draws: int, weight: Array | None = None
) -> Curve:
    """Curves through models drawn with replacement: every leaf has a leading ``(draw,)`` axis.

    Models are drawn with probability proportional to ``weight (model,)``; one of weight 0 never is. The same
    key gives common draws, so two designs can be compared on the same links.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> y = jnp.linspace(0.0, 1.0, 9)
        >>> curves = bootstrap(NeighbourLink(num=1), jax.random.key(0), y, y**2, 5)
        >>> at(curves, jnp.array([0.1, 0.6])).shape
        (5, 2)
    """
    weight = jnp.ones_like(y) if weight is None else weight
    size = jnp.sum(weight > 0)

    def one(key):
        chosen = jax.random.choice(key, y.shape[0], y.shape, p=weight / jnp.sum(weight))
        counted = jnp.arange(y.shape[0]) < size
        counts = jnp.zeros_like(y).at[chosen].add(counted.astype(y.dtype))
        return link.fit(y, p, counts)

    return jax.vmap(one)(jax.random.split(key, num_draws))


def at(curves: Curve, y: Array) -> Array:
    """Bootstrapped curves at ``y (...,)``: ``(draw, ...)``."""
    return jax.vmap(lambda curve: curve(y))(curves)


class HeldOut(eqx.Module):
    """Predictions for every model from a link that never saw its family, each ``(model,)``.

    Attributes:
        prediction: by the link.
        lower, upper: what the link claims, as a predicted performance does: the interval of its curve.
        scattered_lower, scattered_upper: the same with the scatter of the other models around the curve. A
            universal link covers one model with this one; a family that breaks it is outside.
    """

    prediction: Array
    lower: Array
    upper: Array
    scattered_lower: Array
    scattered_upper: Array


def leave_one_family_out(
    link: Link, key: Array, y: Array, p: Array, families: Array, num_draws: int = 200, delta: float = 0.05
) -> HeldOut:
    """Whether the link is universal: predict each family from the others (Remark 1).

    Args:
        link: settings.
        key: for the bootstrap.
        y, p: ``(model,)``.
        families: whether a model belongs to a family, ``(family, model)`` of bool.
        num_draws: bootstrap draws per family.
        delta: the interval runs between the ``delta/2`` and ``1 - delta/2`` quantiles of the draws.
    """

    def one(carry, family):
        weight = jnp.where(family, 0.0, 1.0).astype(y.dtype)
        draws = at(bootstrap(link, key, y, p, num_draws, weight), y)
        prediction = link.fit(y, p, weight)(y)
        scatter = jax.random.choice(scatter_key, p - prediction, draws.shape, p=weight / jnp.sum(weight))
        tails = jnp.array([delta / 2, 1 - delta / 2], y.dtype)
        ends = [*jnp.quantile(draws, tails, axis=0), *jnp.quantile(draws + scatter, tails, axis=0)]
        new = HeldOut(prediction, *ends)
        return jax.tree.map(lambda new, old: jnp.where(family, new, old), new, carry), None

    nothing = HeldOut(*(jnp.full_like(y, jnp.nan) for _ in range(5)))
    key, scatter_key = jax.random.split(key)
    return jax.lax.scan(one, nothing, families)[0]


def _nearest(distance: Array, p: Array, weight: Array, num: Array) -> Array:
    """Mean P of the nearest models whose weights reach ``num``: ``(..., model) -> (...,)``."""
    order = jnp.argsort(distance, axis=-1)
    counted = jnp.where(jnp.isfinite(jnp.take_along_axis(distance, order, -1)), weight[order], 0.0)
    before = jnp.cumsum(counted, axis=-1) - counted
    taken = jnp.clip(num - before, 0.0, counted)
    return jnp.sum(taken * p[order], axis=-1) / jnp.sum(taken, axis=-1)


def _least_squares(residual: Callable[[Array], Array], start: Array) -> tuple[Array, Array]:
    """Levenberg-Marquardt for slope and intercept: ``(2,) -> (2,)`` and the sum of squares."""
    largest = jnp.array(LARGEST, start.dtype)

    def step(_, state):
        theta, loss, damping = state
        value, jacobian = residual(theta), jax.jacfwd(residual)(theta)
        hessian = jacobian.T @ jacobian
        tiny = jnp.finfo(theta.dtype).tiny
        damped = hessian + jnp.diag(damping * jnp.diagonal(hessian) + tiny)
        moved = jnp.clip(theta - solve_spd(damped, jacobian.T @ value), -largest, largest)
        new = jnp.sum(residual(moved) ** 2)
        better = new < loss
        damping = jnp.where(better, damping / 5, damping * 4)
        return jnp.where(better, moved, theta), jnp.where(better, new, loss), damping

    state = start, jnp.sum(residual(start) ** 2), jnp.full((), 1e-2, start.dtype)
    theta, loss, _ = jax.lax.fori_loop(0, NUM_STEPS, step, state)
    return theta, loss
