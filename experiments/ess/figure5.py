"""Figure 5: predicted performance by target size, and the error of predicted Y.

Command: ``python -m experiments ess figure5``.
"""

import jax.numpy as jnp
import numpy as np

from experiments.ess import pictures
from experiments.ess.options import PictureOption, ReplicatesOption, SeedOption, publish
from experiments.ess.simulation import INTERCEPT, LINKS, METHODS, SIZES, SLOPE, curve, replicate
from jaxsl.precision import double_precision


def main(replicates: ReplicatesOption = 20, seed: SeedOption = 0, picture: PictureOption = True) -> None:
    """Predicted performance over replicates; the root mean squared error of predicted Y."""
    rng = np.random.default_rng(seed)
    found = [replicate(rng) for _ in range(replicates)]
    truth = INTERCEPT + SLOPE * SIZES
    with double_precision():
        oracle = {task: np.asarray(curve(task)(jnp.asarray(truth))) for task in LINKS}
    points = {
        task: {method: np.array([one[method].point[task] for one in found]) for method in METHODS}
        for task in LINKS
    }
    errors = {
        method: np.sqrt(np.mean([(one[method].mean - truth) ** 2 for one in found], axis=0))
        for method in METHODS
    }
    rows = [
        {
            "task": task,
            "method": method,
            "x": float(size),
            "truth": float(oracle[task][i]),
            "median": float(np.median(table[:, i])),
            "lower_quartile": float(np.quantile(table[:, i], 0.25)),
            "upper_quartile": float(np.quantile(table[:, i], 0.75)),
            "rmse_performance": float(np.sqrt(np.mean((table[:, i] - oracle[task][i]) ** 2))),
            "rmse_y": float(errors[method][i]),
        }
        for task, methods in points.items()
        for method, table in methods.items()
        for i, size in enumerate(SIZES)
    ]
    figure = None
    if picture:
        figure, panels = pictures.axes(tuple(LINKS))
        for panel, (task, methods) in zip(panels, points.items(), strict=True):
            pictures.boxes(panel, SIZES, methods)
            panel.plot(SIZES, oracle[task], color=pictures.COLORS["Oracle"], label="Oracle")
            panel.set_xlabel("target size x")
        panels[0].set_ylabel("predicted performance")
        panels[0].legend()
    publish("figure5", rows, figure, seed, f"ess figure5 --replicates {replicates} --seed {seed}")
    for size, base, best in zip(SIZES, errors["Base"], errors["Optimal"], strict=True):
        print(
            f"x = {size:g}: RMSE of predicted Y {base:.3f} Base, {best:.3f} Optimal ({best / base - 1:+.0%})"
        )
