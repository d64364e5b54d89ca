"""Which run to buy, and what buying brought."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from jaxsl.host.answer.episode import Step
from jaxsl.host.answer.plot_data import View
from jaxsl.host.answer.report import r2
from jaxsl.host.answer.thinning import strength
from jaxsl.host.errors import UserError
from jaxsl.host.plots.style import (
    BLUE,
    GREY,
    RED,
    Axes,
    axes,
    ink,
    labels,
    legend,
    legend_below,
    logarithmic,
    paper,
    short,
)

AREA = np.array([25.0, 240.0])  # of the cheapest and of the dearest candidate's mark, in points squared
SHOWN = (0.15, 0.95)  # of viridis: neither end disappears into a dark or a white background


def score_map(view: View, x: str | None = None, y: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Candidates in the plane of two inputs: colour is the score, area the cost.

    Crosses are runs done, diamonds targets, the ring is the run to train next. Colours are spread over the
    scores there are, in the logarithm where they differ by more than a factor of ten.

    Args:
        view: from ``jaxsl.host.answer.plot_data``, with a cost, a target and candidates.
        x, y: inputs of the law, ``"cost"`` or ``"score"``; by default the first two inputs, or the only
            input and the score.
        ax: where to draw.

    Raises:
        UserError: when there is no choice to draw, or no such input.
    """
    if view.choice is None:
        raise UserError("there is no choice to draw: it needs a target, a cost and runs without an outcome")
    ax, inputs, ranked = axes(ax), view.law.inputs, view.choice.runs
    x = inputs[0] if x is None else x
    y = (inputs[1] if len(inputs) > 1 else "score") if y is None else y
    for name in (x, y):
        if name not in (*inputs, "cost", "score"):
            raise UserError(f"score map over {name!r}: name cost, score or an input, {', '.join(inputs)}")
    score = np.array([run.score for run in ranked])
    cost = np.array([run.cost for run in ranked])
    place = {name: np.array([run.x[name] for run in ranked]) for name in inputs}
    place |= {"cost": cost, "score": score}
    shade = strength(score)
    area = _area(cost)
    worst_first = np.arange(len(ranked))[::-1]
    if {x, y} <= {*inputs, "cost"}:
        done = {name: view.seen.x[:, i] for i, name in enumerate(inputs)} | {"cost": view.seen.cost}
        ax.plot(done[x], done[y], "x", color=ink(), markersize=5, linestyle="", label="runs done")
    if {x, y} <= set(inputs) and view.problem.targets is not None:
        at = {name: view.problem.targets.x[:, i] for i, name in enumerate(inputs)}
        ax.plot(at[x], at[y], "D", color=RED, markerfacecolor="none", linestyle="", label="targets")
    marks = ax.scatter(
        place[x][worst_first],
        place[y][worst_first],
        s=area[worst_first],
        c=shade[worst_first],
        cmap=ListedColormap(colormaps["viridis"](np.linspace(*SHOWN, 128))),
        vmin=0,
        vmax=1,
        edgecolors=[paper(ax)],
        linewidths=0.8,
    )
    ax.scatter(
        place[x][:1], place[y][:1], s=area[:1] + 120, facecolors="none", edgecolors=[ink()], linewidths=1.6
    )
    ax.annotate(
        f"next: {view.problem.unit} {ranked[0].row_number}",
        (place[x][0], place[y][0]),
        xytext=(0, 14),
        textcoords="offset points",
        ha="center",
        fontsize="small",
        path_effects=[withStroke(linewidth=3, foreground=paper(ax))],
    )
    ax.margins(0.12)
    for which, name in (("x", x), ("y", y)):
        values = place[name]
        if (values > 0).all() and (name != "score" or values.max() > 20 * values.min()):
            logarithmic(ax, which)
    named = {**view.labels, "score": "score (fall of the variance, for its cost)"}
    labels(ax, named[x], named[y])
    bar = ax.figure.colorbar(marks, ax=ax, pad=0.02, ticks=[0, 1])
    bar.set_ticklabels(["low", "high"])
    bar.set_label("score")
    bar.outline.set_visible(False)
    sizes = [
        Line2D([], [], marker="o", color=GREY, linestyle="", markersize=size, label=f"cost {short(value)}")
        for value, size in zip((cost.min(), cost.max()), AREA**0.5, strict=True)
    ]
    legend_below(ax, [*ax.get_legend_handles_labels()[0], *sizes])
    return ax


def interval_by_spend(
    steps: Sequence[Step],
    observed: np.ndarray | None = None,
    *,
    total: float | None = None,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """The targets' mean interval against what was spent.

    Args:
        steps: of ``jaxsl.host.answer.episode.Episode.steps``.
        observed: outcomes of the targets, ``(target, output)``, whose mean is drawn; none when None.
        total: cost of the whole pool, to show shares of it.
        unit: of the outcome.
        ax: where to draw.
    """
    ax, spent = axes(ax), _spent(steps, total)
    low, high = (np.array([step.interval[end].mean() for step in steps]) for end in (0, 1))
    mean = np.array([step.median.mean() for step in steps])
    ax.fill_between(spent, low, high, color=BLUE, alpha=0.3, linewidth=0, label="interval")
    ax.plot(spent, mean, color=BLUE, marker="o", markersize=4, label="prediction")
    if observed is not None:
        ax.axhline(np.nanmean(observed), color=RED, linestyle="-.", label="came out")
    logarithmic(ax, "x")
    labels(ax, _spend_label(total), f"mean outcome over the targets ({unit or 'unit of the outcome'})")
    legend(ax)
    return ax


def r2_by_spend(
    steps: Sequence[Step], observed: np.ndarray, *, total: float | None = None, ax: Axes | None = None
) -> Axes:
    """R² on the targets against what was spent.

    Args:
        steps: of ``jaxsl.host.answer.episode.Episode.steps``.
        observed: outcomes of the targets, which the steps have not seen, ``(target, output)``.
        total: cost of the whole pool, to show shares of it.
        ax: where to draw.

    Example:
        >>> mean = np.array([[1.0], [2.0]])
        >>> step = Step(num_runs=3, spent=5.0, median=mean, interval=np.stack([mean, mean]), num_basins=1)
        >>> r2_by_spend([step], mean).lines[-1].get_ydata().tolist()
        [1.0]
    """
    ax = axes(ax)
    values = [r2(observed, step.median) for step in steps]
    ax.axhline(0, color=ink(), linewidth=0.8, linestyle="--", alpha=0.7)
    ax.plot(_spent(steps, total), values, color=BLUE, marker="o", markersize=4, clip_on=False)
    logarithmic(ax, "x")
    ax.set_ylim(min(-0.05, min(values) - 0.05), 1.02)
    labels(ax, _spend_label(total), "R² on the targets (1 is perfect, 0 is their mean)")
    return ax


def _spent(steps: Sequence[Step], total: float | None) -> np.ndarray:
    return np.array([step.spent for step in steps]) * (1.0 if total is None else 100 / total)


def _spend_label(total: float | None) -> str:
    return "spent (unit of the costs)" if total is None else "spent (% of the pool's cost)"


def _area(cost: np.ndarray) -> np.ndarray:
    """Areas of marks, linear in the logarithm of the cost; free runs count as a millionth of the dearest."""
    if cost.max() <= 0:
        return np.full(cost.shape, AREA[0])
    log = np.log(np.maximum(cost, cost.max() * 1e-6))
    return AREA[0] + np.ptp(AREA) * (log - log.min()) / max(float(np.ptp(log)), 1e-9)
