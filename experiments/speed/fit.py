"""The multi-start fit, ours against others, side by side in one process and with compile apart.

Command: ``python -m experiments speed fit``; ``--laws``, ``--sizes``, ``--solvers`` and ``--starts`` restrict
it. Every measurement is a line of ``outputs/speed_fit.jsonl`` as soon as it is made, and a second call goes
on where the first was stopped. Only CPU seconds of one core are compared.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import jax
import typer
from rich.console import Console
from rich.progress import track

from experiments.report import OUTPUTS
from experiments.speed.cases import SIZES, cases
from experiments.speed.fit_tables import write
from experiments.speed.solvers import CONTESTANTS, one_core, timed
from jaxsl.host.errors import UserError
from jaxsl.precision import double_precision


def recorded(journal: Path) -> list[dict[str, Any]]:
    """The measurements of a journal; a last line that was cut short is left out."""
    if not journal.is_file():
        return []
    records = []
    for line in journal.read_text().splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def main(
    laws: Annotated[str, typer.Option(help="Laws or tasks, with commas between; all by default.")] = "",
    sizes: Annotated[str, typer.Option(help=f"Of {', '.join(SIZES)}.")] = "",
    solvers: Annotated[str, typer.Option(help=f"Of {', '.join(CONTESTANTS)}.")] = "",
    starts: Annotated[int, typer.Option(help="Starts per fit.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the starts.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder that holds scalebench/.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of journal, tables and plot.")] = OUTPUTS,
) -> None:
    """Measure the multi-start fit against SciPy, jaxopt and optimistix; write tables and a plot."""
    one_core()
    chosen = _names(solvers, tuple(CONTESTANTS)) or list(CONTESTANTS)
    out.mkdir(parents=True, exist_ok=True)
    journal, console = out / "speed_fit.jsonl", Console()
    done = {_identity(record) for record in recorded(journal)}
    with double_precision(), journal.open("a") as file:
        every = list(cases([name for name in laws.split(",") if name], _names(sizes, SIZES), data))
        todo = [
            (case, name) for case in every for name in chosen if (case.key, name, starts, seed) not in done
        ]
        for case, name in track(todo, "speed fit", console=console, disable=not console.is_terminal):
            file.write(json.dumps(timed(case, name, starts, seed)) + "\n")
            file.flush()
            jax.clear_caches()  # programs of hundreds of cases would fill the memory
    records = [r for r in recorded(journal) if (r["num_starts"], r["seed"]) == (starts, seed)]
    write(records, f"python -m experiments speed fit --starts {starts} --seed {seed}", seed, out, console)


def _names(text: str, known: tuple[str, ...]) -> list[str] | None:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"{', '.join(unknown)} is none of {', '.join(known)}")
    return names or None


def _identity(record: dict[str, Any]) -> tuple:
    return record["case"], record["solver"], record["num_starts"], record["seed"]
