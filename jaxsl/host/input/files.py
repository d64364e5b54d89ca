"""Which files a person means: a path, several, a pattern such as ``runs/*.csv``, or a folder.

>>> [place for place, _ in found_files("-")]
['-']
"""

from collections.abc import Iterator, Sequence
from glob import glob
from os.path import commonpath
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jaxsl.host.errors import UserError
from jaxsl.host.input.formats import SUFFIXES, suffix
from jaxsl.host.writing import is_journal

PATTERN = set("*?[")


def found_files(source: str | Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The files of a path, a pattern or a folder, in alphabetical order, each with what its folders say.

    A folder stands for all tables in it and below, but for names that begin with a dot or an underscore,
    studies' journals and their caches. Folders called ``dataset=web``, as partitioned Parquet has them, give
    a column ``dataset``.

    Raises:
        UserError: when a pattern matches nothing, or a folder holds no table.
    """
    text, path = str(source), Path(source)
    if path.is_dir():
        try:
            inside = [(file, file.relative_to(path)) for file in sorted(path.rglob("*")) if file.is_file()]
        except OSError as error:
            raise UserError(f"cannot read the folder {text}: {error.strerror or error}") from None
        tables = [
            (str(file), dict(_said(part) for part in below.parts[:-1] if "=" in part))
            for file, below in inside
            if suffix(file.name) in SUFFIXES and not _is_apart(below) and not is_journal(file)
        ]
        if not tables:
            raise UserError(f"the folder {text} holds no table; their names end in {', '.join(SUFFIXES)}")
        yield from tables
    elif PATTERN & set(text) and not path.exists():
        matched = [file for file in sorted(glob(text, recursive=True)) if Path(file).is_file()]
        if not matched:
            raise UserError(f"no file matches {text}; check the pattern")
        yield from ((file, {}) for file in matched)
    else:
        yield text, {}


def input_files(source: Any) -> list[Any]:
    """The files that are read of a source, of several too; what is no file stays.

    Example:
        >>> input_files(["a.csv", "b.csv"])
        ['a.csv', 'b.csv']
    """
    if isinstance(source, str | Path):
        return [file for file, _ in found_files(source)]
    if isinstance(source, Sequence):
        return [file for part in source for file in input_files(part)]
    return [source]


def names_a_table(text: str) -> bool:
    """Whether text is a file's name rather than anything else.

    Example:
        >>> names_a_table("nowhere.csv.gz"), names_a_table("runs/*.csv"), names_a_table("split=test")
        (True, True, False)
    """
    return text == "-" or Path(text).exists() or suffix(text) in SUFFIXES


def short_names(files: Sequence[str]) -> list[str]:
    """The names of files below the folder that all of them lie in.

    Example:
        >>> short_names(["runs/a/x.csv", "runs/b/x.csv"]), short_names(["runs/a.csv"])
        (['a/x.csv', 'b/x.csv'], ['a.csv'])
    """
    folders = [Path(file).parent for file in files]
    try:
        shared = Path(commonpath(folders))
        return [Path(file).relative_to(shared).as_posix() for file in files]
    except ValueError:  # one is relative, or is no file
        return list(files)


def _is_apart(file: Path) -> bool:
    return any(part[0] in "._" or part.endswith(".cache") for part in file.parts)


def _said(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, unquote(value)
