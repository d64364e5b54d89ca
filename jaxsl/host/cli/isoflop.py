"""``jaxsl isoflop``: the best sizes by parabolas."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import CostExpressionOption, numbers
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import (
    JsonOption,
    LevelOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    read_mapping,
    reads_runs,
)


@reads_runs
def isoflop(
    runs: RunsArgument,
    law: Annotated[
        list[str] | None,
        typer.Option("--law", metavar="NAME", help="To compare with; chinchilla if not said."),
    ] = None,
    cost: CostExpressionOption = "6*N*D",
    size: Annotated[str, typer.Option("--size", help="In whose logarithm parabolas are fitted.")] = "N",
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", metavar="C,C,...", help="Costs; those of the runs if not said."),
    ] = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    level: LevelOption = 90.0,
    seed: SeedOption = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Fit a parabola at every budget and a power law through the minima, beside a law and with the bias.

    jaxsl isoflop runs.csv --cost "6*N*D"
    """
    mapping, given = read_mapping(map), None if budgets is None else numbers("--budgets", budgets)
    tables = looked_at(
        runs, law or ["chinchilla"], how | {"map": mapping, "outcome": outcome, "level": level}
    )

    from jaxsl.host.decision.isoflop import isoflop as parabolas
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.decision import show_isoflop

    with busy("fitting parabolas and the law"):
        report = parabolas(
            tables,
            law or "chinchilla",
            cost=cost,
            size=size,
            budgets=given,
            map=mapping,
            outcome=outcome,
            level=level,
            seed=seed,
            **how,
        )
    if json:
        print_json(report)
    else:
        show_isoflop(report)
