"""What the commands of the benchmark share: their options, and the episodes they ask for."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from experiments.benchmark.methods import METHODS
from experiments.benchmark.paper import TASKS
from experiments.benchmark.sweep import sweep
from experiments.benchmark.unit import units
from experiments.report import OUTPUTS
from jaxsl.host.errors import UserError

Tasks = Annotated[str, typer.Option("--tasks", help="Comma-separated; all by default.")]
Laws = Annotated[str, typer.Option("--laws", help="Comma-separated ids; all by default.")]
Methods = Annotated[str, typer.Option("--methods", help="Comma-separated.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Seeds 0 to this, exclusive.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]
Cluster = Annotated[
    str, typer.Option("--cluster", help="slurm or local, with submitit's key=value after a colon.")
]
Inside = Annotated[bool, typer.Option("--inside", help="Set part of each pool aside as target.")]
Data = Annotated[Path | None, typer.Option("--data", help="Folder of the benchmark's data.")]


def results(
    tasks: str,
    laws: str,
    methods: str,
    seeds: int,
    workers: int,
    data: Path | None,
    cluster: str = "",
    inside: bool = False,
    needs: Iterable[str] = (),
) -> list[dict]:
    """Episodes of all combinations, run or read from ``outputs/benchmark.jsonl`` or from those kept.

    Raises:
        UserError: when a name is unknown.
    """
    chosen = split(methods)
    unknown = sorted({*chosen} - {*METHODS}) + sorted({*split(tasks)} - {*TASKS})
    if unknown:
        raise UserError(
            f"no method or task {', '.join(unknown)}; methods: {', '.join(METHODS)}; "
            f"tasks: {', '.join(TASKS)}"
        )
    wanted = units(split(tasks), split(laws), chosen, seeds, inside)
    if not wanted:
        raise UserError(f"--laws {laws} names no law of the chosen tasks; see `jaxsl laws`")
    return sweep(wanted, OUTPUTS / "benchmark.jsonl", workers, data, cluster, needs)


def restricted(tasks: str, laws: str) -> str:
    """The options that a command was restricted by, as they were given."""
    return "".join(f" --{name} {value}" for name, value in (("tasks", tasks), ("laws", laws)) if value)


def split(text: str) -> list[str]:
    """The different items of a comma-separated list.

    Example:
        >>> split("mspe, random,,mspe")
        ['mspe', 'random']
    """
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
