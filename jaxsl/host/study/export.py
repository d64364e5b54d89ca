"""A study's runs as a table, for people, notebooks and other programs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from jaxsl.host.errors import UserError
from jaxsl.host.study.configuration import by_column, names
from jaxsl.host.study.ledger import Ledger
from jaxsl.host.writing import write_table

ENDINGS = ".csv", ".parquet"
COLUMNS = "id", "status", "cost", "planned", "counts", "corrected", "name", "time"  # beside a law's own


def table(ledger: Ledger) -> pa.Table:
    """One row a run, in the order of the journal.

    Columns: ``id``, ``status``, the law's inputs, its recipe where the study compares several, the law's
    outputs, ``cost`` (as told), ``planned``, ``counts``, ``corrected`` (how often its outcome was told anew),
    ``name``, ``time``.
    """
    runs = list(ledger.runs.values())
    columns: dict[str, list] = {"id": [run.id for run in runs], "status": [run.status for run in runs]}
    settings = ledger.settings
    columns |= by_column(settings, np.array([run.x for run in runs], float).reshape(-1, len(names(settings))))
    for index, name in enumerate(settings["outputs"]):
        columns[name] = [None if run.y is None else run.y[index] for run in runs]
    numbers = [*settings["inputs"], *settings["outputs"]]
    columns |= {
        "cost": [run.cost for run in runs],
        "planned": [run.planned for run in runs],
        "counts": [run.counts for run in runs],
        "corrected": [max(len(run.history) - 1, 0) for run in runs],
        "name": [run.name for run in runs],
        "time": [run.time for run in runs],
    }
    kinds = dict.fromkeys([*numbers, "cost", "planned"], pa.float64())
    kinds |= {"counts": pa.bool_(), "corrected": pa.int64()}
    return pa.table(
        {name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()}
    )


def write(found: pa.Table, path: Path, inputs: Sequence[str | Path], force: bool) -> None:
    """Write a table as CSV or Parquet, by the file's ending; other arguments as in ``write_table``.

    Raises:
        UserError: when the ending is neither, or the file may not or cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: name a file that ends in {' or '.join(ENDINGS)}")
    write_table(path, found, inputs, force)
