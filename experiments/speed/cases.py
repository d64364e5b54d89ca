"""The cases of the fitting benchmark: 65 laws, three sizes of data, the first group of each task."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from experiments.datasets import load
from jaxsl.law import Law
from jaxsl.starts import random_starts
from laws.tasks import TASKS

SIZES = ("cheapest", "hundred", "all")


class Case(NamedTuple):
    """A law and the runs it is fitted to: ``x (row, feature)``, ``y (row, output)``, float64."""

    law: Law
    size: str
    x: np.ndarray
    y: np.ndarray

    @property
    def key(self) -> str:
        """Such as ``"data_con/sl_1:cheapest"``."""
        return f"{self.law.name}:{self.size}"

    def starts(self, num_starts: int, seed: int) -> jax.Array:
        """The starting points that every solver is given, ``(start, param)``."""
        return random_starts(jax.random.key(seed), self.law, num_starts, float)


def cases(laws: list[str] | None, sizes: list[str] | None, data: Path | None = None) -> Iterator[Case]:
    """The cases in the order of the tasks.

    ``cheapest`` is 2.5 P / D runs by cost (at least one more than P / D), ``hundred`` is 100 runs drawn at
    random where there are more, ``all`` is the whole pool.

    Args:
        laws: ids, or names of tasks for all their laws; every law when None.
        sizes: of ``SIZES``; every size when None.
        data: folder of the data.
    """
    for task in TASKS:
        chosen = [law for law in task.laws if not laws or law.name in laws or task.name in laws]
        if not chosen:
            continue
        runs = next(iter(load(task, data).values())).train
        cheap, drawn = (
            np.argsort(runs.cost, kind="stable"),
            np.random.default_rng(1).permutation(len(runs.cost)),
        )
        for law in chosen:
            fewest = law.num_params // law.num_outputs + 1
            rows = {
                "cheapest": cheap[: max(int(2.5 * law.num_params / law.num_outputs), fewest)],
                "hundred": drawn[:100],
                "all": np.arange(len(cheap)),
            }
            for size in sizes or SIZES:
                if size != "hundred" or len(cheap) > 100:
                    yield Case(law, size, runs.x[rows[size]], runs.y[rows[size]])
