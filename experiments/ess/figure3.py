"""Figure 3: equivalent sample size against the cost of the OPT models that the line is fitted to.

Command: ``python -m experiments ess figure3``. For every budget the exact best subset by Eq. 3, and by the
reading of the variance with n - 1 that picks the paper's four models; sigma from all seven models, z, and the
same draws of the link everywhere, which is the setting that the paper's figure fits.
"""

import numpy as np

from experiments.ess import pictures
from experiments.ess.observational import TASKS, Models, Study, models
from experiments.ess.options import (
    DataOption,
    DrawsOption,
    EverythingOption,
    PictureOption,
    SeedOption,
    publish,
)
from jaxsl.allocation import Subset, best_line_subset

HALF = 8.0


def subsets(data: Models, ddof: int) -> list[Subset]:
    """The best subset for every budget at which it changes, up to all seven models."""
    x, cost = data.x(data.line), data.cost(data.line)
    found: list[Subset] = []
    for budget in np.arange(1.0, cost.sum() + 0.25, 0.25):
        best = best_line_subset(x, cost, min(budget, cost.sum()), data.region, ddof=ddof)
        if np.isfinite(best.value) and not (found and np.array_equal(best.index, found[-1].index)):
            found.append(best)
    return found


def main(
    data: DataOption = None,
    seed: SeedOption = 0,
    draws: DrawsOption = 4000,
    everything: EverythingOption = False,
    picture: PictureOption = True,
) -> None:
    """ESS against cost for the best subsets of the OPT models, and what half the cost loses."""
    found = models(data, everything)
    studies = {task: Study(found, task, seed, draws) for task in TASKS}
    rows, halves = [], {}
    readings = {"Eq. 3": 0, "n - 1": 1}
    for reading, ddof in readings.items():
        for best in subsets(found, ddof):
            for task, study in studies.items():
                whole = study.forecast(np.arange(found.line.size))
                forecast = study.forecast(best.index)
                known = study.forecast(best.index, bootstrapped=False)
                whole_known = study.forecast(np.arange(found.line.size), bootstrapped=False)
                own = study.forecast(best.index, own_sigma=True)
                student = study.forecast(best.index, quantile="t")
                rows.append(
                    {
                        "reading": reading,
                        "task": task,
                        "cost": best.cost,
                        "models": " ".join(f"{size:g}B" for size in found.size[found.line][best.index]),
                        "leverage": best.risk,
                        "ess": forecast.hoeffding,
                        "ess_of_all": whole.hoeffding,
                        "loss": 1 - forecast.hoeffding / whole.hoeffding,
                        "loss_link_known": 1 - known.hoeffding / whole_known.hoeffding,
                        "loss_own_sigma": 1 - own.hoeffding / whole.hoeffding,
                        "ess_t": student.hoeffding,
                        "ess_exact": forecast.clopper_pearson,
                    }
                )
                if best.cost <= HALF:
                    halves[reading, task] = rows[-1]
    figure = None
    if picture:
        figure, panels = pictures.axes(tuple(TASKS))
        for panel, task in zip(panels, TASKS, strict=True):
            for reading, style, name in zip(readings, ("-o", ":x"), ("Eq. 3", "Optimal"), strict=True):
                chosen = [row for row in rows if (row["reading"], row["task"]) == (reading, task)]
                panel.plot(
                    [row["cost"] for row in chosen],
                    [row["ess"] for row in chosen],
                    style,
                    markersize=4,
                    color=pictures.COLORS[name],
                    label=f"best subset, {reading}",
                )
            panel.axhline(chosen[0]["ess_of_all"], color=pictures.COLORS["Base"], label="Base: all seven")
            panel.set_xlabel("cost")
        panels[0].set_ylabel("equivalent sample size")
        panels[0].legend()
    command = f"ess figure3 --seed {seed} --draws {draws}{' --everything' if everything else ''}"
    publish("figure3", rows, figure, seed, command)
    print(f"Y of OPT: {np.round(found.score[found.line], 3)}, target {found.score[found.target]:.3f}")
    print(f"half the cost, budget {HALF:g}; what is lost of the ESS of all seven models:")
    for (reading, task), row in halves.items():
        print(
            f"  {reading}, {task}: {row['models']} ({row['cost']:.4f}, leverage {row['leverage']:.4f}) "
            f"{row['loss']:.0%}; with the link taken as known {row['loss_link_known']:.0%}; "
            f"with the subset's own sigma {row['loss_own_sigma']:.0%}"
        )
