"""Small laws, beliefs and outcomes with known answers.

What the host learns of a law is a program of its own, the dearest there is to compile, so tests that need any
law take one of these: ``DECAY`` as an object, or of a file that imports it, and of the zoo ``chinchilla`` or
``kaplan/n``.
"""

import jax.numpy as jnp
import numpy as np

from jaxsl.law import Law, params
from jaxsl.pool import Observations, Pool, Target
from jaxsl.posterior import Tabulated


def line(theta, x):
    """y = a + b x"""
    return theta[0] + theta[1] * x[0]


def decay(theta, x):
    """L = E + A N^-alpha, for all N < infinity & beyond"""
    E, A, alpha = theta
    return E + A * jnp.exp(-alpha * jnp.log(x[0]))


def pair(theta, x):
    """y = (a + b x, a - c x^2)"""
    a, b, c = theta
    return jnp.stack([a + b * x[0], a - c * x[0] ** 2])


LINE = Law("line", line, ("x",), params(a=(-2, 2), b=(-3, 3)), linear=("a", "b"))
DECAY = Law("decay", decay, ("N",), params(E=(0.1, 10), A=(1, 1e4), alpha=(0.05, 2)), linear=("E", "A"))
PAIR = Law("pair", pair, ("x",), params(a=(-2, 2), b=(-3, 3), c=(-3, 3)), outputs=("u", "v"))


def tabulated(weight, noise, mean, root):
    """A posterior over row numbers from arrays ``(basin,) (basin,) (basin, row, output) (.., factor)``."""
    return Tabulated(*(np.asarray(value, float) for value in (weight, noise, mean, root)))


def rows(first, last):
    """Row numbers ``first..last-1`` as configurations of a tabulated posterior."""
    return np.arange(float(first), float(last))[:, None]


def pool_of(x):
    """Candidates of unit cost."""
    return Pool(x, np.ones(len(x)))


def target_of(x, weight=None):
    """A target region, uniform unless weighted."""
    num = len(x)
    weight = np.full(num, 1 / num) if weight is None else weight
    return Target(np.asarray(x, float), np.asarray(weight, float))


def runs_of(x, y, size=None):
    """``jaxsl.pool.observe`` in NumPy, so that packing test data compiles nothing."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    pad = (len(x) if size is None else size) - len(x)
    padded = (
        np.concatenate([x, np.repeat(x[:1], pad, axis=0)]),
        np.concatenate([y, np.zeros((pad, y.shape[1]))]),
    )
    return Observations(*padded, np.arange(len(x) + pad) < len(x))
