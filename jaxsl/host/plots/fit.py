"""What a law says: along each input, and on the targets."""

import numpy as np

from jaxsl.host.answer.plot_data import View
from jaxsl.host.errors import UserError
from jaxsl.host.plots.style import (
    BASINS,
    BLUE,
    RED,
    Axes,
    axes,
    half_width,
    ink,
    labels,
    legend,
    logarithmic,
    paper,
    short,
)

MARKS = "osD^vP"


def data_and_fit(view: View, input: str | None = None, *, output: int = 0, ax: Axes | None = None) -> Axes:
    """Runs, the fit and its intervals against one input; the targets' range is shaded.

    The other inputs are held where the targets are on average, as the title says, and runs are moved there
    along the fit: their scatter about the line is misfit. The dark band holds the curve, the light one an
    outcome. Diamonds are targets whose outcome is known; no fit has seen them.

    Args:
        view: from ``jaxsl.host.answer.plot_data``.
        input: the law's first input unless given.
        output: which output of the law.
        ax: where to draw.

    Raises:
        UserError: when there is no such input.
    """
    input = view.law.inputs[0] if input is None else input
    if input not in view.slices:
        raise UserError(f"{view.law.name} has no input {input!r}; it has {', '.join(view.law.inputs)}")
    ax, found, index = axes(ax), view.slices[input], view.law.inputs.index(input)
    targets = view.problem.targets
    if targets is not None:
        where = targets.x[:, index]
        spread = (where.min(), where.max())
        if spread[0] == spread[1]:
            ax.axvline(spread[0], color=RED, alpha=0.6, linestyle=":", label="target")
        else:
            ax.axvspan(*spread, color=RED, alpha=0.16, linewidth=0, label="targets' range")
    for low, high, alpha, name in (
        (found.low, found.high, 0.22, f"{view.level:g} % of outcomes"),
        (found.curve_low, found.curve_high, 0.38, f"{view.level:g} % of the curve"),
    ):
        ax.fill_between(
            found.x, low[:, output], high[:, output], color=BLUE, alpha=alpha, linewidth=0, label=name
        )
    ax.plot(found.x, found.median[:, output], color=BLUE, label="fit")
    ax.plot(
        view.seen.x[:, index],
        found.runs[:, output],
        "o",
        color=ink(),
        markeredgecolor=paper(ax),
        markersize=5,
        label="runs, moved here along the fit" if found.held else "runs",
    )
    if targets is not None and np.isfinite(found.targets).any():
        ax.plot(
            targets.x[:, index],
            found.targets[:, output],
            "D",
            color=RED,
            markerfacecolor="none",
            markersize=5,
            label="targets, unseen by the fit",
        )
    if found.log:
        logarithmic(ax, "x")
    name = view.law.outputs[output]
    labels(ax, view.labels[input], view.labels[name])
    if found.held:
        held = ", ".join(f"{other} = {short(value)}" for other, value in found.held.items())
        ax.set_title(f"at {held}", fontsize="medium", loc="left")
    legend(ax)
    return ax


def basins(view: View, *, output: int = 0, ax: Axes | None = None) -> Axes:
    """Every optimum by what it predicts on the targets and how it misses the runs; basins as bars.

    Two marks of about one height and different places fit the runs alike and disagree on the targets. A
    bar is the interval of its basin's prediction, noise apart. Crosses belong to no basin: they are not among
    the sixteen best, or say nothing usable at the targets. Optima that miss by more than twice as much as the
    worst basin are left out.
    """
    ax, found = axes(ax), view.plausible
    rmse = np.sqrt(found.loss)
    highest = 2 * max(rmse[found.label >= 0].max(initial=0.0), found.rmse.max())
    for k, weight in enumerate(found.weight):
        chosen = found.label == k
        colour, height = BASINS[k % len(BASINS)], found.rmse[k]
        centre, half = found.mean[k, output], half_width(view.level) * found.deviation[k, output]
        ax.plot(
            [centre - half, centre + half],
            [height] * 2,
            color=colour,
            linewidth=max(10 - 3 * k, 3),  # those of one height stay apart
            alpha=0.35,
            solid_capstyle="butt",
        )
        ax.plot(
            found.prediction[chosen, output],
            rmse[chosen],
            MARKS[k % len(MARKS)],
            color=colour,
            markeredgecolor=paper(ax),
            markersize=7,
            zorder=3,
            label=f"basin {k + 1}: weight {weight:.2g}, {np.sum(chosen)} optima",
        )
    poor = (found.label < 0) & (rmse <= highest)
    if poor.any():
        ax.plot(
            found.prediction[poor, output],
            rmse[poor],
            "x",
            color=ink(),
            markersize=4,
            alpha=0.6,
            label=f"of no basin: {np.sum(poor)} optima",
        )
    ax.set_ylim(rmse[0] - 0.25 * (highest - rmse[0]), highest)
    name = view.labels[view.law.outputs[output]]
    where = "the targets" if view.problem.targets is not None else "the runs"
    labels(ax, f"prediction, mean over {where}: {name}", f"RMSE on the runs: {name}")
    legend(ax)
    return ax
