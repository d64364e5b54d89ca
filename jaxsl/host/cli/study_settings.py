"""``jaxsl study new`` and ``set``: what is studied, on what money, and when it is over."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import (
    AgainstOption,
    AimOption,
    ByOption,
    HoldOption,
    RangeOption,
    read_held,
    read_ranges,
)
from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.options import (
    BudgetOption,
    CostOption,
    LawsOption,
    LevelOption,
    MapOption,
    OfOption,
    OutcomeOption,
    SeedOption,
    StudyArgument,
    TargetOption,
    read_mapping,
    reads_runs,
    with_options,
)
from jaxsl.host.errors import UserError

WidthOption = Annotated[
    float | None, typer.Option("--width", help="Stop once the target's interval is no wider than this.")
]
EssOption = Annotated[
    float | None, typer.Option("--ess", help="Stop once the prediction is worth so many test items.")
]
ItemOption = Annotated[
    float | None,
    typer.Option(
        "--item-sd",
        help="Standard deviation of a test item's score, for --ess; without it scores lie in [0, 1].",
    ),
]
GainOption = Annotated[
    float | None,
    typer.Option("--gain", help="Stop once no run is expected to narrow the interval by this share."),
]
PriceOption = Annotated[
    float | None,
    typer.Option(
        "--price",
        help="What narrowing the interval by one is worth, or with --aim a loss lower by one, in the unit of "
        "the costs; stop at no run.",
    ),
]
RegretOption = Annotated[
    float | None,
    typer.Option("--regret", help="With --aim: stop once deciding gives up no more loss than this."),
]


def _given(rules: dict[str, float | None]) -> dict[str, Any]:
    return {"rules": {name: value for name, value in rules.items() if value is not None}}


with_stop_rules = with_options(
    {
        "width": (WidthOption, None),
        "ess": (EssOption, None),
        "item_sd": (ItemOption, None),
        "gain": (GainOption, None),
        "price": (PriceOption, None),
        "regret": (RegretOption, None),
    },
    _given,
)


@with_fit_options
@reads_runs
@with_stop_rules
def new_command(
    path: StudyArgument,
    law: LawsOption,
    target: TargetOption = None,
    candidates: Annotated[
        str | None,
        typer.Option(
            "--candidates",
            metavar="FILE",
            help="Table of runs that may be done; rows with an outcome are done.",
        ),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            "--space",
            metavar="RANGE",
            help="Instead: where an input may lie: 'N in [1e7, 1e9] log', 'B in [8, 512] step 8', 'D = 1e9'.",
        ),
    ] = None,
    cost: CostOption = None,
    budget: BudgetOption = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    replicates: Annotated[
        int, typer.Option("--replicates", help="How often one configuration may be run if that teaches most.")
    ] = 1,
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
        typer.Option("--curves", help="Runs tell every candidate of their size on their way, and may go on."),
    ] = False,
    restart: Annotated[
        float, typer.Option("--restart", help="Price of going on with a run, in the unit of the costs.")
    ] = 0.0,
    row_cost: Annotated[
        str | None,
        typer.Option(
            "--row-cost",
            metavar="PRICE",
            help="With --curves: of knowing an outcome on a run's way, as by a decay; arithmetic on inputs.",
        ),
    ] = None,
    **how: Any,
) -> None:
    """Begin a study.

    jaxsl study new pilot.jsonl --law chinchilla --target N=7e10,D=1.4e12 --candidates runs.csv
    --cost "6*N*D" --budget 1e21

    With --aim optimal:C=1e24 in place of --target the runs are chosen for the best sizes at that cost; with
    --aim multiplier:C=1e22 --by COLUMN for how much more compute one recipe needs than another.
    """
    from jaxsl.host.show.console import console, show_notes
    from jaxsl.host.study import Study
    from jaxsl.host.study.stop_rules import Stop

    stop = Stop(**how.pop("rules"))
    made = Study.create(
        path,
        law,
        target=target,
        candidates=candidates,
        space=space or (),
        map=read_mapping(map),
        outcome=outcome,
        cost=cost,
        budget=budget,
        replicates=replicates,
        seed=seed,
        stop=stop,
        level=level,
        of=of,
        aim=aim,
        hold=read_held(hold),
        range=read_ranges(range),
        by=by,
        against=against,
        curves=curves,
        restart=restart,
        row_cost=row_cost or 0.0,
        **how,
    )
    status, out = made.status(), console()
    choices = "anywhere in the space" if space else f"{status.num_candidates} candidates"
    out.print(
        f"made {path}: {status.law}, {status.num_done} runs done, {choices}; next: jaxsl study ask {path}"
    )
    show_notes(out, status.notes)


@with_stop_rules
def set_command(
    path: StudyArgument,
    budget: BudgetOption = None,
    clear: Annotated[bool, typer.Option("--clear", help="Drop the stop rules there are.")] = False,
    law: Annotated[
        list[str] | None,
        typer.Option(
            "--law", metavar="NAME", help="Go on with this law as it is now, or where it is; all of several."
        ),
    ] = None,
    **options: Any,
) -> None:
    """Change the budget or the stop rules, or accept a law that was edited or moved; the rest stays."""
    from jaxsl.host.show.study import show_study
    from jaxsl.host.study import Study
    from jaxsl.host.study.settings import check_budget
    from jaxsl.host.study.stop_rules import Stop, check_rules

    opened = Study(path)
    check_budget(budget)
    told = opened.status()
    if budget is not None and budget < told.spent + told.reserved:
        raise UserError(
            f"--budget {budget:g}: {told.spent + told.reserved:.4g} is spent or reserved for pending runs, "
            "and the budget is that of all runs; give more, or a stop rule"
        )
    rules = options["rules"]
    settings: dict[str, Any] = {} if budget is None else {"budget": budget}
    if rules or clear:
        check_rules(opened.ledger.settings.get("aim"), Stop(**rules))
        settings["stop"] = rules if clear else opened.ledger.settings["stop"] | rules
        Stop(**settings["stop"])
    if law:
        settings |= opened.accept(law)
    if not settings:
        raise UserError("nothing to change; give --budget, a stop rule or --law")
    opened.set(**settings)
    show_study(opened.status(), None, None, opened.ledger.settings)
