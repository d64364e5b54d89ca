"""Figure 1: equivalent sample size by target size, random small models against the best ones.

Command: ``python -m experiments ess figure1``. Every replicate's Optimal has the cost of its Base. Besides
the paper's setting (sigma known, z) the table has what a user gets: sigma estimated, Student's t.
"""

import numpy as np

from experiments.ess import pictures
from experiments.ess.options import PictureOption, ReplicatesOption, SeedOption, publish
from experiments.ess.simulation import LINKS, METHODS, SIZES, replicate


def studies(num: int, seed: int, known: bool) -> dict[str, dict[str, np.ndarray]]:
    """Hoeffding's ESS by task and method, ``(replicate, size)``."""
    rng = np.random.default_rng(seed)
    found = [replicate(rng, known) for _ in range(num)]
    return {
        task: {method: np.array([one[method].ess[task] for one in found]) for method in METHODS}
        for task in LINKS
    }


def main(
    replicates: ReplicatesOption = 20,
    seed: SeedOption = 0,
    picture: PictureOption = True,
) -> None:
    """ESS by size: medians and quartiles over replicates, Base and Optimal at equal cost."""
    rows = []
    shown = {known: studies(replicates, seed, known) for known in (True, False)}
    for known, tasks in shown.items():
        for task, methods in tasks.items():
            for method, table in methods.items():
                for size, column in zip(SIZES, table.T, strict=True):
                    low, median, high = np.quantile(column, [0.25, 0.5, 0.75])
                    rows.append(
                        {
                            "task": task,
                            "interval": "sigma known, z" if known else "sigma estimated, t",
                            "method": method,
                            "x": float(size),
                            "ess_median": float(median),
                            "ess_lower_quartile": float(low),
                            "ess_upper_quartile": float(high),
                        }
                    )
    figure = None
    if picture:
        figure, panels = pictures.axes(tuple(LINKS))
        for panel, methods in zip(panels, shown[True].values(), strict=True):
            pictures.boxes(panel, SIZES, methods)
            panel.set_yscale("log")
            panel.set_xlabel("target size x")
        panels[0].set_ylabel("equivalent sample size")
        panels[0].legend()
    publish("figure1", rows, figure, seed, f"ess figure1 --replicates {replicates} --seed {seed}")
    for known, tasks in shown.items():
        at_four = {
            method: float(np.median(table[:, 0])) for method, table in tasks["word unscramble"].items()
        }
        print(
            f"word unscramble, x = 4, {'sigma known, z' if known else 'sigma estimated, t'}: median ESS "
            f"Base {at_four['Base']:.0f}, Optimal {at_four['Optimal']:.0f}, ratio "
            f"{at_four['Optimal'] / at_four['Base']:.2f} (paper: about 500, 3000, six-fold)"
        )
