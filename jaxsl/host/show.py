"""What the commands print: tables for people, one JSON object for programs, a spinner while they wait."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from rich.console import Console

from jaxsl.host.grid import Grid
from jaxsl.host.report import BasinReport, FitReport, NextReport, Prediction, plain

PIPE_WIDTH = (
    200  # columns where nobody looks at a terminal: wide enough for every table, so that nothing is cut
)


def console() -> Console:
    """Standard output; plain text of generous width in a pipe."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(file=sys.stdout, markup=False, highlight=False, width=width, color_system=colours())


def colours() -> Literal["auto"] | None:
    """Whether text may be coloured, bold or dim: not where ``NO_COLOR`` is set."""
    return None if os.environ.get("NO_COLOR") else "auto"


def print_json(value: object) -> None:
    """One JSON object on standard output."""
    print(json.dumps(plain(value), allow_nan=False, ensure_ascii=False))


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on standard error while something takes its time; silent when this is not a terminal."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return
    with Console(stderr=True, color_system=colours()).status(what):
        yield


def number(value: float, digits: int = 4) -> str:
    """A number for people; a dash where there is none.

    Example:
        >>> number(3.14159), number(float("nan"))
        ('3.142', '-')
    """
    return f"{value:.{digits}g}" if np.isfinite(value) else "-"


def interval(low: float, high: float) -> str:
    """An interval for people.

    Example:
        >>> interval(1.23456, 2)
        '[1.235, 2]'
    """
    return f"[{number(low)}, {number(high)}]"


def grid(columns: Iterable[str], rows: Iterable[Iterable[str]], left: Iterable[int] = (0,)) -> Grid:
    """A table; numbers flush right, the columns ``left`` flush left."""
    return Grid(list(columns), [list(row) for row in rows], tuple(left))


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


def show_notes(out: Console, notes: Iterable[str]) -> None:
    """Print what is allowed and worth saying."""
    for note in notes:
        out.print(f"note: {note}")


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
