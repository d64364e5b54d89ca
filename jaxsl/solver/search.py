"""Coordinates that the default solver searches in: those of ``jaxsl.transform``, and a way down to zero.

A parameter whose box begins at 0 is the size of something, and what it multiplies may span many decades
(``C N^d`` with ``d`` up to 1): on its own axis the valley bends, and a bound at 0 cuts every step short. The
search therefore takes its logarithm, from ``FLOOR`` of the upper bound on, and takes the end of that axis for
0 itself. Measured on ``data_con/sl_6`` with 100 runs: 1,600 evaluations for 9,500, and a loss 23 % lower.

The parameters of a separable law are searched as ``(block, param)``, one block for each output.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.residual import Problem
from jaxsl.transform import Box

# C N^d of data_con/sl_6 matters far down: with a floor of 1e-14 its best loss is 4 % higher, with 1e-10 40 %.
FLOOR = 1e-20


class SearchBox(Box):
    """A box in which some parameters are logarithmic down to a floor that stands for 0.

    Attributes:
        zero: which parameters those are.
        floor: the least positive value of theirs; elsewhere without effect.
    """

    zero: Array
    floor: Array

    def scaled(self, theta: Array) -> Array:
        """``theta -> z``."""
        return super().scaled(jnp.where(self.zero, jnp.maximum(theta, self.floor), theta))

    def theta(self, z: Array) -> Array:
        """``z -> theta``; the lower end is the bound itself, which is 0 unless a profile has moved it."""
        return jnp.where(self.zero & (z <= self.lower), self.theta_lower, super().theta(z))


def num_blocks(problem: Problem) -> int:
    """How many problems the law falls into that share no parameter."""
    return problem.law.num_outputs if problem.law.separable else 1


def eliminated(problem: Problem) -> tuple[int, ...]:
    """Positions, within every block, of the parameters that a linear solve takes care of."""
    law, blocks = problem.law, num_blocks(problem)
    if problem.robust is not None:
        return ()
    size = law.num_params // blocks
    linear = set(law.linear_index)
    return tuple(j for j in range(size) if linear.issuperset(range(j, law.num_params, size)))


def search_box(problem: Problem, start: Array) -> SearchBox:
    """The box for the search from ``start (block, param)``, of the same shape in every field.

    A size that starts at 0, as an earlier optimum may, is searched on its own axis: log 0 has no way up.
    """
    law, blocks, size = problem.law, *start.shape
    box = jax.tree.map(lambda leaf: leaf.reshape(blocks, size), problem.box)
    solved = np.isin(np.arange(size), eliminated(problem))
    own = law.apply(lambda law: jnp.asarray([law.lower, law.upper], start.dtype)).reshape(2, blocks, size)
    sizes = (own[0] == 0) & ~solved
    floor = jnp.where(sizes, FLOOR * own[1], 1.0)
    zero = sizes & (start > floor)
    width = -math.log(FLOOR) / 4
    return SearchBox(
        lower=jnp.where(zero, jnp.log(jnp.maximum(box.theta_lower, floor)) / width, box.lower),
        upper=jnp.where(zero, jnp.log(jnp.maximum(box.theta_upper, floor)) / width, box.upper),
        width=jnp.where(zero, width, box.width),
        centre=box.centre,
        log=box.log | zero,
        theta_lower=box.theta_lower,
        theta_upper=box.theta_upper,
        zero=zero,
        floor=floor,
    )
