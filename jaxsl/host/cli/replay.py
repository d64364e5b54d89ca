"""``jaxsl replay``: what other ways of choosing would have spent on your own finished runs."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import (
    AimOption,
    HoldOption,
    RangeOption,
    check_aimed,
    read_held,
    read_ranges,
)
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
from jaxsl.host.errors import UserError


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
            "--within",
            help="Predictions so close are the same; by default the scatter about the law. With --aim, loss "
            "given up, or the distance of logarithms of a cost; by default what all runs leave open.",
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=1, help="Of random orders and of starting points.")
    ] = 5,
    level: LevelOption = 90.0,
    of: OfOption = "outcome",
    seed: SeedOption = 0,
    aim: AimOption = None,
    hold: HoldOption = None,
    range: RangeOption = None,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Had you chosen actively among your finished runs, what would the same prediction have cost?

    Against D-optimal and V-optimal choice, the cheapest runs first, and random orders. Where the target's
    outcomes are known, also: how well would each have foretold them for 2, 5, 10 and 20 % of the cost?

    jaxsl replay runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D"

    With --aim optimal:C=1e24 in place of a target, what would each have decided? Against the decision by all
    runs: the error of the best sizes, and the loss that they give up.
    """
    mapping = read_mapping(map)
    tables = looked_at(
        runs,
        law,
        how | {"map": mapping, "outcome": outcome, "level": level, "of": of},
        target=target,
        cost=cost,
    )

    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.replay import show_replay, show_replay_for

    if aim is not None:
        check_aimed(target or target_share, of, how)
        from jaxsl.host.decision.replay_for import replay_for

        with busy("replaying"):
            decided = replay_for(
                tables,
                law,
                aim=aim,
                cost=cost,
                hold=read_held(hold),
                range=read_ranges(range),
                map=mapping,
                outcome=outcome,
                within=within,
                draws=draws,
                level=level,
                seed=seed,
                **how,
            )
        if json:
            print_json(decided)
        else:
            show_replay_for(decided)
        return
    if hold or range:
        raise UserError("--hold and --range say what may be decided; add --aim, or leave them out")

    from jaxsl.host.answer.replay import replay as replay_runs

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
        show_replay(report)
