"""``python -m experiments.pilot``: trains the grid, or with ``--live`` what the selector asks for."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.pilot import curves
from experiments.pilot.grid import Point, grid, sweep
from experiments.pilot.live import campaign
from jaxsl.host.laws.lookup import find


class Schedule(StrEnum):
    """How the rate goes: down over the whole run, or constant with a short decay from checkpoints."""

    LINEAR = "linear"
    WSD = "wsd"


TABLES = {Schedule.LINEAR: Path("outputs/pilot_runs.csv"), Schedule.WSD: Path("outputs/pilot_curves.csv")}


def main(
    out: Annotated[Path | None, typer.Option(help="The table; finished runs in it are kept.")] = None,
    schedule: Annotated[Schedule, typer.Option(help="Of the learning rate; with wsd, runs are curves.")] = (
        Schedule.LINEAR
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes, each on one thread.")] = 2,
    only: Annotated[str, typer.Option(help="One run, as N,D,seed.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Train what the selector asks for.")] = False,
    law: Annotated[str, typer.Option(help="The law of --live.")] = "chinchilla",
    budget: Annotated[float, typer.Option(help="Share of the pool's cost for --live.")] = 0.1,
) -> None:
    """Train the pilot lab's runs or curves that the table lacks, appending each as it finishes."""
    out = out or TABLES[schedule]
    if schedule is Schedule.WSD:
        if live or only:
            raise typer.BadParameter("--live and --only are for --schedule linear", param_hint="--schedule")
        wanted = curves.curves()
        trained = curves.sweep(wanted, out, workers)
        typer.echo(f"{trained} curves trained, {len(wanted) - trained} already there: {out}")
        return
    if live:
        campaign(find(law), out, budget, typer.echo)
        return
    points = grid()
    if only:
        try:
            N, D, seed = map(int, only.split(","))
        except ValueError:
            raise typer.BadParameter(
                f"{only!r} is not three whole numbers N,D,seed", param_hint="--only"
            ) from None
        points = [Point(N, D, seed)]
    trained = sweep(points, out, workers)
    typer.echo(f"{trained} trained, {len(points) - trained} already there: {out}")


if __name__ == "__main__":
    typer.run(main)
