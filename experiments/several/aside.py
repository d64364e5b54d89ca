"""Part of a pool in the place of the target, so that choices are made without a look at the real one."""

import jax.numpy as jnp
import numpy as np

from experiments.datasets import Group, Runs
from jaxsl.chaining import farthest_first
from jaxsl.pool import observe, uniform_target
from jaxsl.precision import double_precision
from laws.tasks import Task

SHARE = 0.2  # of the pool, nearest to the target


def set_aside(task: Task, group: Group) -> Group:
    """The pool without its runs nearest to the target, and these as the target."""
    with double_precision():
        runs = observe(jnp.asarray(group.train.x), jnp.asarray(group.train.y))
        place = np.asarray(farthest_first(task.laws[0], runs, uniform_target(jnp.asarray(group.test.x))))
    near = place >= len(place) - max(2, round(SHARE * len(place)))
    return Group(*(Runs(*(part[mask] for part in group.train)) for mask in (~near, near)))
