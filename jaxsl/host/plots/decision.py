"""The best sizes for every budget, how flat the loss is about them, and the parabolas of IsoFLOP."""

import numpy as np
from matplotlib import colormaps

from jaxsl.host.decision.report import IsoflopReport, OptimalReport
from jaxsl.host.errors import UserError
from jaxsl.host.plots.style import (
    BLUE,
    ORANGE,
    RED,
    Axes,
    axes,
    ink,
    labels,
    legend,
    legend_below,
    logarithmic,
    short,
)

POINTS = 60  # of a parabola
BEYOND = 1.3  # times the sizes of its runs, how far a parabola is drawn
SHOWN = (0.1, 0.85)  # of viridis: neither end disappears into a dark or a white background


def frontier(report: OptimalReport, of: str = "N", *, unit: str = "", ax: Axes | None = None) -> Axes:
    """What is best at every cost, with its interval: an input, ``"D/N"``, or the least ``"loss"``.

    Args:
        report: of ``jaxsl.host.optimal``, with two budgets or more.
        of: the name of an estimate.
        unit: of the cost.
        ax: where to draw.

    Raises:
        UserError: when there is no such estimate, or one budget alone.

    Example:
        >>> from jaxsl.host.decision.optimal import optimal
        >>> found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=[1e20, 1e22, 1e24])
        >>> frontier(found, "D/N").get_ylabel()
        'tokens per parameter'
    """
    names = [one.name for one in report.decisions[0].estimates]
    if of not in names:
        raise UserError(f"frontier of {of!r}: name one of {', '.join(names)}")
    if len(report.decisions) < 2:
        raise UserError("a frontier needs two budgets or more; give optimal(...) several")
    ax, found = axes(ax), [decision[of] for decision in report.decisions]
    cost = np.array([decision.budget for decision in report.decisions])
    low, median, high = (np.array([getattr(one, end) for one in found]) for end in ("low", "median", "high"))
    if np.isfinite(low).any():
        band = f"{report.level:g} % interval"
        ax.fill_between(cost, low, high, color=BLUE, alpha=0.3, linewidth=0, label=band)
    ax.plot(cost, median, color=BLUE, marker="o", markersize=4, label=", ".join(report.laws))
    logarithmic(ax, "x")
    if of != "loss":
        logarithmic(ax, "y")
    told = {"loss": "least loss", "D/N": "tokens per parameter"}
    labels(ax, f"cost {report.cost} ({unit or 'its unit'})", told.get(of, f"best {of}"))
    legend(ax)
    return ax


def flatness(
    report: OptimalReport,
    of: str = "N",
    *,
    budget: float | None = None,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """The loss at a cost about the best value of an input, and where half a per cent more compute is as good.

    Args:
        report: of ``jaxsl.host.optimal`` with ``curves=True``.
        of: the name of an input.
        budget: which cost; by default the largest.
        unit: of the loss.
        ax: where to draw.

    Raises:
        UserError: when the report has no such input, cost, or no curves.

    Example:
        >>> from jaxsl.host.decision.optimal import optimal
        >>> found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=1e22, curves=True)
        >>> flatness(found).get_xlabel()
        'N at a cost 6*N*D of 1e22'
    """
    decision = report.decisions[-1]
    if budget is not None:
        near = [one for one in report.decisions if np.isclose(one.budget, budget)]
        if not near:
            costs = ", ".join(short(one.budget) for one in report.decisions)
            raise UserError(f"flatness at {budget:g}: the report has {costs}")
        decision = near[0]
    found = next((one for one in decision.around if one.input == of), None)
    if found is None:
        names = ", ".join(one.input for one in decision.around)
        raise UserError(
            f"flatness of {of!r}: name one of {names}"
            if names
            else "give optimal(...) curves=True for this plot"
        )
    ax, best = axes(ax), decision[of]
    flat = next(one for one in decision.flat if one.input == of)
    if np.isfinite(found.low).any():
        band = f"{report.level:g} % interval"
        ax.fill_between(found.value, found.low, found.high, color=BLUE, alpha=0.3, linewidth=0, label=band)
    ax.plot(found.value, found.median, color=BLUE, label=", ".join(report.laws))
    ax.axvspan(
        flat.low, flat.high, color=ORANGE, alpha=0.25, linewidth=0, label="0.5 % more compute is as good"
    )
    if np.isfinite(best.low):
        ends = [[best.median - best.low], [best.high - best.median]]
        ax.errorbar(best.median, decision["loss"].median, xerr=ends, color=RED, capsize=3, linewidth=1.2)
    ax.plot(best.median, decision["loss"].median, "D", color=RED, markersize=5, label=f"best {of}")
    ax.set_xlim(found.value[0], found.value[-1])
    logarithmic(ax, "x")
    labels(ax, f"{of} at a cost {report.cost} of {short(decision.budget)}", f"loss ({unit or 'its unit'})")
    legend(ax)
    return ax


def isoflop_curves(report: IsoflopReport, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """The runs of every budget and the parabola through them; its minimum beside that of the laws.

    Args:
        report: of ``jaxsl.host.isoflop``.
        unit: of the outcome.
        ax: where to draw.
    """
    ax = axes(ax)
    shades = colormaps["viridis"](np.linspace(*SHOWN, len(report.groups)))
    lowest = min(group.outcome.min() for group in report.groups)
    for group, shade in zip(report.groups, shades, strict=True):
        ax.plot(
            group.size, group.outcome, "o", color=shade, markersize=4, label=f"cost {short(group.budget, 3)}"
        )
        ax.vlines(group.law.median, lowest, group.outcome.min(), color=ink(), linewidth=0.8, linestyle=":")
        if group.refused:
            continue
        size = np.geomspace(group.size.min() / BEYOND, group.size.max() * BEYOND, POINTS)
        away = np.log(size / group.best.median)
        ax.plot(size, group.loss.median + group.bend * away**2, color=shade, linewidth=1.2)
        ax.plot(group.best.median, group.loss.median, "D", color=RED, markersize=5)
    ax.plot([], [], "D", color=RED, markersize=5, label="minimum")
    ax.plot([], [], color=ink(), linewidth=0.8, linestyle=":", label=f"best by {', '.join(report.laws)}")
    logarithmic(ax, "x")
    labels(ax, report.size, f"outcome ({unit or 'its unit'})")
    legend_below(ax, ax.get_legend_handles_labels()[0])
    return ax
