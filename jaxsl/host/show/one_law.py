"""What the commands print about one law."""

import numpy as np

from jaxsl.host.answer.report import BasinReport, FitReport, NextReport, Prediction
from jaxsl.host.show.console import console, grid, interval, number, show_notes
from jaxsl.host.show.grid import Grid


def show_fit(report: FitReport, formula: str, unit: str) -> None:
    """Print a fit."""
    out = console()
    out.print(f"{report.law}: {formula}", style="bold")
    out.print(
        f"{report.num_runs} runs; of {report.num_starts} starts {report.num_converged} converged "
        f"and {report.num_best} came within 1 % of the best loss"
    )
    for index, basin in enumerate(report.basins):
        out.print()
        out.print(
            f"basin {index + 1} of {len(report.basins)}: weight {basin.weight:.3f}, "
            f"RMSE {number(basin.rmse)}, {basin.num_optima} optima"
        )
        out.print(_basin(basin))
    found = report.residuals
    out.print()
    out.print(
        f"residuals: RMSE {number(found.rmse)}, R² {number(found.r2)}, largest {number(found.worst)} "
        f"in {unit} {found.worst_row}; noise: standard deviation {number(report.noise)}"
    )
    if report.prediction is not None:
        out.print()
        out.print("target")
        out.print(_prediction(report.prediction))
        if np.isfinite(report.prediction.r2):
            out.print(f"R² on the targets: {number(report.prediction.r2)}")
    show_notes(out, report.notes)


def show_next(report: NextReport, unit: str) -> None:
    """Print the ranked candidates."""
    out = console()
    prediction = report.fit.prediction
    assert prediction is not None
    limit = "no limit" if report.budget is None else f"at most {number(report.budget)} each"
    out.print(
        f"{report.fit.law}, {report.fit.num_runs} runs; {report.num_candidates} candidates for "
        f"{number(report.pool_cost)} together, {report.num_affordable} affordable ({limit})"
    )
    out.print()
    out.print("target, before any further run")
    out.print(_prediction(prediction))
    out.print()
    out.print("next runs, best first")
    out.print(_candidates(report, prediction, unit))
    show_notes(out, report.fit.notes)


def _basin(basin: BasinReport) -> Grid:
    rows = (
        (
            parameter.name,
            number(parameter.value),
            interval(parameter.low, parameter.high),
            f"{max(parameter.told, 0):.0%}",
            f"at its {parameter.bound} bound" if parameter.bound else "",
        )
        for parameter in basin.parameters
    )
    return grid(("parameter", "value", "95 % interval", "told", ""), rows, left=(0, 4))


def _prediction(prediction: Prediction) -> Grid:
    known = np.isfinite(prediction.observed).any()
    num_outputs = prediction.mean.shape[1]
    columns = [*prediction.x, *(["output"] if num_outputs > 1 else []), "prediction", "95 % interval"]
    columns += ["within", "between", *(["came out"] if known else [])]
    rows = []
    for target in range(len(prediction.mean)):
        for output in range(num_outputs):
            at = (target, output)
            row = [number(values[target]) for values in prediction.x.values()]
            row += [str(output + 1)] if num_outputs > 1 else []
            row += [number(prediction.mean[at], 5), interval(prediction.low[at], prediction.high[at])]
            row += [number(prediction.within[at], 3), number(prediction.between[at], 3)]
            rows.append(row + ([number(prediction.observed[at], 5)] if known else []))
    return grid(columns, rows)


def _candidates(report: NextReport, now: Prediction, unit: str) -> Grid:
    variance = report.within + report.between
    single = now.mean.size == 1
    shown = "interval" if single else "mean width of interval"
    columns = [
        unit,
        *now.x,
        "cost",
        "score",
        "within",
        "between",
        "variance falls by",
        f"{shown} now",
        "after",
    ]
    rows = []
    for run in report.runs:
        rows.append(
            [
                str(run.row_number),
                *(number(value) for value in run.x.values()),
                *(number(value) for value in (run.cost, run.score, run.within, run.between)),
                f"{(run.within + run.between) / variance:.1%}" if variance > 0 else "-",
                *(
                    interval(low.item(), high.item()) if single else number(float(np.mean(high - low)))
                    for low, high in ((now.low, now.high), (run.low, run.high))
                ),
            ]
        )
    return grid(columns, rows)
