"""One HTML file for people: what was run, what it predicts, what to run next, how far to trust it.

The file needs no network and no other file. Text from tables is escaped by the template engine, whatever it
holds; numbers carry their full value (``<data value="...">``), and the whole answer lies in the page as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.host.answer.fit_options import PLAIN, How, split
from jaxsl.host.answer.fit_report import FitReport, NextReport, Prediction
from jaxsl.host.answer.flat_directions import flat_directions
from jaxsl.host.answer.plot_data import View, view
from jaxsl.host.answer.provenance import Provenance, provenance
from jaxsl.host.answer.report import Report, plain
from jaxsl.host.answer.thinning import MOST_DRAWN
from jaxsl.host.answer.which_laws import Laws, resolved, run_table
from jaxsl.host.compiled import compiled
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.decision.report import OptimalReport
from jaxsl.host.errors import UserError
from jaxsl.host.html.display import environment
from jaxsl.host.html.report_best import best_charts
from jaxsl.host.html.report_charts import charts, run_key, telling_labels
from jaxsl.host.html.report_study import study_compared, study_view
from jaxsl.host.input.expression import parse
from jaxsl.host.input.files import input_files
from jaxsl.host.input.intervals import LEVEL
from jaxsl.host.input.table import Table
from jaxsl.host.programs.packing import pack_observations
from jaxsl.host.study import Study
from jaxsl.host.study.answers import Compared
from jaxsl.host.writing import check_output, is_journal, write_text
from jaxsl.identify import Identification, identify
from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.precision import double_precision, to_numpy

MOST_ROWS = 500  # rows of the table of runs
FURTHER = (1.0, 10.0, 100.0)  # times the dearest run, for which the best sizes are told


@dataclass(frozen=True)
class ReportData(Report):
    """What the HTML report says, for JSON.

    Attributes:
        fit: the fit. prediction: the same as in it.
        choice: the best candidates, ``None`` without target, cost or candidates.
        flat: directions in the parameters of the heaviest law that the runs leave open, in words.
        best: the best sizes at the cost of the dearest run, ten and a hundred times that; ``None`` where the
            cost is no arithmetic on two inputs of the law or more, or there is no best.
        compared: the recipes of a study that compares several.
        calibration: share of runs inside their interval of ``level`` per cent, each as if left out.
        provenance: where all this comes from.
    """

    fit: FitReport
    prediction: Prediction | None
    choice: NextReport | None
    flat: tuple[str, ...]
    best: OptimalReport | None
    calibration: float
    level: float
    provenance: Provenance
    compared: Compared | None = None


def report(
    source: Any,
    law: Laws | None = None,
    *,
    target: Any = None,
    map: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    budget: float | None = None,
    max_cost: float | None = None,
    count: int = 5,
    level: float = LEVEL,
    of: str = "outcome",
    seed: int = 0,
    units: Mapping[str, str] | None = None,
    output: str | Path = "report.html",
    force: bool = False,
    **how: Unpack[How],
) -> ReportData:
    """Write one HTML file: what was run, what it predicts, what to run next, how far to trust it.

    Args:
        source: a table of runs; or a study's journal, which knows its law and all else.
        law, target, map, cost, outcome, budget, max_cost, level, of, seed, how: as in
            ``jaxsl.host.next_runs``.
        count: how many candidates are listed.
        units: of inputs, outputs and ``cost``, by name, for the axes.
        output: the file to write. force: whether one that exists may be replaced; an input never is.

    Raises:
        UserError: for anything that cannot be used as it stands; nothing is written then.
    """
    study = Study(str(source)) if isinstance(source, str | Path) and is_journal(source) else None
    files = input_files(source) if study is None else study.files
    given = [*files, *_listed(target), *_listed(law)]
    check_output(output, given, force)
    most = max(MOST_DRAWN, 2 * count)  # half of them are the best
    if study is not None:
        seen, table, settings = study_view(study, units or {}, most)
        best, compared = None, study_compared(study)
    else:
        if law is None:
            raise UserError("a table of runs needs a law; `jaxsl laws` lists them")
        laws = resolved(law)
        reading, options = split(how)
        table = run_table(source, laws, map, outcome, **reading)
        seen = view(
            table,
            laws,
            target=target,
            map=map,
            cost=cost,
            outcome=outcome,
            budget=budget,
            max_cost=max_cost,
            level=level,
            of=of,
            seed=seed,
            units=units,
            most=most,
            **how,
        )
        settings = {
            "target": "; ".join(str(item) for item in _listed(target)),
            "cost": cost,
            "budget": budget,
            "max-cost": max_cost,
            "columns": ", ".join(f"{name}={column}" for name, column in (map or {}).items()),
            "outcome": outcome,
            "level": level,
            "of": of,
            "seed": seed,
            **{name.replace("_", "-"): value for name, value in reading.items()},
            **options.said(),
        }
        settings = {name: value for name, value in settings.items() if value not in (None, "")}
        best = compared = None
        if cost is not None and options == PLAIN and decides(cost, seen.law):
            best = _best(table, laws, cost, seen, map=map, outcome=outcome, level=level, seed=seed)
    data = report_data(seen, provenance(table, seen.answer.found.laws, settings), count, best)
    data = replace(data, compared=compared)
    write_text(output, html_report(seen, data), given, force)
    return data


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def decides(cost: str, law: Law) -> bool:
    """Whether a cost is arithmetic on two inputs of a law or more, and no other names.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> decides("6*N*D", CHINCHILLA), decides("6*N", CHINCHILLA), decides("gpu hours", CHINCHILLA)
        (True, False, False)
    """
    try:
        names = set(parse(cost).names)
    except UserError:  # a column whose name is no arithmetic
        return False
    return len(names) > 1 and names <= set(law.inputs)


def _best(table: Table, laws: Laws, cost: str, seen: View, **options: Any) -> OptimalReport | None:
    """The best sizes beyond the dearest run; None where there are none."""
    dearest = float(np.nanmax(seen.seen.cost))
    try:
        budgets = [dearest * times for times in FURTHER]
        return optimal(table, laws, cost=cost, budget=budgets, curves=True, **options)
    except UserError:  # the loss gets better without end
        return None


def report_data(
    view: View, made: Provenance, count: int = 5, best: OptimalReport | None = None
) -> ReportData:
    """What the report will say, with the ``count`` best candidates and the best sizes, if there are any."""
    choice = None if view.choice is None else replace(view.choice, runs=view.choice.runs[:count])
    return ReportData(
        fit=view.fit,
        prediction=view.fit.prediction,
        choice=choice,
        flat=_flat(view),
        best=best,
        calibration=float(np.mean(np.abs(view.left_out) <= NormalDist().inv_cdf((1 + view.level / 100) / 2))),
        level=view.level,
        provenance=made,
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
            charts=charts(view) | {"best": best_charts(data.best, _loss_label(view)) if data.best else []},
            runs=_runs(view),
            labels=telling_labels(view),
            num_hidden=max(len(view.seen.x) - MOST_ROWS, 0),
            inside=inside,
            json=plain(data),
        )
    )


def _loss_label(view: View) -> str:
    """What is least: an output, or the mean of several."""
    names = [view.labels[name] for name in view.law.outputs]
    return names[0] if len(names) == 1 else f"mean of {', '.join(names)}"


@compiled
def _identify(law: Law, observations: Observations, theta: jax.Array, noise: jax.Array) -> Identification:
    return identify(law, observations, theta, noise)


def _flat(view: View) -> tuple[str, ...]:
    basins = view.lesson.learned.basins
    with double_precision():
        observations = pack_observations(view.seen.x, view.answer.found.outcomes, view.seen.weight)
        theta, noise = jnp.asarray(basins.theta[0]), jnp.asarray(basins.noise)
        found = to_numpy(_identify(view.best, observations, theta, noise))
    return flat_directions(view.best, found)


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
