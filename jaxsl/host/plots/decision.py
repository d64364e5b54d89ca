"""The best sizes for every budget, and the parabolas of IsoFLOP."""

import numpy as np
from matplotlib import colormaps

from jaxsl.host.decision.report import IsoflopReport, OptimalReport
from jaxsl.host.errors import UserError
from jaxsl.host.plots.style import (
    BLUE,
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
