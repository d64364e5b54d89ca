"""Measurements of speed and accuracy: ``python -m experiments speed NAME``, one module each."""

import typer

from experiments.speed import (
    allocation,
    compiling,
    device,
    ensembles,
    episodes,
    fit,
    growth,
    quadrature,
    scorer,
    seeds,
    start,
    study,
)

app = typer.Typer(no_args_is_help=True, help="Measured speed and accuracy of the engine's parts.")
app.command("quadrature")(quadrature.main)
app.command("fit")(fit.main)
app.command("growth")(growth.main)
app.command("compile")(compiling.main)
app.command("ensembles")(ensembles.main)
app.command("allocation")(allocation.main)
app.command("study")(study.main)
app.command("episodes")(episodes.main)
app.command("device")(device.main)
app.command("scorer")(scorer.main)
app.command("seeds")(seeds.main)
app.command("start")(start.main)
