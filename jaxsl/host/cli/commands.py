"""The command line: ``jaxsl fit | next | predict | compare | report | study | replay | demo | laws``, and
``checkpoints | finish | optimal | reach | multiplier | isoflop | grid | ess | allocate | tune``.

A command reads its options, calls its verb of ``jaxsl.host`` and prints. Every ``UserError`` becomes one
message on standard error and exit status 2, and nothing is written. JAX is imported inside the commands, so
that help is there at once.
"""

import os
from typing import Annotated

import typer
from typer.core import TyperGroup

import jaxsl
from jaxsl.host.cli.allocate import allocate
from jaxsl.host.cli.checkpoints import checkpoints_command
from jaxsl.host.cli.compare import compare
from jaxsl.host.cli.demo import demo
from jaxsl.host.cli.ess import ess
from jaxsl.host.cli.finish import finish
from jaxsl.host.cli.fit import fit
from jaxsl.host.cli.grid import grid
from jaxsl.host.cli.isoflop import isoflop
from jaxsl.host.cli.laws import laws
from jaxsl.host.cli.multiplier import multiplier
from jaxsl.host.cli.next import next_command
from jaxsl.host.cli.optimal import optimal
from jaxsl.host.cli.predict import predict
from jaxsl.host.cli.reach import reach
from jaxsl.host.cli.replay import replay
from jaxsl.host.cli.report import report
from jaxsl.host.cli.study import study
from jaxsl.host.cli.tune import tune
from jaxsl.host.errors import UserError
from jaxsl.host.programs.cache import enable_compilation_cache
from jaxsl.host.programs.garbage import collect_seldom


class Commands(TyperGroup):
    """A group of commands whose user errors are messages."""

    def invoke(self, ctx):
        """Run a command."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        typer.echo(f"jaxsl {jaxsl.__version__}")
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Fits scaling laws and says which pilot run to train next."""


app.command("fit")(fit)
app.command("next")(next_command)
app.command("checkpoints")(checkpoints_command)
app.command("predict")(predict)
app.command("finish")(finish)
app.command("compare")(compare)
app.command("report")(report)
app.add_typer(study, name="study")
app.command("replay")(replay)
app.command("demo")(demo)
app.add_typer(laws, name="laws")
app.command("optimal")(optimal)
app.command("reach")(reach)
app.command("multiplier")(multiplier)
app.command("isoflop")(isoflop)
app.command("grid")(grid)
app.command("ess")(ess)
app.command("allocate")(allocate)
app.command("tune")(tune)


def main() -> None:
    """The program ``jaxsl``."""
    if os.environ.get("NO_COLOR"):  # which typer takes to allow bold and dim
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None
    enable_compilation_cache()
    collect_seldom()
    app()
