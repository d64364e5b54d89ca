"""One line of a journal: a JSON object that ends with its own checksum.

    {"event":"told","id":"r3","y":[3.21],"time":"2026-01-05T10:00:00Z","check":"5f0c1a2b"}

The checksum is CRC-32 of the line up to the ``check`` field. A line without one was cut off while it was
written; a line whose checksum is wrong was changed afterwards. Numbers are written so that they read back bit
for bit, and what is not finite cannot be written at all.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jaxsl.host.errors import UserError

Record = dict[str, Any]

FORMAT = "jaxsl study"
VERSION = 3
TAIL = len(',"check":"00000000"}')


def _several(record: Record) -> Record:
    """A candidate with a line of its own as candidates by columns."""
    if record["event"] != "candidate":
        return record
    x = {name: [value] for name, value in record["x"].items()}
    return {"event": "candidates", "x": x, "cost": [record["cost"]], "name": [record.get("name", "")]}


# From version n to n + 1, one record at a time: {n: function}. A journal is never rewritten; its old lines
# are brought up to date whenever they are read. Those of version 2 know of no recipes, and are as they were.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _several, 2: dict}


def now() -> str:
    """The time, as it is written in records; nothing that is computed depends on it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def encode(record: Mapping[str, Any]) -> bytes:
    """A record as a line without its newline."""
    body = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return body[:-1] + b',"check":"%08x"}' % zlib.crc32(body[:-1])


def is_whole(line: bytes) -> bool:
    """Whether a line was written to its end: it closes with a checksum, right or wrong."""
    return line.rstrip(b"\r").endswith(b'"}') and line.rstrip(b"\r")[-TAIL:].startswith(b',"check":"')


def decode(line: bytes) -> dict[str, Any] | None:
    """The record of a line, or None where it is cut off or changed."""
    line = line.rstrip(b"\r")
    if not is_whole(line) or line[-10:-2] != b"%08x" % zlib.crc32(line[:-TAIL]):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("event"), str) else None


def upgrade(record: dict[str, Any], version: int, place: str) -> dict[str, Any]:
    """A record of an older version as one of today.

    Raises:
        UserError: when the version is newer than this program.
    """
    if version > VERSION:
        raise UserError(
            f"{place} was written in version {version} of the format and this jaxsl reads up to {VERSION}; "
            "update jaxsl"
        )
    for old in range(version, VERSION):
        record = MIGRATIONS[old](record)
    return record
