"""What the commands that decide print."""

from collections.abc import Iterable, Sequence

import numpy as np
from rich.console import Console

from jaxsl.host.answer.fit_report import LeftOut
from jaxsl.host.answer.trust import Trust
from jaxsl.host.decision.choice_report import AimedReport, RecipesReport
from jaxsl.host.decision.estimate import Estimate
from jaxsl.host.decision.report import (
    Decision,
    GridReport,
    IsoflopReport,
    OptimalReport,
    ReachReport,
)
from jaxsl.host.show.answers import show_rest
from jaxsl.host.show.console import console, grid, interval, number, show_notes
from jaxsl.host.show.grid import Grid
from jaxsl.host.show.recipes import ends, narrowed, show_next_recipe

PER = {"D/N": "tokens per parameter"}


def show_optimal(report: OptimalReport) -> None:
    """Print the best configurations at some costs."""
    out = console()
    held = "".join(f", {name} = {number(value)}" for name, value in report.held.items())
    out.print(f"{', '.join(report.laws)}: the least loss at a cost of {report.cost}{held}", style="bold")
    out.print()
    if len(report.decisions) == 1:
        out.print(estimates(report.decisions[0].estimates, report.level, report.published))
    else:
        out.print(_table(report))
    out.print()
    out.print(_exponents(report.exponents, report.level))
    for decision in report.decisions:
        show_flat(out, decision, len(report.decisions) > 1)
    _show_end(out, report.none, report.trust, report.left_out, report.notes, "best configuration")
    _show_method(out, [one for decision in report.decisions for one in decision.estimates])


def show_reach(report: ReachReport) -> None:
    """Print the least costs of some losses."""
    out = console()
    held = "".join(f", {name} = {number(value)}" for name, value in report.held.items())
    out.print(f"{', '.join(report.laws)}: the least cost {report.cost}{held} of a loss", style="bold")
    for loss, found, none in zip(report.losses, report.estimates, report.none, strict=True):
        out.print()
        out.print(f"loss {number(loss, 5)}")
        out.print(estimates(found, report.level, report.published))
        if none >= 0.005:
            out.print(f"with probability {none:.0%} no cost reaches {number(loss, 5)}")
    _show_end(out, 0.0, report.trust, report.left_out, report.notes, "")
    _show_method(out, [one for found in report.estimates for one in found])


def estimates(found: Sequence[Estimate], level: float, published: bool) -> Grid:
    """Numbers with their intervals, one a line."""
    rows = [[PER.get(one.name, one.name), number(one.median, 5), ends(one)] for one in found]
    if published:
        return grid(["", "best"], [row[:2] for row in rows])
    return grid(["", "median", f"{level:g} % interval"], rows)


def show_flat(out: Console, decision: Decision, several: bool) -> None:
    """Print how flat the loss is, and what it costs to decide now."""
    at = f"at {number(decision.budget)} " if several else ""
    told = [flat for flat in decision.flat if np.isfinite(flat.halving)]
    if told and not several:
        out.print()
        out.print("half a per cent more compute is as good, and what half or twice the size costs")
        rows = [
            [flat.input, number(flat.low), number(flat.high), _times(flat.halving), _times(flat.doubling)]
            for flat in told
        ]
        out.print(grid(["", "from", "to", "half: compute", "twice: compute"], rows))
    if decision.rounded is not None:
        sizes = ", ".join(f"{name} = {_exactly(value)}" for name, value in decision.rounded.x.items())
        given_up = f"{number(decision.rounded.given_up, 2)} of loss"
        cost = number(decision.rounded.cost)
        out.print(f"{at}in the multiples asked for: {sizes} for {cost}, which gives up {given_up}")
    if decision.regret > 0:
        out.print(f"{at}deciding now gives up an expected {number(decision.regret, 2)} of loss")
    for edge in decision.edges:
        out.print(f"{at}{edge}: the loss may get better beyond it")


def _table(report: OptimalReport) -> Grid:
    columns, rows = ["cost"], []
    for one in report.decisions[0].estimates:
        columns += [PER.get(one.name, one.name), *([] if report.published else [f"{report.level:g} %"])]
    for decision in report.decisions:
        row = [number(decision.budget)]
        for one in decision.estimates:
            row += [number(one.median, 5), *([] if report.published else [ends(one)])]
        rows.append(row)
    return grid(columns, rows)


def _exponents(found: Iterable[Estimate], level: float) -> Grid:
    rows = [[f"{one.name} ~ C^a", number(one.median), ends(one)] for one in found]
    certain = all(row[2] == "" for row in rows)
    columns = ["exponents", "a", f"{level:g} % interval"]
    return grid(columns[:2], [row[:2] for row in rows]) if certain else grid(columns, rows)


def _exactly(value: float) -> str:
    """A size that was rounded, with all its digits."""
    return f"{value:,.0f}" if value >= 1e4 else number(value, 6)


def _times(value: float) -> str:
    return f"{value:.3g} x" if np.isfinite(value) else "never"


def _show_end(
    out: Console,
    none: float,
    trust: Trust | None,
    left_out: Iterable[LeftOut],
    notes: Iterable[str],
    what: str,
) -> None:
    out.print()
    if none >= 0.005:
        out.print(f"with probability {none:.0%} there is no {what}")
    if trust is None:
        out.print("published parameters: no interval, whatever their own uncertainty")
        show_notes(out, notes)
    else:
        show_rest(out, trust, left_out, notes)


def _show_method(out: Console, found: Sequence[Estimate]) -> None:
    """Say how the intervals were made."""
    methods = {one.method for one in found}
    if methods == {"delta"}:
        out.print("intervals by the delta method; drawn curves agree")
    elif "unchecked" in methods:
        out.print(
            "intervals by the delta method alone: few drawn curves keep to these runs, so they are rough"
        )
    elif "draws" in methods:
        out.print("intervals by drawn curves; those of the delta method are off by a tenth or more")


def show_isoflop(report: IsoflopReport) -> None:
    """Print parabolas, the power law through them, and the laws beside them."""
    out, size = console(), report.size
    who, share = ", ".join(report.laws), f"{report.level:g} % interval"
    out.print(f"a parabola in log {size} at each cost {report.cost}, beside {who}", style="bold")
    out.print()
    columns = ["cost", "runs", f"best {size}", share, "loss", f"by {who}", share, "bias of the parabola"]
    rows = [
        [
            number(group.budget),
            str(len(group.rows)),
            number(group.best.median),
            interval(group.best.low, group.best.high) if not group.refused else "-",
            number(group.loss.median, 5),
            number(group.law.median),
            interval(group.law.low, group.law.high),
            f"{group.bias - 1:+.1%}" if np.isfinite(group.bias) else "-",
        ]
        for group in report.groups
    ]
    out.print(grid(columns, rows))
    for group in report.groups:
        if group.refused:
            out.print(f"cost {number(group.budget)}: {group.refused}; it is left out")
    if report.exponent is not None:
        out.print()
        rows = [
            ["parabolas", number(report.exponent.median), interval(report.exponent.low, report.exponent.high)]
        ]
        if report.law_exponent is not None:
            found = report.law_exponent
            rows.append([who, number(found.median), interval(found.low, found.high)])
        out.print(grid([f"{size} ~ C^a by", "a", share], rows))
        out.print(f"the parabolas' bias on this grid, by {report.laws[0]}: {report.exponent_bias:+.4f} in a")
    _show_end(out, 0.0, report.trust, report.left_out, report.notes, "")


def show_grid(report: GridReport) -> None:
    """Print runs that are laid out, and what they will tell."""
    out = console()
    out.print(f"{len(report.budget)} runs for {number(report.total)} together, by {report.law}", style="bold")
    out.print()
    rows = [
        [number(cost), *(number(values[row]) for values in report.x.values())]
        for row, cost in enumerate(report.budget)
    ]
    out.print(grid(["cost", *report.x], rows))
    out.print()
    out.print(f"expected of them at a cost of {number(report.aim)}, outcomes within {number(report.noise)}")
    out.print(estimates(report.expected, report.level, False))


def show_aimed(report: AimedReport | RecipesReport) -> None:
    """Print candidates ranked for a decision."""
    if isinstance(report, RecipesReport):
        show_next_recipe(report)
        return
    out, who, decision = console(), ", ".join(report.laws), report.decision
    reach = decision.estimates[0].name == "cost"
    what = "the least cost for " + report.aim.partition(":")[2] if reach else "the best at a cost of "
    out.print(
        f"{who}: {what if reach else what + number(decision.budget)}, before any further run", style="bold"
    )
    out.print(estimates(decision.estimates, report.level, False))
    # By drawn curves where they tell, as `jaxsl optimal` does; how much of it falls is told by the curvature.
    regret = decision.regret if np.isfinite(decision.regret) else report.regret
    if not reach:
        out.print(f"deciding now gives up an expected {number(regret, 2)} of loss")
    out.print()
    out.print(
        f"{report.num_candidates} candidates, {report.num_affordable} affordable; best first, each as if "
        "it were the only next run"
    )
    falls = ["variance of its logarithm falls by", "cost then"] if reach else ["regret falls by", "to"]
    rows = []
    for run in report.runs:
        share = run.fall / report.regret if report.regret > 0 else np.nan
        left = number(regret * max(1 - share, 0.0), 2) if report.regret > 0 else "-"
        rows.append(
            [
                str(run.row_number),
                *(number(value) for value in (*run.x.values(), run.cost, run.score)),
                f"{share:.1%}" if report.regret > 0 else "-",
                narrowed(decision.estimates[0], share) if reach else left,
            ]
        )
    out.print(grid(["row", *report.runs[0].x, "cost", "score", *falls], rows))
    _show_end(out, 0.0, report.trust, report.left_out, report.notes, "")
