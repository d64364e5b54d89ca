"""``jaxsl optimal``: the best sizes at a cost."""

from typing import Any

from jaxsl.host.cli.decision_options import (
    BudgetsOption,
    MaybeRunsArgument,
    MultipleOption,
    numbers,
    read_values,
    with_sizes,
)
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import JsonOption, LawsOption, reads_runs


@reads_runs
@with_sizes
def optimal(
    law: LawsOption,
    budget: BudgetsOption,
    runs: MaybeRunsArgument = None,
    multiple: MultipleOption = None,
    json: JsonOption = False,
    **options: Any,
) -> None:
    """Say which sizes are best at a cost: parameters, tokens, the loss, with intervals, and how flat it is.

    jaxsl optimal runs.csv --law chinchilla --cost "6*N*D" --budget 1e22

    Published parameters need no runs, and several budgets give the exponents:

    jaxsl optimal --law chinchilla@epoch --budget 1e21,1e22,1e23,1e24

    Sizes as models have them: --multiple N=1e6 rounds to the best neighbour and says what that costs.

    The cost may be anything: --cost "6*N*D + 2*N*served" --hold served=1e13 counts inference too.
    """
    budgets, steps = numbers("--budget", budget), read_values("multiple", multiple, "N=1e6")
    tables = looked_at(runs, law, options) if runs else None

    from jaxsl.host.decision.optimal import optimal as best
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.decision import show_optimal

    with busy(f"fitting {', '.join(law)} and looking for the best"):
        report = best(tables, law, budget=budgets, multiple=steps, **options)
    if json:
        print_json(report)
    else:
        show_optimal(report)
