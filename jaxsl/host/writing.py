"""How commands write files: never over what they read or a journal, over others only when told, whole or not.

>>> import tempfile
>>> page = Path(tempfile.mkdtemp()) / "page.html"
>>> write_text(page, "one")
>>> write_text(page, "two", force=True)
>>> page.read_text()
'two'
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxsl.host.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

HEAD = 200  # bytes of a file in which a journal says that it is one


def check_output(path: str | Path, inputs: Iterable[Any] = (), force: bool = False) -> None:
    """Refuse to write over an input or a journal, and without ``force`` over anything.

    Args:
        path: where something is to be written.
        inputs: what is read; what is no file is passed over, and of ``my_law.py:LAW`` the file counts.
        force: whether another file may be replaced.

    Raises:
        UserError: as said, or when ``path`` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    if not path.is_file():  # nothing there yet, or a pipe or a device
        return
    for source in inputs:
        if isinstance(source, str | Path) and any(_is_same(path, file) for file in _files(source)):
            raise UserError(f"{path} is read here and is never written over; name another file")
    if is_journal(path):
        raise UserError(f"{path} is a study's journal and is never written over; name another file")
    if not force:
        raise UserError(f"{path} exists already; --force replaces it, or name another file")


def write_file(
    path: str | Path, write: Callable[[Path], Any], inputs: Iterable[Any] = (), force: bool = False
) -> None:
    """Let ``write`` fill a file beside ``path``, which is renamed when it is whole and on the disk.

    Args:
        path, inputs, force: as in ``check_output``.
        write: takes the path of the file that it fills.

    Raises:
        UserError: as in ``check_output``, and when the file cannot be written; then nothing has changed.
    """
    check_output(path, inputs, force)
    real = Path(os.path.realpath(path))  # a link stays a link to what is new
    special = real.exists() and not real.is_file()  # a pipe or a device, which cannot be renamed
    partial = real if special else real.with_name(f"{real.name}.{os.getpid()}.part")
    try:
        write(partial)
        if not special:
            with open(partial, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(partial, real)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; nothing was changed, name another file") from None
    finally:
        if not special:
            partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str, inputs: Iterable[Any] = (), force: bool = False) -> None:
    """The same for text, in UTF-8."""
    write_file(path, lambda partial: partial.write_text(text, encoding="utf-8"), inputs, force)


def write_table(path: str | Path, table: "pa.Table", inputs: Iterable[Any] = (), force: bool = False) -> None:
    """The same for a table: Parquet where the name ends so, else CSV."""
    import pyarrow.csv
    import pyarrow.parquet

    is_parquet = Path(path).suffix.lower() in (".parquet", ".pq")
    write = pyarrow.parquet.write_table if is_parquet else pyarrow.csv.write_csv
    write_file(path, lambda partial: write(table, str(partial)), inputs, force)


def is_journal(path: str | Path) -> bool:
    """Whether a file is a study's journal: its first line says so.

    Example:
        >>> is_journal("runs.csv")
        False
    """
    if not Path(path).is_file():  # what can be read once only must not be read here
        return False
    try:
        with open(path, "rb") as file:
            return b'"event":"study"' in file.read(HEAD).split(b"\n")[0]
    except OSError:
        return False


def _files(source: str | Path) -> list[str]:
    """The files that an argument may name."""
    text = str(source)
    place, colon, _ = text.rpartition(":")
    return [text, place] if colon else [text]


def _is_same(path: Path, other: str) -> bool:
    """Whether two names are one file, by links too."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
