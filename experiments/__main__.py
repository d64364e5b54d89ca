"""``python -m experiments``: one subcommand per table and figure, each in a module of its own."""

import sys

import typer

from experiments import along, decide, ess, exits, speed, table1
from experiments.benchmark import figures, kept, tables
from experiments.curves import ends
from experiments.curves import tables as curves
from experiments.pilot.__main__ import main as pilot
from experiments.robust import harm, public
from experiments.robust import tables as robust
from experiments.several import tables as several
from jaxsl.host.errors import UserError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("table1")(table1.main)
app.command("table2")(tables.table2)
app.command("table3")(tables.table3)
app.command("all-data")(tables.all_data)
app.command("halves")(tables.halves)
app.command("figure1")(figures.figure1)
app.command("figure2")(figures.figure2)
app.command("figure3")(figures.figure3)
app.command("several")(several.several)
app.command("robust")(robust.robust)
app.command("public")(public.public)
app.command("harm")(harm.harm)
app.command("keep")(kept.keep)
app.command("exits")(exits.main)
app.command("along")(along.main)
app.command("pilot")(pilot)
app.command("ends")(ends.ends)
app.command("curves")(curves.curves)
app.add_typer(decide.app, name="decide")
app.add_typer(ess.app, name="ess")
app.add_typer(speed.app, name="speed")


@app.callback()
def experiments() -> None:
    """Tables and figures: of *Spend Less, Fit Better* (arXiv:2604.22753), of *Extrapolating Large Models from
    the Small* (``ess``), and of what jaxsl adds to them. Each writes CSV and Markdown to ``outputs/``.
    """


if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
