"""``jaxsl reach``: the least cost of a loss."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import (
    CostExpressionOption,
    HoldOption,
    MaybeRunsArgument,
    RangeOption,
    numbers,
    read_held,
    read_ranges,
)
from jaxsl.host.cli.options import (
    JsonOption,
    LawsOption,
    LevelOption,
    MapOption,
    OutcomeOption,
    SeedOption,
    read_mapping,
    reads_runs,
)


@reads_runs
def reach(
    law: LawsOption,
    loss: Annotated[str, typer.Option("--loss", metavar="L,L,...", help="To reach; several with commas.")],
    runs: MaybeRunsArgument = None,
    cost: CostExpressionOption = "6*N*D",
    hold: HoldOption = None,
    range: RangeOption = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    level: LevelOption = 90.0,
    seed: SeedOption = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Say what it costs at least to reach a loss, and with which sizes.

    jaxsl reach runs.csv --law chinchilla --cost "6*N*D" --loss 2.2
    """
    from jaxsl.host.decision.reach import reach as least_cost
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.decision import show_reach

    mapping, held, ranges = read_mapping(map), read_held(hold), read_ranges(range)
    losses = numbers("--loss", loss)
    with busy(f"fitting {', '.join(law)} and looking for the least cost"):
        report = least_cost(
            runs or None,
            law,
            cost=cost,
            loss=losses,
            hold=held,
            range=ranges,
            map=mapping,
            outcome=outcome,
            level=level,
            seed=seed,
            **how,
        )
    if json:
        print_json(report)
    else:
        show_reach(report)
