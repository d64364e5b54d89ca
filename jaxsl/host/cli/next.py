"""``jaxsl next``: which candidates to run next."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import (
    AgainstOption,
    AimOption,
    ByOption,
    HoldOption,
    RangeOption,
    check_aimed,
    read_held,
    read_ranges,
)
from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.looking import looked_at
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
from jaxsl.host.errors import UserError


@with_fit_options
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
    aim: AimOption = None,
    by: ByOption = None,
    against: AgainstOption = None,
    hold: HoldOption = None,
    range: RangeOption = None,
    curves: Annotated[
        bool,
        typer.Option(
            "--curves",
            help="Candidates are runs (--group): a row stands for taking its run there, and tells of all its "
            "rows on the way; its cost is that of the run to there.",
        ),
    ] = False,
    restart: Annotated[
        float, typer.Option("--restart", help="With --curves: what it costs to go on with a run.")
    ] = 0.0,
    row_cost: Annotated[
        str | None,
        typer.Option(
            "--row-cost",
            help="With --curves: what it costs to know a row's outcome, as by a decay: a number, column or "
            "expression.",
        ),
    ] = None,
    lengths: Annotated[
        bool,
        typer.Option("--lengths", help="With --curves: every length of a run, not its best alone."),
    ] = False,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Rank the candidates: rows of RUNS without an outcome, by what each would teach about the target.

    jaxsl next runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D" --budget 1e21

    It is a ranking: each candidate is judged as the only next run, and the first two may teach the same. For
    a batch whose runs account for each other use `jaxsl study ask -n`. With several laws (--law again, or
    --law all) a run that tells them apart is worth it. With --aim optimal:C=1e24 in place of --target the
    runs are those that teach most about the best sizes at that cost; with --aim multiplier:C=1e22 --by COLUMN
    those that teach most about how much more compute one recipe needs than another, and of which recipe.

    Where a run tells its loss at several checkpoints, each has a row, and --group names the column of the
    run; with --curves the candidates are runs, new or continued.
    """
    mapping, choice = read_mapping(map), (budget, max_cost) if aim is None else None
    named = how | {"map": mapping, "outcome": outcome, "level": level, "of": of}
    tables = looked_at(runs, law, named, target=target, cost=cost, choice=choice)

    from jaxsl.host.answer.next_runs import next_runs
    from jaxsl.host.show.answers import show_next
    from jaxsl.host.show.console import busy, print_json

    if aim is not None:
        if curves:
            raise UserError("--aim knows no --curves; leave one of them out")
        check_aimed(target, of, how)
        from jaxsl.host.decision.next_for import next_for
        from jaxsl.host.show.decision import show_aimed

        with busy(f"fitting {', '.join(law)} and scoring the candidates"):
            aimed = next_for(
                tables,
                law,
                aim=aim,
                cost=cost,
                budget=budget,
                max_cost=max_cost,
                count=count,
                hold=read_held(hold),
                range=read_ranges(range),
                map=mapping,
                outcome=outcome,
                level=level,
                seed=seed,
                by=by,
                against=against,
                **how,
            )
        if json:
            print_json(aimed)
        else:
            show_aimed(aimed)
        return
    if by is not None or against is not None:
        raise UserError("--by tells recipes apart for --aim multiplier:C=...; give that, or leave it out")
    with busy(f"fitting {', '.join(law)} and scoring the candidates"):
        report = next_runs(
            tables,
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
            curves=curves,
            restart=restart,
            row_cost=row_cost or 0.0,
            lengths=lengths,
            **how,
        )
    if json:
        print_json(report)
    else:
        show_next(report)
