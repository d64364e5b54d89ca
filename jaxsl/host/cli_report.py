"""``jaxsl report``: everything worth seeing about a table of runs in one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from jaxsl.host.cli_options import (
    CostOption,
    ForceOption,
    JsonOption,
    MapOption,
    OutcomeOption,
    SeedOption,
    TargetOption,
    read_mapping,
)
from jaxsl.host.errors import UserError


def report(
    runs: Annotated[
        str,
        typer.Argument(
            metavar="STUDY_OR_RUNS",
            help="A study's journal; or a CSV or Parquet file of runs, - for standard input.",
        ),
    ],
    law: Annotated[
        str | None,
        typer.Option(
            "--law", metavar="NAME", help="The scaling law; a study knows its own. `jaxsl laws` lists them."
        ),
    ] = None,
    target: TargetOption = None,
    cost: CostOption = None,
    budget: Annotated[
        float | None, typer.Option("--budget", help="What the next run may cost, in the unit of the costs.")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many candidates to list.")] = 5,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            "--unit", metavar="NAME=UNIT", help="Unit of an input, an output or the cost, for the axes."
        ),
    ] = None,
    seed: SeedOption = 0,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The HTML file to write.")
    ] = Path("report.html"),
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write one HTML file: what was run, what it predicts, what to run next, how far to trust it.

    jaxsl report runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D" -o report.html
    """
    from jaxsl.host.html_report import html_report, report_data
    from jaxsl.host.html_report_study import study_view
    from jaxsl.host.provenance import provenance
    from jaxsl.host.show import busy, console, print_json
    from jaxsl.host.study import Study
    from jaxsl.host.thinning import MOST_DRAWN
    from jaxsl.host.writing import check_output, is_journal, write_text

    units, mapping = _units(unit), read_mapping(map)
    is_study, inputs = is_journal(runs), [Path(runs), *(target or []), *([law] if law else [])]
    if is_study:
        own = {"target": target, "cost": cost, "budget": budget, "map": map, "outcome": outcome}
        _refuse(runs, [name for name, value in (own | {"law": law}).items() if value is not None])
        inputs += Study(runs).files
    check_output(output, inputs, force)
    most = max(MOST_DRAWN, 2 * count)  # half of them are the best
    with busy("fitting and drawing"):
        if is_study:
            seen, table, settings = study_view(runs, units, most)
        else:
            seen, table, settings = _table_view(
                runs, law, target, cost, budget, mapping, outcome, seed, units, most
            )
        data = report_data(seen, provenance(table, seen.law, settings), count)
        page = html_report(seen, data)
    write_text(output, page, inputs, force)
    if json:
        print_json(data)
    else:
        console().print(f"wrote {output}: {len(page) // 1024} kB, one file, no network needed")


def _table_view(runs, law, target, cost, budget, mapping, outcome, seed, units, most):
    """What there is to see of a table, the table, and the settings that decided it."""
    from jaxsl.host.laws import find
    from jaxsl.host.table import read
    from jaxsl.host.view import view

    if law is None:
        raise UserError(f"{runs} is a table of runs: say which law with --law; `jaxsl laws` lists them")
    found, table = find(law), read(runs)
    seen = view(
        table,
        found,
        target=target,
        mapping=mapping,
        cost=cost,
        outcome=outcome,
        budget=budget,
        seed=seed,
        units=units,
        most=most,
    )
    settings = {
        "target": "; ".join(target) if target else None,
        "cost": cost,
        "budget": budget,
        "columns": ", ".join(f"{name}={column}" for name, column in mapping.items()) or None,
        "outcome": outcome,
        "seed": seed,
    }
    return seen, table, {name: value for name, value in settings.items() if value is not None}


def _refuse(runs: str, given: list[str]) -> None:
    if given:
        raise UserError(f"--{given[0]}: {runs} is a study, which knows its own {given[0]}; leave it out")


def _units(pairs: list[str] | None) -> dict[str, str]:
    units = {}
    for pair in pairs or []:
        name, equals, text = (piece.strip() for piece in pair.partition("="))
        if not (name and equals and text):
            raise UserError(f"--unit {pair}: write NAME=UNIT, such as --unit loss=nats")
        units[name] = text
    return units
