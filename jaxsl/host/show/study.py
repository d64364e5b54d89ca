"""What the study commands print."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from jaxsl.host.show.answers import predictions, stopping
from jaxsl.host.show.console import console, grid, number, show_notes
from jaxsl.host.show.decision import estimates
from jaxsl.host.show.grid import Grid
from jaxsl.host.show.recipes import show_compared
from jaxsl.host.study.answers import Compared
from jaxsl.host.study.configuration import named, names

if TYPE_CHECKING:
    from jaxsl.host.study.answers import Decided, Forecast
    from jaxsl.host.study.ledger import Run
    from jaxsl.host.study.stopping import Worth
    from jaxsl.host.study.study import Asked, Status, Study

CURVE_POINTS = 8  # of the curve of further spend
NOTHING = "nothing to run: "


def show_asked(
    study: "Study", asked: list["Asked"], why_none: str, notes: tuple[str, ...], wanted: int = 1
) -> None:
    """Print the runs to start, and why they are none, or fewer than ``wanted``."""
    out = console()
    show_notes(out, notes)
    stop_runs = study.stop_runs()
    if not asked:
        out.print(why_none)
        if stop_runs:
            out.print(stopping(stop_runs))
        return
    rows = [[run.id, *_texts(run.x), number(run.cost), _what(run)] for run in asked]
    names = list(asked[0].x)
    out.print(grid(["run", *names, "expected cost", ""], rows, left=(0, len(names) + 2)))
    status, forecast = study.status(), study.best_prediction()
    if forecast is not None and not any(math.isnan(run.fall) for run in asked):
        width = forecast.width_at(min(asked[-1].after, forecast.variance))
        those, others = "it" if len(asked) == 1 else "them together", status.num_pending - len(asked)
        pending = f" and the {others} pending before" if others else ""
        out.print(
            f"expected of {those}{pending}: the target's interval narrows from {number(forecast.width)} to "
            f"{number(width)}"
        )
    if len(asked) < wanted:
        out.print(f"{len(asked)} of {wanted} runs: {why_none.removeprefix(NOTHING)}")
    if status.left is not None:
        out.print(f"{number(status.left)} of the budget of {number(status.budget or 0)} is left after them")
    if stop_runs:
        out.print(stopping(stop_runs))


def _what(run: "Asked") -> str:
    """What a run is called, or what it continues."""
    return f"continue {run.of} from D={number(run.since, 6)}" if run.of else run.name


def _texts(x: Mapping[str, Any]) -> list[str]:
    """A configuration, its recipe by name."""
    return [value if isinstance(value, str) else number(value, 6) for value in x.values()]


def show_told(run: "Run", status: "Status | None", notes: tuple[str, ...]) -> None:
    """Print what the study knows of a run now, and of the money where a cost was told."""
    value = "" if run.y is None else f": {', '.join(number(y, 6) for y in run.y)}"
    cost = "counted as planned; say --cost" if run.cost is None else f"cost {number(run.cost)}"
    out = console()
    show_notes(out, notes)
    at = f", {len(run.rows)} checkpoint{'s' * (len(run.rows) > 1)} kept" if run.rows else ""
    out.print(f"run {run.id} is {run.status}{value}{at} ({cost})")
    before = run.history[-2] if len(run.history) > 1 else None
    if before is not None and (before.status, before.y) != (run.status, run.y):
        was = ", ".join(number(y, 6) for y in before.y) if before.y else before.status
        out.print(f"note: it was {was} before; the history keeps that")
    if status is not None:
        out.print(money(status))


def show_study(
    status: "Status",
    forecast: "Forecast | None",
    worth: "Worth | None",
    settings: Mapping[str, Any],
    stop_runs: Sequence[str] = (),
) -> None:
    """Print where a study stands, what it predicts, and whether to go on, with which runs not."""
    out = console()
    counts = {
        name: getattr(status, f"num_{name}")
        for name in ("done", "pending", "failed", "diverged", "abandoned")
    }
    runs = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none yet"
    left = status.num_candidates
    where = "anywhere in the space" if left is None else f"{left} candidate{'' if left == 1 else 's'} left"
    out.print(f"{status.law}; runs: {runs}; {where}", style="bold")
    out.print(money(status))
    if status.pending:
        out.print()
        out.print(_pending(status.pending, settings))
    if forecast is not None:
        out.print()
        out.print(f"target, from {forecast.num_runs} runs")
        out.print(predictions(forecast.prediction))
        for line in forecast.trust.lines:
            out.print(line)
    if worth is not None:
        out.print()
        if len(worth.spend) > 1:
            out.print("further spend, and the mean width of the targets' intervals expected then")
            out.print(_curve(worth))
        if math.isfinite(worth.ess):
            out.print(f"equivalent sample size: {number(worth.ess, 3)} test items")
        out.print(worth.line)
    if stop_runs:
        out.print(stopping(stop_runs))
    show_notes(out, status.notes)


def show_decided(status: "Status", decided: "Decided | Compared", settings: Mapping[str, Any]) -> None:
    """Print where a study for a decision stands, what would be decided, and what going on is worth."""
    out = console()
    show_study(replace(status, notes=()), None, None, settings)
    out.print()
    if isinstance(decided, Compared):
        show_compared(out, decided)
    else:
        _show_decision(out, decided)
    if decided.reason:
        out.print(f"not worth going on: {decided.reason}")
    show_notes(out, status.notes)


def _show_decision(out: Console, decided: "Decided") -> None:
    decision = decided.decision
    reach = decision.estimates[0].name == "cost"
    what = "the least cost" if reach else f"the best at a cost of {number(decision.budget)}"
    out.print(f"{what}, from {decided.num_runs} runs")
    out.print(estimates(decision.estimates, decided.level, False))
    for line in decided.trust.lines:
        out.print(line)
    out.print()
    regret, spend = decided.regret, decided.spend
    left = [number(one**0.5 if reach else one, 2) for one in regret]
    about = f"the logarithm of the cost is known to ± {left[0]}, one deviation"
    out.print(about if reach else f"deciding now gives up an expected {left[0]} of loss")
    if len(regret) > 1:
        runs = f"{len(regret) - 1} runs" if len(regret) > 2 else "run"
        out.print(f"after the next {runs} for {number(spend[-1], 3)} it would be {left[-1]}")


def as_dict(
    status: "Status",
    forecast: "Forecast | None",
    worth: "Worth | None",
    decided: "Decided | Compared | None" = None,
    stop_runs: Sequence[str] = (),
) -> dict[str, Any]:
    """The same as one object."""
    told = {"prediction": None, "trust": None} if forecast is None else vars(forecast)
    return {"status": status, **told, "worth": worth, "decision": decided, "stop_runs": list(stop_runs)}


def money(status: "Status") -> str:
    """What was spent, what is left, and what runs really cost over their plan."""
    spent = f"spent {number(status.spent)}, reserved for pending runs {number(status.reserved)}"
    limit = (
        "no budget"
        if status.budget is None
        else f"of {number(status.budget)}, {number(status.left or 0)} left"
    )
    factor = ""
    if status.num_reported:
        factor = f"; runs cost {number(status.cost_factor, 3)} times their plan ({status.num_reported} told)"
    return f"{spent}; {limit}{factor}"


def _pending(runs: tuple["Run", ...], settings: Mapping[str, Any]) -> Grid:
    rows = [
        [run.id, *_texts(named(settings, run.x)), number(run.planned or math.nan), run.time, run.name]
        for run in runs
    ]
    inputs = names(settings)
    return grid(
        ["pending", *inputs, "planned", "since", ""], rows, left=(0, len(inputs) + 2, len(inputs) + 3)
    )


def _curve(worth: "Worth") -> Grid:
    last = len(worth.spend) - 1
    points = sorted({round(last * share / (CURVE_POINTS - 1)) for share in range(CURVE_POINTS)})
    rows = [[str(at), number(worth.spend[at]), number(worth.width[at], 3)] for at in points]
    return grid(["runs", "spend", "width"], rows)
