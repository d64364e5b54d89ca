"""Whether the rest of the budget is worth spending: a curve, stop rules, and one line.

All of it is expectation under what is believed: of the laws, of what they are wrong by, and of bad runs.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from jaxsl import ess
from jaxsl.host.answer.report import Report
from jaxsl.host.show.console import number
from jaxsl.host.study.answers import Forecast, Outlook
from jaxsl.host.study.ledger import Ledger
from jaxsl.host.study.stop_rules import Stop
from jaxsl.precision import double_precision

if TYPE_CHECKING:
    from jaxsl.host.study.advisor import Advisor

HARDLY = 0.01  # share by which an interval must narrow for a purchase to be called worth it without a price


@dataclass(frozen=True)
class Worth(Report):
    """What further spend is expected to bring.

    Attributes:
        spend: cumulated expected cost, 0 and then after each of the next runs, ``(point,)``.
        width: expected mean width of the targets' intervals, ``(point,)``; the first point counts the
            pending runs in.
        now: the width now.
        ess: equivalent sample size now; not a number where no rule asks for it.
        reason: why the study should stop; empty when it should go on.
        line: is it worth it, in one line.
    """

    spend: np.ndarray
    width: np.ndarray
    now: float
    ess: float
    reason: str
    line: str


def worth_of(ledger: Ledger, advisor: "Advisor") -> Worth | None:
    """Weigh the rest of a study's budget; None before its first result, and where it has no target."""
    if "aim" in ledger.settings:
        return None
    forecast, outlook = advisor.forecast(ledger), advisor.outlook(ledger)
    if forecast is None or outlook is None:
        return None
    return assess(forecast, outlook, Stop(**ledger.settings["stop"]))


def assess(forecast: Forecast, outlook: Outlook, stop: Stop) -> Worth:
    """Weigh the rest of the budget."""
    base = outlook.variance if math.isfinite(outlook.variance) else forecast.variance
    falls = np.cumsum([0.0, *(run.fall for run in outlook.runs)])
    spend = np.cumsum([0.0, *(run.cost for run in outlook.runs)])
    width = np.array([forecast.width_at(base - fall) for fall in falls])
    single = width[0] - np.array([forecast.width_at(base - fall) for fall in outlook.fall])
    size = equivalent_size(forecast, stop) if stop.ess is not None else math.nan
    reason = _reason(forecast, stop, size, spend, width, single, outlook.cost)
    return Worth(spend, width, forecast.width, size, reason, _line(stop, reason, spend, width))


def equivalent_size(forecast: Forecast, stop: Stop) -> float:
    """Test items that the widest of the targets' intervals is worth."""
    with double_precision():
        length = jnp.asarray(np.max(forecast.prediction.high - forecast.prediction.low))
        if stop.item_sd is None:
            return float(ess.hoeffding(length))
        return float(ess.gaussian(length, jnp.asarray(stop.item_sd)))


def _reason(
    forecast: Forecast,
    stop: Stop,
    size: float,
    spend: np.ndarray,
    width: np.ndarray,
    single: np.ndarray,
    cost: np.ndarray,
) -> str:
    if stop.width is not None and forecast.width <= stop.width:
        return f"the interval, {number(forecast.width, 3)} wide, is within --width {stop.width:g}"
    if stop.ess is not None and size >= stop.ess:
        return f"the prediction is worth {number(size, 3)} test items, at least --ess {stop.ess:g}"
    if not single.size:
        return ""
    best = float(single.max())
    if stop.gain is not None and best < stop.gain * width[0]:
        share = best / width[0]
        return f"no run is expected to narrow the interval by --gain {stop.gain:g} (at most {share:.2%})"
    if stop.price is not None:
        return not_worth(stop.price, width[0] - width[1:], spend[1:], single, cost)
    return ""


def not_worth(
    price: float, together: np.ndarray, spend: np.ndarray, single: np.ndarray, cost: np.ndarray
) -> str:
    """Why to stop when what is gained by one is worth ``price``; empty where some purchase is worth it.

    Args:
        price: in the unit of the costs.
        together, spend: what the next runs gain and cost in all, after each of them, ``(run,)``.
        single, cost: what every candidate gains and costs alone, ``(candidate,)``.

    Example:
        >>> import numpy as np
        >>> none = np.array([])
        >>> not_worth(10.0, none, none, np.array([0.1, 0.3]), np.array([2.0, 2.0]))
        ''
        >>> not_worth(5.0, none, none, np.array([0.1, 0.3]), np.array([2.0, 2.0]))
        'no run is worth its cost at --price 5'
    """
    best = max(
        np.max(price * together - spend, initial=-np.inf), np.max(price * single - cost, initial=-np.inf)
    )
    return "" if best > 0 else f"no run is worth its cost at --price {price:g}"


def _line(stop: Stop, reason: str, spend: np.ndarray, width: np.ndarray) -> str:
    if len(spend) == 1:
        return f"nothing more can be bought{': ' + reason if reason else ''}"
    narrower = 1 - width[-1] / width[0]
    runs = f"{len(spend) - 1} runs" if len(spend) > 2 else "run"
    what = (
        f"the next {runs} for {number(spend[-1], 3)} would narrow the interval from {number(width[0], 3)} "
        f"to an expected {number(width[-1], 3)} (-{narrower:.0%})"
    )
    if reason:
        return f"not worth it, {reason}; {what}"
    if stop.price is not None:
        best = int(np.argmax(stop.price * (width[0] - width) - spend))
        return f"worth it: {what}; the best stop is after {best or 'one'}"
    return f"{'worth it' if narrower >= HARDLY else 'hardly worth it'}: {what}"
