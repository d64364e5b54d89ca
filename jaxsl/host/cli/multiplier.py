"""``jaxsl multiplier``: recipes compared by the compute they need."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import AgainstOption, ByOption, with_sizes
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import JsonOption, LawsOption, reads_runs
from jaxsl.host.errors import UserError


@reads_runs
@with_sizes
def multiplier(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUNS...", help="Tables of two recipes or more, or one with --by.")
    ],
    law: LawsOption,
    budget: Annotated[float, typer.Option("--budget", help="At which cost of the last recipe.")],
    by: ByOption = None,
    against: AgainstOption = None,
    json: JsonOption = False,
    **options: Any,
) -> None:
    """Say how many times the compute a recipe needs to reach the loss of another, each at its best sizes.

    jaxsl multiplier old.csv new.csv --law chinchilla --budget 1e22

    jaxsl multiplier runs.csv --by recipe --against new --law chinchilla --budget 1e22
    """
    if by is None and against is not None:
        raise UserError("--against names a value of the column --by; give both, or two tables")
    if by is not None and len(runs) > 1:
        raise UserError("--by tells the recipes of one table apart; give one table with it")
    if len(set(runs)) < len(runs):
        raise UserError("a table is given twice; compare different ones")
    tables: dict[str, Any] = {name: looked_at([name], law, options) for name in runs}

    from jaxsl.host.answer.which_laws import resolved, run_table
    from jaxsl.host.decision.multiplier import multiplier as compare
    from jaxsl.host.decision.multiplier import split
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.recipes import show_multiplier

    with busy(f"fitting {', '.join(law)} to each recipe"):
        if by is not None:  # rows are chosen before recipes are told apart
            reading = {name: options.pop(name, None) for name in ("where", "reduce", "from_name")}
            named = options.get("map"), options.get("outcome")
            tables = split(run_table(tables[runs[0]], resolved(law), *named, **reading), by, against)
        report = compare(
            tables,
            law,
            budget=budget,
            **options,
        )
    if json:
        print_json(report)
    else:
        show_multiplier(report)
