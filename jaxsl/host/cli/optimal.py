"""``jaxsl optimal``: the best sizes at a cost."""

from typing import Any

from jaxsl.host.cli.decision_options import (
    BudgetsOption,
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
def optimal(
    law: LawsOption,
    budget: BudgetsOption,
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
    """Say which sizes are best at a cost: parameters, tokens, the loss, with intervals, and how flat it is.

    jaxsl optimal runs.csv --law chinchilla --cost "6*N*D" --budget 1e22

    Published parameters need no runs, and several budgets give the exponents:

    jaxsl optimal --law chinchilla@epoch --budget 1e21,1e22,1e23,1e24

    The cost may be anything: --cost "6*N*D + 2*N*served" --hold served=1e13 counts inference too.
    """
    from jaxsl.host.decision.optimal import optimal as best
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.decision import show_optimal

    mapping, held, ranges = read_mapping(map), read_held(hold), read_ranges(range)
    budgets = numbers("--budget", budget)
    with busy(f"fitting {', '.join(law)} and looking for the best"):
        report = best(
            runs or None,
            law,
            cost=cost,
            budget=budgets,
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
        show_optimal(report)
