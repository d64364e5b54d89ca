"""``jaxsl compare``: how published parameters do on one's own runs."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import (
    JsonOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    read_mapping,
    reads_runs,
)


@reads_runs
def compare(
    runs: RunsArgument,
    law: Annotated[
        list[str],
        typer.Option(
            "--law",
            metavar="NAME@ESTIMATE",
            help="Published parameters, such as chinchilla@epoch, or several; `jaxsl laws NAME` lists them.",
        ),
    ],
    fit: Annotated[bool, typer.Option("--fit", help="Also fit the same laws to the runs.")] = False,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Say how published parameters do on your runs, and your own fit of the same law beside them.

    jaxsl compare runs.csv --law chinchilla@hoffmann --law chinchilla@epoch --fit
    """
    mapping = read_mapping(map)
    tables = looked_at(runs, law, how | {"map": mapping, "outcome": outcome})

    from jaxsl.host.answer.compare import compare as compare_laws
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.predictions import show_compared

    with busy(f"comparing {', '.join(law)}"):
        report = compare_laws(tables, law, fit=fit, map=mapping, outcome=outcome, seed=seed, **how)
    if json:
        print_json(report)
    else:
        show_compared(report)
