"""The compiled programs behind every answer: one learns a law, one predicts with it, two work on numbers.

Laws are learned and predicted with one after the other, by one program for all that may share it
(``jaxsl.one_of``): a second law of the same group costs no compiling. What mixes and ranks sees numbers and
no law. ``python -m experiments speed ensembles`` compares that with a single program for everything.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.acquisition import MSPE
from jaxsl.belief import Learned, interval, shares
from jaxsl.design import Design
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.fit import PRIOR, fit
from jaxsl.host.compiled import compiled, compiled_fit, compiled_often
from jaxsl.moments import Moments, moments
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations, Pool, Target
from jaxsl.posterior import Predictive, Tabulated
from jaxsl.quantile import student_t
from jaxsl.residual import reweighted
from jaxsl.starts import random_starts
from jaxsl.transform import box

NUM_ROBUST = 32  # starts of a robust fit
FACTORS = 8  # roots are padded to multiples of so many columns,
COMPONENTS = 12  # and mixtures to the most of one law times a power of two, so that few programs are compiled


class Lesson(eqx.Module):
    """What the runs say of one law.

    Attributes:
        learned: as in ``jaxsl.belief``.
        lower, upper: whether an optimum sits at that bound, ``(basin, param)`` of bool.
        fitted: what the law alone says at the runs in the heaviest basin, ``(row, output)``.
    """

    learned: Learned
    lower: Array
    upper: Array
    fitted: Array


class Mixed(NamedTuple):
    """Components of all laws at some rows, as numbers.

    Attributes:
        table: their weights, noises, means and roots; padded components have weight 0.
        dof: degrees of freedom of each one's noise, ``(component,)``.
    """

    table: Tabulated
    dof: Array


class Intervals(eqx.Module):
    """What is predicted at some rows.

    Attributes:
        outcome, curve: lower end, median and upper end, with noise and without, ``(3, row, output)``.
        moments: mean and variance, noise apart.
    """

    outcome: Array
    curve: Array
    moments: Moments


class Ranking(eqx.Module):
    """Candidates by falling value, those that are dearer than a next run should be after all others.

    Attributes:
        next: the candidate to buy, a scalar int; -1 when nothing may be bought.
        index, value: ``(candidate,)``; the value is -inf where it may not be bought.
        limit: what the next run should cost at most, a scalar.
        within, between: expected fall of the target's variance in both its terms, ``(candidate,)``.
        falls: both together at each target, ``(target, detailed)``, of the first candidates alone.
    """

    next: Array
    index: Array
    value: Array
    limit: Array
    within: Array
    between: Array
    falls: Array


@compiled_fit
def learn(
    design: Design, observations: Observations, target: Target, candidates: Array, key: Array
) -> Lesson:
    """Fit the one law of a design, find what it is wrong by and which runs are bad: the dear program.

    Args:
        design: of one law.
        observations, target: the runs, and what to predict.
        candidates: configurations that may be asked about, ``(row, feature)``.
        key: of the starting points.
    """
    state = design.start(Pool(observations.x, jnp.ones(observations.x.shape[0])), observations)
    pool = Pool(candidates, jnp.ones(candidates.shape[0]))
    (learned,) = design.believe(state, target, key, pool).learned
    law, basins = design.laws[0], learned.basins
    lower, upper = box(law, basins.theta.dtype).active(basins.theta)
    return Lesson(learned, lower, upper, law.predict(basins.theta[0], observations.x))


learn_often = compiled_often(learn)


@compiled_fit
def reweigh(law: AnyLaw, observations: Observations, robust: Callable[[Array], Array], key: Array) -> Array:
    """How often each run counts by a robust loss of its residual, ``(row,)``: one on average.

    ``jaxsl.residual.reweighted`` about the best robust fit, so that least squares with these weights has the
    same optimum; by outputs, their mean.
    """
    starts = random_starts(key, law, NUM_ROBUST, observations.y.dtype)
    theta = fit(law, observations, starts, robust=robust, prior=PRIOR).theta[0]
    first = observations.x[jnp.argmax(observations.mask)]
    x = jnp.where(observations.mask[:, None], observations.x, first)
    residual = jnp.where(observations.mask[:, None], law.predict(theta, x) - observations.y, 0.0)
    times = observations.times(jnp.mean(reweighted(robust, residual), axis=1))
    return times * observations.num_observed / jnp.sum(times)


@compiled
def student(probability: Array, dof: Array) -> Array:
    """Quantile of Student's t, a scalar: in no other program, since its loops are long to compile."""
    return student_t(probability, dof)


@compiled
def predicted(posterior: DiscrepantPosterior, slot: Array, x: Array) -> Predictive:
    """The components at ``slot`` of one law at ``x (row, feature)``."""
    return posterior.some(slot).at(x)


@compiled
def weights(evidence: Array) -> Array:
    """``jaxsl.belief.shares``."""
    return shares(evidence)


def mixture(
    parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray, Predictive]], size: int = COMPONENTS
) -> Mixed:
    """Components of several laws side by side, heaviest first, padded to one of few sizes.

    Args:
        parts: weight, noise and degrees of freedom ``(component,)``, and predictions, of each law.
        size: of the smallest mixture.

    Example:
        >>> part = Predictive(np.ones((2, 3, 1)), np.ones((2, 3, 1, 5)))
        >>> found = mixture([(np.array([0.3, 0.0]), np.ones(2), np.ones(2), part)] * 2)
        >>> found.table.weight[:3].tolist(), found.table.root.shape
        ([0.5, 0.5, 0.0], (12, 3, 1, 8))
    """
    weight, noise, dof = (np.concatenate([np.asarray(part[i]) for part in parts]) for i in range(3))
    here = [part[3] for part in parts]
    factors = -(-max(part.root.shape[-1] for part in here) // FACTORS) * FACTORS
    order = np.argsort(-weight, kind="stable")
    order = order[weight[order] > 0]
    while size < len(order):
        size *= 2
    slot = np.concatenate([order, np.repeat(order[:1], size - len(order))])
    share = np.where(np.arange(size) < len(order), weight[slot], 0.0) / weight[order].sum()
    each = [(mean, root) for part in here for mean, root in zip(part.mean, part.root, strict=True)]
    mean: Any = np.stack([each[place][0] for place in slot])
    root: Any = np.zeros((*mean.shape, factors))
    for own, place in zip(root, slot, strict=True):
        found = each[place][1]
        own[..., : found.shape[-1]] = found
    return Mixed(Tabulated(share, noise[slot], mean, root), dof[slot])


@compiled
def intervals(mixed: Mixed, level: Array) -> Intervals:
    """Both intervals at every row; ``level`` such as 0.9."""
    table, rows = mixed.table, jnp.arange(mixed.table.mean.shape[1])[:, None]

    def noisy(share: Array) -> Array:
        return interval(replace(table, noise=share * table.noise), mixed.dof, rows, level)

    outcome, curve = jax.vmap(noisy)(jnp.array([1.0, 0.0]))
    return Intervals(outcome, curve, moments(table, rows))


@compiled
def rank_rows(
    design: Design,
    table: Tabulated,
    cost: Array,
    available: Array,
    target_weight: Array,
    spent: Array,
    money: Array,
    key: Array,
    ranks: Array,
    detailed: int,
) -> Ranking:
    """Score the candidates, whose rows follow those of the targets.

    Args:
        design: how to choose; its laws do not matter.
        table: what candidates are scored by.
        cost, available: of every candidate, ``(candidate,)``.
        target_weight: ``(target,)``; summing to one, or to the outputs that a target was padded to.
        spent: cost of all runs so far; infinite where it is not known, for no limit.
        money: what may be spent in all, a scalar.
        key: for ties.
        ranks: of those that are told, ``(candidate,)``; the best has rank 0.
        detailed: of how many of them the fall is told by target.
    """
    num_target = target_weight.size
    rows = jnp.arange(num_target + cost.size, dtype=cost.dtype)[:, None]
    target, pool = Target(rows[:num_target], target_weight), Pool(rows[num_target:], cost)
    chooser = design.priced(table, pool, target, available, money, key)
    rule, limit = design.acquisition, chooser.limit(pool, available, money, spent)
    told = rule if isinstance(rule, MSPE) and rule.within and rule.between else MSPE()
    fall = told.fall(table, pool.x, target)
    score = told.total(fall) if told is rule else rule(table, pool, target)
    choice = chooser(score, pool, available, money, key, spent)
    every = chooser.value(score, pool, available, money)
    index = jnp.lexsort((-every, choice.value == -jnp.inf))[ranks]

    def at(row):
        alone = Target(row[None], jnp.sum(target_weight)[None])
        one = told.fall(table, pool.x[index[:detailed]], alone)
        return one.within + one.between

    falls = jax.lax.map(at, target.x)
    return Ranking(choice.index, index, every[index], limit, fall.within[index], fall.between[index], falls)
