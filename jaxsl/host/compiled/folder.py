"""Where traced programs are kept: a folder of the user's own, one file a program, bounded in size.

A file is a line of JSON and a program as ``jax.export`` writes it: data, which XLA compiles and nothing
unpickles. It is written beside its place and moved there, so that no process reads half of one; one that cannot
be read, or is not what it was, counts as missing. Who can write into the folder can make jaxsl run what he likes,
so it is used only where nobody but the user can.
"""

import hashlib
import json
import os
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import jax

FORMAT = "jaxsl program 1"
MOST_BYTES = 256 * 2**20
MOST_AGE = 90 * 24 * 3600  # seconds since a program was last used


def folder() -> Path | None:
    """The folder, beside the programs that JAX keeps; None where it keeps none or the folder is not trusted."""
    beside = jax.config.jax_compilation_cache_dir
    return None if not beside else _trusted(Path(beside) / "programs")


@cache
def _trusted(path: Path) -> Path | None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if is_own(path) and is_own(path.parent) else None
    except OSError:
        return None


def is_own(path: Path) -> bool:
    """Whether a file or folder belongs to the user and nobody else may write to it; never where none can say."""
    found = path.stat()
    return hasattr(os, "getuid") and found.st_uid == os.getuid() and not found.st_mode & 0o022


def load(path: Path) -> tuple[dict[str, Any], bytes] | None:
    """What was kept at a path: the facts about a program, and the program. None if it is not there whole."""
    try:
        if not is_own(path):
            return None
        line, _, program = path.read_bytes().partition(b"\n")
        facts = json.loads(line)
        if facts["format"] != FORMAT or facts["sha256"] != hashlib.sha256(program).hexdigest():
            return None
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts, program


def save(path: Path, facts: dict[str, Any], program: bytes) -> None:
    """Keep a program, and make room for it. Where that is not possible it is not kept."""
    facts = {"format": FORMAT, "sha256": hashlib.sha256(program).hexdigest(), **facts}
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as partial:
            partial.write(json.dumps(facts).encode() + b"\n" + program)
        os.replace(partial.name, path)
        prune(path.parent)
    except (OSError, ValueError, TypeError):
        return


def prune(path: Path, most_bytes: int = MOST_BYTES, most_age: float = MOST_AGE) -> None:
    """Remove the files of a folder that were used least lately, until what is left is small and young enough.

    Another process may remove them too, or use one meanwhile: a program that is gone is made again.
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
