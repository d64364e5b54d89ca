"""Figures of the paper on equivalent sample size: ``python -m experiments ess figure1`` to ``figure5``."""

import typer

from experiments.ess import figure1, figure2, figure3, figure4, figure5

app = typer.Typer(no_args_is_help=True, help="Equivalent sample size and optimal allocation: figures 1 to 5.")
for module in (figure1, figure2, figure3, figure4, figure5):
    app.command(module.__name__.rpartition(".")[2])(module.main)
