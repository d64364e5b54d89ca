"""The least-squares problem that every solver is given: residuals of a law on masked, weighted runs.

``loss(theta) = sum_i w_i rho(f(x_i; theta) - y_i) / (D sum_i w_i)``, with ``rho(r) = r^2`` (the mean squared
error of the papers) or a robust loss, and what solvers minimise:
``objective(theta) = loss(theta) + lambda |z(theta) - z(centre of the box)|^2``, a Gaussian prior, or no more
than the loss where there is none.

Errors that hang together, as those of a law that is bent do, make it generalised least squares: with the
covariance ``V = (I - E E^T)^-1`` of the weighted residuals, in units of the noise, the loss is
``r^T V^-1 r = |r|^2 - |E^T r|^2``, output by output (``jaxsl.discrepancy`` finds ``E``). Errors that rows of
one training run share are taken out before, by what is new in each row (``jaxsl.along``).
"""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.along import Innovations
from jaxsl.law import WIDE, Law
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations
from jaxsl.transform import Box, box


class Huber(eqx.Module):
    """Huber's loss: quadratic within ``delta`` of zero, linear beyond (Hoffmann et al. 2022, appendix D.3).

    Given as the residual whose square it is: ``r`` inside, ``sign(r) sqrt(2 delta |r| - delta^2)`` outside.

    Example:
        >>> import jax.numpy as jnp
        >>> Huber(1.0)(jnp.array([0.5, 2.0]))[0].tolist(), round(float(Huber(1.0)(jnp.array(2.0)) ** 2), 3)
        (0.5, 3.0)
    """

    delta: float = 1e-3

    def __call__(self, residual: Array) -> Array:
        """``(...,) -> (...,)``."""
        size = jnp.abs(residual)
        outside = size > self.delta
        tail = jnp.sqrt(2 * self.delta * jnp.where(outside, size, self.delta) - self.delta**2)
        return jnp.where(outside, jnp.sign(residual) * tail, residual)


class Asymmetric(eqx.Module):
    """Squared loss that weighs a run above the curve by ``above`` and one below it by 1.

    A failed or badly tuned run lies above the frontier, never below it, so ``above < 1`` fits the frontier.

    Example:
        >>> import jax.numpy as jnp
        >>> Asymmetric(0.25)(jnp.array([-2.0, 2.0])).tolist()  # a run above the curve, one below
        [-1.0, 2.0]
    """

    above: float = 0.1

    def __call__(self, residual: Array) -> Array:
        """``(...,) -> (...,)``; the residual is prediction minus outcome."""
        return residual * jnp.where(residual < 0, jnp.sqrt(self.above), 1.0)


class Both(eqx.Module):
    """One transformation of residuals after another.

    Example:
        >>> import jax.numpy as jnp
        >>> both = Both(Asymmetric(0.25), Huber(1.0))
        >>> round(float(both(jnp.array(-4.0)) ** 2), 3)  # a half of 4 above the curve, then Huber's loss of 2
        3.0
    """

    first: Callable[[Array], Array]
    then: Callable[[Array], Array]

    def __call__(self, residual: Array) -> Array:
        """``(...,) -> (...,)``."""
        return self.then(self.first(residual))


def reweighted(robust: Callable[[Array], Array], residual: Array) -> Array:
    """The weights with which least squares has the optimum of a robust loss, ``(...,) -> (...,)``.

    ``w(r) = rho'(r) / (2 r)`` for the loss ``rho(r) = robust(r)^2``: about the optimum of the robust fit,
    weighted least squares is stationary too (Holland and Welsch 1977). For Huber's loss it is
    ``min(1, delta / |r|)``.

    Example:
        >>> import jax.numpy as jnp
        >>> reweighted(Huber(0.5), jnp.array([0.25, -0.5, 2.0])).tolist()
        [1.0, 1.0, 0.25]
    """
    slope = jax.vmap(jax.grad(lambda r: robust(r) ** 2))(residual.ravel()).reshape(residual.shape)
    near = jnp.sqrt(jnp.finfo(residual.dtype).tiny)
    small = jnp.abs(residual) <= near
    curvature = jax.grad(robust)(jnp.asarray(near, residual.dtype)) ** 2
    return jnp.where(small, curvature, slope / (2 * jnp.where(small, 1.0, residual)))


class Problem(eqx.Module):
    """Residuals of one law on one set of runs, as a function of the parameters.

    Attributes:
        law: the law.
        box: its box in scaled coordinates.
        x: ``(row, feature)``. y: ``(row, output)``.
        root: square root of ``w_i / (D sum w)``, ``(row,)``, zero for padded rows; the squared residuals
            then sum to the mean squared error.
        robust: transformation of the residuals, or None for plain least squares.
        pull: ``lambda``, the weight of the prior in the objective, a scalar; None for no prior.
        explained: ``E``, what of the weighted residuals other errors explain, ``(row, feature)``; None for
            independent errors.
        new: from residuals to what is new in each, given those before it in its run; None where all is.
    """

    law: AnyLaw
    box: Box
    x: Array
    y: Array
    root: Array
    robust: Callable[[Array], Array] | None = None
    pull: Array | None = None
    explained: Array | None = None
    new: Innovations | None = None

    @property
    def by_run(self) -> bool:
        """Whether every row of the residuals is of one run and no other."""
        return self.new is None

    def residual(self, theta: Array) -> Array:
        """Weighted residuals, ``(param,) -> (row, output)``; squares sum to the loss less ``explained``."""
        difference = self.law.predict(theta, self.x) - self.y
        if self.robust is not None:
            difference = self.robust(difference)
        difference = jnp.where(self.root[:, None] > 0, difference, 0.0)
        return (difference if self.new is None else self.new(difference)) * self.root[:, None]

    def loss(self, theta: Array) -> Array:
        """The loss, ``(param,) -> scalar``."""
        residual = self.residual(theta)
        loss = jnp.sum(residual**2)
        return loss if self.explained is None else loss - jnp.sum((self.explained.T @ residual) ** 2)

    def penalty(self, theta: Array) -> Array:
        """What the prior adds to the loss, ``(..., param) -> (...,)``."""
        if self.pull is None:
            return jnp.zeros(theta.shape[:-1], theta.dtype)
        return self.pull * jnp.sum((self.box.scaled(theta) - self.box.centre) ** 2, axis=-1)

    def objective(self, theta: Array) -> Array:
        """Loss and penalty, ``(param,) -> scalar``."""
        return self.loss(theta) + self.penalty(theta)


def problem(
    law: AnyLaw,
    observations: Observations,
    weight: Array | None = None,
    robust: Callable[[Array], Array] | None = None,
) -> Problem:
    """The problem of fitting ``law`` to ``observations``, each run counted ``weight (row,)`` times.

    Padded rows are given the configuration of the first real row, so that a law which is finite on the
    runs is finite everywhere it is evaluated and masked derivatives stay finite.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import observe
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> runs = observe(jnp.array([[0.0], [1.0]]), jnp.array([[1.0], [3.0]]), 4)
        >>> loss = jax.jit(lambda theta: problem(law, runs).loss(theta))
        >>> round(loss(jnp.array([1.0, 1.0])).item(), 6)  # mean of 0^2 and 1^2
        0.5
    """
    dtype = observations.y.dtype
    first = jnp.argmax(observations.mask)
    x = jnp.where(observations.mask[:, None], observations.x, observations.x[first])
    weight, total = observations.times(weight), observations.num_outcomes(weight)
    root = jnp.sqrt(weight / jnp.where(total > 0, total, 1.0))
    return Problem(law, box(law, dtype), x, observations.y, root, robust)


def linearise(problem: Problem, theta: Array, index: tuple[int, ...]) -> tuple[Array, Array]:
    """Residuals and their derivatives by some parameters, block by block.

    A law whose outputs share no parameter has a block for each of them, any other law has one.

    Args:
        problem: the residuals.
        theta: ``(block, param)``, which is the law's vector cut into equal stretches.
        index: positions within a block of the parameters to differentiate by.

    Returns:
        ``(block, row*output)`` and ``(block, column, row*output)``, outputs being those of the block.
    """

    def of(law: Law, theta: Array, x: Array, y: Array, root: Array) -> tuple[Array, Array]:
        return _linearise(replace(problem, law=law, x=x, y=y, root=root), theta, index)

    return problem.law.apply(of, theta, problem.x, problem.y, problem.root)


def _linearise(problem: Problem, theta: Array, index: tuple[int, ...]) -> tuple[Array, Array]:
    blocks = theta.shape[0]
    each = problem.y.shape[1] // blocks
    if len(index) > WIDE * each and problem.by_run:
        residual, columns = _backward(problem, theta)
        columns = columns[:, :, jnp.array(index)]
    else:
        residual, columns = _forward(problem, theta, index)
    rows = residual.shape[0]
    residual = residual.reshape(rows, blocks, each).swapaxes(0, 1).reshape(blocks, rows * each)
    return residual, columns.transpose(1, 2, 0, 3).reshape(blocks, len(index), rows * each)


def _forward(problem: Problem, theta: Array, index: tuple[int, ...]) -> tuple[Array, Array]:
    """``(row, output)`` and ``(row, block, column, output of the block)``, a column at a time."""
    blocks, size = theta.shape
    residual, tangent = jax.linearize(lambda theta: problem.residual(theta.ravel()), theta)
    # One tangent serves the same parameter of every block, since no output feels two of them.
    basis = jnp.eye(size, dtype=theta.dtype)[jnp.array(index, dtype=int)]
    columns = jax.vmap(tangent)(jnp.repeat(basis[:, None], blocks, 1))
    columns = columns.reshape(len(index), residual.shape[0], blocks, -1)
    return residual, columns.transpose(1, 2, 0, 3)


def _backward(problem: Problem, theta: Array) -> tuple[Array, Array]:
    """The same by all parameters, a run at a time: the work does not grow with the square of their number."""
    blocks, outputs = theta.shape[0], problem.y.shape[1]
    # One cotangent serves the same output of every block, since no parameter is felt by two of them.
    basis = jnp.tile(jnp.eye(outputs // blocks, dtype=theta.dtype), blocks)

    def run(x, y, root):
        alone = replace(problem, x=x[None], y=y[None], root=root[None])
        residual, cotangent = jax.vjp(lambda theta: alone.residual(theta.ravel())[0], theta)
        columns = jax.vmap(cotangent)(basis)[0]
        return residual, columns.transpose(1, 2, 0)

    return jax.vmap(run)(problem.x, problem.y, problem.root)
