"""The append-only file of a study: nothing that was accepted is ever lost, moved or rewritten.

- A record is accepted when its line has been written in one call, brought to the disk (``fsync``) and read
  back. Until then its writer has been told nothing.
- A line that a killed writer or a full disk cut off stays where it is. The next writer ends it and says so in
  a record ``skip``; until then readers ignore a cut-off end.
- A line that was damaged later stops every reader, by its number, until a person has seen it:
  ``jaxsl study repair`` appends the same ``skip`` record.
- A record that rests on what stood before it carries its own line number. Should two writers have believed
  to hold the lock, the second such record stands on another line than it says, is void for every reader, and
  its writer decides again.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jaxsl.host.errors import UserError
from jaxsl.host.study.lock import Lock
from jaxsl.host.study.records import FORMAT, VERSION, Record, decode, encode, is_whole, upgrade

ATTEMPTS = 10  # at a record whose place another writer took


@dataclass(frozen=True)
class Entry:
    """A record and the line it stands on, the header being line 1."""

    line: int
    record: Record


class Journal:
    """One journal file.

    Attributes:
        path: of the file; its lock is the same name with ``.lock`` added.
        notes: what a reader should know, such as a cut-off end.
        num_lines: ended lines that were read.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.notes: tuple[str, ...] = ()
        self.num_lines = self._offset = self._version = 0

    @classmethod
    def create(cls, path: str | Path, header: Record, records: list[Record]) -> "Journal":
        """Make a journal; the file appears whole or not at all.

        Raises:
            UserError: when the file exists or cannot be written.
        """
        path = Path(path)
        first = {"event": "study", "format": FORMAT, "version": VERSION} | header
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with open(partial, "wb") as file:
                file.write(b"".join(encode(record) + b"\n" for record in (first, *records)))
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, path)
            _sync_folder(path.parent)
        except FileExistsError:
            raise UserError(f"{path} exists already and is never overwritten; choose another name") from None
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}; no study was made") from None
        finally:
            partial.unlink(missing_ok=True)
        return cls(path)

    def read(self) -> tuple[list[Entry], bool]:
        """The records added since the last call, and whether they start from the header again.

        Raises:
            UserError: when the file cannot be read, is no journal, is too new, or has a damaged line.
        """
        if self._offset:
            lines = self._content(self._offset).split(b"\n")
            decoded = [decode(line) if line else None for line in lines[:-1]]
            if all(record or not line for record, line in zip(decoded, lines, strict=False)):
                entries = self._entries(decoded)
                self._advance(lines, len(decoded))
                return entries, False
        return self._read_all(), True

    def write(self, decide: Callable[[], list[Record]]) -> None:
        """Append the records that ``decide`` returns, and return when they are on the disk.

        ``decide`` is called while the journal is locked and its end is in order; it reads first.
        A record with the key ``line`` counts only on that line, which is filled in here.

        Raises:
            UserError: when they cannot be written; then none of them was accepted.
        """
        for _ in range(ATTEMPTS):
            with Lock(self.path.with_name(self.path.name + ".lock")) as lock:
                self._settle()
                records = decide()
                if records and 0 < self._version < VERSION:
                    records = [{"event": "version", "version": VERSION}, *records]
                numbered = [
                    record | {"line": self.num_lines + index + 1} if "line" in record else record
                    for index, record in enumerate(records)
                ]
                if not lock.held:
                    continue
                chunk = b"".join(encode(record) + b"\n" for record in numbered)
                if not chunk:
                    return
                self._append(chunk)
                content = self._content(self._offset)
                alone = content.startswith(chunk)
                if alone or (chunk in content and not any("line" in record for record in records)):
                    return
        raise UserError(
            f"{self.path} is written by others faster than it can be locked; check that its file system "
            "keeps to O_EXCL and O_APPEND, and try again"
        )

    def repair(self) -> list[int]:
        """Agree that damaged lines are lost, by a record that lists them: the numbers of these lines."""
        found: list[int] = []

        def decide() -> list[Record]:
            found[:] = _survey(self._lines())[1]
            return [{"event": "skip", "lines": found, "why": "damaged"}] if found else []

        self.write(decide)
        return found

    def _read_all(self) -> list[Entry]:
        lines = self._lines()
        decoded, bad, end = _survey(lines)
        if bad:
            numbers = ", ".join(map(str, bad))
            many = len(bad) > 1
            raise UserError(
                f"{self.path}, line{'s' if many else ''} {numbers}: damaged, since "
                f"{'their checksums are' if many else 'its checksum is'} wrong. Everything else is intact. "
                f"Put the file back from a copy, or run `jaxsl study repair {self.path}` to go on without "
                f"{'these lines' if many else 'this line'}, which will stay in the file"
            )
        self._offset = self.num_lines = 0
        cut = [number for number, line in enumerate(lines, 1) if number > end and line]
        self.notes = tuple(
            f"{self.path}, line {number} is cut off, by a killed process or a full disk; it was never "
            "accepted and is ignored"
            for number in cut
        )
        entries = self._entries(decoded[:end])
        self._advance(lines, end)
        return entries

    def _entries(self, decoded: list[Record | None]) -> list[Entry]:
        entries = []
        for line, record in enumerate(decoded, self.num_lines + 1):
            if record is None or record.get("line", line) != line:
                continue
            if record["event"] in ("study", "version"):
                self._version = record["version"]
            entries.append(Entry(line, upgrade(record, self._version, f"{self.path}, line {line}")))
        return entries

    def _advance(self, lines: list[bytes], number: int) -> None:
        self._offset += sum(len(line) + 1 for line in lines[:number])
        self.num_lines += number

    def _settle(self) -> None:
        """End a line that was cut off, and say that it does not count."""
        lines = self._content(self._offset).split(b"\n")
        if not lines[-1] and all(decode(line) for line in lines[:-1] if line):
            return
        lines = self._lines()
        decoded, _, end = _survey(lines)
        cut = [place + 1 for place in range(end, len(lines)) if lines[place] and not decoded[place]]
        ending = b"\n" if lines[-1] else b""
        skip = encode({"event": "skip", "lines": cut, "why": "cut off"}) + b"\n" if cut else b""
        if ending or skip:
            self._append(ending + skip)

    def _lines(self) -> list[bytes]:
        """All lines, the first being a header."""
        lines = self._content(0).split(b"\n")
        header = decode(lines[0])
        if header is None or header.get("format") != FORMAT:
            raise UserError(_no_header(self.path, lines[0], len(lines)))
        return lines

    def _content(self, offset: int) -> bytes:
        try:
            with open(self.path, "rb") as file:
                file.seek(offset)
                return file.read()
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror or error}; check the path") from None

    def _append(self, chunk: bytes) -> None:
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            try:
                written = os.write(handle, chunk)
                while written < len(chunk):
                    written += os.write(handle, chunk[written:])
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise UserError(
                f"cannot write {self.path}: {error.strerror or error}. Nothing new was accepted and nothing "
                "was lost; make room and repeat"
            ) from None


def _survey(lines: list[bytes]) -> tuple[list[Record | None], list[int], int]:
    """Records, numbers of damaged lines that no ``skip`` names, and how many stand before a cut-off end."""
    decoded = [decode(line) if line else None for line in lines]
    end = len(lines) - 1
    while end and lines[end - 1] and decoded[end - 1] is None and not is_whole(lines[end - 1]):
        end -= 1
    skipped: set[int] = set()
    for record in decoded:
        if record is not None and record["event"] == "skip":
            skipped.update(record["lines"])
    bad = [
        number
        for number in range(1, end + 1)
        if lines[number - 1] and decoded[number - 1] is None and number not in skipped
    ]
    return decoded, bad, end


def _no_header(path: Path, line: bytes, num_lines: int) -> str:
    if not line.strip():
        return f"{path} is empty, so it is no study; put the file back from a copy, or make a new study"
    if b'"event":"study"' in line:
        how = "cut off" if num_lines == 1 else "damaged"
        return f"{path}: its first line, which says what is studied, is {how}; put the file back from a copy"
    return f"{path} is no study: its first line is no header; `jaxsl study new` makes one"


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk, where the system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
