"""How the program ends: exit statuses of many user errors and successes, each in a process of its own.

Command: ``python -m experiments exits``. Threads that pyarrow leaves behind have been seen to abort a process
at its end (status 134) in 6 of 15 tries on a CSV file and in 12 of 15 on a Parquet file; an error is a table
without a column that the law needs, which is noticed when the table has been read and JAX has begun.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import typer

from experiments.report import provenance, write_table

LACKING = {"N": [1e6, 2e6, 4e6], "loss": [3.1, 3.0, 2.9]}
WHOLE = {"N": [1e6, 2e6, 4e6, 1e6, 2e6, 4e6], "D": [1e8, 1e8, 1e8, 4e8, 4e8, 4e8]}
WHOLE["loss"] = [4.01, 3.72, 3.5, 3.64, 3.37, 3.14]
SOURCES = ("CSV", "Parquet", "standard input")
COMMAND = ("fit", "--law", "chinchilla")


def statuses(columns: dict[str, list[float]], number: int) -> Counter[tuple[str, int]]:
    """How often ``jaxsl fit`` on these columns ended with each status, by source in turn."""
    found: Counter[tuple[str, int]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = Path(folder) / "runs.csv", Path(folder) / "runs.parquet"
        pa.csv.write_csv(pa.table(columns), csv)
        pa.parquet.write_table(pa.table(columns), parquet)
        files = dict(zip(SOURCES, (str(csv), str(parquet), "-"), strict=True))
        for turn in range(number):
            source = SOURCES[turn % len(SOURCES)]
            words = [sys.executable, "-m", "jaxsl.host.cli", *COMMAND, files[source]]
            done = subprocess.run(words, input=csv.read_bytes(), capture_output=True)
            found[source, done.returncode] += 1
    return found


def main(
    errors: Annotated[int, typer.Option(help="User errors in a row.")] = 500,
    successes: Annotated[int, typer.Option(help="Successes in a row.")] = 100,
) -> None:
    """Count exit statuses; status 2 is right for an error and 0 for a success."""
    rows = [
        {"end": end, "source": source, "status": status, "times": times}
        for end, columns, number in (("error", LACKING, errors), ("success", WHOLE, successes))
        for (source, status), times in sorted(statuses(columns, number).items())
    ]
    for row in rows:
        print(row)
    command = f"python -m experiments exits --errors {errors} --successes {successes}"
    write_table("exits", rows, provenance(command))
