"""A process ends with the status it means: no thread of pyarrow is left to abort it."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from experiments.exits import LACKING, SOURCES, WHOLE, statuses

COUNT = """
import os, sys
from jaxsl.host.input.table import read
before = len(os.listdir("/proc/self/task"))
rows = [read(source).num_rows for source in sys.argv[1:]]
print(rows, len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.slow
def test_twenty_user_errors_in_a_row_end_with_status_2_and_successes_with_0():
    assert statuses(LACKING, 20) == dict(zip(((s, 2) for s in SOURCES), (7, 7, 6), strict=True))
    assert statuses(WHOLE, 3) == dict.fromkeys(((source, 0) for source in SOURCES), 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
@pytest.mark.parametrize(("kind", "most"), [("parquet", 0), ("csv", 1), ("-", 1)])
def test_reading_leaves_no_pool_of_threads(kind, most, tmp_path):
    data = pa.table({f"column {i}": [float(i)] * 5000 for i in range(20)})
    csv, parquet = tmp_path / "t.csv", tmp_path / "t.parquet"
    pa.csv.write_csv(data, csv)
    pa.parquet.write_table(data, parquet)
    source = {"csv": csv, "parquet": parquet, "-": "-"}[kind]
    words = [sys.executable, "-c", COUNT, source]
    done = subprocess.run(words, input=csv.read_text(), capture_output=True, text=True, check=True)
    rows, threads = done.stdout.rsplit(maxsplit=1)
    assert rows == "[5000]" and int(threads) <= most
