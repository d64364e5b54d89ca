"""Figure 2: one simulated study of word unscramble, its training points and predicted curves.

Command: ``python -m experiments ess figure2``.
"""

import jax.numpy as jnp
import numpy as np

from experiments.ess import pictures
from experiments.ess.options import PictureOption, SeedOption, publish
from experiments.ess.simulation import INTERCEPT, METHODS, SLOPE, cost, curve, replicate
from jaxsl.precision import double_precision

TASK = "word unscramble"
GRID = np.linspace(0, 7, 71)


def performance(y: np.ndarray) -> np.ndarray:
    """Through the known link."""
    with double_precision():
        return np.asarray(curve(TASK)(jnp.asarray(y)))


def main(seed: SeedOption = 0, picture: PictureOption = True) -> None:
    """Training points and predicted curves of one study."""
    study = replicate(np.random.default_rng(seed))
    lines = {"Oracle": (SLOPE, INTERCEPT)}
    lines |= {method: tuple(np.polyfit(one.x, one.y, 1)) for method, one in study.items()}
    rows = [
        {"what": "training point", "method": method, "x": float(x), "performance": float(p)}
        for method, one in study.items()
        for x, p in zip(one.x, performance(one.y), strict=True)
    ]
    curves = {method: performance(np.polyval(line, GRID)) for method, line in lines.items()}
    rows += [
        {"what": "curve", "method": method, "x": float(x), "performance": float(p)}
        for method, values in curves.items()
        for x, p in zip(GRID, values, strict=True)
    ]
    figure = None
    if picture:
        figure, (panel,) = pictures.axes((TASK,), 5.0, 3.6)
        for method, values in curves.items():
            panel.plot(GRID, values, color=pictures.COLORS[method], label=method)
        for method, marker in zip(METHODS, "sx", strict=True):
            panel.scatter(
                study[method].x, performance(study[method].y), marker=marker, color=pictures.COLORS[method]
            )
        panel.set(xlabel="size x", ylabel="performance", yscale="log")
        panel.legend()
    publish("figure2", rows, figure, seed, f"ess figure2 --seed {seed}")
    for method, one in study.items():
        sizes, count = np.unique(np.round(one.x, 2), return_counts=True)
        parts = ", ".join(f"{n} at {x:g}" for x, n in zip(sizes, count, strict=True))
        print(f"{method}: {parts}; cost {cost(one.x).sum():.2f}")
