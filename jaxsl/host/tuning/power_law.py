"""The law of an optimum: a power of what the cells differ in, by least squares of logarithms."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.host.compiled import compiled
from jaxsl.host.errors import UserError
from jaxsl.host.programs.packing import array
from jaxsl.host.tuning.report import BestAt, CellOptimum, Exponent, OptimumLaw
from jaxsl.linear_model import Interval, LinearFit, fit, interval, line_terms
from jaxsl.precision import double_precision, to_numpy


def optimum_law(
    variable: str,
    cells: Sequence[CellOptimum],
    inputs: Sequence[str],
    level: float,
    points: Mapping[str, np.ndarray],
) -> tuple[OptimumLaw, list[BestAt]]:
    """The law of one variable, and what it says elsewhere.

    Args:
        variable: what is best.
        cells: those with a usable optimum.
        inputs: what its law is a power of.
        level: of the intervals, in per cent.
        points: values of the inputs elsewhere, ``(point,)`` each.

    Raises:
        UserError: when the cells are too few, or do not tell the inputs apart.
    """
    if len(cells) < len(inputs) + 2:
        raise UserError(
            f"the law of {variable} in {', '.join(inputs)} needs {len(inputs) + 2} cells with a minimum at "
            f"least, and there are {len(cells)}; widen the grids that end at an edge, name columns that vary "
            f"too in --over or --by, or leave out inputs with --power {variable}={inputs[0]}"
        )
    x = np.log([[cell.by[name] for name in inputs] for cell in cells])
    y = np.log([cell.value[variable] for cell in cells])
    delta = 1 - level / 100
    with double_precision():
        found, each = to_numpy(_fitted(x, y, array(delta)))
        if not np.isfinite(found.root).all():
            raise UserError(
                f"the cells do not tell {', '.join(inputs)} apart, since they move together; name those that "
                f"the law of {variable} is to depend on, such as --power {variable}={inputs[0]}"
            )
        best = _elsewhere(found, variable, inputs, points, delta)
    exponents = [
        Exponent(name, float(each.mean[i]), float(each.lower[i]), float(each.upper[i]))
        for i, name in enumerate(inputs, 1)
    ]
    factor, low, high = (float(np.exp(end[0])) for end in (each.mean, each.lower, each.upper))
    sigma = float(found.sigma)
    spread = float(np.sum((y - y.mean()) ** 2))
    left = sigma**2 * float(found.dof) / spread if spread > 0 else float("nan")
    return OptimumLaw(variable, len(cells), factor, low, high, tuple(exponents), 1 - left, sigma), best


def _elsewhere(
    found: LinearFit, variable: str, inputs: Sequence[str], points: Mapping[str, np.ndarray], delta: float
) -> list[BestAt]:
    if not points:
        return []
    x = np.log(np.stack([points[name] for name in inputs], axis=1))
    noisy, curve = jax.tree.map(np.exp, to_numpy(_told(found, x, array(delta))))
    return [
        BestAt(
            by={name: float(values[row]) for name, values in points.items()},
            variable=variable,
            median=float(curve.mean[row]),
            low=float(noisy.lower[row]),
            high=float(noisy.upper[row]),
            curve_low=float(curve.lower[row]),
            curve_high=float(curve.upper[row]),
        )
        for row in range(len(x))
    ]


@compiled
def _fitted(x: Array, y: Array, delta: float) -> tuple[LinearFit, Interval]:
    """The law through logarithms ``x (cell, input)``, ``y (cell,)``, and the interval of each parameter."""
    found = fit(line_terms(x), y)
    return found, interval(found, jnp.eye(x.shape[1] + 1, dtype=y.dtype), delta)


@compiled
def _told(found: LinearFit, x: Array, delta: float) -> tuple[Interval, Interval]:
    """Intervals at logarithms ``x (point, input)``, with the noise of one cell and without."""
    terms = line_terms(x)
    return interval(found, terms, delta, with_noise=True), interval(found, terms, delta)
