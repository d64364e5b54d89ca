"""``jaxsl study import``: runs that were done elsewhere, from tables and experiment trackers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jaxsl.host.cli.options import MapOption, OutcomeOption, StudyArgument, read_mapping, reads_runs


@reads_runs
def import_command(
    path: StudyArgument,
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Tables as for `jaxsl fit`, wandb:ENTITY/PROJECT or mlflow:EXPERIMENT."
        ),
    ],
    map: MapOption = None,
    outcome: OutcomeOption = None,
    cost: Annotated[
        str | None,
        typer.Option(
            "--cost", help="What the runs really cost: column or expression; trackers have `hours`."
        ),
    ] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help="Count their cost against the study's budget.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Costs far from the plan are meant.")] = False,
    tracking_uri: Annotated[str | None, typer.Option("--tracking-uri", help="Of MLflow.")] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder of fetched histories; by default STUDY.cache.")
    ] = None,
    **how: Any,
) -> None:
    """Bring in runs that were done elsewhere; repeating adds only what is new or has changed.

    jaxsl study import pilot.jsonl runs.csv --map N=params --outcome val_loss
    """
    from jaxsl.host.input.steps import reduction
    from jaxsl.host.show.console import busy, console, show_notes
    from jaxsl.host.show.study import money
    from jaxsl.host.study import Study
    from jaxsl.host.study.sources import mlflow as from_mlflow
    from jaxsl.host.study.sources import wandb as from_wandb
    from jaxsl.host.study.sources.importing import import_table, import_tracked

    reduce = how["reduce"] or "last"
    reduction(reduce)
    study, mapping = Study(path), read_mapping(map)
    tracker, _, name = source[0].partition(":")
    if tracker in ("wandb", "mlflow") and name and len(source) == 1:
        columns = [outcome] if outcome else [mapping.get(output, output) for output in study.law.outputs]
        metrics = [column.strip("`") for column in columns]
        with busy(f"reading {source[0]}"):
            if tracker == "wandb":
                tracked = from_wandb.fetch(name, metrics, cache or Path(f"{path}.cache"), reduce)
            else:
                tracked = from_mlflow.fetch(name, metrics, reduce, tracking_uri)
        found = import_tracked(study, tracked, mapping, outcome, cost, counts, yes, **how)
    else:
        found = import_table(study, source, mapping, outcome, cost, counts, yes, **how)
    added = ", ".join(f"{number} {state}" for state, number in found.added.items() if number) or "no new run"
    candidates = f", {found.num_candidates} candidates" if found.num_candidates else ""
    known = f"; {found.num_known} were in the study already" if found.num_known else ""
    out = console()
    out.print(f"{path}: brought in {added}{candidates}{known}")
    if cost is not None:
        out.print(money(study.status()))
    show_notes(out, found.notes)
