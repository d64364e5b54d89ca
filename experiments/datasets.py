"""The public data of the experiments: found in a folder or downloaded, and cut into groups of runs.

Looked for in the folder that is given (``--data``), in ``$JAXSL_DATA``, in ``../shared/data`` beside the
checkout, and at last in ``outputs/data``, where what is missing is downloaded from the authors' repositories
at a pinned commit; every download is checked against its SHA-256.
"""

import hashlib
import os
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.table import Table, read
from laws.tasks import Task

CHECKOUT = Path(__file__).resolve().parents[1]
DOWNLOADS = CHECKOUT / "outputs" / "data"
# The first holds the files of the Hugging Face dataset sijieli/scalebench (CC BY 4.0), byte for byte.
SOURCES = {
    "scalebench": "https://raw.githubusercontent.com/PlanarG/active-sl/"
    "e0a58ffde4f6fdfb20880d47d6d180fdbcb1440d/benchmark/dataset",
    "obsscaling": "https://raw.githubusercontent.com/ryoungj/ObsScaling/"
    "4d6e1e43fd2635d04654aa77d1df9d5266ea0382/eval_results",
}
FOLDERS = {
    "data_con": "data_constrained_scaling_law",
    "domain": "domain_mixture_scaling_law",
    "farseer": "farseer_scaling_law",
    "lr_bsz": "lr_bsz_scaling_law",
    "moe": "moe_scaling_law",
    "parallel": "parallel_scaling_law",
    "sparsity": "sparsity_scaling_law",
    "vocab": "vocab_scaling_law",
}
SHA256 = {
    file: digest
    for digest, file in map(str.split, (CHECKOUT / "experiments" / "SHA256SUMS").read_text().splitlines())
}


class Runs(NamedTuple):
    """Finished runs: ``x (row, feature)``, ``y (row, output)`` and ``cost (row,)``, float64."""

    x: np.ndarray
    y: np.ndarray
    cost: np.ndarray


class Group(NamedTuple):
    """Runs that share parameters: ``train`` is the pool that may be bought, ``test`` the target region."""

    train: Runs
    test: Runs


def load(task: Task, data: Path | None = None) -> dict[str, Group]:
    """The groups of a task by name, rows in the order of the files.

    Raises:
        UserError: when a file is nowhere to be found, or lacks a column.
    """
    train, test = (
        _groups(task, read(find(f"scalebench/{FOLDERS[task.name]}/{split}-00000-of-00001.parquet", data)))
        for split in ("train", "test")
    )
    return {name: Group(train[name], test[name]) for name in train}


def find(file: str, data: Path | None = None) -> Path:
    """The path of ``file``, a key of ``SHA256``, in the first folder that has it, downloaded if none has.

    Raises:
        UserError: when a folder was named and lacks the file, or the download fails.
    """
    named = data or os.environ.get("JAXSL_DATA")
    if named:
        path = Path(named) / file
        if not path.is_file():
            raise UserError(
                f"{path} is missing: {'--data' if data else 'JAXSL_DATA'} names a folder without it; "
                f"name the folder that holds {file.partition('/')[0]}/, or none to download the file"
            )
        return path
    for folder in (CHECKOUT.parent / "shared" / "data", DOWNLOADS):
        if (folder / file).is_file():
            return folder / file
    return _download(file)


def _download(file: str) -> Path:
    """Fetch one file, check it, and only then give it its name."""
    folder, _, rest = file.partition("/")
    url, path = f"{SOURCES[folder]}/{rest}", DOWNLOADS / file
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            content = response.read()
    except OSError as error:
        raise UserError(
            f"{file} is not on this machine and {url} cannot be fetched ({error}); download it on another "
            f"machine into DIR/{file} and pass --data DIR or set JAXSL_DATA=DIR"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[file]:
        raise UserError(
            f"{url} has SHA-256 {digest}, not {SHA256[file]}: the download is damaged or was changed; "
            "try again, and do not use it if that repeats"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(content)
    partial.replace(path)
    return path


def _groups(task: Task, table: Table) -> dict[str, Runs]:
    """Runs by the value of the grouping columns, joined by a slash."""
    x, y = (
        np.stack([table.evaluate(f"`{column}`") for column in columns.values()], axis=1)
        for columns in (task.inputs, task.outputs)
    )
    cost = table.evaluate(task.cost)
    names = np.array(["/".join(row) for row in zip(*map(table.text, task.groups), strict=True)])
    return {
        str(name): Runs(x[names == name], y[names == name], cost[names == name]) for name in np.unique(names)
    }
