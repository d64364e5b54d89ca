"""Figure 4: predicted performance of OPT 66B, its interval and its worth; and whether the link is universal.

Command: ``python -m experiments ess figure4``. Base is all seven small models, Optimal the paper's four,
Eq. 3 the six that Eq. 3 picks for the same budget.
"""

import jax
import jax.numpy as jnp
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
from jaxsl import link
from jaxsl.precision import double_precision

SUBSETS = {"Base": [0, 1, 2, 3, 4, 5, 6], "Optimal": [0, 3, 4, 5], "Eq. 3": [0, 1, 2, 3, 4, 5]}


def families(data: Models, task: str, seed: int) -> list[tuple[str, int, int, int, float]]:
    """Each family predicted by a link of the others, OPT too.

    Name, models, models covered by the interval of the link, by that with scatter, mean error.
    """
    rows = np.flatnonzero(~np.isnan(data.performance[task]) & (np.arange(data.name.size) != data.target))
    names = np.unique(data.family[rows])
    members = data.family[rows] == names[:, None]
    y, p = data.score[rows], data.performance[task][rows]
    with double_precision():
        held_out = jax.jit(
            lambda y, p, members: link.leave_one_family_out(
                link.LogisticLink(floored=True), jax.random.key(seed), y, p, members
            )
        )(jnp.asarray(y), jnp.asarray(p), jnp.asarray(members))
    covered = (np.asarray(held_out.lower) <= p) & (p <= np.asarray(held_out.upper))
    inside = (np.asarray(held_out.scattered_lower) <= p) & (p <= np.asarray(held_out.scattered_upper))
    error = p - np.asarray(held_out.prediction)
    return [
        (
            str(name),
            int(member.sum()),
            int(covered[member].sum()),
            int(inside[member].sum()),
            float(error[member].mean()),
        )
        for name, member in zip(names, members, strict=True)
    ]


def main(
    data: DataOption = None,
    seed: SeedOption = 0,
    draws: DrawsOption = 4000,
    everything: EverythingOption = False,
    picture: PictureOption = True,
) -> None:
    """Predictions for OPT 66B with 95 % intervals, the truth, and the link checked family by family."""
    found = models(data, everything)
    rows = []
    for task in TASKS:
        study = Study(found, task, seed, draws)
        for name, index in SUBSETS.items():
            forecast = study.forecast(np.array(index))
            student = study.forecast(np.array(index), quantile="t")
            rows.append(
                {
                    "task": task,
                    "models": name,
                    "cost": float(found.cost(found.line)[index].sum()),
                    "prediction": forecast.point,
                    "lower": forecast.lower,
                    "upper": forecast.upper,
                    "truth": study.truth,
                    "covers": forecast.lower <= study.truth <= forecast.upper,
                    "ess": forecast.hoeffding,
                    "ess_exact": forecast.clopper_pearson,
                    "lower_t": student.lower,
                    "upper_t": student.upper,
                    "covers_t": student.lower <= study.truth <= student.upper,
                }
            )
    figure = None
    if picture:
        figure, panels = pictures.axes(tuple(TASKS), 2.8)
        for panel, task in zip(panels, TASKS, strict=True):
            chosen = [row for row in rows if row["task"] == task]
            for i, row in enumerate(chosen):
                color = pictures.COLORS[str(row["models"])]
                panel.plot([i, i], [row["lower"], row["upper"]], color=color, linewidth=6, alpha=0.4)
                panel.plot(i, row["prediction"], "o", color=color)
            panel.axhline(chosen[0]["truth"], color=pictures.COLORS["Oracle"], label="truth")
            panel.set_xticks(range(len(chosen)), [row["models"] for row in chosen])
            panel.margins(x=0.2)
        panels[0].set_ylabel("performance of OPT 66B")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    command = f"ess figure4 --seed {seed} --draws {draws}{' --everything' if everything else ''}"
    publish("figure4", rows, figure, seed, command)
    for row in rows:
        print(
            f"{row['task']}, {row['models']} ({row['cost']:.4f}): {row['prediction']:.3f} "
            f"[{row['lower']:.3f}, {row['upper']:.3f}], truth {row['truth']:.4f}, "
            f"{'covered' if row['covers'] else 'MISSED'}; ESS {row['ess']:.0f}, exact {row['ess_exact']:.0f}"
        )
    print(
        "is the link universal? models covered by 95 % intervals of a link learned from the other families:"
    )
    for task in TASKS:
        checked = families(found, task, seed)
        total, claimed, inside = np.sum([row[1:4] for row in checked], axis=0)
        opt = next(row for row in checked if row[0] == "OPT")
        print(
            f"  {task}: with the scatter of models {inside} of {total} ({inside / total:.0%}), without it "
            f"{claimed} ({claimed / total:.0%}); of OPT's {opt[1]} models {opt[3]} and {opt[2]}, "
            f"mean error {opt[4]:+.3f}"
        )
