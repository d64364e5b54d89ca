"""Where to predict, without runs beside it: points, or a table of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.input.law_columns import column_names
from jaxsl.host.input.problem import own_targets
from jaxsl.host.input.table import Table, read
from jaxsl.host.input.target import Marked, parse_target

if TYPE_CHECKING:
    from jaxsl.law import Law


@dataclass(frozen=True)
class Points:
    """Configurations to predict at.

    Attributes:
        x: ``(row, feature)``.
        table: where they stand, with whatever other columns it has.
    """

    x: np.ndarray
    table: Table


def points(at: Any, law: "Law", mapping: Mapping[str, str] | None = None) -> Points:
    """Read where to predict.

    Args:
        at: ``"N=7e10,D=1.4e12"`` or ``{"N": 7e10, "D": 1.4e12}``, or several of them, or a table.
        law: whose inputs are given.
        mapping: law input -> column, or expression over columns.

    Raises:
        UserError: for anything that cannot be used as it stands.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> points(["N=1e9,D=2e10", "N=7e10,D=1.4e12"], CHINCHILLA).x.tolist()
        [[1000000000.0, 20000000000.0], [70000000000.0, 1400000000000.0]]
        >>> points({"params": [1, 2], "D": [2e10, 4e10]}, CHINCHILLA, {"N": "1e9*params"}).x[:, 0].tolist()
        [1000000000.0, 2000000000.0]
    """
    names = column_names(law, mapping or {})
    items = list(at) if isinstance(at, list | tuple) else [] if at is None else [at]
    if not items:
        raise UserError(
            f"nothing says where to predict: give --at a table, or a point such as {_example(law)}"
        )
    if len(items) == 1 and not _is_point(items[0]):
        marked = Marked(np.zeros(0, bool), read(items[0]))
    else:
        marked = _marked(items, law, names)
    assert marked.table is not None
    return Points(own_targets(marked, law, names).x, marked.table)


def _is_point(item: Any) -> bool:
    return isinstance(item, Mapping) or (isinstance(item, str) and "=" in item and not Path(item).exists())


def _marked(items: list[Any], law: "Law", names: Mapping[str, str]) -> Marked:
    """Points, read as targets are."""
    nothing = Table("--at", pa.table({}), "row", np.zeros(0, int))
    known = {*names, *(column for formula in names.values() for column in nothing.names(formula))}
    for item in items:
        if not _is_point(item):
            raise UserError(f"--at {item}: several may be given only as points, such as {_example(law)}")
        if isinstance(item, str) and not known & {part.partition("=")[0].strip() for part in item.split(",")}:
            raise UserError(f"--at {item}: neither a file nor a point of {law.name}, such as {_example(law)}")
    try:
        marked = parse_target(items, nothing, law, names)
    except UserError as error:
        raise UserError(str(error).replace("--target", "--at")) from None
    assert marked.table is not None
    return Marked(marked.rows, replace(marked.table, name="--at"), is_point=True)


def _example(law: "Law") -> str:
    return ",".join(f"{name}=NUMBER" for name in law.inputs)
