"""The text of the pilot lab: the sources of Python's standard library, which every machine with Python has.

Different Python versions hold different sources, so each run records the Python version and the corpus
fingerprint beside its loss; losses are comparable between rows with one fingerprint.
"""

import hashlib
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

# Third-party code, test suites (as large as the library), tables of code points, and what the build of
# this one interpreter wrote: its paths would make the fingerprint differ between machines.
SKIPPED_FOLDERS = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "encodings"})
SKIPPED_PREFIXES = ("_sysconfigdata", "config-")


@dataclass(frozen=True, eq=False)
class Corpus:
    """The bytes to train on and the bytes held out, each a concatenation of whole files.

    Attributes:
        train, held_out: bytes, ``(byte,)`` of uint8.
        train_files, held_out_files: names relative to the library's folder, sorted.
        fingerprint: the first 16 hex digits of the SHA-256 of all names and contents.
    """

    train: np.ndarray
    held_out: np.ndarray
    train_files: tuple[str, ...]
    held_out_files: tuple[str, ...]
    fingerprint: str


def is_held_out(name: str) -> bool:
    """About one file in ten: those whose name has a SHA-256 that begins with a byte below 26."""
    return hashlib.sha256(name.encode()).digest()[0] < 26


def library_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names, with forward slashes and relative to ``folder``, and paths of the sources, sorted by name."""
    named = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*.py"))
    for name, path in sorted(named):
        parts = name.split("/")
        if not SKIPPED_FOLDERS.intersection(parts) and not parts[0].startswith(SKIPPED_PREFIXES):
            yield name, path


@cache
def standard_library() -> Corpus:
    """The corpus of the running interpreter, about 9 million bytes to train on and 1.5 million held out."""
    digest = hashlib.sha256()
    names: dict[bool, list[str]] = {True: [], False: []}
    texts: dict[bool, list[bytes]] = {True: [], False: []}
    for name, path in library_files(Path(sysconfig.get_path("stdlib"))):
        text = path.read_bytes().replace(b"\r\n", b"\n")  # some installers write Windows line ends
        digest.update(name.encode() + b"\0" + text)
        held_out = is_held_out(name)
        names[held_out].append(name)
        texts[held_out].append(text)
    return Corpus(
        train=np.frombuffer(b"".join(texts[False]), np.uint8),
        held_out=np.frombuffer(b"".join(texts[True]), np.uint8),
        train_files=tuple(names[False]),
        held_out_files=tuple(names[True]),
        fingerprint=digest.hexdigest()[:16],
    )


def windows(text: np.ndarray, starts: np.ndarray, context: int) -> np.ndarray:
    """Windows of ``context`` inputs and the byte after them, ``(window, context + 1)`` of uint8."""
    return text[starts[:, None] + np.arange(context + 1)]


def training_windows(text: np.ndarray, num: int, context: int, seed: int) -> np.ndarray:
    """Starts of ``num`` windows in the order in which a run with this seed reads them, ``(num,)``.

    The text is cut into windows whose targets do not overlap, shuffled, and begun again in the same order
    should a run ask for more than there are.
    """
    available = (text.size - 1) // context
    return np.resize(np.random.default_rng(seed).permutation(available) * context, num)


def evaluation_windows(text: np.ndarray, num: int, context: int) -> np.ndarray:
    """Starts of ``num`` windows evenly spaced over the held-out text, the same for every run, ``(num,)``."""
    return np.linspace(0, text.size - context - 1, num).astype(np.int64)
