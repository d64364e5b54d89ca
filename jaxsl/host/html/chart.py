"""Charts of the HTML report: from numbers to places on a page, drawn as SVG by ``templates/chart.svg``.

Every mark has a text that appears when it is pointed at; marks of one run share a key, so that the page can
show the run in all charts at once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxsl.host.answer.thinning import MOST_DRAWN

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 46
MOST_TICKS = 6
HARDLY = 1e-3  # values that differ by a smaller share are drawn as the same


@dataclass(frozen=True)
class Scale:
    """An axis: ``low`` and ``high`` at its ends, logarithmic or not."""

    low: float
    high: float
    log: bool
    label: str

    def share(self, values: np.ndarray) -> np.ndarray:
        """Places along the axis, 0 at its start and 1 at its end."""
        values = np.asarray(values, float)
        if self.log:
            values, low, high = np.log(values), math.log(self.low), math.log(self.high)
        else:
            low, high = self.low, self.high
        return (values - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values inside the axis and their labels: at most seven."""
        values = self._decades() if self.log else []
        if len(values) < 3:
            step = 10.0 ** math.floor(math.log10((self.high - self.low) / 2))
            step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (m * step) <= MOST_TICKS)
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            values = [float(f"{i * step:.12g}") for i in range(first, last + 1)]
        # As few digits as tell neighbours apart.
        digits = next(
            (d for d in range(4, 14) if len({tick(value, d) for value in values}) == len(values)), 14
        )
        return [(value, tick(value, digits)) for value in values]

    def _decades(self) -> list[float]:
        """Powers of ten, with values between them where they are few."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        values: list[float] = []
        for steps in ((1,), (1, 3), (1, 2, 5)):
            values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
            values = [value for value in values if self.low <= value <= self.high]
            if len(values) >= 3:
                break
        return values[:: math.ceil(len(values) / MOST_TICKS) or 1]


def scale(values: Sequence[np.ndarray], label: str, log: bool | None = None, margin: float = 0.06) -> Scale:
    """An axis that holds all the values, with room at its ends; logarithmic if all are positive.

    Example:
        >>> [label for _, label in scale([np.array([1.0, 1000.0])], "N").ticks()]
        ['1', '10', '100', '1000']
    """
    everything = np.concatenate([np.ravel(value) for value in values])
    everything = everything[np.isfinite(everything)]
    if not everything.size:
        return Scale(0.0, 1.0, False, label)
    low, high = float(everything.min()), float(everything.max())
    log = low > 0 if log is None else log and low > 0
    if log:
        room = max((high / low) ** margin, 1.02)
        return Scale(low / room, high * room, True, label)
    apart = high - low > HARDLY * abs(high)
    room = margin * (high - low) if apart else 0.05 * abs(high) or 1.0
    return Scale(low - room, high + room, False, label)


def tick(value: float, digits: int = 4) -> str:
    """A label of an axis: ``0.02``, ``500``, ``2e6``.

    Example:
        >>> tick(0.02), tick(500.0), tick(2.5e6), tick(123456.0, 7)
        ('0.02', '500', '2.5e6', '1.23456e5')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 2}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


@dataclass(frozen=True)
class Mark:
    """One mark: its place in pixels, the style class, its radius, what it says, and the key of its run."""

    x: float
    y: float
    style: str
    radius: float
    text: str
    key: str
    shade: float


@dataclass
class Chart:
    """A chart in the making.

    Attributes:
        title: what it shows.
        x, y: its axes.
        bands, lines: polygons and lines as SVG points with a style class.
        spans: shaded ranges of x, ``(left, width)`` in pixels.
        rules: horizontal lines, at pixels.
        marks: later ones on top.
        legend: names by style class.
    """

    title: str
    x: Scale
    y: Scale
    bands: list[tuple[str, str]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)
    rules: list[float] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    legend: dict[str, str] = field(default_factory=dict)

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM

    def across(self, values: np.ndarray) -> np.ndarray:
        """Pixels of values of x."""
        return np.round(self.left + (self.right - self.left) * self.x.share(values), 2)

    def up(self, values: np.ndarray) -> np.ndarray:
        """Pixels of values of y."""
        return np.round(self.bottom - (self.bottom - self.top) * self.y.share(values), 2)

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray, style: str, name: str) -> None:
        """Shade between two curves."""
        x, low, high = (values[np.isfinite(low + high)] for values in (x, low, high))
        edge = [*zip(self.across(x), self.up(low), strict=True)]
        edge += zip(self.across(x)[::-1], self.up(high)[::-1], strict=True)
        self.bands.append((style, _points(edge)))
        self.legend[style] = name

    def line(self, x: np.ndarray, y: np.ndarray, style: str, name: str) -> None:
        """Draw a curve."""
        known = np.isfinite(y)
        self.lines.append((style, _points(zip(self.across(x[known]), self.up(y[known]), strict=True))))
        self.legend[style] = name

    def span(self, low: float, high: float, name: str) -> None:
        """Shade a range of x; a single value is a thin line."""
        left, right = (float(self.across(np.array(end))) for end in (low, high))
        self.spans.append((left - 1 if right - left < 2 else left, max(right - left, 2.0)))
        self.legend["span"] = name

    def rule(self, y: float) -> None:
        """A horizontal line."""
        self.rules.append(float(self.up(np.array(y))))

    def points(
        self,
        x: np.ndarray,
        y: np.ndarray,
        style: str,
        name: str,
        texts: Sequence[str],
        keys: Sequence[str],
        radius: np.ndarray | float = 4.0,
        shade: np.ndarray | float = 1.0,
    ) -> None:
        """Draw marks; ``shade`` between 0 and 1 is their strength. Marks without a place are left out.

        Of more than ``MOST_DRAWN`` an even sample is drawn, and the legend says so.
        """
        across, up, size, strength = np.broadcast_arrays(self.across(x), self.up(y), radius, shade)
        known = np.flatnonzero(np.isfinite(across) & np.isfinite(up))
        drawn = known
        if len(known) > MOST_DRAWN:
            drawn = known[np.round(np.linspace(0, len(known) - 1, MOST_DRAWN)).astype(int)]
            name = f"{name} ({MOST_DRAWN:,} of {len(known):,})"
        for i in drawn.tolist():
            place = float(across[i]), float(up[i])
            self.marks.append(
                Mark(*place, style, float(size[i]), texts[i], keys[i], round(float(strength[i]), 3))
            )
            self.legend[style] = name

    @property
    def x_ticks(self) -> list[tuple[float, str]]:
        """Pixels and labels of the ticks of x."""
        return [(float(self.across(np.array(value))), label) for value, label in self.x.ticks()]

    @property
    def y_ticks(self) -> list[tuple[float, str]]:
        """Pixels and labels of the ticks of y."""
        return [(float(self.up(np.array(value))), label) for value, label in self.y.ticks()]


def _points(pairs) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in pairs)
