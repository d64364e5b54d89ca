"""What the commands print about several laws."""

from collections.abc import Iterable

import numpy as np
from rich.console import Console

from jaxsl.host.answer.report_several import (
    EnsembleNextReport,
    EnsemblePrediction,
    EnsembleReport,
    LeftOut,
    RankReport,
)
from jaxsl.host.show.console import console, grid, interval, number, show_notes
from jaxsl.host.show.grid import Grid

SHOWN = 3  # laws whose own predictions are printed
HOW_TO_READ = (
    "Forward RMSE is the error, on the runs nearest the target, of a fit to the others: extrapolation.\n"
    "The weight looks at that and at the evidence. Weights make the prediction, these errors its interval."
)


def show_fit_laws(report: EnsembleReport) -> None:
    """Print a fit of several laws."""
    out = console()
    out.print(f"{report.num_runs} runs, {_count(len(report.laws))}", style="bold")
    out.print()
    out.print(_laws(report))
    if report.prediction is not None:
        out.print()
        out.print("target: median and 90 % interval of all laws, then the heaviest laws alone")
        out.print(_prediction(report.prediction))
    _show_rest(out, report.left_out, report.notes)


def show_next_by_laws(report: EnsembleNextReport, unit: str) -> None:
    """Print the ranked candidates."""
    out = console()
    assert report.fit.prediction is not None
    limit = "no limit" if report.budget is None else f"at most {number(report.budget)}"
    out.print(
        f"{report.fit.num_runs} runs, {_count(len(report.fit.laws))}; {report.num_candidates} candidates for "
        f"{number(report.pool_cost)} together, {report.num_affordable} affordable ({limit})"
    )
    out.print()
    out.print(_laws(report.fit))
    out.print()
    out.print("target, before any further run: median and 90 % interval of all laws")
    out.print(_prediction(report.fit.prediction))
    out.print()
    ahead = "" if report.budget is None else "; of plans for the whole budget this power's leaves the least"
    out.print(f"next runs, best first, by (within + between) / cost^{report.cost_exponent:.1f}{ahead}")
    variance = report.within + report.between
    rows = [
        [
            str(run.row_number),
            *(number(value) for value in run.x.values()),
            *(number(value) for value in (run.cost, run.score, run.within, run.between)),
            f"{(run.within + run.between) / variance:.1%}" if variance > 0 else "-",
        ]
        for run in report.runs
    ]
    columns = [unit, *report.fit.prediction.x, "cost", "score", "within", "between", "variance falls by"]
    out.print(grid(columns, rows))
    _show_rest(out, report.fit.left_out, report.fit.notes)


def show_rank(report: RankReport) -> None:
    """Print which laws fit, extrapolate and are identified."""
    out = console()
    out.print(f"{report.num_runs} runs, {_count(len(report.laws))}", style="bold")
    out.print()
    columns = ["law", "identified", "RMSE", "forward RMSE", "weight", "log evidence"]
    rows = [
        [
            law.law,
            f"{law.num_identified} of {law.num_params}",
            number(law.rmse),
            number(law.forward_rmse),
            f"{law.weight:.3f}",
            f"{law.log_evidence:z.1f}" if np.isfinite(law.log_evidence) else "-",
        ]
        for law in report.laws
    ]
    out.print(grid(columns, rows))
    out.print(HOW_TO_READ)
    _show_rest(out, report.left_out, report.notes)


def _count(num: int) -> str:
    return f"{num} law{'s' if num > 1 else ''}"


def _laws(report: EnsembleReport) -> Grid:
    columns = ["law", "weight", "RMSE", "forward RMSE", "parameters", "basins"]
    rows = [
        [
            law.law,
            f"{law.weight:.3f}",
            number(law.rmse),
            number(law.forward_rmse),
            str(law.num_params),
            str(law.num_basins),
        ]
        for law in report.laws
    ]
    return grid(columns, rows)


def _prediction(prediction: EnsemblePrediction) -> Grid:
    num_targets, num_outputs = prediction.median.shape
    known = np.isfinite(prediction.observed).any()
    heaviest = list(prediction.by_law)[:SHOWN]
    columns = [*prediction.x, *(["output"] if num_outputs > 1 else []), "median", "90 % interval", *heaviest]
    rows = []
    for target in range(num_targets):
        for output in range(num_outputs):
            at = (target, output)
            row = [number(values[target]) for values in prediction.x.values()]
            row += [str(output + 1)] if num_outputs > 1 else []
            row += [number(prediction.median[at], 5), interval(prediction.low[at], prediction.high[at])]
            row += [number(prediction.by_law[law][at], 5) for law in heaviest]
            rows.append(row + ([number(prediction.observed[at], 5)] if known else []))
    return grid(columns + (["came out"] if known else []), rows)


def _show_rest(out: Console, left_out: Iterable[LeftOut], notes: Iterable[str]) -> None:
    """Notes, and laws left out: those that lack a column by their number, the others one by one."""
    reasons: dict[str, list[str]] = {}
    for law in left_out:
        known = "" if law.reason.startswith("no column for") else law.reason
        reasons.setdefault(known, []).append(law.law)
    lacking = reasons.pop("", [])
    for reason, laws in reasons.items():
        out.print(f"left out: {', '.join(laws)}: {reason}")
    if lacking:
        out.print(
            f"left out: {len(lacking)} laws of the catalogue whose inputs or outputs are no columns here"
        )
    show_notes(out, notes)
