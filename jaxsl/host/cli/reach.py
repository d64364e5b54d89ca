"""``jaxsl reach``: the least cost of a loss."""

from typing import Annotated, Any

import typer

from jaxsl.host.cli.decision_options import MaybeRunsArgument, numbers, with_sizes
from jaxsl.host.cli.looking import looked_at
from jaxsl.host.cli.options import JsonOption, LawsOption, reads_runs


@reads_runs
@with_sizes
def reach(
    law: LawsOption,
    loss: Annotated[str, typer.Option("--loss", metavar="L,L,...", help="To reach; several with commas.")],
    runs: MaybeRunsArgument = None,
    json: JsonOption = False,
    **options: Any,
) -> None:
    """Say what it costs at least to reach a loss, and with which sizes.

    jaxsl reach runs.csv --law chinchilla --cost "6*N*D" --loss 2.2
    """
    losses, tables = numbers("--loss", loss), looked_at(runs, law, options) if runs else None

    from jaxsl.host.decision.reach import reach as least_cost
    from jaxsl.host.show.console import busy, print_json
    from jaxsl.host.show.decision import show_reach

    with busy(f"fitting {', '.join(law)} and looking for the least cost"):
        report = least_cost(tables, law, loss=losses, **options)
    if json:
        print_json(report)
    else:
        show_reach(report)
