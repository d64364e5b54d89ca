"""What the commands print of fits, rankings of candidates and rankings of laws."""

from collections.abc import Iterable, Sequence

import numpy as np
from rich.console import Console

from jaxsl.host.answer.fit_report import (
    AlongRuns,
    BasinReport,
    FitReport,
    LeftOut,
    NextReport,
    NextRun,
    Prediction,
    RankReport,
)
from jaxsl.host.answer.influence import Influence
from jaxsl.host.answer.trust import Trust
from jaxsl.host.show.console import console, grid, interval, number, show_notes
from jaxsl.host.show.grid import Grid

SHOWN = 3  # laws whose own predictions are printed
HOW_TO_READ = (
    "Forward RMSE is the error, on the runs nearest the target, of a fit to the others: extrapolation.\n"
    "The weight is by the evidence of all runs, which knows that each law may be wrong."
)
HOW_TO_BUY = (
    "each as if it were the only next run; `jaxsl study ask -n` plans several that account for each other"
)


def show_fit(report: FitReport) -> None:
    """Print a fit."""
    out = console()
    out.print(f"{report.num_runs} runs, {_named(report)}", style="bold")
    if len(report.laws) > 1:
        out.print()
        out.print(_laws(report))
    best = report.laws[0]
    out.print()
    out.print(f"{best.law}: {best.formula}")
    out.print(
        f"of {best.num_starts} starts {best.num_converged} converged and {best.num_best} came within 1 % of "
        "the best"
    )
    for index, basin in enumerate(best.basins):
        out.print()
        out.print(
            f"basin {index + 1} of {len(best.basins)}: weight {basin.weight:.3f}, RMSE {number(basin.rmse)}, "
            f"{basin.num_optima} optima"
        )
        out.print(_basin(basin))
    found = best.residuals
    out.print()
    out.print(
        f"residuals: RMSE {number(found.rmse)}, R² {number(found.r2)}, largest {number(found.worst)} "
        f"in {report.trust.unit} {found.worst_row}; noise: standard deviation {number(best.noise)}"
    )
    if report.along is not None:
        out.print(_along(report.along))
    if report.intervals:
        out.print()
        out.print(f"{report.intervals[0].level:g} % intervals of {best.law} by method")
        out.print(_intervals(report))
    if report.prediction is not None:
        out.print()
        out.print("target")
        out.print(predictions(report.prediction, both=True))
        if np.isfinite(report.prediction.r2):
            out.print(f"R² on the targets: {number(report.prediction.r2)}")
    for one in report.influence:
        out.print(_influence(report, one))
    show_rest(out, report.trust, report.left_out, report.notes)


def _along(found: AlongRuns) -> str:
    share = f"rows of one run share {found.share:.0%} of their error's variance"
    return f"{share}, over {found.decades:.2g} decades of tokens"


def show_next(report: NextReport) -> None:
    """Print the ranked candidates."""
    out, fit = console(), report.fit
    limits = [
        f"{what} {number(limit)}"
        for what, limit in (("budget", report.budget), ("at most each", report.max_cost))
        if limit is not None
    ]
    out.print(
        f"{fit.num_runs} runs, {_named(fit)}; {report.num_candidates} candidates for "
        f"{number(report.pool_cost)} together, {report.num_affordable} affordable "
        f"({', '.join(limits) or 'no limit'})"
    )
    if len(fit.laws) > 1:
        out.print()
        out.print(_laws(fit))
    out.print()
    out.print("target, before any further run")
    out.print(predictions(report.prediction))
    out.print()
    out.print(f"candidates, best first, {HOW_TO_BUY}")
    out.print(_candidates(report))
    if report.stop:
        out.print(stopping(report.stop))
    later = [str(run.row_number) for run in report.runs if run.cost > report.limit * (1 + 1e-9)]
    if later:
        several, dear = ("s", "cost") if len(later) > 1 else ("", "costs")
        out.print(
            f"{fit.trust.unit}{several} {', '.join(later)} {dear} more than {_checked(fit.trust)}: "
            "better bought after others, or name a limit by --max-cost"
        )
    show_rest(out, fit.trust, fit.left_out, fit.notes)


def _checked(found: Trust) -> str:
    """What the limit of the next run's cost is measured by."""
    if not found.bad:
        return "all runs so far together"
    return "a quarter of all runs so far together (one was bad, so each should have others to check it)"


def stopping(runs: Sequence[str]) -> str:
    """Which runs may stop."""
    return f"run{'s' * (len(runs) > 1)} {', '.join(runs)}: nothing still to be told is worth its price"


def show_rank(report: RankReport) -> None:
    """Print which laws fit, extrapolate and are identified."""
    out = console()
    out.print(f"{report.num_runs} runs, {_count(len(report.laws))}", style="bold")
    out.print()
    columns = ["law", "identified", "RMSE", "forward RMSE", "weight", "log evidence", "holds"]
    rows = [
        [
            law.law,
            f"{law.num_identified} of {law.num_params}",
            number(law.residuals.rmse),
            number(law.forward_rmse),
            f"{law.weight:.3f}",
            f"{law.log_evidence:z.1f}" if np.isfinite(law.log_evidence) else "-",
            f"{law.holds:.0%}",
        ]
        for law in report.laws
    ]
    out.print(grid(columns, rows))
    out.print(HOW_TO_READ)
    show_rest(out, report.trust, report.left_out, report.notes)


def predictions(prediction: Prediction, both: bool = False) -> Grid:
    """Targets with median and interval, of both kinds or the one that is meant, and heaviest laws alone."""
    num_targets, num_outputs = prediction.median.shape
    known = np.isfinite(prediction.observed).any()
    laws = list(prediction.by_law)[:SHOWN] if len(prediction.by_law) > 1 else []
    share = f"{prediction.level:g} % interval"
    ends = {"outcome": prediction.outcome, "curve": prediction.curve}
    shown = ends if both else {prediction.of: ends[prediction.of]}
    columns = [*prediction.x, *(["output"] if num_outputs > 1 else []), "median"]
    columns += [share if kind == "outcome" else f"{share} of the curve" for kind in shown]
    columns += ["within", "between", *laws, *(["came out"] if known else [])]
    rows = []
    for target in range(num_targets):
        for output in range(num_outputs):
            at = (target, output)
            row = [number(values[target]) for values in prediction.x.values()]
            row += [str(output + 1)] if num_outputs > 1 else []
            row += [number(prediction.median[at], 5)]
            row += [interval(end[(0, *at)], end[(1, *at)]) for end in shown.values()]
            row += [number(prediction.within[at], 3), number(prediction.between[at], 3)]
            row += [number(prediction.by_law[law][at], 5) for law in laws]
            rows.append(row + ([number(prediction.observed[at], 5)] if known else []))
    return grid(columns, rows)


def show_rest(out: Console, trust: Trust, left_out: Iterable[LeftOut], notes: Iterable[str]) -> None:
    """How far to trust it; laws left out, those that lack a column by their number alone; notes."""
    for line in trust.lines:
        out.print(line)
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


def _count(num: int) -> str:
    return f"{num} law{'s' if num > 1 else ''}"


def _named(report: FitReport) -> str:
    return report.laws[0].law if len(report.laws) == 1 else _count(len(report.laws))


def _laws(report: FitReport) -> Grid:
    rows = [
        [
            law.law,
            f"{law.weight:.3f}",
            f"{law.holds:.0%}",
            number(law.residuals.rmse),
            str(law.num_params),
            str(len(law.basins)),
        ]
        for law in report.laws
    ]
    return grid(["law", "weight", "holds", "RMSE", "parameters", "basins"], rows)


def _basin(basin: BasinReport) -> Grid:
    rows = (
        (
            parameter.name,
            number(parameter.value),
            interval(parameter.low, parameter.high),
            "" if parameter.given else f"{max(parameter.told, 0):.0%}",
            parameter.given or (f"at its {parameter.bound} bound" if parameter.bound else ""),
        )
        for parameter in basin.parameters
    )
    return grid(("parameter", "value", "interval", "told", ""), rows, left=(0, 4))


def _influence(report: FitReport, one: Influence) -> str:
    """What a run moves most, in words."""
    what = one.what if one.target < 0 else "the prediction"
    if report.prediction is not None and one.target >= 0 and len(report.prediction.row_numbers) > 1:
        what += f" of target {report.prediction.row_numbers[one.target]}"
    return (
        f"{report.trust.unit} {one.row} moves {what} by {one.errors:.1f} standard errors: "
        f"{number(one.value)} with it, {number(one.without)} without"
    )


def _intervals(report: FitReport) -> Grid:
    rows = [
        [
            row.name,
            row.method,
            number(row.value),
            interval(row.low, row.high) if np.isfinite(row.low + row.high) else "-",
            f"open at its {row.bound} bound" if row.bound else "",
        ]
        for row in report.intervals
    ]
    return grid(["parameter", "method", "estimate", "interval", ""], rows, left=(0, 1, 4))


def _candidates(report: NextReport) -> Grid:
    now, variance = report.prediction, report.within + report.between
    single = now.median.size == 1
    shown = "interval" if single else "mean width of interval"
    group = [] if report.group is None else [report.group, "rows"]
    columns = [
        report.fit.trust.unit,
        *group,
        *now.x,
        "cost",
        "score",
        "within",
        "between",
        "variance falls by",
    ]
    rows = []
    for run in report.runs:
        rows.append(
            [
                str(run.row_number),
                *([] if report.group is None else (_name(report.group, run), str(run.tells))),
                *(number(value) for value in run.x.values()),
                *(number(value) for value in (run.cost, run.score, run.within, run.between)),
                f"{(run.within + run.between) / variance:.1%}" if variance > 0 else "-",
                *(
                    interval(low.item(), high.item()) if single else number(float(np.mean(high - low)))
                    for low, high in ((now.low, now.high), (run.low, run.high))
                ),
            ]
        )
    return grid([*columns, f"{shown} now", "after"], rows)


def _name(group: str, run: NextRun) -> str:
    return f"{run.labels[group] or '-'}{' goes on' if run.goes_on else ''}"
