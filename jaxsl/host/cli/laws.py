"""``jaxsl laws``: the catalogue, one law, ``laws rank`` on runs, ``laws check`` for a law of your own."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from jaxsl.host.cli.fit_options import with_fit_options
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import (
    JsonOption,
    MapOption,
    OutcomeOption,
    RunsArgument,
    SeedOption,
    TargetOption,
    read_mapping,
    reads_runs,
)


class Laws(TyperGroup):
    """Commands about laws; ``jaxsl laws NAME`` is short for ``jaxsl laws show NAME``."""

    def parse_args(self, ctx, args):
        """Put ``show`` in front of what is no command."""
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["show", *args])


laws = typer.Typer(cls=Laws, help="What laws there are; `jaxsl laws NAME` describes one.")


@laws.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One law, or all of them.")] = None,
    json: JsonOption = False,
) -> None:
    """Formula, inputs, parameters with bounds, source."""
    from jaxsl.host.laws.lookup import catalogue, describe, find
    from jaxsl.host.show.console import console, grid, number, print_json

    found = list(catalogue().values()) if name is None else [find(name)]
    if json:
        print_json({"laws": [describe(law) for law in found]})
        return
    out = console()
    if name is None:
        rows = [[law.name, ", ".join(law.inputs), str(law.num_params), law.formula] for law in found]
        out.print(grid(["law", "inputs", "parameters", "formula"], rows, left=(0, 1, 3)))
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
        source = law.estimate_sources.get(label)
        out.print(f"estimate {label}: {values}" + (f" ({source})" if source else ""))


@laws.command()
def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An id, path/to/file.py:NAME or package.module:NAME.")
    ],
    runs: Annotated[
        str | None, typer.Argument(metavar="[RUNS]", help="Table whose configurations the law is tried at.")
    ] = None,
    map: MapOption = None,
    json: JsonOption = False,
) -> None:
    """Try a law all over its box: where it is not finite, what has no effect, what is redundant.

    Exit status 1 when something was found.
    """
    from jaxsl.host.input.problem import configurations
    from jaxsl.host.laws.check import check as check_law
    from jaxsl.host.laws.lookup import find
    from jaxsl.host.show.console import busy, console, print_json

    law, mapping = find(name), read_mapping(map)
    x = None if runs is None else configurations(runs, law, mapping)
    with busy(f"trying {law.name}"):
        findings = check_law(law, x)
    if json:
        print_json({"law": law.name, "findings": findings})
    else:
        out = console()
        for finding in findings:
            out.print(f"{finding.kind}: {finding.message}; {finding.advice}")
        if not findings:
            out.print(f"{law.name}: nothing found")
    if findings:
        raise typer.Exit(1)


@laws.command()
@with_fit_options
@reads_runs
def rank(
    runs: RunsArgument,
    law: Annotated[
        list[str] | None,
        typer.Option(
            "--law",
            metavar="NAME",
            help="A law, several times; by default all that the table has columns for.",
        ),
    ] = None,
    target: TargetOption = None,
    map: MapOption = None,
    outcome: OutcomeOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
    **how: Any,
) -> None:
    """Which laws fit these runs, extrapolate toward the target and are identified: best first.

    jaxsl laws rank runs.csv --target N=7e10,D=1.4e12
    """
    names, mapping = law or ["all"], read_mapping(map)
    tables = looked_at(runs, names, how | {"map": mapping, "outcome": outcome}, target=target)

    from jaxsl.host.answer.rank import rank as rank_laws
    from jaxsl.host.show.answers import show_rank
    from jaxsl.host.show.console import busy, print_json

    with busy(f"fitting {', '.join(names)}"):
        report = rank_laws(tables, names, map=mapping, outcome=outcome, target=target, seed=seed, **how)
    if json:
        print_json(report)
    else:
        show_rank(report)
