"""Charts of the best sizes for more compute: how flat the loss is about each, at one cost."""

import numpy as np

from jaxsl.host.decision.report import Around, Decision, Flat, OptimalReport
from jaxsl.host.html.chart import Chart, scale
from jaxsl.host.show.console import number

SHOWN = 1  # which of the costs: ten times that of the dearest run
SIZE = 5.0  # of the marks at half and at twice the best value


def best_charts(best: OptimalReport, label: str) -> list[Chart]:
    """A chart for every free input.

    Args:
        best: of ``jaxsl.host.optimal`` with curves.
        label: of the axis of the loss.
    """
    decision = best.decisions[min(SHOWN, len(best.decisions) - 1)]
    flat = {one.input: one for one in decision.flat}
    return [_flatness(best, decision, one, flat[one.input], label) for one in decision.around]


def _flatness(best: OptimalReport, decision: Decision, around: Around, flat: Flat, label: str) -> Chart:
    """As ``jaxsl.host.plots.flatness``, with marks at half and at twice the best value."""
    found, name = decision[around.input], around.input
    title = f"the loss about the best {name} at a cost of {number(decision.budget)}, all else at its best"
    x = scale([around.value], name, margin=0.0)
    chart = Chart(title, x, scale([around.low, around.median, around.high], label, log=False))
    low, high = np.clip([flat.low, flat.high], around.value[0], around.value[-1])
    chart.span(low, high, "0.5 % more compute is as good")
    if np.isfinite(around.low).any():
        chart.band(around.value, around.low, around.high, "curve", f"{best.level:g} % of the curve")
    chart.line(around.value, around.median, "fit", ", ".join(best.laws))

    def loss(values: np.ndarray) -> np.ndarray:
        return np.interp(np.log(values), np.log(around.value), around.median, left=np.nan, right=np.nan)

    off, times = found.median * np.array([0.5, 2.0]), (flat.halving, flat.doubling)
    told = [
        f"{word} the best {name}: {number(value)}\nas good for {number(cost, 3)} times the compute"
        for word, value, cost in zip(("half", "twice"), off, times, strict=True)
    ]
    costs = " and ".join(f"{number(cost, 3)} x" for cost in times)
    legend = f"half and twice of it: as good for {costs} the compute"
    chart.points(off, loss(off), "optimum", legend, told, ["", ""], SIZE)
    ends = f"best {name} = {number(found.median)} [{number(found.low)}, {number(found.high)}]"
    middle = np.array([found.median])
    chart.points(middle, loss(middle), "target", f"best {name}", [ends], [""])
    return chart
