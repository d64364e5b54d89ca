"""What is printed of histories that are replayed, for a prediction or for a decision."""

from collections.abc import Sequence

import numpy as np

from jaxsl.host.answer.replay import Path, ReplayReport
from jaxsl.host.decision.replay_report import DecidedPath, DecidedReplayReport
from jaxsl.host.show.answers import predictions, show_rest
from jaxsl.host.show.console import console, grid, number
from jaxsl.host.show.decision import estimates
from jaxsl.host.show.grid import Grid

ROUNDING = 1e-4  # of what is told, with three digits: draws that bought the same runs differ by less


def show_replay(report: ReplayReport) -> None:
    """Print what ways of choosing would have predicted."""
    out = console()
    out.print(f"{report.law}: all {report.num_runs} finished runs cost {number(report.cost)}.")
    out.print(
        f"The same prediction, to within {number(report.tolerance, 3)} of that of all runs and staying "
        "there, would have taken"
    )
    out.print(_needed(report.paths, report.cost))
    out.print()
    if report.scores:
        out.print(
            f"What each would have foretold, {_mean_of(report.draws)}; interval at "
            f"{report.prediction.level:g} %, widths in deviations of what came out"
        )
        out.print(_scores(report))
        out.print()
    out.print("target, from all runs")
    out.print(predictions(report.prediction))
    show_rest(out, report.trust, (), report.notes)


def show_replay_for(report: DecidedReplayReport) -> None:
    """Print what ways of choosing would have decided."""
    out = console()
    out.print(f"{report.law}: all {report.num_runs} finished runs cost {number(report.cost)}; by them")
    out.print(estimates(report.decision, report.level, False))
    out.print()
    close = number(report.tolerance, 3)
    reach = report.decision[0].name == "cost"
    near = f"a cost within a share of {close}" if reach else f"sizes that give up at most {close} of loss"
    out.print(f"The same decision, {near} by all runs, from then on, would have taken")
    out.print(_needed(report.paths, report.cost))
    out.print()
    what = "the loss above the one to be reached" if reach else "loss given up"
    out.print(
        f"What each would have decided, {_mean_of(report.draws)}: error of "
        f"{'the log cost' if reach else 'log sizes'}, {what} (regret), both by all runs; intervals at "
        f"{report.level:g} %"
    )
    header = ["choice", "of all", "error", "regret", "±", "inside", "width", "it less active", "±"]
    some = any(one.decided < 1 for one in report.scores)
    rows = []
    for one in report.scores:
        after = number(one.width, 3), number(one.gain, 3), _apart(one.gain_error, one.gain)
        cells = [number(one.error, 3), number(one.regret, 3), _apart(one.regret_error, one.regret)]
        cells += ["-" if np.isnan(one.coverage) else f"{one.coverage:.0%}", *after]
        cells += [f"{one.decided:.0%}"] * some
        rows.append([one.method, f"{one.budget:.0%}", *cells])
    out.print(grid([*header, *(["decided"] * some)], rows))
    out.print(
        f"differences within {close} tell no way from another; ± are over draws on these same runs, and say "
        "nothing of others"
    )
    out.print()
    if report.trust is not None:
        show_rest(out, report.trust, (), report.notes)


def _needed(paths: Sequence[Path] | Sequence[DecidedPath], cost: float) -> Grid:
    """What every way would have spent; of several draws the median and the range."""
    rows = []
    for method in dict.fromkeys(path.method for path in paths):
        own = [path for path in paths if path.method == method]
        share = np.array([path.needed for path in own]) / cost
        counts = np.array([path.needed_runs for path in own])
        spread = f"{share.min():.1%} to {share.max():.1%}" if len(own) > 1 else ""
        name = f"{method}, median of {len(own)}" if len(own) > 1 else method
        spend = number(float(np.median(share)) * cost)
        rows.append([name, spend, f"{np.median(share):.1%}", number(float(np.median(counts)), 3), spread])
    columns = ["choice", "spend", "of all", "runs", "range"]
    if not any(row[-1] for row in rows):  # one draw of each has none
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return grid(columns, rows)


def _mean_of(draws: int) -> str:
    return f"mean of {draws} draws" if draws > 1 else "one draw"


def _apart(difference: float, size: float, digits: int = 2) -> str:
    """A difference as it is read: 0 where rounding alone tells two apart."""
    return number(0.0 if abs(difference) < ROUNDING * abs(size) else difference, digits)


def _scores(report: ReplayReport) -> Grid:
    header = ["choice", "of all", "R²", "±", "inside", "width", "interval score", "active less it", "±"]
    rows = []
    for one in report.scores:
        inside = "-" if np.isnan(one.coverage) else f"{one.coverage:.0%}"
        after = number(one.width, 3), number(one.interval_score, 3)
        cells = [number(one.r2, 3), _apart(one.r2_error, 1.0), inside, *after]
        cells += [_apart(one.gain, 1.0, 3), _apart(one.gain_error, 1.0)]
        rows.append([one.method, f"{one.budget:.0%}", *cells])
    return grid(header, rows)
