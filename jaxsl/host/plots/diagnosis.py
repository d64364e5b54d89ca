"""Whether to trust a fit: residuals, calibration, and how well one parameter is known."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import binom

from jaxsl.host.answer.parameter_profile import ParameterProfile
from jaxsl.host.answer.plot_data import View
from jaxsl.host.errors import UserError
from jaxsl.host.plots.style import (
    BLUE,
    ORANGE,
    RED,
    Axes,
    axes,
    half_width,
    ink,
    labels,
    legend_below,
    logarithmic,
    paper,
)

LEVELS = np.linspace(0.02, 0.98, 49)


def residuals(view: View, against: str | None = None, *, output: int = 0, ax: Axes | None = None) -> Axes:
    """What each run shows beyond the heaviest law, in deviations of the noise.

    A trend or a bend is a law that does not hold; a single mark beyond the dashed lines, a run to look at.

    Args:
        view: from ``jaxsl.host.answer.plot_data``.
        against: an input, or ``"cost"``; the fitted value unless given.
        output: which output.
        ax: where to draw.

    Raises:
        UserError: when there is no such input.
    """
    ax, name = axes(ax), view.law.outputs[output]
    if against is None:
        x, label = view.fitted[:, output], f"fitted {view.labels[name]}"
    elif against == "cost":
        x, label = view.seen.cost, view.labels["cost"]
    elif against in view.law.inputs:
        x, label = view.seen.x[:, view.law.inputs.index(against)], view.labels[against]
    else:
        raise UserError(f"residuals against {against!r}: name cost or an input, {', '.join(view.law.inputs)}")
    ax.axhline(0, color=ink(), linewidth=0.8)
    for sign in (-1, 1):
        ax.axhline(sign * half_width(view.level), color=ink(), linewidth=0.8, linestyle="--", alpha=0.7)
    score = view.score[:, output]
    ax.plot(x, score, "o", color=BLUE, markeredgecolor=paper(ax), markersize=6)
    worst = int(np.argmax(np.abs(score)))
    ax.annotate(
        f"{view.problem.unit} {view.seen.row_numbers[worst]}",
        (x[worst], score[worst]),
        xytext=(7, 0),
        textcoords="offset points",
        fontsize="small",
        va="center",
    )
    reach = 1.15 * max(2.0, float(np.abs(score).max()))
    ax.set_ylim(-reach, reach)
    if against is not None and (x > 0).all():
        logarithmic(ax, "x")
    labels(ax, label, "residual (standard deviations)")
    return ax


def calibration(view: View, *, output: int = 0, ax: Axes | None = None) -> Axes:
    """The share of runs inside their central interval, against the share that it claims.

    Runs are judged as if each had been left out, by linearisation. Targets whose outcome is known are judged
    by the prediction. On the diagonal claims are true; above it intervals are wider than need be, below it
    too narrow. The band is what chance allows: 95 % of as many independent runs.
    """
    ax, num = axes(ax), len(view.left_out)
    band = binom.ppf([[0.025], [0.975]], num, LEVELS) / num
    ax.fill_between(100 * LEVELS, *(100 * band), color=ink(), alpha=0.18, linewidth=0, label="chance")
    ax.plot([0, 100], [0, 100], color=ink(), linewidth=0.8, linestyle="--")
    limit = ndtri((1 + LEVELS) / 2)
    covered = (np.abs(view.left_out[:, output]) <= limit[:, None]).mean(axis=1)
    ax.plot(100 * LEVELS, 100 * covered, color=BLUE, label=f"{num} runs, each left out")
    prediction = view.fit.prediction
    if prediction is not None and np.isfinite(prediction.observed[:, output]).any():
        deviation = np.sqrt(
            prediction.within[:, output] ** 2 + prediction.between[:, output] ** 2 + view.answer.found.noise
        )
        score = (prediction.observed - prediction.median)[:, output] / deviation
        score = score[np.isfinite(score)]
        covered = (np.abs(score) <= limit[:, None]).mean(axis=1)
        ax.plot(100 * LEVELS, 100 * covered, color=RED, linestyle="-.", label=f"{len(score)} targets")
    ax.set(xlim=(0, 100), ylim=(0, 101))
    labels(ax, "claimed (% of outcomes)", "inside (% of outcomes)")
    ax.set_aspect("equal", adjustable="box")
    legend_below(ax, ax.get_legend_handles_labels()[0])
    return ax


def profile(found: ParameterProfile, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """The best misfit that each value of a parameter allows; the interval is where it stays under the limit.

    A valley with two walls is a parameter that the runs know; a slope that never reaches the dashed line is
    one that they leave open on that side.
    """
    ax = axes(ax)
    ax.axvspan(
        found.low,
        found.high,
        color=ORANGE,
        alpha=0.22,
        linewidth=0,
        label=f"{found.level:.3g} % interval",
    )
    ax.axhline(
        found.limit,
        color=ink(),
        linewidth=0.8,
        linestyle="--",
        alpha=0.7,
        label=f"limit of {found.level:.3g} %",
    )
    ax.plot(found.values, found.rmse, color=BLUE, label="best fit, held there")
    ax.plot([found.best], [found.rmse.min()], "o", color=BLUE, markeredgecolor=paper(ax), label="optimum")
    for is_open, end, side in ((found.open_low, found.low, "left"), (found.open_high, found.high, "right")):
        if is_open:
            ax.annotate("open", (end, found.limit), ha=side, va="bottom", fontsize="small")
    if found.log:
        logarithmic(ax, "x")
    rise = found.limit - found.rmse.min()
    ax.set_ylim(found.rmse.min() - 0.3 * rise, found.limit + 1.5 * rise)
    labels(ax, f"{found.name} ({unit or 'unit of the law'})", "RMSE on the runs (unit of the outcome)")
    legend_below(ax, ax.get_legend_handles_labels()[0])
    return ax
