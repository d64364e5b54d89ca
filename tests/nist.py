"""The 27 nonlinear-regression problems of the NIST Statistical Reference Datasets as laws.

Data, starts and certified values (11 digits) are facts, kept in ``nist.txt``: a line with the name and the
certified residual sum of squares, then one line each of ``start1``, ``start2``, ``certified``, ``deviation``
(standard deviations of the estimates), ``y`` and the inputs. (www.itl.nist.gov/div898/strd)

The box of a parameter reaches ten times beyond both starts and the certified value: from a tenth of the
smallest to ten times the largest where all three have one sign, else to ten times the largest on both sides.
"""

from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxsl.law import Law, Param

FORMULAS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
    "Chwirut1": lambda b, x: jnp.exp(-b[0] * x) / (b[1] + b[2] * x),
    "Chwirut2": lambda b, x: jnp.exp(-b[0] * x) / (b[1] + b[2] * x),
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": lambda b, x: (
        b[0] + _wave(b[1], b[2], 12, x) + _wave(b[4], b[5], b[3], x) + _wave(b[7], b[8], b[6], x)
    ),
    "Eckerle4": lambda b, x: b[0] / b[1] * jnp.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": lambda b, x: _two_peaks(b, x),
    "Gauss2": lambda b, x: _two_peaks(b, x),
    "Gauss3": lambda b, x: _two_peaks(b, x),
    "Hahn1": lambda b, x: _cubics(b, x),
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": lambda b, x: _three_decays(b, x),
    "Lanczos2": lambda b, x: _three_decays(b, x),
    "Lanczos3": lambda b, x: _three_decays(b, x),
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * jnp.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * jnp.exp(-x * b[3]) + b[2] * jnp.exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x1, x2: b[0] - b[1] * x1 * jnp.exp(-b[2] * x2),
    "Rat42": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - jnp.arctan(b[2] / (x - b[3])) / jnp.pi,
    "Thurber": lambda b, x: _cubics(b, x),
}
# Parameters the formulas are jointly affine in while the others are held fixed.
LINEAR = {
    "Bennett5": [1], "BoxBOD": [1], "DanWood": [1], "Eckerle4": [1], "ENSO": [1, 2, 3, 5, 6, 8, 9],
    "Gauss1": [1, 3, 6], "Gauss2": [1, 3, 6], "Gauss3": [1, 3, 6], "Hahn1": [1, 2, 3, 4], "Kirby2": [1, 2, 3],
    "Lanczos1": [1, 3, 5], "Lanczos2": [1, 3, 5], "Lanczos3": [1, 3, 5], "MGH09": [1], "MGH10": [1],
    "MGH17": [1, 2, 3], "Misra1a": [1], "Misra1b": [1], "Misra1c": [1], "Misra1d": [1], "Nelson": [1, 2],
    "Rat42": [1], "Rat43": [1], "Roszman1": [1, 2], "Thurber": [1, 2, 3, 4],
}  # fmt: skip


class Certified(NamedTuple):
    """A problem with its certified answer: sum of squares, parameters and their standard deviations."""

    law: Law
    x: np.ndarray
    y: np.ndarray
    starts: np.ndarray
    theta: np.ndarray
    deviation: np.ndarray
    squares: float


def load() -> dict[str, Certified]:
    """All 27 problems by name; the response of ``Nelson`` is the logarithm of the data, as certified."""
    problems, name, squares, lines = {}, "", 0.0, {}
    for line in [*Path(__file__).with_suffix(".txt").read_text().splitlines(), " end"]:
        label, *rest = line.split(" ")
        if label in ("start1", "start2", "certified", "deviation", "y", "x", "x1", "x2"):
            lines[label] = np.array(rest, float)
            continue
        if name:
            problems[name] = _certified(name, squares, lines)
        name, squares, lines = label, float(rest[0]) if label else 0.0, {}
    return problems


def _certified(name: str, squares: float, lines: dict[str, np.ndarray]) -> Certified:
    inputs = tuple(label for label in lines if label.startswith("x"))
    y = np.log(lines["y"]) if name == "Nelson" else lines["y"]
    starts = np.stack([lines["start1"], lines["start2"]])
    law = Law(
        name=f"nist/{name}",
        function=lambda theta, x: FORMULAS[name](theta, *x),
        inputs=inputs,
        params=tuple(
            _box(f"b{j + 1}", column) for j, column in enumerate(np.vstack([starts, lines["certified"]]).T)
        ),
        linear=tuple(f"b{j}" for j in LINEAR.get(name, [])),
    )
    x = np.stack([lines[label] for label in inputs], axis=1)
    return Certified(law, x, y[:, None], starts, lines["certified"], lines["deviation"], squares)


def _box(name: str, values: np.ndarray) -> Param:
    low, high = values.min(), values.max()
    if low > 0:
        return Param(name, low / 10, high * 10)
    if high < 0:
        return Param(name, low * 10, high / 10)
    most = 10 * np.abs(values).max()
    return Param(name, -most, most)


def _wave(cosine, sine, period, x):
    angle = 2 * jnp.pi * x / period
    return cosine * jnp.cos(angle) + sine * jnp.sin(angle)


def _two_peaks(b, x):
    peaks = b[2] * jnp.exp(-(((x - b[3]) / b[4]) ** 2)) + b[5] * jnp.exp(-(((x - b[6]) / b[7]) ** 2))
    return b[0] * jnp.exp(-b[1] * x) + peaks


def _three_decays(b, x):
    return b[0] * jnp.exp(-b[1] * x) + b[2] * jnp.exp(-b[3] * x) + b[4] * jnp.exp(-b[5] * x)


def _cubics(b, x):
    above = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3
    return above / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)
