"""``jaxsl replay``: what other ways of choosing would have spent on your own finished runs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import (
    CostOption,
    JsonOption,
    LawsOption,
    LevelOption,
    MapOption,
    OfOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    TargetShareOption,
    read_mapping,
    reads_runs,
)

if TYPE_CHECKING:
    from jaxsl.host.answer.replay import ReplayReport


@with_fit_options
@reads_runs
def replay(
    runs: RunsArgument,
    law: LawsOption,
    target: TargetOption = None,
    target_share: TargetShareOption = None,
    cost: CostOption = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    within: Annotated[
        float | None,
        typer.Option(
            "--within", help="Predictions so close are the same; by default the scatter about the law."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=1, help="Of random orders and of starting points.")
    ] = 5,
    level: LevelOption = 90.0,
    of: OfOption = "outcome",
    seed: SeedOption = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Had you chosen actively among your finished runs, what would the same prediction have cost?

    Against D-optimal and V-optimal choice, the cheapest runs first, and random orders. Where the target's
    outcomes are known, also: how well would each have foretold them for 2, 5, 10 and 20 % of the cost?

    jaxsl replay runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D"
    """
    mapping = read_mapping(map)
    tables = looked_at(
        runs,
        law,
        how | {"map": mapping, "outcome": outcome, "level": level, "of": of},
        target=target,
        cost=cost,
    )

    from jaxsl.host.answer.replay import replay as replay_runs
    from jaxsl.host.show.console import busy, print_json

    with busy("replaying"):
        report = replay_runs(
            tables,
            law,
            target=target or None,
            target_share=target_share,
            map=mapping,
            cost=cost,
            outcome=outcome,
            within=within,
            draws=draws,
            level=level,
            of=of,
            seed=seed,
            **how,
        )
    if json:
        print_json(report)
    else:
        _show(report)


def _show(report: "ReplayReport") -> None:
    import numpy as np

    from jaxsl.host.show.answers import predictions
    from jaxsl.host.show.console import console, grid, number, show_notes

    out = console()
    out.print(f"{report.law}: all {report.num_runs} finished runs cost {number(report.cost)}.")
    out.print(
        f"The same prediction, to within {number(report.tolerance, 3)} of that of all runs and staying "
        "there, would have taken"
    )
    rows = []
    for method in dict.fromkeys(path.method for path in report.paths):
        own = [path for path in report.paths if path.method == method]
        share = np.array([path.needed for path in own]) / report.cost
        counts = np.array([path.needed_runs for path in own])
        spread = f"{share.min():.1%} to {share.max():.1%}" if len(own) > 1 else ""
        name = f"{method}, median of {len(own)}" if len(own) > 1 else method
        spend = number(float(np.median(share)) * report.cost)
        rows.append([name, spend, f"{np.median(share):.1%}", number(float(np.median(counts)), 3), spread])
    out.print(grid(["choice", "spend", "of all", "runs", "range"], rows))
    out.print()
    if report.scores:
        _show_scores(report)
    out.print("target, from all runs")
    out.print(predictions(report.prediction))
    show_notes(out, report.notes)


def _show_scores(report: "ReplayReport") -> None:
    import numpy as np

    from jaxsl.host.show.console import console, grid, number

    out = console()
    out.print(
        f"What each would have foretold, mean of {report.draws} draws; interval at "
        f"{report.prediction.level:g} %, widths in deviations of what came out"
    )
    header = ["choice", "of all", "R²", "±", "inside", "width", "interval score", "active less it", "±"]
    rows = []
    for one in report.scores:
        inside = "-" if np.isnan(one.coverage) else f"{one.coverage:.0%}"
        after = (one.width, one.interval_score, one.gain, one.gain_error)
        cells = [number(one.r2, 3), number(one.r2_error, 2), inside, *(number(value, 3) for value in after)]
        rows.append([one.method, f"{one.budget:.0%}", *cells])
    out.print(grid(header, rows))
    out.print()
