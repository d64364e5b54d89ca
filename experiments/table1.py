"""Table 1 of the paper from the data: laws, parameters, runs and costs of every task.

Command: ``python -m experiments table1``.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from experiments.datasets import Group, load
from laws.tasks import TASKS, Task

# Laws, average parameters, train and test rows as printed in arXiv:2604.22753, table 1.
PRINTED = {
    "parallel": (10, 4.2, 36, 12),
    "vocab": (10, 6.8, 1080, 120),
    "domain": (10, 29.0, 504, 42),
    "moe": (10, 5.3, 193, 28),
    "data_con": (10, 7.0, 161, 21),
    "lr_bsz": (10, 20.2, 2702, 117),
    "sparsity": (4, 5.0, 70, 18),
    "farseer": (1, 9.0, 404, 7),
}


def counts(task: Task, groups: dict[str, Group]) -> tuple[int, float, int, int]:
    """Laws, average parameters (one decimal), train and test rows of a task."""
    parameters = round(float(np.mean([law.num_params for law in task.laws])), 1)
    train = sum(len(group.train.cost) for group in groups.values())
    test = sum(len(group.test.cost) for group in groups.values())
    return len(task.laws), parameters, train, test


def differences(ours: tuple[int, float, int, int], printed: tuple[int, float, int, int]) -> str:
    """What the paper prints otherwise, in words; empty where it agrees."""
    names = ("laws", "avg. params", "train", "test")
    pairs = zip(names, ours, printed, strict=True)
    other = ", ".join(f"{theirs} {name}" for name, mine, theirs in pairs if mine != theirs)
    return f"paper prints {other}" if other else ""


def main(
    data: Annotated[Path | None, typer.Option(help="Folder that holds scalebench/.")] = None,
) -> None:
    """Print the paper's Table 1 from the data, and where the two differ."""
    table = Table(box=None, header_style="bold")
    for name in ("task", "laws", "params", "train", "test", "groups"):
        table.add_column(name, justify="left" if name == "task" else "right")
    for name in ("cost", "checkpoints", "difference"):
        table.add_column(name)
    tasks = {task.name: task for task in TASKS}
    for name, printed in PRINTED.items():
        task = tasks[name]
        groups = load(task, data)
        ours = counts(task, groups)
        table.add_row(
            name,
            *map(str, ours),
            str(len(groups)),
            task.cost,
            " ".join(f"{100 * part:.0f}%" for part in task.checkpoints),
            differences(ours, printed),
        )
    console = Console()
    # A pipe has no width of its own; a table cut to 80 columns would be unreadable.
    console.width = console.width if console.is_terminal else 160
    console.print(table)
    console.print("params: average over the laws. cost: as computed here, in the columns of the data;")
    console.print("the paper prints 6ND for vocab, whose data count characters without the 6.")
