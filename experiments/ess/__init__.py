"""The paper on equivalent sample size: ``python -m experiments ess``, its figures, values and coverage."""

import typer

from experiments.ess import coverage, figure1, figure2, figure3, figure4, figure5, values

app = typer.Typer(no_args_is_help=True, help="Equivalent sample size and optimal allocation.")
for module in (figure1, figure2, figure3, figure4, figure5, values, coverage):
    app.command(module.__name__.rpartition(".")[2])(module.main)
