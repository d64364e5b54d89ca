"""``jaxsl grid``: a first set of runs."""

from typing import Annotated

import typer

from jaxsl.host.cli.decision_options import CostExpressionOption, HoldOption, numbers, read_held
from jaxsl.host.cli.options import ForceOption, JsonOption, LevelOption


def grid(
    law: Annotated[
        str, typer.Option("--law", metavar="NAME@ESTIMATE", help="With parameters, such as chinchilla@epoch.")
    ],
    budgets: Annotated[str, typer.Option("--budgets", metavar="C,C,...", help="What single runs may cost.")],
    runs: Annotated[int, typer.Option("--runs", help="How many in all.")] = 30,
    cost: CostExpressionOption = "6*N*D",
    aim: Annotated[
        float | None,
        typer.Option("--aim", help="Cost at which the best size is wanted; ten times the largest budget."),
    ] = None,
    noise: Annotated[
        float, typer.Option("--noise", help="Standard deviation of an outcome, in its unit.")
    ] = 0.005,
    within: Annotated[
        float, typer.Option("--within", help="Sizes lie within this factor of the best.")
    ] = 4.0,
    size: Annotated[str, typer.Option("--size", help="The input chosen at each budget.")] = "N",
    hold: HoldOption = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the runs as CSV.")
    ] = None,
    force: ForceOption = False,
    level: LevelOption = 90.0,
    json: JsonOption = False,
) -> None:
    """Lay out a first set of runs that tells most of the best size at a larger cost.

    jaxsl grid --law chinchilla@epoch --budgets 1e18,1e19,1e20 --runs 30 -o runs.csv
    """
    from jaxsl.host.decision.grid import grid as lay_out
    from jaxsl.host.show.console import busy, console, print_json
    from jaxsl.host.show.decision import show_grid
    from jaxsl.host.writing import check_output, write_text

    if output is not None:
        check_output(output, (), force)
    with busy("choosing sizes"):
        report = lay_out(
            law,
            budgets=numbers("--budgets", budgets),
            runs=runs,
            cost=cost,
            aim=aim,
            noise=noise,
            within=within,
            size=size,
            hold=read_held(hold),
            level=level,
        )
    if output is not None:
        rows = zip(*report.x.values(), report.budget, strict=True)
        lines = [",".join((*report.x, "cost")), *(",".join(f"{value:.6g}" for value in row) for row in rows)]
        write_text(output, "\n".join(lines) + "\n", (), force)
    if json:
        print_json(report)
        return
    show_grid(report)
    if output is not None:
        console().print(f"wrote {len(report.budget)} runs to {output}")
