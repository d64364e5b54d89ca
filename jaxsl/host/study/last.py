"""What was worked out last, for whoever asks again with the same."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

Found = TypeVar("Found")


class Last(Generic[Found]):
    """One answer, kept as long as it is asked for with the same.

    Numbers, names, arrays and lists of those are the same where they are equal; all else where it is one
    object.

    Example:
        >>> last = Last()
        >>> last.get((np.zeros(2),), lambda: "first"), last.get((np.zeros(2),), lambda: "second")
        ('first', 'first')
        >>> last.get((np.ones(2),), lambda: "third")
        'third'
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple, Found] | None = None

    def get(self, of: tuple, make: Callable[[], Found]) -> Found:
        """What ``make`` returned for the same ``of`` the last time, or returns now."""
        if self._kept is None or not _same(self._kept[0], of):
            self._kept = of, make()
        return self._kept[1]


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return isinstance(one, (int, float, str)) and one == other
