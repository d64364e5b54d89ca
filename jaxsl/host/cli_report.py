"""``jaxsl report``: everything worth seeing about a table of runs in one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from jaxsl.host.cli_options import (
    CostOption,
    JsonOption,
    LawOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    read_mapping,
)
from jaxsl.host.errors import UserError


def report(
    runs: RunsArgument,
    law: LawOption,
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
    json: JsonOption = False,
) -> None:
    """Write one HTML file: what was run, what it predicts, what to run next, how far to trust it.

    jaxsl report runs.csv --law chinchilla --target N=7e10,D=1.4e12 --cost "6*N*D" -o report.html
    """
    from jaxsl.host.html_report import html_report, report_data
    from jaxsl.host.laws import find
    from jaxsl.host.provenance import provenance
    from jaxsl.host.show import busy, console, print_json
    from jaxsl.host.table import read
    from jaxsl.host.view import view

    found, mapping, table = find(law), read_mapping(map), read(runs)
    with busy(f"fitting {found.name} and drawing"):
        seen = view(
            table,
            found,
            target=target,
            mapping=mapping,
            cost=cost,
            outcome=outcome,
            budget=budget,
            seed=seed,
            units=_units(unit),
        )
        settings = {
            "target": "; ".join(target) if target else None,
            "cost": cost,
            "budget": budget,
            "columns": ", ".join(f"{name}={column}" for name, column in mapping.items()) or None,
            "outcome": outcome,
            "seed": seed,
        }
        said = {name: value for name, value in settings.items() if value is not None}
        data = report_data(seen, provenance(table, found, said), count)
        page = html_report(seen, data)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}; give another -o FILE") from None
    if json:
        print_json(data)
    else:
        console().print(f"wrote {output}: {len(page) // 1024} kB, one file, no network needed")


def _units(pairs: list[str] | None) -> dict[str, str]:
    units = {}
    for pair in pairs or []:
        name, equals, text = (piece.strip() for piece in pair.partition("="))
        if not (name and equals and text):
            raise UserError(f"--unit {pair}: write NAME=UNIT, such as --unit loss=nats")
        units[name] = text
    return units
