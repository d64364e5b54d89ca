"""What ``jaxsl predict`` and ``jaxsl compare`` print."""

from dataclasses import replace

import numpy as np

from jaxsl.host.answer.compare import CompareReport
from jaxsl.host.answer.fit_report import Prediction
from jaxsl.host.answer.predict import PredictReport
from jaxsl.host.show.answers import predictions
from jaxsl.host.show.console import console, grid, number, show_notes
from jaxsl.host.show.grid import Grid

HOW_TO_READ = (
    "Bias is the mean of outcome less prediction, worst the largest of these in size. What was fitted here "
    "has seen these runs."
)
SHOWN = 20  # points, at most


def show_predictions(report: PredictReport, output: str | None = None) -> None:
    """Print the first points, and where all of them are."""
    out, found = console(), report.prediction
    num = len(found.row_numbers)
    out.print(f"{num} point{'s' if num > 1 else ''}, {', '.join(report.laws)}", style="bold")
    out.print()
    first = _first(found, SHOWN)
    known = np.isfinite(found.low).any()
    out.print(predictions(first) if known else _curves(first, report.outputs))
    if num > SHOWN:
        out.print(f"and {num - SHOWN} more points{'' if output else '; -o FILE writes all'}")
    if output is not None:
        out.print(f"written to {output}")
    show_notes(out, report.notes)


def show_compared(report: CompareReport) -> None:
    """Print how published parameters do on runs."""
    out = console()
    out.print(f"{report.num_runs} runs", style="bold")
    out.print()
    rows = [
        [
            row.name,
            number(row.rmse),
            number(row.r2),
            f"{row.bias:+.4g}",
            f"{row.worst:+.4g}",
            str(row.worst_row),
        ]
        for row in report.rows
    ]
    out.print(grid(["law", "RMSE", "R²", "bias", "worst", report.unit], rows))
    out.print(HOW_TO_READ)
    show_notes(out, report.notes)


def _first(found: Prediction, num: int) -> Prediction:
    """The first targets of a prediction alone."""
    return replace(
        found,
        x={name: values[:num] for name, values in found.x.items()},
        row_numbers=found.row_numbers[:num],
        median=found.median[:num],
        low=found.low[:num],
        high=found.high[:num],
        outcome=found.outcome[:, :num],
        curve=found.curve[:, :num],
        within=found.within[:num],
        between=found.between[:num],
        by_law={name: values[:num] for name, values in found.by_law.items()},
        observed=found.observed[:num],
    )


def _curves(found: Prediction, outputs: tuple[str, ...]) -> Grid:
    """What published parameters say, a column each and output."""
    columns = {
        f"{law} {output}" if len(outputs) > 1 else law: values[:, index]
        for law, values in found.by_law.items()
        for index, output in enumerate(outputs)
    }
    rows = [
        [
            *(number(values[row]) for values in found.x.values()),
            *(number(values[row], 5) for values in columns.values()),
        ]
        for row in range(len(found.row_numbers))
    ]
    return grid([*found.x, *columns], rows, left=())
