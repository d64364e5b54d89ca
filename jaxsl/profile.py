"""Profile-likelihood intervals of a parameter or a prediction, by refits along it.

With ``L(c)`` the least objective at which the quantity equals ``c``, n the weight of all outcomes and
``sigma^2 = n L* / (n - P)``, the interval holds every c with

    sqrt(n (L(c) - L*)) / sigma <= t_(n-P)((1 + level) / 2),

exact for a linear law (Bates and Watts, Nonlinear Regression Analysis, 1988, chapter 6). Without a prior the
objective is the loss. With one, ``L`` holds what the prior adds, ``sigma^2`` is the noise that the prior was
weighed against, and the interval is that of the posterior, its width by Student's t.

A parameter is held by a box of no width in its coordinate. A prediction is held by a pseudo-run: the
minimiser of ``L(theta) + w (f(theta) - c')^2`` is the lowest point for the value ``c = f`` that it
attains, whatever ``w`` and ``c'`` are, so every refit gives an exact point of the profile; the root is found
in ``c'``, and the attained ``c`` is reported.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxsl import quantile
from jaxsl.fit import Fit, Solver
from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.residual import Problem, problem
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt

NUM_REFITS = 30  # on each side: up to 14 doublings of the distance, then the root


class _Bracket(NamedTuple):
    """Distances inside and outside the interval, the heights above the limit there, and the last refit.

    ``at_high <= 0`` until some distance was outside; ``side`` is -1 when ``low`` moved last, 1 for ``high``.
    """

    low: Array
    high: Array
    at_low: Array
    at_high: Array
    side: Array
    theta: Array
    loss: Array
    lowest: Array


class Profile(eqx.Module):
    """A profile-likelihood interval.

    Attributes:
        value: at the optimum, a scalar.
        low, high: the interval's ends; scalars.
        open_low, open_high: whether the runs set no end there: a parameter's end is then its bound, a
            prediction's the furthest value tried.
        theta: the parameters at both ends, ``(2, param)``.
        loss: the objective there, ``(2,)``.
        limit: the objective at which the interval ends, a scalar.
        better: a refit undercut the optimum by more than rounding: there is a better one to be found.
    """

    value: Array
    low: Array
    high: Array
    open_low: Array
    open_high: Array
    theta: Array
    loss: Array
    limit: Array
    better: Array


def parameter_interval(
    law: Law,
    observations: Observations,
    found: Fit,
    index: ArrayLike,
    level: float = 0.95,
    solver: Solver | None = None,
    num_starts: int = 4,
) -> Profile:
    """The interval of parameter ``index`` around the best optimum of ``found``.

    Args:
        law: the law; static under ``jit``.
        observations: the runs that ``found`` was fitted to.
        found: their fit; refits have its prior, and start from its best ``num_starts`` optima and from the
            previous refit.
        index: position of the parameter; one compiled program serves them all.
        level: of confidence.
        solver: as in ``fit``.
        num_starts: static under ``jit``.
    """
    runs, solver = _minimised(law, observations, found), _default(solver)
    box, starts = runs.box, found.theta[:num_starts]
    theta = found.theta[0]

    def refit(z, near):
        return _best(solver, _pinned(runs, index, z), jnp.concatenate([near[None], starts]), runs)

    centre = box.scaled(theta)[index]
    room = jnp.stack([centre - box.lower[index], box.upper[index] - centre])
    ends = _both_ends(law, observations, found, level, refit, centre, room, jnp.minimum(room, 1e-2))
    return _profile(theta[index], lambda theta: theta[index], *ends)


def parameter_profile(
    law: Law,
    observations: Observations,
    found: Fit,
    index: ArrayLike,
    values: Array,
    solver: Solver | None = None,
    num_starts: int = 8,
) -> Array:
    """The least objective with parameter ``index`` held at each of ``values (value,)``: ``(value,)``.

    ``L(c) = min { L(theta) : theta_index = c }``, from the best ``num_starts`` optima of ``found``; its
    crossings of ``Profile.limit`` are the ends of ``parameter_interval``. Values outside the box
    are taken at its bounds.
    """
    runs, solver = _minimised(law, observations, found), _default(solver)
    places = runs.box.scaled(jnp.repeat(found.theta[:1], values.shape[0], axis=0).at[:, index].set(values))

    def least(z):
        return _best(solver, _pinned(runs, index, z), found.theta[:num_starts], runs)[1]

    return jax.lax.map(least, runs.box.clip(places)[:, index])


def prediction_interval(
    law: Law,
    observations: Observations,
    found: Fit,
    x: Array,
    output: int = 0,
    level: float = 0.95,
    solver: Solver | None = None,
    num_starts: int = 4,
    weight: float = 100.0,
) -> Profile:
    """The interval of the curve ``f_output(x; theta)`` at ``x (feature,)``; noise is not in it.

    Args:
        law, observations, found, level, solver, num_starts: as in ``parameter_interval``.
        x: where to predict.
        output: which output; static under ``jit``.
        weight: of the pseudo-run, in runs.
    """
    runs, solver = _minimised(law, observations, found), _default(solver)
    starts, theta = found.theta[:num_starts], found.theta[0]
    share = jnp.sqrt(weight) * jnp.max(runs.root)

    def refit(goal, near):
        held = _Held(**vars(runs), where=x, output=output, goal=goal, share=share)
        return _best(solver, held, jnp.concatenate([near[None], starts]), runs)

    centre = law.point(theta, x)[output]
    furthest = 1e3 * jnp.maximum(jnp.abs(centre), jnp.max(jnp.abs(runs.y)))
    first = jnp.full(2, 0.1 * jnp.sqrt(_noise(law, observations, found)))
    ends = _both_ends(law, observations, found, level, refit, centre, jnp.full(2, furthest), first)
    return _profile(centre, lambda theta: law.point(theta, x)[output], *ends)


class _Held(Problem):
    """A problem with one more run at the end, ``share (f_output(where) - goal)``; its other outputs are 0."""

    where: Array = eqx.field(kw_only=True)
    output: int = eqx.field(static=True, kw_only=True)
    goal: Array = eqx.field(kw_only=True)
    share: Array = eqx.field(kw_only=True)

    @property
    def by_run(self) -> bool:
        """Not the last row."""
        return False

    def residual(self, theta: Array) -> Array:
        """``(row + 1, output)``."""
        off = self.share * (self.law.predict(theta, self.where[None])[0] - self.goal)
        extra = jnp.where(jnp.arange(off.shape[0]) == self.output, off, 0.0)
        return jnp.concatenate([super().residual(theta), extra[None]])


def _minimised(law: Law, observations: Observations, found: Fit) -> Problem:
    """What ``found`` minimised."""
    runs = problem(law, observations)
    return runs if found.prior is None else replace(runs, pull=found.prior.pull(runs, observations))


def _default(solver: Solver | None) -> Solver:
    # Ends of an interval are found from differences of losses, which need more digits than an optimum.
    return LevenbergMarquardt(tolerance=1e-13) if solver is None else solver


def _pinned(runs: Problem, index: ArrayLike, z: Array) -> Problem:
    """The problem with one parameter held at ``z`` by a box of no width in its coordinate."""
    box = runs.box
    value = box.theta(box.lower.at[index].set(z))[index]
    return eqx.tree_at(
        lambda runs: (runs.box.lower, runs.box.upper, runs.box.theta_lower, runs.box.theta_upper),
        runs,
        (
            box.lower.at[index].set(z),
            box.upper.at[index].set(z),
            box.theta_lower.at[index].set(value),
            box.theta_upper.at[index].set(value),
        ),
    )


def _best(solver: Solver, held: Problem, starts: Array, runs: Problem) -> tuple[Array, Array]:
    """Parameters of the best refit and the objective there: without what holds it, with all of the prior."""
    solution = solver(held, starts)
    theta = solution.theta[jnp.argmin(jnp.where(jnp.isfinite(solution.loss), solution.loss, jnp.inf))]
    return theta, runs.objective(theta)


def _noise(law: Law, observations: Observations, found: Fit) -> Array:
    if found.prior is not None:
        return found.prior.noise
    count = observations.num_outcomes()
    return count * found.loss[0] / jnp.maximum(count - law.num_params, 1)


def _both_ends(
    law: Law,
    observations: Observations,
    found: Fit,
    level: float,
    refit: Callable[[Array, Array], tuple[Array, Array]],
    centre: Array,
    room: Array,
    first: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    """Parameters ``(2, param)`` and objectives where the profile crosses its limit, openness, the limit
    itself, and improvement.

    Distances from ``centre`` are doubled from ``first`` until the limit is passed (or the ``room`` ends),
    then the crossing is closed in by false position on the root of the loss's rise, which is a line for a
    linear law (the height at an end that is kept twice is halved: the Illinois rule).
    """
    count = observations.num_outcomes()
    # An exact fit has an interval of no width.
    sigma = jnp.maximum(jnp.sqrt(_noise(law, observations, found)), jnp.finfo(centre.dtype).tiny ** 0.5)
    limit = quantile.student_t((1 + level) / 2, count - law.num_params)
    theta, least = found.theta[0], found.objective[0]

    def one(sign, room, first):
        def step(_, now):
            outside = now.at_high > 0
            chord = now.low + (now.high - now.low) * now.at_low / (now.at_low - now.at_high)
            distance = jnp.where(outside, chord, now.high)
            moved, loss = refit(centre + sign * distance, now.theta)
            gain = jnp.sqrt(jnp.maximum(count * (loss - least), 0.0)) / sigma - limit
            gain = jnp.where(jnp.isfinite(loss), gain, limit)
            inside = gain <= 0
            again_low, again_high = (
                jnp.where(outside & (now.side == side), value / 2, value)
                for side, value in ((1, now.at_low), (-1, now.at_high))
            )
            return _Bracket(
                low=jnp.where(inside, distance, now.low),
                high=jnp.where(
                    inside, jnp.where(outside, now.high, jnp.minimum(2 * now.high, room)), distance
                ),
                at_low=jnp.where(inside, gain, again_low),
                at_high=jnp.where(inside & outside, again_high, gain),
                side=jnp.where(outside, jnp.where(inside, -1, 1), 0),
                theta=moved,
                loss=loss,
                lowest=jnp.minimum(now.lowest, loss),
            )

        zero = jnp.zeros_like(room)
        start = _Bracket(zero, first, -limit, -limit, jnp.zeros((), int), theta, least, least)
        end = jax.lax.fori_loop(0, NUM_REFITS, step, start)
        return end.theta, end.loss, end.at_high <= 0, end.lowest < least * (1 - 1e-6)

    theta, loss, is_open, better = jax.vmap(one)(jnp.array([-1.0, 1.0], room.dtype), room, first)
    return theta, loss, is_open, least + (limit * sigma) ** 2 / count, jnp.any(better)


def _profile(value, quantity, theta, loss, is_open, limit, better) -> Profile:
    low, high = quantity(theta[0]), quantity(theta[1])
    return Profile(value, low, high, is_open[0], is_open[1], theta, loss, limit, better)
