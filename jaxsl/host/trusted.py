"""What is kept for later processes, beside compiled programs: a folder of the user's own, bounded in size.

A file is a line of JSON and some bytes, which nothing unpickles. It is written beside its place and moved
there, so that no process reads half of one; one that cannot be read, or is not what it was, counts as
missing. Who can write into the folder decides what jaxsl runs, so it is used only where nobody but the user
can.
"""

import hashlib
import json
import os
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

FORMAT = "jaxsl 1"
MOST_BYTES = 256 * 2**20
MOST_AGE = 90 * 24 * 3600  # seconds since a file was last used


def folder() -> Path | None:
    """The folder; None where JAX keeps no compiled programs, or somebody else may write into it."""
    jax = sys.modules.get("jax")
    beside = jax.config.jax_compilation_cache_dir if jax else os.environ.get("JAX_COMPILATION_CACHE_DIR")
    return _made(Path(beside) / "programs") if beside else None


@cache
def _made(path: Path) -> Path | None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if is_own(path) and is_own(path.parent) else None
    except OSError:
        return None


def is_own(path: Path) -> bool:
    """Whether a file or folder is the user's and nobody else may write to it; never where none can say."""
    found = path.stat()
    return hasattr(os, "getuid") and found.st_uid == os.getuid() and not found.st_mode & 0o022


def load(path: Path) -> tuple[dict[str, Any], bytes] | None:
    """The facts and the bytes that were kept at a path; None if they are not there whole."""
    try:
        if not is_own(path):
            return None
        line, _, content = path.read_bytes().partition(b"\n")
        facts = json.loads(line)
        if facts["format"] != FORMAT or facts["sha256"] != hashlib.sha256(content).hexdigest():
            return None
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts, content


def save(path: Path, facts: dict[str, Any], content: bytes = b"") -> None:
    """Keep facts and bytes, and make room for them. Where that is not possible they are not kept."""
    facts = {"format": FORMAT, "sha256": hashlib.sha256(content).hexdigest(), **facts}
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as partial:
            partial.write(json.dumps(facts).encode() + b"\n" + content)
        os.replace(partial.name, path)
        prune(path.parent)
    except (OSError, ValueError, TypeError):
        return


def prune(path: Path, most_bytes: int = MOST_BYTES, most_age: float = MOST_AGE) -> None:
    """Remove the files of a folder that were used least lately, until the others are small and young enough.

    Another process may remove them too, or want one meanwhile: what is gone is made again.
    """
    found = []
    for entry in os.scandir(path):
        try:
            about = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISREG(about.st_mode):
            found.append((about.st_mtime, about.st_size, entry.path))
    found.sort(reverse=True)
    newest, total = (found[0][0] if found else 0.0), 0
    for used, size, name in found:
        total += size
        if total > most_bytes or newest - used > most_age:
            Path(name).unlink(missing_ok=True)
