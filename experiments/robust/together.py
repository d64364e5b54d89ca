"""All laws of a task at once, for its real target: who does not know the law believes in all of them."""

from collections.abc import Iterator

from experiments.datasets import load
from experiments.robust.environments import ALL, Case
from laws.tasks import TASKS, find_task

TOGETHER = tuple(f"several {task.name}" for task in TASKS)


def together(environment: str, seeds: int) -> Iterator[Case]:
    """The problem of a task, the same for every seed.

    Example:
        >>> case = next(together("several sparsity", 1))
        >>> case.law, len(case.fitted), case.budgets
        ('all', 4, (0.2, 0.35, 0.5))
    """
    task = find_task(environment.removeprefix("several "))
    groups = load(task)
    runs = max(len(group.train.x) for group in groups.values())
    targets = max(len(group.test.x) for group in groups.values())
    for seed in range(seeds):
        yield Case(ALL, task.laws, groups, task.checkpoints, seed, (runs, targets))
