"""What is measured at a time: one law of one task, by one method, with one seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from laws.tasks import TASKS, find_task

if TYPE_CHECKING:
    from experiments.datasets import Group


@dataclass(frozen=True)
class Unit:
    """One law of one task, by one method, with one seed.

    Attributes:
        inside: a part of the pool takes the place of the target, see ``experiments.several.aside``.
    """

    task: str
    law: str
    method: str
    seed: int
    inside: bool = False

    @property
    def several(self) -> bool:
        """Whether all laws of the task are used at once: the law is then named ``TASK/all``."""
        return self.law == f"{self.task}/all"


def units(
    tasks: Iterable[str], laws: Iterable[str], methods: Iterable[str], seeds: int, inside: bool = False
) -> list[Unit]:
    """All combinations, the first seed of everything first, so that an early table covers all laws."""
    tasks, laws, methods = set(tasks), set(laws), list(methods)
    return [
        Unit(task.name, law, method, seed, inside)
        for seed in range(seeds)
        for task in sorted(TASKS, key=lambda task: len(task.laws) * (task.name == "lr_bsz"))
        if not tasks or task.name in tasks
        for law in (*(law.name for law in task.laws), f"{task.name}/all")
        if (law in laws if laws else not law.endswith("/all"))
        for method in methods
    ]


def groups_of(unit: Unit, data: Path | None = None) -> dict[str, "Group"]:
    """The pools and targets of a unit, by group."""
    from experiments.datasets import load
    from experiments.several.aside import set_aside

    task = find_task(unit.task)
    groups = load(task, data)
    return {name: set_aside(task, group) for name, group in groups.items()} if unit.inside else groups


def program_of(unit: Unit) -> tuple[str, int]:
    """The first of the laws that share a unit's program, and the place of its own among them."""
    from jaxsl.one_of import companions

    if unit.several:
        return unit.law, 0
    task = find_task(unit.task)
    law = task.law(unit.law)
    members = companions(law, task.laws)
    return members[0].name, members.index(law)
