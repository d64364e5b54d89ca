"""Host arrays as the padded arrays of the core, in a few fixed sizes, so that few programs are compiled."""

import jax.numpy as jnp
import numpy as np

from jaxsl.along import Course
from jaxsl.pool import Observations, Target, buffer_size, observe


def pad(values: np.ndarray, size: int) -> np.ndarray:
    """``values`` with the first row repeated up to ``size`` rows.

    Example:
        >>> pad(np.array([[1.0], [2.0]]), 4)[:, 0].tolist()
        [1.0, 2.0, 1.0, 1.0]
    """
    return np.concatenate([values, np.repeat(values[:1], size - len(values), axis=0)])


def pack_observations(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, course: Course | None = None
) -> Observations:
    """Runs ``x (row, feature)``, ``y (row, output)``, ``weight (row,)`` in a buffer of one of few sizes.

    A ``course`` on which no run has two rows is none.
    """
    times = None if weight is None else jnp.asarray(weight)
    return observe(jnp.asarray(x), jnp.asarray(y), buffer_size(len(x)), times, pack_course(course))


def pack_course(course: Course | None) -> Course | None:
    """Where rows are on which run, in JAX; None where no run has two, so that programs are the same."""
    if course is None:
        return None
    run = np.asarray(course.run)
    several = np.unique(run[run >= 0], return_counts=True)[1] > 1
    return Course(jnp.asarray(run), jnp.asarray(course.place)) if several.any() else None


def pack_target(x: np.ndarray) -> Target:
    """Targets of equal weight, ``x (target, feature)``; padded rows have weight zero."""
    size = buffer_size(len(x))
    return Target(jnp.asarray(pad(x, size)), jnp.asarray((np.arange(size) < len(x)) / len(x)))


def everywhere(observations: Observations) -> Target:
    """The runs themselves as target: without any other, basins are told apart by what they predict there."""
    return Target(observations.x, observations.mask / observations.num_observed)
