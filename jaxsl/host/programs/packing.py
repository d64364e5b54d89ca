"""Host arrays as the padded arrays of the core, in a few fixed sizes, so that few programs are compiled.

All are NumPy, which programs take as they are: a JAX array of a new shape would be a program of its own.
"""

from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jaxsl.along import Course
from jaxsl.pool import Observations, Target, buffer_size


def array(values: ArrayLike) -> Any:
    """``np.asarray``, where the core speaks of JAX's arrays: inside a program they are."""
    return np.asarray(values)


def pad(values: np.ndarray, size: int) -> np.ndarray:
    """``values`` with the first row repeated up to ``size`` rows.

    Example:
        >>> pad(np.array([[1.0], [2.0]]), 4)[:, 0].tolist()
        [1.0, 2.0, 1.0, 1.0]
    """
    return np.concatenate([values, np.repeat(values[:1], size - len(values), axis=0)])


def pack_observations(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    course: Course | None = None,
    size: int | None = None,
) -> Observations:
    """Runs ``x (row, feature)``, ``y (row, output)``, ``weight (row,)`` in a buffer of ``size`` rows.

    As by ``jaxsl.pool.observe``: a run that diverged, with an outcome that is not finite, is padding too. A
    ``course`` on which no run has two rows is none, and runs without a weight have one of 1, so that programs
    are the same with and without. Sizes are few where none is given.

    Example:
        >>> runs = pack_observations(np.array([[1.0], [2.0]]), np.array([[3.0], [np.nan]]))
        >>> runs.x.shape, runs.y[:2, 0].tolist(), runs.mask[:3].tolist()
        ((32, 1), [3.0, 0.0], [True, False, False])
    """
    num, size = len(x), size or buffer_size(len(x))
    mask, outcomes, times = np.zeros(size, bool), np.zeros((size, y.shape[1])), np.ones(size)
    mask[:num] = np.isfinite(y).all(axis=1)
    outcomes[:num] = np.where(mask[:num, None], y, 0.0)
    times[:num] = 1.0 if weight is None else weight
    where = pack_course(course, size)
    return Observations(array(pad(x, size)), array(outcomes), array(mask), array(times), where)


def pack_course(course: Course | None, size: int) -> Course | None:
    """Where rows are on which run, with rows of no run up to ``size``.

    None where no run has two rows, so that programs are those without.
    """
    if course is None:
        return None
    run = np.asarray(course.run)
    several = np.unique(run[run >= 0], return_counts=True)[1] > 1
    return pad_course(course, size) if several.any() else None


def pad_course(course: Course, size: int) -> Course:
    """``Course.padded`` in NumPy."""
    run, place = np.full(size, -1), np.zeros(size)
    run[: len(course.run)], place[: len(course.run)] = course.run, course.place
    return Course(array(run), array(place))


def pack_target(x: np.ndarray) -> Target:
    """Targets of equal weight, ``x (target, feature)``; padded rows have weight zero."""
    size = buffer_size(len(x))
    return Target(array(pad(x, size)), array((np.arange(size) < len(x)) / len(x)))


def everywhere(observations: Observations) -> Target:
    """The runs themselves as target: without any other, basins are told apart by what they predict there."""
    mask = np.asarray(observations.mask)
    return Target(observations.x, array(mask / mask.sum()))


def key_of(seed: int) -> jax.Array:
    """``jax.random.key(seed)``, which compiles a program for it.

    Example:
        >>> bool(key_of(7) == jax.random.key(7))
        True
    """
    return key_of_words(np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32))


def key_of_words(words: ArrayLike) -> jax.Array:
    """The key of ``jax.random.key_data``, which is what a kept program returns: it returns no keys."""
    return jax.random.wrap_key_data(array(words), impl="threefry2x32")
