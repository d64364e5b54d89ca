"""The compiled programs behind the host's answers: padded arrays in, beliefs and scores out."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition import MSPE
from jaxsl.basins import Basins
from jaxsl.choice import Choice
from jaxsl.design import Belief, Design, State
from jaxsl.host.compiled import compiled
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Pool, Target
from jaxsl.posterior import Moments, moments, quantile
from jaxsl.transform import box

LEVELS = (0.025, 0.975)  # of every interval
HALF_WIDTH = 1.959963984540054  # of the same interval of a Gaussian, in standard deviations


class Parameters(eqx.Module):
    """The parameters of every basin, ``(basin, param)`` each.

    Attributes:
        value: at the optimum.
        low, high: central 95 % interval of the local Gaussian, in scaled coordinates, within the box.
        deviation: posterior over prior standard deviation.
        lower, upper: whether the optimum sits at that bound.
    """

    value: Array
    low: Array
    high: Array
    deviation: Array
    lower: Array
    upper: Array


class Now(eqx.Module):
    """The belief of the moment.

    Attributes:
        belief: fits, basins, posterior.
        moments: at the targets, of what candidates are scored by.
        prediction: at the targets, ``(target, output)``: the mean, of several laws the median.
        interval: of outcomes at the targets, ``(level, target, output)``.
        fitted: what the heaviest basin of the first law says at the runs, ``(row, output)``.
        parameters: of every basin of the first law.
    """

    belief: Belief
    moments: Moments
    prediction: Array
    interval: Array
    fitted: Array
    parameters: Parameters


class Advice(eqx.Module):
    """Candidates by falling value; falls by target are ``(run, target)``."""

    index: Array
    value: Array
    within: Array
    between: Array


@compiled
def believe(design: Design, observations: Observations, target: Target, key: Array) -> Now:
    """Fit, tell basins apart and predict: one compiled program for every table of about the same size."""
    state = design.start(Pool(observations.x, jnp.ones(observations.x.shape[0])), observations)
    return _now(design, design.believe(state, target, key), observations, target)


@compiled
def advise(
    design: Design,
    observations: Observations,
    pool: Pool,
    available: Array,
    target: Target,
    money: Array,
    key: Array,
    ranks: Array,
) -> tuple[Now, Advice]:
    """Fit, believe and score every candidate; those of some ``ranks (run,)``, the best being 0, in detail."""
    state = design.start(pool, observations)
    state = eqx.tree_at(lambda state: state.available, state, available)
    choice, belief = design.ask(state, pool, target, money, key)
    value, index = (every[ranks] for every in jax.lax.top_k(choice.value, pool.x.shape[0]))

    def at(x):
        fall = MSPE().fall(belief.posterior, pool.x[index], Target(x[None], jnp.ones(1)))
        return fall.within, fall.between

    within, between = jax.lax.map(at, target.x)
    return _now(design, belief, observations, target), Advice(index, value, within.T, between.T)


@compiled
def ask(
    design: Design, state: State, pool: Pool, target: Target, budget: Array, key: Array
) -> tuple[Choice, Now]:
    """What to buy next in an episode, and what is believed."""
    choice, belief = design.ask(state, pool, target, budget, key)
    return choice, _now(design, belief, state.observations, target)


@compiled
def tell(design: Design, state: State, pool: Pool, index: Array, y: Array, belief: Belief) -> State:
    """The state after a purchase."""
    return design.tell(state, pool, index, y, belief)


def _now(design: Design, belief: Belief, observations: Observations, target: Target) -> Now:
    law, basins = design.laws[0], belief.basins[0]
    known = moments(design.scored(belief.posterior), target.x)
    if len(design.laws) == 1:
        prediction, interval = known.mean, quantile(belief.posterior, target.x, LEVELS)
    else:
        low, prediction, high = belief.interval(target.x, LEVELS[1] - LEVELS[0])
        interval = jnp.stack([low, high])
    return Now(
        belief=belief,
        moments=known,
        prediction=prediction,
        interval=interval,
        fitted=law.predict(basins.theta[0], observations.x),
        parameters=_parameters(law, basins),
    )


def _parameters(law: AnyLaw, basins: Basins) -> Parameters:
    bounds = box(law, basins.theta.dtype)
    z = bounds.scaled(basins.theta)
    deviation = jnp.linalg.norm(basins.root, axis=2) / bounds.slope(basins.theta)
    lower, upper = bounds.active(basins.theta)
    return Parameters(
        value=basins.theta,
        low=bounds.theta(bounds.clip(z - HALF_WIDTH * deviation)),
        high=bounds.theta(bounds.clip(z + HALF_WIDTH * deviation)),
        deviation=deviation,
        lower=lower,
        upper=upper,
    )
