"""Candidates that tell of several rows: a run with its checkpoints, new or continued.

All that scores, plans and conditions knows candidates of several outputs whose noises are independent. So a
run becomes one: its outputs are what is new in each of its rows (``jaxsl.along``), given those before it and,
where the run goes on, what was seen of it. With mean ``m`` and root ``G`` of the rows, ``L L^T`` the
correlation of their errors and those of the rows seen, and ``y`` what was seen,

    mean  [L^-1 (m_seen - y, m)]_ahead,    root  [L^-1 (G_seen, G)]_ahead,    noise  sigma^2

so that the score of a run is the joint fall of the target's variance, by one update of the rank of its rows:
exact for a linear law whose errors hang together as said. Of several laws that say so differently the
average is taken. Of more than ``MOST`` rows those combinations are kept along which the belief varies most
against its noise: a law of P parameters has P of them in a basin, and what is left out can but make a score
smaller.

>>> from jaxsl.acquisition import MSPE
>>> from jaxsl.law import Law, params
>>> from jaxsl.pool import uniform_target
>>> from jaxsl.posterior import LawPosterior
>>> law = Law("line", lambda theta, x: theta[0] + theta[1] * x[0], ("x",), params(a=(-9, 9), b=(-9, 9)))
>>> belief = LawPosterior(law, jnp.zeros((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
>>> x = jnp.array([[[1.0], [2.0]]])
>>> rows = Rows(x, x[..., 0], jnp.ones((1, 2), bool), jnp.array([0]), jnp.ones((1, 2)), jnp.array(0.0))
>>> pool, target = Pool(x[:, -1], jnp.full(1, 2.0), rows), uniform_target(jnp.array([[4.0]]))
>>> along = [Along(jnp.array(share), jnp.array(1.0)) for share in (0.0, 0.9)]
>>> score = jax.jit(lambda one: MSPE()(*told_together(belief, one, pool, target)))
>>> [round(float(score(one)[0]), 2) for one in along]  # of rows that err alike less is learned
[13.67, 13.5]
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.along import Along, Course, innovations
from jaxsl.pool import Observations, Pool, Rows, Target, is_outcome
from jaxsl.posterior import Posterior, Predictive, Tabulated, predict

USUAL = 0.7, 1.0  # share and decades that are taken where no run with several rows has told them
MOST = 8  # combinations of a run's rows
SEEN = 32  # of a run that goes on, so many of its last rows are looked at


def told_together(
    posterior: Posterior,
    along: Along | None,
    pool: Pool,
    target: Target,
    observations: Observations | None = None,
    most: int = MOST,
) -> tuple[Posterior, Pool, Target]:
    """Posterior, pool and target in which every candidate run has several outputs.

    Args:
        posterior: what is believed.
        along: how errors along a run hang together; ``USUAL`` when None.
        pool, target: candidates, as by ``left``, and what to predict; all stays where the pool has no rows.
        observations: with the rows of runs that are continued.
        most: combinations of rows that are kept.

    Returns:
        What takes their place, by row number. The target is padded to the outputs of the runs and its weights
        are multiplied accordingly, so that scores and variances are what they were.
    """
    if pool.rows is None:
        return posterior, pool, target
    rows, num, dtype = pool.rows, target.x.shape[0], pool.rows.place.dtype
    if along is None:
        along = Along(*(jnp.asarray(value, dtype) for value in USUAL))
    said = predict(posterior, jnp.concatenate([target.x, rows.x.reshape(-1, rows.x.shape[-1])]))
    basins, _, outputs = said.mean.shape
    here = jax.tree.map(
        lambda leaf: jnp.moveaxis(leaf[:, num:], 0, 1).reshape(*rows.mask.shape, basins, *leaf.shape[2:]),
        said,
    )
    seen, course = _seen(posterior, rows, observations)

    def one(here: Predictive, mask: Array, place: Array, seen: Predictive, course: Course) -> Predictive:
        """What is new in the rows of one run: ``(basin, row * output)`` and ``(..., factor)``."""
        ahead = Course(jnp.where(mask, 0, -1), place)
        whole = jax.tree.map(lambda old, new: jnp.concatenate([old, new]), course, ahead)
        new = innovations(whole, along)

        def outputs_of(old: Array, now: Array) -> Array:
            told = new(jnp.concatenate([old, now]))[old.shape[0] :]
            told = jnp.where(mask.reshape(-1, *[1] * (told.ndim - 1)), told, 0.0)
            return jnp.moveaxis(told, 0, 1).reshape(basins, -1, *told.shape[3:])

        told = jax.tree.map(outputs_of, seen, here)
        return told if told.mean.shape[1] <= most else _compressed(posterior, told, most)

    told = jax.vmap(one, out_axes=1)(here, rows.mask, rows.place, seen, course)
    size = told.mean.shape[2]

    def stacked(aim: Array, told: Array) -> Array:
        padding = [(0, 0)] * 2 + [(0, size - outputs)] + [(0, 0)] * (aim.ndim - 3)
        return jnp.concatenate([jnp.pad(aim, padding), told], axis=1)

    table = jax.tree.map(lambda leaf, told: stacked(leaf[:, :num], told), said, told)
    number = jnp.arange(num + rows.mask.shape[0], dtype=dtype)[:, None]
    return (
        Tabulated(posterior.weight, posterior.noise, table.mean, table.root),
        Pool(number[num:], pool.cost),
        Target(number[:num], target.weight * (size / outputs)),
    )


def _seen(posterior: Posterior, rows: Rows, observations: Observations | None) -> tuple[Predictive, Course]:
    """The last rows seen of each run: means less outcomes, and roots, ``(pool, seen, basin, ...)``."""
    if observations is None or observations.course is None:
        shape = jax.eval_shape(posterior.at, rows.x[0])
        none = jax.tree.map(
            lambda leaf: jnp.zeros((rows.mask.shape[0], 0, leaf.shape[0], *leaf.shape[2:]), leaf.dtype), shape
        )
        empty = jnp.zeros((rows.mask.shape[0], 0), rows.place.dtype)
        return none, Course(empty.astype(rows.run.dtype), empty)
    place, index = jax.lax.top_k(_places(rows, observations), min(SEEN, observations.mask.shape[0]))
    real = place > -jnp.inf
    said = predict(posterior, observations.x)
    said = Predictive(said.mean - observations.y, said.root)

    def picked(leaf: Array) -> Array:
        leaf = jnp.moveaxis(leaf, 0, 1)[index]
        return jnp.where(real.reshape(*real.shape, *[1] * (leaf.ndim - 2)), leaf, 0.0)

    return jax.tree.map(picked, said), Course(jnp.where(real, 0, -1), jnp.where(real, place, 0.0))


def _places(rows: Rows, observations: Observations) -> Array:
    """Where the observed rows of each run are on it, ``(pool, row)``; -inf for those of others."""
    assert observations.course is not None
    mine = observations.mask & (observations.course.run == rows.run[:, None])
    return jnp.where(mine, observations.course.place, -jnp.inf)


def _compressed(posterior: Posterior, told: Predictive, most: int) -> Predictive:
    """The ``most`` orthogonal combinations of a run's outputs along which the belief varies most."""
    weight = posterior.weight
    centre = told.mean - weight @ told.mean
    both = jnp.concatenate([centre[..., None], told.root], axis=2)
    scale = weight / jnp.where(weight > 0, posterior.noise, 1.0)
    _, vectors = jnp.linalg.eigh(jnp.einsum("k,kri,ksi->rs", scale, both, both))
    return jax.tree.map(lambda leaf: jnp.einsum("kr...,rq->kq...", leaf, vectors[:, -most:]), told)


def reached(rows: Rows, observations: Observations) -> Array:
    """How far each run is, by the decimal logarithm of its tokens, ``(pool,)``; -inf for a new one."""
    if observations.course is None:
        return jnp.full(rows.run.shape, -jnp.inf, rows.place.dtype)
    return jnp.max(_places(rows, observations), axis=1)


def left(pool: Pool, observations: Observations) -> Pool:
    """What is left of every candidate: the rows beyond where its run is, and what these cost.

    A run that goes on costs what its rows ahead do and the price of a restart, ``6 N (D_2 - D_1)`` of compute
    where rows cost ``6 N`` times the tokens between them. A candidate of which nothing is left has an
    infinite cost, at which nothing is bought. A pool without rows stays as it is.
    """
    if pool.rows is None:
        return pool
    at = reached(pool.rows, observations)
    ahead = pool.rows.mask & (pool.rows.place > at[:, None] + 1e-9)
    cost = jnp.sum(jnp.where(ahead, pool.rows.cost, 0.0), axis=1)
    cost = cost + jnp.where(at > -jnp.inf, pool.rows.restart, 0.0)
    cost = jnp.where(jnp.any(ahead, axis=1), cost, jnp.inf)
    return Pool(pool.x, cost, replace(pool.rows, mask=ahead))


def tell_rows(
    observations: Observations, pool: Pool, index: Array, y: Array, when: bool | Array = True
) -> tuple[Observations, Array]:
    """The observations after candidate ``index`` gave its outcomes, and how many found no room, a scalar int.

    Args:
        observations: before; of runs that tell of several rows, ``jaxsl.pool.on_course``.
        pool: candidates, as by ``left``.
        index: of the candidate, a scalar int.
        y: its outcomes, ``(row, output)``; ``(output,)`` where the pool has no rows. A row that is not finite
            diverged, and those before it are kept.
        when: whether it was bought at all, a scalar.

    Example:
        >>> from jaxsl.pool import empty, on_course
        >>> x, one = jnp.array([[[1e6, 1e8], [1e6, 1e9]]]), jnp.array([[8.0, 9.0]])
        >>> rows = Rows(x, one, one > 0, jnp.array([5]), 6 * 1e6 * jnp.array([[1e8, 9e8]]), jnp.array(1e12))
        >>> pool, runs = Pool(x[:, 1], jnp.array([6e15]), rows), on_course(empty(x[0, 0], 1, 4))
        >>> seen, lost = jax.jit(tell_rows)(runs, pool, 0, jnp.array([3.0, jnp.nan]))  # diverged on its way
        >>> int(seen.num_observed), int(lost), reached(rows, seen).tolist()
        (1, 0, [8.0])
        >>> ahead = jax.jit(left)(pool, seen)
        >>> ahead.cost.tolist(), ahead.rows.mask.tolist()
        ([5401000000000000.0], [[False, True]])
    """
    rows, outputs = pool.rows, observations.y.shape[1]
    y = jnp.reshape(y, (-1, outputs))
    if rows is None:
        lost = observations.is_full & is_outcome(y[0])
        return observations.add(pool.x[index], y[0], when), lost.astype(int)

    def add(observations: Observations, row: tuple[Array, ...]) -> tuple[Observations, Array]:
        x, y, real, place = row
        real = real & when
        after = observations.add(x, y, real, rows.run[index], place)
        return after, observations.is_full & is_outcome(y) & real

    given = rows.x[index], y, rows.mask[index], rows.place[index]
    observations, lost = jax.lax.scan(add, observations, given)
    return observations, jnp.sum(lost)
