"""``python -m experiments.pilot``: trains the grid, or the one run named by ``--only``."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.pilot.grid import Point, grid, sweep


def main(
    out: Annotated[Path, typer.Option(help="The table; finished runs in it are kept.")] = Path(
        "outputs/pilot_runs.csv"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes, each on one thread.")] = 2,
    only: Annotated[str, typer.Option(help="One run, as N,D,seed.")] = "",
) -> None:
    """Train the pilot lab's runs that the table lacks, appending each as it finishes."""
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
