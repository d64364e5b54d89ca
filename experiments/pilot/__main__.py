"""``python -m experiments.pilot``: trains the grid, or with ``--live`` what the selector asks for."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.pilot.grid import Point, grid, sweep
from experiments.pilot.live import campaign
from jaxsl.host.laws.lookup import find


def main(
    out: Annotated[Path, typer.Option(help="The table; finished runs in it are kept.")] = Path(
        "outputs/pilot_runs.csv"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes, each on one thread.")] = 2,
    only: Annotated[str, typer.Option(help="One run, as N,D,seed.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Train what the selector asks for.")] = False,
    law: Annotated[str, typer.Option(help="The law of --live.")] = "chinchilla",
    budget: Annotated[float, typer.Option(help="Share of the pool's cost for --live.")] = 0.1,
) -> None:
    """Train the pilot lab's runs that the table lacks, appending each as it finishes."""
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
