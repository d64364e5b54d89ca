"""``jaxsl study``: ask which run to train next, tell what it gave, for weeks."""

from typing import Annotated

import typer

from jaxsl.host.cli.options import ForceOption, JsonOption, MapOption, StudyArgument, read_mapping
from jaxsl.host.cli.study_import import import_command
from jaxsl.host.cli.study_settings import new_command, set_command
from jaxsl.host.errors import UserError

study = typer.Typer(no_args_is_help=True, help="Ask which run to train next, tell what it gave, for weeks.")
study.command("new")(new_command)


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
        show_asked(opened, asked, why_none, notes, count)


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
        show_decided(opened.status(), decided, opened.ledger.settings)
    else:
        show_study(opened.status(), forecast, worth, opened.ledger.settings, stop_runs)


study.command("import")(import_command)
study.command("set")(set_command)


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
    from jaxsl.host.show.study import NOTHING

    status = opened.status()
    if status.left is not None and status.left <= 0:
        return f"{NOTHING}the budget is spent or reserved for pending runs"
    if status.num_candidates == 0:
        return f"{NOTHING}every candidate was asked for; `jaxsl study import` adds more"
    if "aim" in opened.ledger.settings and status.num_pending and opened.decision() is None:
        return f"{NOTHING}a run can be chosen for a decision once more of the pending ones are in"
    return f"{NOTHING}no candidate is affordable with what is left of the budget"
