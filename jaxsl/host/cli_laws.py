"""``jaxsl laws``: the catalogue."""

from typing import Annotated

import typer

from jaxsl.host.cli_options import JsonOption


def laws(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One law, or all of them.")] = None,
    json: JsonOption = False,
) -> None:
    """What laws there are: formula, inputs, parameters with bounds, source."""
    from jaxsl.host.laws import catalogue, describe, find
    from jaxsl.host.show import console, grid, number, print_json

    found = list(catalogue().values()) if name is None else [find(name)]
    if json:
        print_json({"laws": [describe(law) for law in found]})
        return
    out = console()
    if name is None:
        rows = [[law.name, ", ".join(law.inputs), str(law.num_params), law.formula] for law in found]
        table = grid(["law", "inputs", "parameters", "formula"], rows, left=(0, 1, 3))
        table.columns[3].no_wrap = False
        out.print(table)
        return
    law = found[0]
    out.print(f"{law.name}: {law.formula}", style="bold")
    out.print(f"inputs: {', '.join(law.inputs)}; outputs: {', '.join(law.outputs)}")
    out.print(f"source: {law.source or 'not stated'}")
    rows = [
        [param.name, number(param.lower), number(param.upper), "log" if param.log else "", param.doc]
        for param in law.params
    ]
    out.print()
    out.print(grid(["parameter", "lower", "upper", "scale", "meaning"], rows, left=(0, 4)))
    for label, theta in law.estimates.items():
        values = ", ".join(f"{param.name}={value:g}" for param, value in zip(law.params, theta, strict=True))
        out.print(f"estimate {label}: {values}")
