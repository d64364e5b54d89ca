"""Runs of a Weights & Biases project, with their full history, cached and resumable.

The public API of ``wandb`` finds its own credentials; nothing of them passes through here or is written.
Histories are kept in a folder, one file for each run and metric, so that an import that was interrupted, or
is repeated while runs go on, fetches only the steps it has not seen.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxsl.host.errors import UserError
from jaxsl.host.input.records import flat
from jaxsl.host.input.steps import reduced
from jaxsl.host.study.sources.importing import Tracked
from jaxsl.host.writing import write_text


def fetch(
    project: str, metrics: Sequence[str], cache: Path, reduce: str = "last", api: Any = None
) -> list[Tracked]:
    """All runs of a project.

    Args:
        project: ``entity/project``.
        metrics: whose full history is fetched; each becomes one value by ``reduce``.
        cache: folder of the histories.
        reduce: ``last`` value, ``min``, or ``mean:10`` for the mean of the last ten.
        api: ``wandb.Api()``, by default.

    Raises:
        UserError: when wandb is not installed, or the project cannot be read.
    """
    api = _api() if api is None else api
    folder = cache / _file_name(project)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the folder {folder}: {error.strerror or error}; give another --cache FOLDER"
        ) from None
    found = []
    try:
        for run in api.runs(project):
            values = dict(flat(dict(run.config))) | dict(flat(dict(run.summary)))
            if isinstance(seconds := values.get("_runtime"), int | float):
                values["hours"] = seconds / 3600
            for metric in metrics:
                history = _history(run, metric, folder)
                if history:
                    values[metric] = reduced(history, reduce)
            found.append(Tracked(f"wandb:{project}/{run.id}", str(run.name), str(run.state), values))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{project} cannot be read from Weights & Biases: {type(error).__name__}: {error}. What was "
            f"fetched is kept in {folder}; check the name and `wandb login`, and repeat"
        ) from None
    return found


def _history(run: Any, metric: str, folder: Path) -> list[float]:
    """All values of a metric in the order of steps: those in the cache, and those since."""
    file = folder / f"{_file_name(run.id)}.{_file_name(metric)}.jsonl"
    known = _cached(file)
    if known and known[-1] == {"complete": True}:
        return [row["value"] for row in known[:-1]]
    steps = [row["step"] for row in known]
    first = steps[-1] + 1 if steps else 0
    with open(file, "a") as cache:
        for row in run.scan_history(keys=["_step", metric], min_step=first):
            value = _float(row.get(metric))
            if value is not None and row["_step"] >= first:
                known.append({"step": row["_step"], "value": value})
                cache.write(json.dumps(known[-1]) + "\n")
        if str(run.state) not in ("running", "pending", "preempting"):
            cache.write(json.dumps({"complete": True}) + "\n")
    return [row["value"] for row in known]


def _cached(file: Path) -> list[dict[str, Any]]:
    """The lines of a cache file; one that was cut off is dropped from it."""
    if not file.exists():
        return []
    rows, whole = [], file.read_text()
    for line in whole.splitlines(keepends=True):
        try:
            if not line.endswith("\n"):
                raise ValueError
            rows.append(json.loads(line))
        except ValueError:
            write_text(file, "".join(json.dumps(row) + "\n" for row in rows), force=True)
            break
    return rows


def _float(value: Any) -> float | None:
    """A number, also as W&B writes those that JSON lacks."""
    if isinstance(value, int | float) or value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return None


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text)


def _api() -> Any:
    try:
        import wandb
    except ImportError:
        raise UserError("reading Weights & Biases needs its client: pip install 'jaxsl[wandb]'") from None
    return wandb.Api()
