"""``jaxsl next``: which candidates to run next."""

from typing import Annotated

import typer

from jaxsl.host.cli.options import (
    CostOption,
    JsonOption,
    LawsOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    is_one_law,
    read_mapping,
)


def next_command(
    runs: RunsArgument,
    law: LawsOption,
    target: TargetOption = None,
    cost: CostOption = None,
    budget: Annotated[
        float | None, typer.Option("--budget", help="What may be spent, in the unit of the costs.")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many candidates to show.")] = 5,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Rank the candidates: rows of RUNS without an outcome, by what they would teach about the target.

    jaxsl next runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D" --budget 1e21

    The next run costs no more than the budget. With several laws (--law again, or --law all) a run that tells
    them apart is worth it, and plans for the whole budget decide how much cost counts.
    """
    if not is_one_law(law):
        _next_by_laws(runs, law, target, cost, budget, count, map, outcome, seed, json)
        return
    from jaxsl.host.answer.one_law import next_runs
    from jaxsl.host.input.table import read
    from jaxsl.host.laws.lookup import find
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.one_law import show_next

    found, mapping, table = find(law[0]), read_mapping(map), read(runs)
    with busy(f"fitting {found.name} and scoring the candidates"):
        report = next_runs(
            table,
            found,
            target=target,
            mapping=mapping,
            cost=cost,
            outcome=outcome,
            budget=budget,
            count=count,
            seed=seed,
        )
    if json:
        print_json(report)
    else:
        show_next(report, table.unit)


def _next_by_laws(runs, names, target, cost, budget, count, map, outcome, seed, json) -> None:
    from jaxsl.host.answer.several_laws import next_runs_by_laws
    from jaxsl.host.input.table import read
    from jaxsl.host.laws.lookup import find
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.several_laws import show_next_by_laws

    laws = [name if name == "all" else find(name) for name in names]
    mapping, table = read_mapping(map), read(runs)
    with busy(f"fitting {', '.join(names)} and scoring the candidates"):
        report = next_runs_by_laws(
            table,
            laws,
            target=target,
            mapping=mapping,
            cost=cost,
            outcome=outcome,
            budget=budget,
            count=count,
            seed=seed,
        )
    if json:
        print_json(report)
    else:
        show_next_by_laws(report, table.unit)
