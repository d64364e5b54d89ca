"""What is decided from runs, where the truth is known: ``python -m experiments decide``."""

import typer

from experiments.decide import choosing, components, coverage, multipliers

app = typer.Typer(
    no_args_is_help=True, help="Compute-optimal sizes: coverage of intervals, and runs chosen for them."
)
for module in (coverage, components, choosing, multipliers):
    app.command(module.__name__.rpartition(".")[2])(module.main)
