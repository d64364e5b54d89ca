"""Tables of the experiments: CSV to compute with and Markdown to read, both saying how they were made."""

import csv
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jaxsl.host.show.console import console, grid

CHECKOUT = Path(__file__).resolve().parents[1]
OUTPUTS = CHECKOUT / "outputs"
PACKAGES = ("jax", "jaxlib", "numpy", "scipy")


def provenance(command: str, seed: int | None = None) -> dict[str, str]:
    """How a table was made: command, code, versions, machine and, where there is one, the seed."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
    facts = {
        "command": command,
        "code": _commit(),
        "versions": ", ".join(versions),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
    }
    return facts if seed is None else {**facts, "seed": str(seed)}


def write_table(
    name: str, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, str], folder: Path | None = None
) -> tuple[Path, Path]:
    """Write ``rows`` with one set of columns to ``name.csv`` and ``name.md``.

    The facts stand above the CSV as ``# key: value`` (``comment="#"`` in pandas) and below the Markdown.
    Floats are written in full in the CSV, with three digits in the Markdown.

    Returns:
        The paths of both files, in ``outputs/`` unless a folder is given.
    """
    folder = OUTPUTS if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    columns = list(rows[0])
    table, text = folder / f"{name}.csv", folder / f"{name}.md"
    with table.open("w", newline="") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in facts.items())
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    body = [[shown(row[column]) for column in columns] for row in rows]
    lines = [columns, ["---"] * len(columns), *body]
    markdown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text.write_text(markdown + "\n\n" + "".join(f"- {key}: {value}\n" for key, value in facts.items()))
    return table, text


def tell_table(
    name: str, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, str], folder: Path | None = None
) -> None:
    """Write a table as ``write_table`` does and print it as wide as the terminal is.

    What a row is of, the columns before the first of floats, stands beside each part of a wider table.
    """
    paths, columns, out = write_table(name, rows, facts, folder), list(rows[0]), console()
    cells = [[shown(row[column]) for column in columns] for row in rows]
    floats = [any(isinstance(row[column], float) for row in rows) for column in columns]
    texts = [all(isinstance(row[column], str) for row in rows) for column in columns]
    left = [index for index, is_text in enumerate(texts) if is_text]
    heads = floats.index(True) if any(floats) else 1
    out.print(grid(columns, cells, left, max(heads, 1)))
    out.print()
    for fact in (*(f"{key}: {value}" for key, value in facts.items()), *map(str, paths)):
        out.print(fact)


def shown(value: Any) -> str:
    """A cell as it is read: three significant digits for floats, a dash for what is no number."""
    if not isinstance(value, float):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.3g}"


def _commit() -> str:
    """The commit of the checkout, marked where files differ from it."""
    command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"jaxsl {version('jaxsl')}"


def _processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
