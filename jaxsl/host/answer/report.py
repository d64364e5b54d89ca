"""What a fit or a question found, in plain NumPy: for display, JSON and Python.

Every report has ``as_dict()``: one object of plain numbers, text and lists, whose keys stay the same; what
is not finite or not known is ``None``.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

ROUNDING = 1e-12  # of a sum in double precision, with room


class Report:
    """A frozen dataclass that can be written as JSON."""

    def as_dict(self) -> dict[str, Any]:
        """One object of plain numbers, text and lists."""
        return plain(self)

    def _repr_html_(self) -> str:
        from jaxsl.host.html.display import report_html

        return report_html(self)


def r2(observed: np.ndarray, predicted: np.ndarray) -> float:
    """R² where the outcome is known, clipped to [-1, 1]; not a number for fewer than two outcomes.

    Example:
        >>> y = np.array([[1.0], [2.0], [3.0]])
        >>> r2(y, y), r2(y, np.full((3, 1), 2.0))
        (1.0, 0.0)
    """
    known = np.isfinite(observed)
    y, residual = observed[known], (observed - predicted)[known]
    spread = np.sum((y - y.mean()) ** 2) if y.size else 0.0
    return float(np.clip(1 - np.sum(residual**2) / spread, -1, 1)) if spread > 0 else float("nan")


def beyond_rounding(values: Any, beside: Any) -> np.ndarray:
    """``values`` with 0 in place of what is rounding beside other terms of a sum.

    Example:
        >>> beyond_rounding([-2.485e-18, 0.01], [0.05, 0.05]).tolist()
        [0.0, 0.01]
    """
    return np.where(np.abs(values) > ROUNDING * np.abs(beside), values, 0.0)


def plain(value: Any) -> Any:
    """Numbers, text, lists and dictionaries alone; ``None`` for what is not finite.

    Fields of a report that are left out of its ``repr`` are left out here.

    Example:
        >>> plain({"a": np.array([1.0, np.nan]), "b": ("x", 2)})
        {'a': [1.0, None], 'b': ['x', 2]}
    """
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
