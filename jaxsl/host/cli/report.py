"""``jaxsl report``: everything worth seeing about a table of runs in one HTML file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import (
    BudgetOption,
    CostOption,
    ForceOption,
    JsonOption,
    LevelOption,
    MapOption,
    MaxCostOption,
    OfOption,
    OutcomeOption,
    SeedOption,
    TargetOption,
    named,
    read_mapping,
    reads_runs,
)
from jaxsl.host.errors import UserError


@with_fit_options
@reads_runs
def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY_OR_RUNS",
            help="A study's journal; or tables of runs, as for `jaxsl fit`.",
        ),
    ],
    law: Annotated[
        list[str] | None,
        typer.Option(
            "--law",
            metavar="NAME",
            help="The scaling law, or several, as for `jaxsl fit`; a study knows its own.",
        ),
    ] = None,
    target: TargetOption = None,
    cost: CostOption = None,
    budget: BudgetOption = None,
    max_cost: MaxCostOption = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many candidates to list.")] = 5,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            "--unit", metavar="NAME=UNIT", help="Unit of an input, an output or the cost, for the axes."
        ),
    ] = None,
    level: LevelOption = 90.0,
    of: OfOption = "outcome",
    seed: SeedOption = 0,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The HTML file to write.")
    ] = Path("report.html"),
    force: ForceOption = False,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Write one HTML file: what was run, what it predicts, what to run next, how far to trust it.

    jaxsl report runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D" -o report.html
    """
    from jaxsl.host.input.files import input_files
    from jaxsl.host.writing import check_output, is_journal

    mapping = read_mapping(map)
    source = runs[0] if len(runs) == 1 else runs
    if isinstance(source, str) and is_journal(source):
        own = {"target": target, "cost": cost, "budget": budget, "map": map, "outcome": outcome, "law": law}
        own |= {name.replace("_", "-"): value for name, value in how.items()}
        own |= {"max-cost": max_cost, "level": level if level != 90 else None}
        _refuse(source, [name for name, value in own.items() if value is not None])
    elif not law:
        raise UserError(
            f"{', '.join(runs)} is a table of runs: say which law with --law; `jaxsl laws` lists them"
        )
    elif "-" not in runs:  # which can be read once alone
        check_output(output, [*input_files(runs), *(target or []), *law], force)
        looked_at(
            runs,
            law,
            how | {"map": mapping, "outcome": outcome, "level": level, "of": of},
            target=target,
            cost=cost,
        )

    from jaxsl.host.html.report import report as report_on
    from jaxsl.host.show.console import busy, console, print_json

    with busy("fitting and drawing"):
        data = report_on(
            source,
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
            units=named("unit", unit, "NAME=UNIT, such as --unit loss=nats"),
            output=output,
            force=force,
            **how,
        )
    if json:
        print_json(data)
    else:
        console().print(f"wrote {output}: {output.stat().st_size // 1024} kB, one file, no network needed")


def _refuse(runs: str, given: list[str]) -> None:
    if given:
        raise UserError(f"--{given[0]}: {runs} is a study, which knows its own {given[0]}; leave it out")
