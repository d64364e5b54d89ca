"""Where an answer comes from: the data's fingerprint, versions, the seed, the machine's arithmetic."""

import hashlib
import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import jax
import pyarrow.csv

import jaxsl
from jaxsl.host.answer.report import Report
from jaxsl.host.input.table import Table
from jaxsl.law import Law

PACKAGES = ("jax", "jaxlib", "equinox", "numpy", "scipy", "pyarrow")


@dataclass(frozen=True)
class Provenance(Report):
    """What it takes to get the same answer again.

    Attributes:
        source: what the data are called, and ``num_rows`` of them.
        fingerprint: SHA-256 of the table written as CSV, so that a file, its Parquet twin and a data frame of
            the same values agree.
        law, formula, law_source: what was fitted and where it comes from, with semicolons between laws.
        settings: the options that decide the answer, the seed among them.
        versions: of jaxsl, Python and the packages that compute.
        device: what JAX computed on.
        created: when, in UTC.
    """

    source: str
    num_rows: int
    fingerprint: str
    law: str
    formula: str
    law_source: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    device: str
    created: str


def fingerprint(table: Table) -> str:
    """SHA-256 of the names and values of a table, in the order they stand in.

    Example:
        >>> from jaxsl.host.input.table import read
        >>> fingerprint(read({"N": [1.0, 2.0]}))[:12]
        '60d215a3d500'
    """
    written = io.BytesIO()
    pyarrow.csv.write_csv(table.data, written)
    return hashlib.sha256(written.getvalue()).hexdigest()


def provenance(table: Table, laws: Sequence[Law], settings: Mapping[str, Any]) -> Provenance:
    """Write down where an answer from ``table`` comes from."""
    packages = {name: version(name) for name in PACKAGES}
    device = jax.devices()[0]
    return Provenance(
        source=table.name,
        num_rows=table.num_rows,
        fingerprint=fingerprint(table),
        law="; ".join(law.name for law in laws),
        formula="; ".join(law.formula for law in laws),
        law_source="; ".join(law.source for law in laws if law.source),
        settings=settings,
        versions={"jaxsl": jaxsl.__version__, "python": platform.python_version()} | packages,
        device=f"{device.device_kind} ({device.platform}), float64",
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
