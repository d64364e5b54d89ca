"""What the figures' commands share: options, where files go."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.ess import pictures
from experiments.report import OUTPUTS, provenance, write_table

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder that holds obsscaling/.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of all random numbers.")]
PictureOption = Annotated[bool, typer.Option(help="Draw the picture too (needs matplotlib).")]
ReplicatesOption = Annotated[int, typer.Option(min=2, help="Simulated studies.")]
DrawsOption = Annotated[int, typer.Option(min=100, help="Bootstrap draws of the link.")]
EverythingOption = Annotated[
    bool, typer.Option("--everything", help="All models of the data, later additions included.")
]
FOLDER = OUTPUTS / "ess"


def publish(name: str, rows: Sequence[Mapping[str, Any]], figure: Any, seed: int, command: str) -> None:
    """Write the table and, if there is one, the picture; say where."""
    facts = provenance(f"python -m experiments {command}", seed)
    written = [*write_table(name, rows, facts, FOLDER)]
    if figure is not None:
        pictures.save(figure, FOLDER / f"{name}.png", facts)
        written.append(FOLDER / f"{name}.png")
    for path in written:
        print(f"wrote {path.relative_to(OUTPUTS.parent)}")
