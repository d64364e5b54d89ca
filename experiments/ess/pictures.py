"""Pictures of the figures; matplotlib is imported only here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsl.host.errors import UserError

COLUMNS = 4
COLORS = {"Base": "tab:blue", "Optimal": "tab:orange", "Eq. 3": "tab:green", "Oracle": "black"}


def axes(titles: tuple[str, ...], width: float = 3.6, height: float = 3.0) -> tuple[Any, list[Any]]:
    """A figure with one panel for each title, ``COLUMNS`` in a row."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError(
            "pictures need matplotlib: pip install 'jaxsl[plots]', or pass --no-picture"
        ) from None
    columns = min(len(titles), COLUMNS)
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for panel in panels[len(titles) :]:
        panel.set_axis_off()
    panels = panels[: len(titles)]
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title)
    return figure, panels


def boxes(panel: Any, x: np.ndarray, values: dict[str, np.ndarray]) -> None:
    """Boxes ``(replicate, size)`` of every method side by side."""
    for i, (name, table) in enumerate(values.items()):
        shift = (i - (len(values) - 1) / 2) * 0.18
        drawn = panel.boxplot(
            list(table.T),
            positions=x + shift,
            widths=0.15,
            patch_artist=True,
            manage_ticks=False,
            flierprops={"marker": ".", "markersize": 3, "markerfacecolor": "grey", "markeredgewidth": 0},
        )
        for part in drawn["boxes"]:
            part.set_facecolor(COLORS[name])
        for part in drawn["medians"]:
            part.set_color("white")
        drawn["boxes"][0].set_label(name)


def save(figure: Any, path: Path, facts: Mapping[str, str]) -> None:
    """Write a PNG that holds how it was made as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={key.capitalize(): value for key, value in facts.items()})
