"""Chart exports of trackers: a column a run."""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa

from jaxsl.host.input.columns import Table

RUN = "run"  # the column of the runs' names
BOUND = re.compile("(.+)__(MIN|MAX)")  # of the runs that one line of a chart stands for


def side_by_side(table: Table) -> Table:
    """A tracker's chart export, which has a column a run, as rows; any other table as it is.

    Such an export has columns ``RUN - METRIC`` with their ``__MIN`` and ``__MAX``, which are left out. Cells
    that are blank because a run ended earlier give no row.
    """
    bounds = {name for name in table.columns if BOUND.fullmatch(name)}
    lines = [name for name in table.columns if f"{name}__MIN" in bounds]
    if not lines or not all(" - " in name for name in lines):
        return table
    runs = list(dict.fromkeys(name.rpartition(" - ")[0] for name in lines))
    metrics = list(dict.fromkeys(name.rpartition(" - ")[2] for name in lines))
    shared = [name for name in table.columns if name not in bounds and name not in lines]
    index, names, cells = list[int](), list[str](), {metric: list[float | None]() for metric in metrics}
    for run in runs:
        own = {m: table.numbers(f"{run} - {m}") for m in metrics if f"{run} - {m}" in table.columns}
        filled = np.flatnonzero(~np.all([table.missing(f"{run} - {metric}") for metric in own], axis=0))
        index += filled.tolist()
        names += [run] * len(filled)
        for metric in metrics:
            cells[metric] += own[metric][filled].tolist() if metric in own else [None] * len(filled)
    long = table.take(np.array(index, int))
    origins = tuple(f"{long.place(row)}, {name}" for row, name in enumerate(names))
    data = pa.table({name: long.data.column(name) for name in shared})
    numbered = replace(long, data=data, unit="row", row_numbers=1 + np.arange(len(index)), origins=origins)
    return numbered.with_columns({RUN: names, **cells})
