"""Configurations that may be run, a column for each thing known of them: there may be a million."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

Point = tuple[float, ...]


@dataclass(frozen=True)
class Candidate:
    """A configuration that may be run, and what it costs by the plan; ``of`` is the run that it continues."""

    x: Point
    cost: float
    name: str = ""
    of: str = ""


class Candidates(Sequence[Candidate]):
    """Candidates in order.

    Attributes:
        x: ``(row, feature)``, as of a run (``jaxsl.host.study.ledger``).
        cost: by the plan, ``(row,)``.
        name, of: as of ``Candidate``, ``(row,)`` of text.

    Example:
        >>> some = Candidates.listed([Candidate((1e6, 2e7), 1.2e14, "a"), Candidate((1e6, 4e7), 2.4e14)], 2)
        >>> some[1].x, some.take(some.cost < 2e14).name.tolist(), some.times({(1e6, 4e7): 3}).tolist()
        ((1000000.0, 40000000.0), ['a'], [0, 3])
    """

    def __init__(self, x: np.ndarray, cost: np.ndarray, name: np.ndarray, of: np.ndarray):
        self.x, self.cost, self.name, self.of = x, cost, name, of

    @classmethod
    def listed(cls, some: Sequence[Candidate], num_inputs: int) -> "Candidates":
        """These, of a law with ``num_inputs``."""
        x = np.array([one.x for one in some], float).reshape(-1, num_inputs)
        names, runs = ([getattr(one, word) for one in some] for word in ("name", "of"))
        return cls(x, np.array([one.cost for one in some], float), _texts(names), _texts(runs))

    @classmethod
    def told(cls, x: np.ndarray, record: Mapping) -> "Candidates":
        """Those of a journal's record ``candidates``, whose configurations are ``x (row, feature)``."""
        cost, names = np.array(record["cost"], float), _texts(record["name"])
        if not len(x) == len(cost) == len(names):
            raise ValueError("columns of candidates differ in length")
        return cls(x, cost, names, _texts([""] * len(x)))

    @classmethod
    def joined(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """All of these."""
        columns = zip(*((one.x, one.cost, one.name, one.of) for one in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    def __len__(self) -> int:
        return len(self.cost)

    @overload
    def __getitem__(self, row: int | np.integer) -> Candidate: ...

    @overload
    def __getitem__(self, row: slice) -> "Candidates": ...

    def __getitem__(self, row):
        if isinstance(row, slice):
            return self.take(row)
        return Candidate(
            tuple(self.x[row].tolist()), float(self.cost[row]), str(self.name[row]), str(self.of[row])
        )

    def take(self, rows: np.ndarray | slice) -> "Candidates":
        """Those at ``rows``: numbers, or which of all."""
        return Candidates(self.x[rows], self.cost[rows], self.name[rows], self.of[rows])

    def times(self, used: Mapping[Point, int]) -> np.ndarray:
        """How often each was used, ``(row,)`` of int, by how often each configuration was."""
        found = np.zeros(len(self), int)
        for point, number in used.items():
            found[(self.x == np.array(point)).all(axis=1)] = number
        return found


def _texts(some: Iterable[str]) -> np.ndarray:
    return np.array([*some, ""], object)[:-1]
