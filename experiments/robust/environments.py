"""Where methods are compared: worlds whose truth is known, the pilot runs, pools with a part set aside.

A world is a grid of 81 runs over (N, D) with a target ten to a hundred times dearer; its truth is

    right     E + A N^-alpha + B D^-beta                          noise .003 or .02
    short     + 0.25 (D / 1e8)^-0.6                               runs that were too short
    break     A N^-alpha (1 + N / 3e7)^.06, likewise B            exponents that change
    bump      times 1 + .01 sin(.9 log N + .6 log D + phase)      a wave of one per cent
    outliers  right, and one run in ten .05 to .3 too high
    drift     E falls by .02 a decade of N                        a floor that moves
    uneven    right, noise .03 for the smallest runs, .003 for the largest

with noise .005 where none is named; all else (chinchilla) is drawn about published values, by the seed.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from experiments.datasets import Group, Runs, load
from experiments.several.aside import set_aside
from jaxsl.law import Law
from laws import distillation, farseer, kaplan
from laws.chinchilla import CHINCHILLA
from laws.tasks import TASKS, find_task

SIZES = (CHINCHILLA, kaplan.SIZE_DATA, farseer.LAWS[0], distillation.SUPERVISED)  # of N and D
ALL = "all"
BUDGETS = (0.02, 0.05, 0.1, 0.2)  # shares of the pool's cost
WORLDS = {
    "right.003": 0.003,
    "right.02": 0.02,
    "short": 0.005,
    "break": 0.005,
    "bump": 0.005,
    "outliers": 0.005,
    "drift": 0.005,
    "uneven": 0.003,
}
PILOTS = ("pilot", "pilot80")
INSIDE = tuple(f"inside {task.name}" for task in TASKS)
TARGETS = tuple(f"target {task.name}" for task in TASKS)
SEVERAL = tuple(f"several {task.name}" for task in TASKS)  # their targets, by all laws at once
ENVIRONMENTS = (*PILOTS, *WORLDS, *INSIDE, *TARGETS, *SEVERAL)


@dataclass(frozen=True)
class Case:
    """One problem: the laws that may share a program, which of them is fitted, and its runs.

    Attributes:
        law: name of the law that is fitted; ``all`` for all of them at once.
        groups: pools and targets that share the law but no parameters.
        budgets: shares of a pool's cost at which predictions are judged.
        seed: of the environment and the method.
        sizes: runs of the largest pool and target, to which all are padded.
    """

    law: str
    laws: tuple[Law, ...]
    groups: dict[str, Group]
    budgets: tuple[float, ...]
    seed: int
    sizes: tuple[int, int]

    @property
    def fitted(self) -> tuple[Law, ...]:
        """The laws that are fitted: one, or all of them."""
        return tuple(law for law in self.laws if self.law in (law.name, ALL))


def cases(environment: str, seeds: int) -> Iterator[Case]:
    """The problems of an environment; those of a task are the same for every seed."""
    for seed in range(seeds):
        if environment in WORLDS:
            yield Case(CHINCHILLA.name, SIZES, {"": world(environment, seed)}, BUDGETS, seed, (96, 16))
        elif environment in PILOTS:
            group = pilot() if environment == "pilot" else part_of(pilot(), 0.8, seed)
            for law in SIZES:
                yield Case(law.name, SIZES, {"": group}, BUDGETS, seed, (96, 16))
        else:
            where, _, task = environment.partition(" ")
            yield from _of_task(where, task, seed)


def _of_task(where: str, name: str, seed: int) -> Iterator[Case]:
    task = find_task(name)
    groups = load(task)
    if where == "inside":
        groups = {name: set_aside(task, group) for name, group in groups.items()}
    runs = max(len(group.train.x) for group in groups.values())
    targets = max(len(group.test.x) for group in groups.values())
    for law in [ALL] if where == "several" else [law.name for law in task.laws]:
        yield Case(law, task.laws, groups, task.checkpoints, seed, (runs, targets))


def pilot() -> Group:
    """The pilot runs that come with the project, the dearest sixth as target."""
    with (files("jaxsl") / "data" / "pilot_runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    x = np.array([[float(row["N"]), float(row["D"])] for row in rows])
    y = np.array([[float(row["loss"])] for row in rows])
    runs = Runs(x, y, 6 * x[:, 0] * x[:, 1])
    order = np.argsort(runs.cost, kind="stable")
    near = len(order) - len(order) // 6
    return Group(*(Runs(*(part[rows] for part in runs)) for rows in (order[:near], order[near:])))


def part_of(group: Group, share: float, seed: int) -> Group:
    """The same target with a random part of the pool."""
    num = len(group.train.x)
    kept = np.sort(np.random.default_rng(seed).permutation(num)[: int(share * num)])
    return Group(Runs(*(part[kept] for part in group.train)), group.test)


def world(kind: str, seed: int) -> Group:
    """A world of this kind, see the module."""
    rng = np.random.default_rng(1000 + seed)
    pool = np.array([[n, n * r] for n in np.geomspace(2e6, 3e8, 9) for r in np.geomspace(4, 400, 9)])
    target = np.array([[n, n * r] for n in np.geomspace(6e8, 3e9, 4) for r in (20, 60, 180)])
    floor, alpha, beta = (
        middle + spread * rng.standard_normal()
        for middle, spread in ((1.7, 0.2), (0.34, 0.02), (0.29, 0.015))
    )
    size, data = (middle * np.exp(0.2 * rng.standard_normal()) for middle in (400, 410))

    def truth(x: np.ndarray) -> np.ndarray:
        n, d = x.T
        of_size, of_data = size * n**-alpha, data * d**-beta
        if kind == "break":
            of_size, of_data = of_size * (1 + n / 3e7) ** 0.06, of_data * (1 + d / 2e9) ** 0.06
        loss = floor + of_size + of_data
        if kind == "short":
            loss = loss + 0.25 * (d / 1e8) ** -0.6
        if kind == "drift":
            loss = loss - 0.02 * np.log10(n / 2e6)
        if kind == "bump":
            wave = 0.9 * np.log(n / 3e7) + 0.6 * np.log(d / 1e9) + 2 * np.pi * (seed % 8) / 8
            loss = loss * (1 + 0.01 * np.sin(wave))
        return loss[:, None]

    def measured(x: np.ndarray) -> Runs:
        noise = np.full(len(x), WORLDS[kind])
        if kind == "uneven":
            noise = (
                noise
                * np.geomspace(10, 1, 9)[
                    np.searchsorted(np.geomspace(2e6, 3e8, 9) * 1.01, x[:, 0]).clip(0, 8)
                ]
            )
        y = truth(x) + noise[:, None] * rng.standard_normal((len(x), 1))
        return Runs(x, y, 6 * x[:, 0] * x[:, 1])

    train, test = measured(pool), measured(target)
    if kind == "outliers":
        bad = rng.random(train.y.shape) < 0.1
        train = train._replace(y=train.y + np.where(bad, rng.uniform(0.05, 0.3, train.y.shape), 0.0))
    return Group(train, test)
