"""One loop for the quasi-Newton solvers: step, keep the best point, stop by the protocol's two tolerances."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.solver.solution import CONVERGED, INVALID, OUT_OF_STEPS, STALLED

RUNNING = -1


class Step(NamedTuple):
    """What a method reports of a step.

    Attributes:
        state: whatever the method needs for the next one.
        z: the new point in scaled coordinates, ``(param,)``.
        loss: there.
        slope: largest coordinate of the (projected) gradient there.
        failed: whether the method says that it made no progress.
    """

    state: Any
    z: Array
    loss: Array
    slope: Array
    failed: Array


class _Descent(NamedTuple):
    """A start on its way: the last step, the best point so far, and how often nothing was gained."""

    last: Step
    best: Array
    loss: Array
    steps: Array
    idle: Array
    status: Array


def very_bad(dtype) -> Array:
    """The finite loss that stands for one that is not, so that a line search turns back."""
    return jnp.asarray(jnp.finfo(dtype).max ** 0.5, dtype)


def descend(
    first: Step, advance: Callable[[Step], Step], max_steps: int, ftol: float, gtol: float
) -> tuple[Array, Array, Array, Array]:
    """Step until the loss or its gradient says so; for one start.

    Stops when ``L_k - L_(k+1) <= ftol max(L_k, L_(k+1), 1)`` twice running, or when the slope is ``gtol`` at
    most: the rules of SciPy's L-BFGS-B, which asks for the first once since its line search restarts itself.

    Returns:
        Best point ``z (param,)``, its loss, status and steps.
    """
    worst = very_bad(first.z.dtype)

    def body(now: _Descent) -> _Descent:
        step = advance(now.last)
        sane = jnp.isfinite(step.loss) & jnp.all(jnp.isfinite(step.z))
        gain = now.last.loss - step.loss
        least = ftol * jnp.maximum(jnp.maximum(now.last.loss, step.loss), 1.0)
        idle = jnp.where((gain <= least) | step.failed, now.idle + 1, 0)
        better = sane & (step.loss < now.loss)
        steps = now.steps + 1
        status = jnp.where(steps >= max_steps, OUT_OF_STEPS, RUNNING)
        status = jnp.where(idle >= 2, jnp.where(step.failed, STALLED, CONVERGED), status)
        status = jnp.where(step.slope <= gtol, CONVERGED, status)
        status = jnp.where(sane, status, STALLED)
        best = jnp.where(better, step.z, now.best)
        return _Descent(step, best, jnp.where(better, step.loss, now.loss), steps, idle, status)

    zero = jnp.zeros((), int)
    status = jnp.where(first.loss < worst, RUNNING, INVALID)
    now = _Descent(first, first.z, first.loss, zero, zero, status)
    now = jax.lax.while_loop(lambda now: now.status == RUNNING, body, now)
    return now.best, jnp.where(now.loss < worst, now.loss, jnp.inf), now.status, now.steps
