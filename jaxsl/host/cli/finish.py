"""``jaxsl finish``: what runs will end at, from their learning curves so far."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.options import ForceOption, JsonOption, LevelOption, RunsArgument, SeedOption, reads_runs


@with_fit_options
@reads_runs
def finish(
    runs: RunsArgument,
    law: Annotated[
        str, typer.Option("--law", metavar="NAME", help="Of the learning curve, over S_1 and S_2.")
    ] = "annealing",
    rate: Annotated[
        str,
        typer.Option("--rate", metavar="COLUMN", help="The learning rate at every step, those to come too."),
    ] = "lr",
    step: Annotated[
        str | None, typer.Option("--step", metavar="COLUMN", help="Optimiser steps; by default step.")
    ] = None,
    outcome: Annotated[str, typer.Option("--outcome", metavar="COLUMN", help="Of the outcome.")] = "loss",
    memory: Annotated[
        float, typer.Option("--memory", help="Of the annealing area, a step: lambda of the paper.")
    ] = 0.999,
    level: LevelOption = 90.0,
    seed: SeedOption = 0,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the ends as runs: CSV or Parquet."),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Predict what runs end at from their curves so far, by a law of the learning curve and its schedule.

    jaxsl finish log.csv --rate lr -o ends.csv

    jaxsl fit ends.csv --law chinchilla --weight weight
    """
    from jaxsl.host.answer.finish import finish as predict_ends
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.finish import show_finish
    from jaxsl.host.writing import check_output

    if output is not None:
        check_output(output, runs, force)
    with busy(f"fitting {law} to every run"):
        report = predict_ends(
            runs,
            law,
            rate=rate,
            step=step,
            outcome=outcome,
            memory=memory,
            level=level,
            seed=seed,
            **how,
        )
    if output is not None:
        report.save(output, runs, force)
    if json:
        print_json(report)
    else:
        show_finish(report, output)
