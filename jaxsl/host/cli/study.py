"""``jaxsl study``: ask which run to train next, tell what it gave, for weeks."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import AimOption, HoldOption, RangeOption, read_held, read_ranges
from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.options import (
    BudgetOption,
    CostOption,
    ForceOption,
    JsonOption,
    LawsOption,
    LevelOption,
    MapOption,
    OfOption,
    OutcomeOption,
    SeedOption,
    TargetOption,
    read_mapping,
    reads_runs,
)
from jaxsl.host.cli.study_import import import_command
from jaxsl.host.errors import UserError

study = typer.Typer(no_args_is_help=True, help="Ask which run to train next, tell what it gave, for weeks.")
study.command("import")(import_command)

StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="The study's journal, such as pilot.jsonl.")
]
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


@study.command("new")
@with_fit_options
@reads_runs
def new(
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
    width: WidthOption = None,
    ess: EssOption = None,
    item_sd: ItemOption = None,
    gain: GainOption = None,
    price: PriceOption = None,
    regret: RegretOption = None,
    aim: AimOption = None,
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

    With --aim optimal:C=1e24 in place of --target the runs are chosen for the best sizes at that cost.
    """
    from jaxsl.host.show.console import console, show_notes
    from jaxsl.host.study import Study
    from jaxsl.host.study.settings import Stop

    stop = Stop(width, ess, item_sd, gain, price, regret)
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


@study.command("ask")
def ask(
    path: StudyArgument,
    count: Annotated[int, typer.Option("-n", "--count", help="How many runs to start at once.")] = 1,
    anyway: Annotated[bool, typer.Option("--anyway", help="Ask even where a stop rule holds.")] = False,
    json: JsonOption = False,
) -> None:
    """Which runs to start now. They are pending from then on, until you tell what they gave.

    jaxsl study ask pilot.jsonl -n 4
    """
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.study import show_asked
    from jaxsl.host.study import Study

    opened = Study(path)
    notes = opened.journal.notes
    with busy("fitting and choosing"):
        reason = ""
        if opened.ledger.settings["stop"] and not anyway:
            reason = opened.reason_to_stop()
        asked = [] if reason else opened.ask(count)
    if json:
        print_json({"asked": asked, "stop": reason or None, "stop_runs": opened.stop_runs()})
    else:
        why_none = f"stop: {reason}; --anyway asks all the same" if reason else _why_none(opened)
        show_asked(opened, asked, why_none, notes)


@study.command("tell", context_settings={"ignore_unknown_options": True})  # a loss may be negative
def tell(
    path: StudyArgument,
    id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, such as r3.")],
    loss: Annotated[
        str | None, typer.Argument(metavar="[LOSS]", help="Its outcome; several with commas between.")
    ] = None,
    cost: Annotated[float | None, typer.Option("--cost", help="What it really cost.")] = None,
    status: Annotated[
        str, typer.Option("--status", help="done, failed (may be asked again), diverged or abandoned (not).")
    ] = "done",
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows", metavar="FILE", help="Its checkpoints, or a step log, in a study of curves (--curves)."
        ),
    ] = None,
    map: MapOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="A cost over 3 times the expected one, or under a third, is meant.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """What a run gave, or that it failed. Telling again corrects; late results are always taken.

    jaxsl study tell pilot.jsonl r3 2.87 --cost 1.3e18
    """
    from jaxsl.host.show.console import print_json
    from jaxsl.host.show.study import show_told
    from jaxsl.host.study import Study

    opened = Study(path)
    notes = opened.journal.notes
    if rows is not None and loss is not None:
        raise UserError("--rows tells the outcomes; leave out the loss")
    run = opened.tell(id, _numbers(loss), cost, status, yes, rows, read_mapping(map))
    if json:
        print_json(run)
    else:
        show_told(run, opened.status() if cost is not None else None, notes)


@study.command("show")
def show(
    path: StudyArgument,
    quick: Annotated[bool, typer.Option("--quick", help="Runs and money alone, without a fit.")] = False,
    json: JsonOption = False,
) -> None:
    """Where a study stands, what it predicts, and whether the rest of the budget is worth spending."""
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.study import as_dict, show_decided, show_study
    from jaxsl.host.study import Study

    opened = Study(path)
    forecast = worth = decided = None
    stop_runs: tuple[str, ...] = ()
    if not quick:
        with busy("fitting and looking ahead"):
            forecast, worth, decided = opened.best_prediction(), opened.worth(), opened.decision()
            stop_runs = opened.stop_runs()
    if json:
        print_json(as_dict(opened.status(), forecast, worth, decided, stop_runs))
    elif decided is not None:
        show_decided(opened.status(), decided, opened.ledger.settings["inputs"])
    else:
        show_study(opened.status(), forecast, worth, opened.ledger.settings["inputs"], stop_runs)


@study.command("set")
def change(
    path: StudyArgument,
    budget: BudgetOption = None,
    width: WidthOption = None,
    ess: EssOption = None,
    item_sd: ItemOption = None,
    gain: GainOption = None,
    price: PriceOption = None,
    regret: RegretOption = None,
    clear: Annotated[bool, typer.Option("--clear", help="Drop the stop rules there are.")] = False,
    law: Annotated[
        list[str] | None,
        typer.Option(
            "--law", metavar="NAME", help="Go on with this law as it is now, or where it is; all of several."
        ),
    ] = None,
) -> None:
    """Change the budget or the stop rules, or accept a law that was edited or moved; the rest stays."""
    from jaxsl.host.show.study import show_study
    from jaxsl.host.study import Study
    from jaxsl.host.study.settings import Stop, check_budget, check_rules

    opened = Study(path)
    check_budget(budget)
    given = {"width": width, "ess": ess, "item_sd": item_sd, "gain": gain, "price": price, "regret": regret}
    rules = {name: value for name, value in given.items() if value is not None}
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
    show_study(opened.status(), None, None, opened.ledger.settings["inputs"])


@study.command("export")
def export(
    path: StudyArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to: a .csv or .parquet file.")],
    force: ForceOption = False,
) -> None:
    """Write all runs of a study as a table."""
    from jaxsl.host.show.console import console
    from jaxsl.host.study import Study

    found = Study(path).export(file, force)
    console().print(f"wrote {found.num_rows} runs to {file}")


@study.command("repair")
def repair(path: StudyArgument) -> None:
    """Go on without damaged lines of a journal; they stay in the file and are named."""
    from jaxsl.host.show.console import console
    from jaxsl.host.study.journal import Journal

    found = Journal(path).repair()
    out = console()
    if not found:
        out.print(f"{path} is in order")
        return
    out.print(f"{path}: goes on without line{'s' if len(found) > 1 else ''} {', '.join(map(str, found))}")


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(piece) for piece in text.split(",")]
    except ValueError:
        raise UserError(f"{text!r} is no outcome; write a number, or several with commas between") from None


def _why_none(opened) -> str:
    status = opened.status()
    if status.left is not None and status.left <= 0:
        return "nothing to run: the budget is spent or reserved for pending runs"
    if status.num_candidates == 0:
        return "nothing to run: every candidate was asked for; `jaxsl study import` adds more"
    if "aim" in opened.ledger.settings and status.num_pending and opened.decision() is None:
        return "nothing to run: a run can be chosen for a decision once more of the pending ones are in"
    return "nothing to run: no candidate is affordable with what is left of the budget"
