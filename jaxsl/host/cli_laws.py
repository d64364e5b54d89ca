"""``jaxsl laws``: the catalogue."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsl.host.cli_options import JsonOption

if TYPE_CHECKING:
    from jaxsl.law import Law


def laws(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One law, or all of them.")] = None,
    json: JsonOption = False,
) -> None:
    """What laws there are: formula, inputs, parameters with bounds, source."""
    from jaxsl.host.laws import catalogue, find
    from jaxsl.host.show import console, grid, number, print_json

    found = list(catalogue()) if name is None else [find(name)]
    if json:
        print_json({"laws": [describe(law) for law in found]})
        return
    out = console()
    if name is None:
        rows = [[law.name, ", ".join(law.inputs), str(law.num_params), law.formula] for law in found]
        table = grid(["law", "inputs", "parameters", "formula"], rows)
        table.columns[1].justify = table.columns[3].justify = "left"
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
    table = grid(["parameter", "lower", "upper", "scale", "meaning"], rows)
    table.columns[4].justify = "left"
    out.print(table)
    for label, theta in law.estimates.items():
        values = ", ".join(f"{param.name}={value:g}" for param, value in zip(law.params, theta, strict=True))
        out.print(f"estimate {label}: {values}")


def describe(law: "Law") -> dict[str, Any]:
    """A law as plain data."""
    return {
        "name": law.name,
        "formula": law.formula,
        "inputs": law.inputs,
        "outputs": law.outputs,
        "parameters": [
            {
                "name": param.name,
                "lower": param.lower,
                "upper": param.upper,
                "log": param.log,
                "doc": param.doc,
            }
            for param in law.params
        ],
        "linear": law.linear,
        "nonnegative": law.nonnegative,
        "source": law.source,
        "estimates": dict(law.estimates),
    }
