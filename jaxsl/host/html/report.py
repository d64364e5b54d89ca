"""One HTML file for people: what was run, what it predicts, what to run next, how far to trust it.

The file needs no network and no other file. Text from tables is escaped by the template engine, whatever it
holds; numbers carry their full value (``<data value="...">``), and the whole answer lies in the page as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.host.answer.flat_directions import flat_directions
from jaxsl.host.answer.plot_data import View
from jaxsl.host.answer.provenance import Provenance
from jaxsl.host.answer.report import FitReport, NextReport, Report, plain
from jaxsl.host.compiled import compiled
from jaxsl.host.html.display import environment
from jaxsl.host.html.report_charts import charts, run_key, telling_labels
from jaxsl.host.programs.packing import pack_observations
from jaxsl.identify import Identification, identify
from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.precision import double_precision, to_numpy

MOST_ROWS = 500  # rows of the table of runs


@dataclass(frozen=True)
class ReportData(Report):
    """What the HTML report says, for JSON.

    Attributes:
        fit: the fit, with the prediction.
        choice: the best candidates, ``None`` without target, cost or candidates.
        flat: directions in the parameters that the runs leave open, in words.
        calibration: share of runs inside their 95 % interval, each as if left out.
        provenance: where all this comes from.
    """

    fit: FitReport
    choice: NextReport | None
    flat: tuple[str, ...]
    calibration: float
    provenance: Provenance


def report_data(view: View, provenance: Provenance, count: int = 5) -> ReportData:
    """What the report will say, with the ``count`` best candidates."""
    choice = None if view.choice is None else replace(view.choice, runs=view.choice.runs[:count])
    return ReportData(
        fit=view.fit,
        choice=choice,
        flat=_flat(view),
        calibration=float(np.mean(np.abs(view.score) <= 1.96)),
        provenance=provenance,
    )


def html_report(view: View, data: ReportData) -> str:
    """The page.

    Args:
        view: what is drawn.
        data: what is said, from ``report_data``.
    """
    inside = None
    if view.fit.prediction is not None:
        observed = view.fit.prediction.observed
        known = np.isfinite(observed)
        if known.any():
            within = (view.fit.prediction.low <= observed) & (observed <= view.fit.prediction.high)
            inside = f"{int(within[known].sum())} of {int(known.sum())}"
    return (
        environment()
        .get_template("report.html")
        .render(
            view=view,
            data=data,
            law=view.law,
            unit=view.problem.unit,
            charts=charts(view),
            runs=_runs(view),
            labels=telling_labels(view),
            num_hidden=max(len(view.seen.x) - MOST_ROWS, 0),
            inside=inside,
            json=plain(data),
        )
    )


@compiled
def _identify(law: Law, observations: Observations, theta: jax.Array, noise: jax.Array) -> Identification:
    return identify(law, observations, theta, noise)


def _flat(view: View) -> tuple[str, ...]:
    basins = view.now.belief.basins[0]
    with double_precision():
        observations = pack_observations(view.seen.x, view.seen.y)
        theta, noise = jnp.asarray(basins.theta[0]), jnp.asarray(basins.noise)
        found = to_numpy(_identify(view.law, observations, theta, noise))
    return flat_directions(view.law, found)


def _runs(view: View) -> list[Mapping[str, Any]]:
    """Rows of the table of runs."""
    seen = view.seen
    return [
        {
            "key": run_key(seen.row_numbers[row]),
            "row_number": int(seen.row_numbers[row]),
            "x": seen.x[row],
            "y": seen.y[row],
            "fitted": view.fitted[row],
            "score": view.score[row],
            "cost": seen.cost[row],
            "labels": [str(seen.labels[name][row]) for name in telling_labels(view)],
        }
        for row in range(min(len(seen.x), MOST_ROWS))
    ]
