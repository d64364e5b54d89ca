"""Colours and axes that every plot shares."""

import math
import textwrap
from typing import Any

from scipy.special import ndtri

try:
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.ticker import (
        FuncFormatter,
        LogFormatterSciNotation,
        LogLocator,
        MaxNLocator,
        NullFormatter,
    )
    from matplotlib.transforms import ScaledTranslation
except ImportError as error:
    raise ImportError("plots need matplotlib: pip install 'jaxsl[plots]'") from error

# Okabe and Ito 2008, without the yellow and the black that one of the two backgrounds would swallow, and with
# a lighter blue: theirs, #0072B2, is hard to see on black.
BLUE, ORANGE, GREEN, RED, SKY, PURPLE = "#2B87C4", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
BASINS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
FEW_DECADES = 2.0  # a logarithmic axis shorter than this gets labels between its powers of ten,
NARROW = 5.0  # and one whose ends differ by a smaller factor gets them wherever they are round,
APART = 0.7  # inches from one to the next

BELOW = 0.55  # inches under the axes, where ticks and label end
COLUMN = 1.0  # inches of an entry of a legend
LETTERS = 12.0  # of a label to an inch
GREY = "#808080"  # reads on white (contrast 3.9) and on black (5.3)
TRANSPARENT = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.framealpha": 0.0,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), GREY),
    "axes.titlecolor": GREY,
    "grid.color": GREY,
}


def axes(ax: Axes | None) -> Axes:
    """The given axes, or those of a new figure; without a frame above and to the right."""
    if ax is None:
        ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")[1]
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def ink() -> str:
    """The colour of text in the present style: what black is on paper."""
    return mpl.rcParams["text.color"]


def paper(ax: Axes) -> Any:
    """The colour behind the axes, for the rims of marks; transparent where there is none."""
    return ax.get_facecolor()


def logarithmic(ax: Axes, which: str) -> None:
    """A logarithmic axis ``"x"`` or ``"y"`` with plain labels at 1, 2 and 5 where it spans few decades."""
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    axis = ax.xaxis if which == "x" else ax.yaxis
    if low > 0 and math.log10(high / low) < FEW_DECADES:
        inches = _inches(ax)[0 if which == "x" else 1]
        narrow = high / low < NARROW
        axis.set_major_locator(
            MaxNLocator(max(2, int(inches / APART)), steps=[1, 2, 5, 10])
            if narrow
            else LogLocator(subs=(1, 2, 5))
        )
        digits = max(4, 3 - math.floor(math.log10(max(high / low - 1, 1e-12))))  # that tell ticks apart
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value, digits)))
    else:
        axis.set_major_formatter(LogFormatterSciNotation())
    axis.set_minor_formatter(NullFormatter())


def half_width(level: float) -> float:
    """Half of a Gaussian's central interval of ``level`` per cent, in standard deviations.

    Example:
        >>> round(half_width(95), 2)
        1.96
    """
    return float(ndtri((1 + level / 100) / 2))


def short(value: float, digits: int = 4) -> str:
    """A tick's label: ``0.02``, ``500``, ``2e6``.

    Example:
        >>> short(0.02), short(500.0), short(2.5e6), short(123456.0, 7)
        ('0.02', '500', '2.5e6', '1.23456e5')
    """
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 2}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def legend(ax: Axes, **settings) -> None:
    """A legend without a frame, where the marks leave room."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize="small", **settings)


def legend_below(ax: Axes, handles: list[Any]) -> None:
    """A legend under the labels of the x-axis, whatever the height of the axes, as wide as there is room."""
    width, _ = _inches(ax)
    below = ax.transAxes + ScaledTranslation(0, -BELOW, ax.figure.dpi_scale_trans)
    ax.legend(
        handles=handles,
        frameon=False,
        fontsize="small",
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        borderaxespad=0,
        ncols=max(1, min(len(handles), int(width / COLUMN))),
    )


def labels(ax: Axes, x: str, y: str) -> None:
    """Labels of both axes, in as many lines as the axes are short."""
    across, up = _inches(ax)
    ax.set(xlabel=_folded(x, across), ylabel=_folded(y, up))


def _inches(ax: Axes) -> tuple[float, float]:
    """Width and height of the axes."""
    place = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return place.width, place.height


def _folded(text: str, inches: float) -> str:
    return "\n".join(textwrap.wrap(text, max(int(inches * LETTERS), 12)))
