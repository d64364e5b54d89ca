"""``jaxsl next``: which candidates to run next."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.options import (
    BudgetOption,
    CostOption,
    JsonOption,
    LawsOption,
    LevelOption,
    MapOption,
    MaxCostOption,
    OfOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    read_mapping,
    reads_runs,
)


@reads_runs
def next_command(
    runs: RunsArgument,
    law: LawsOption,
    target: TargetOption = None,
    cost: CostOption = None,
    budget: BudgetOption = None,
    max_cost: MaxCostOption = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many candidates to show.")] = 5,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    level: LevelOption = 90.0,
    of: OfOption = "outcome",
    seed: SeedOption = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Rank the candidates: rows of RUNS without an outcome, by what each would teach about the target.

    jaxsl next runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D" --budget 1e21

    It is a ranking: each candidate is judged as the only next run, and the first two may teach the same. For
    a batch whose runs account for each other use `jaxsl study ask -n`. With several laws (--law again, or
    --law all) a run that tells them apart is worth it.
    """
    from jaxsl.host.answer.next_runs import next_runs
    from jaxsl.host.show.answers import show_next
    from jaxsl.host.show.console import busy, print_json

    mapping = read_mapping(map)
    with busy(f"fitting {', '.join(law)} and scoring the candidates"):
        report = next_runs(
            runs,
            law,
            target=target,
            map=mapping,
            cost=cost,
            outcome=outcome,
            budget=budget,
            max_cost=max_cost,
            count=count,
            level=level,
            of=of,
            seed=seed,
            **how,
        )
    if json:
        print_json(report)
    else:
        show_next(report)
