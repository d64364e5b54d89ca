"""What a budget buys: equivalent sample size, and which sizes to train."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from jaxsl.host.allocation.report import PlanReport
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
)


def ess_by_budget(plan: PlanReport, *, unit: str = "", ax: Axes | None = None) -> Axes:
    """Test items that the best prediction for each budget is worth.

    Args:
        plan: of ``jaxsl.host.allocation.plan``, with a curve, a known line and its noise.
        unit: of the costs.
        ax: where to draw.

    Raises:
        UserError: when the plan has none, for lack of a line, its noise or a curve.
    """
    budget = np.array([step.budget for step in plan.curve])
    sizes = {"Hoeffding": [s.ess for s in plan.curve], "exact binomial": [s.exact for s in plan.curve]}
    if not any(np.isfinite(values).any() for values in sizes.values()):
        raise UserError("the plan has no ESS to draw: give plan(...) the line and sigma, and curve > 1")
    ax = axes(ax)
    for (name, values), colour, mark in zip(sizes.items(), (BLUE, ORANGE), "os", strict=True):
        if np.isfinite(values).any():
            ax.plot(budget, values, color=colour, marker=mark, markersize=4, label=name)
    logarithmic(ax, "x")
    logarithmic(ax, "y")
    ax.axvline(plan.budget, color=ink(), linewidth=0.8, linestyle=":", label="this budget")
    labels(ax, f"budget ({unit or 'unit of the costs'})", "equivalent sample size (test items)")
    legend(ax)
    return ax


def allocation(
    plan: PlanReport, *, existing: np.ndarray | None = None, unit: str = "", ax: Axes | None = None
) -> Axes:
    """How many runs of which size to train; the region to predict is shaded, runs there already are hollow.

    Args:
        plan: of ``jaxsl.host.allocation.plan``.
        existing: sizes of the runs already there, ``(run,)``.
        unit: of the size.
        ax: where to draw.

    Example:
        >>> from jaxsl.host.allocation.plan import plan
        >>> found = plan(5.44, (4, 7), "0.3*exp(x)", curve=0)
        >>> allocation(found).get_xlabel()
        'size x (unit of x)'
    """
    ax = axes(ax)
    ax.vlines(plan.x, 0, plan.count, color=BLUE, linewidth=2)
    ax.plot(plan.x, plan.count, "o", color=BLUE, markersize=8, label=f"to train: cost {plan.cost:.4g}")
    for x, count in zip(plan.x, plan.count, strict=True):
        ax.annotate(
            f"{count} at {x:.3g}",
            (x, count),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize="small",
        )
    if existing is not None and len(existing):
        sizes, counts = np.unique(np.asarray(existing, float), return_counts=True)
        ax.plot(sizes, counts, "o", color=ink(), markerfacecolor="none", markersize=8, label="there already")
    if plan.region_low == plan.region_high:
        ax.axvline(plan.region_low, color=RED, linestyle=":", label="to predict")
    else:
        ax.axvspan(plan.region_low, plan.region_high, color=RED, alpha=0.16, linewidth=0, label="to predict")
    ax.set_ylim(0, 1.25 * max(float(np.max(plan.count)), 1.0))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(x=0.08)
    labels(ax, f"size x ({unit or 'unit of x'})", "runs (number)")
    legend_below(ax, ax.get_legend_handles_labels()[0])
    return ax
