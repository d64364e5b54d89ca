"""Configurations as a journal writes them, by name, and as numbers in order.

A study that compares recipes knows of every run which one it is of: by name in the journal and wherever it is
told, and as the last number of the configuration, which so tells runs of two recipes apart.

>>> settings = {"inputs": ["N", "D"], "by": "recipe", "recipes": ["old", "new"]}
>>> point(settings, {"N": 1e8, "D": 2e9, "recipe": "new"})
(100000000.0, 2000000000.0, 1.0)
>>> named(settings, (1e8, 2e9, 1.0))
{'N': 100000000.0, 'D': 2000000000.0, 'recipe': 'new'}
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsl.host.study.candidates import Point

Settings = Mapping[str, Any]


def names(settings: Settings) -> list[str]:
    """The names of a configuration's numbers: the law's inputs, and the column of recipes if there is one."""
    return [*settings["inputs"], *([settings["by"]] if "by" in settings else [])]


def rows(settings: Settings, values: Mapping[str, Sequence]) -> np.ndarray:
    """Columns of values as configurations, ``(row, feature)``.

    Raises:
        KeyError: when one lacks, or names no recipe of the study.
    """
    number = {name: place for place, name in enumerate(settings.get("recipes", ()))}
    by = settings.get("by")
    each = [[number[one] for one in values[name]] if name == by else values[name] for name in names(settings)]
    return np.array(each, float).T


def point(settings: Settings, values: Mapping[str, Any]) -> Point:
    """One configuration; ``rows`` of one, whose error it raises."""
    (row,) = rows(settings, {name: [values[name]] for name in names(settings)}).tolist()
    return tuple(row)


def by_column(settings: Settings, x: np.ndarray) -> dict[str, list]:
    """The inverse of ``rows``."""
    found = dict(zip(names(settings), x.T.tolist(), strict=True))
    if "by" in settings:
        found[settings["by"]] = [settings["recipes"][int(place)] for place in found[settings["by"]]]
    return found


def named(settings: Settings, x: Sequence[float]) -> dict[str, Any]:
    """The inverse of ``point``."""
    return {name: values[0] for name, values in by_column(settings, np.array([x], float)).items()}
