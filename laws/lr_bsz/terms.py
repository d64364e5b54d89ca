"""What the formulas of this family are made of."""

from functools import partial

import jax.numpy as jnp

from jaxsl.law import Law

PAIRS = ((0, 0, 0, 1, 1, 2), (1, 2, 3, 2, 3, 3))
task_law = partial(
    Law, inputs=("lr", "bsz", "D", "N"), source="arXiv:2604.22753 (Spend Less, Fit Better), table B.2, lr&bsz"
)


def features(logs):
    """``phi``: one, four logarithms, their squares and their six products, ``(4,) -> (15,)``."""
    first, second = jnp.array(PAIRS)
    return jnp.concatenate([jnp.ones(1, logs.dtype), logs, logs**2, logs[first] * logs[second]])


def dot(coefficients, values):
    """Inner product, in full precision on accelerators too."""
    return jnp.dot(values, coefficients, precision="highest")


def sp(z):
    """Softplus with its argument cut at 20 on either side."""
    return jnp.log1p(jnp.exp(jnp.clip(z, -20, 20)))


def decay(amplitude, rate, size):
    """``sp(amplitude) exp(-sp(rate) size)``."""
    return sp(amplitude) * jnp.exp(-sp(rate) * size)


def skewed(curvature, skew, error):
    """``sp(curvature) error^2 (1 + tanh(skew) tanh(error))``."""
    return sp(curvature) * error**2 * (1 + jnp.tanh(skew) * jnp.tanh(error))


def quadratic(prefix, constant, linear, square):
    """Intervals of the 15 coefficients of ``phi``: constant, linear, squares and products."""
    terms = ("u", "v", "s", "n", "uu", "vv", "ss", "nn", "uv", "us", "un", "vs", "vn", "sn")
    widths = {f"{prefix}_{term}": (linear if len(term) == 1 else square) for term in terms}
    return {f"{prefix}_0": constant} | {name: (-width, width) for name, width in widths.items()}
