"""The journal of studies: what was accepted is never lost, whatever happens to its writers."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jaxsl.host.errors import UserError
from jaxsl.host.study import journal as journals
from jaxsl.host.study import lock, records
from jaxsl.host.study.candidates import Candidate
from jaxsl.host.study.journal import Journal
from jaxsl.host.study.ledger import Ledger
from jaxsl.host.study.lock import Lock
from jaxsl.host.study.records import decode, encode, is_whole

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "s.jsonl"
    Journal.create(made, {"inputs": ["N"]}, [fact(0)])
    return made


def fact(number):
    return {"event": "fact", "number": number, "text": "naïve, \n and \u2028"}


def facts(path):
    return [entry.record["number"] for entry in Journal(path).read()[0] if entry.record["event"] == "fact"]


def put(path, *numbers):
    """Append facts the way a study does: read first, then write."""
    made = Journal(path)

    def decide():
        made.read()
        return [fact(number) for number in numbers]

    made.write(decide)


def test_a_record_is_one_line_that_reads_back_bit_for_bit():
    record = {"event": "told", "y": [0.1 + 0.2, 1e-320, 6.02214076e23], "name": 'a\n"b"\u2028'}
    line = encode(record)
    assert b"\n" not in line and is_whole(line)
    read = decode(line)
    assert read.pop("check") and read == record
    with pytest.raises(ValueError):
        encode({"event": "told", "y": float("nan")})


def test_every_change_of_a_line_is_noticed():
    line = encode(fact(7))
    for place in range(len(line)):
        changed = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
        assert decode(changed) is None
        assert decode(line[:place]) is None and not is_whole(line[:place])


def test_what_is_written_is_read_once_and_then_only_what_is_new(path):
    reader = Journal(path)
    assert [entry.record["event"] for entry in reader.read()[0]] == ["study", "fact"]
    put(path, 1, 2)
    entries, afresh = reader.read()
    assert [entry.record["number"] for entry in entries] == [1, 2] and not afresh
    assert [entry.line for entry in entries] == [3, 4]
    assert reader.read() == ([], False)


def test_a_journal_is_never_overwritten(path):
    before = path.read_bytes()
    with pytest.raises(UserError, match="exists already"):
        Journal.create(path, {}, [])
    assert path.read_bytes() == before and [item.name for item in path.parent.iterdir()] == ["s.jsonl"]


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_half_written_last_line_is_ignored_then_ended_and_nothing_else_is_lost(path, kept):
    put(path, 1)
    line = encode(fact(2))
    with open(path, "ab") as file:
        file.write(line[:kept])
    reader = Journal(path)
    assert [entry.record.get("number") for entry in reader.read()[0]] == [None, 0, 1]
    assert len(reader.notes) == 1 and "line 4 is cut off" in reader.notes[0] and "ignored" in reader.notes[0]
    put(path, 3)
    assert facts(path) == [0, 1, 3]
    assert line[:kept] in path.read_bytes()
    fresh = Journal(path)
    fresh.read()
    assert not fresh.notes
    # The reader that saw the cut-off end goes on with it.
    assert [entry.record.get("number") for entry in reader.read()[0] if entry.record["event"] == "fact"][
        -1
    ] == 3


def test_a_writer_killed_while_it_ends_a_half_written_line_leaves_a_journal_that_opens(path):
    skip = encode({"event": "skip", "lines": [3], "why": "cut off"})
    for place in range(len(skip) + 1):
        made = path.with_name(f"{place}.jsonl")
        made.write_bytes(path.read_bytes() + encode(fact(1))[:30] + b"\n" + skip[:place])
        assert facts(made) == [0]
        put(made, 2)
        put(made, 3)
        assert facts(made) == [0, 2, 3]


def test_a_whole_line_without_its_newline_counts_once_the_next_writer_has_ended_it(path):
    with open(path, "ab") as file:
        file.write(encode(fact(1)))
    put(path, 2)
    assert facts(path) == [0, 1, 2]


def test_a_garbled_line_is_named_and_repair_goes_on_without_it_while_it_stays_in_the_file(path):
    put(path, 1, 2)
    content = path.read_bytes().replace(b'"number":1', b'"number":7')
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"line 3: damaged.*Everything else is intact.*jaxsl study repair"):
        Journal(path).read()
    with pytest.raises(UserError, match="line 3: damaged"):
        put(path, 4)
    assert path.read_bytes() == content
    assert Journal(path).repair() == [3]
    assert facts(path) == [0, 2] and path.read_bytes().startswith(content)
    assert Journal(path).repair() == []
    put(path, 5)
    assert facts(path) == [0, 2, 5]


def test_a_line_cut_off_in_the_middle_of_the_file_is_damage_and_not_recovery(path):
    put(path, 1, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2][:20] + b"\n", lines[3]]))
    with pytest.raises(UserError, match="line 3: damaged"):
        Journal(path).read()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'{"event":"study","format":"jaxsl', "its first line, which says what is studied, is cut off"),
        (b'{"event":"study","form\n{}\n', "its first line, which says what is studied, is damaged"),
        (b"N,D,loss\n1,2,3\n", "is no study"),
    ],
)
def test_what_is_no_journal_says_so_and_is_left_alone(path, content, message):
    path.write_bytes(content)
    for action in (Journal(path).read, lambda: put(path, 1)):
        with pytest.raises(UserError, match=message):
            action()
    assert path.read_bytes() == content


def test_a_full_disk_gives_one_message_and_loses_nothing_that_was_accepted(path):
    """The kernel itself stops the file in the middle of a line, by a limit on its size."""
    room = path.stat().st_size + 150
    script = f"""
import resource, signal, sys
from jaxsl.host.errors import UserError
from jaxsl.host.study.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
journal, accepted = Journal({str(path)!r}), []
for number in range(1, 9):
    def decide():
        journal.read()
        return [{{"event": "fact", "number": number, "text": "x" * 40}}]
    try:
        journal.write(decide)
        accepted.append(number)
    except UserError as error:
        print(accepted, error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    message = done.stdout.splitlines()[0]
    assert (
        message.startswith("[1] ") and "Nothing new was accepted and nothing was lost; make room" in message
    )
    assert path.stat().st_size == room and not path.read_bytes().endswith(b"\n")
    assert facts(path) == [0, 1]
    put(path, 9)
    assert facts(path) == [0, 1, 9]


def test_a_disk_that_does_not_keep_what_it_was_given_accepts_nothing(path, monkeypatch):
    def refuse(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journals.os, "fsync", refuse)
    with pytest.raises(UserError, match=r"No space left on device\. Nothing new was accepted"):
        put(path, 1)


def test_an_older_journal_is_read_as_a_newer_one_and_a_newer_one_refused(path, monkeypatch):
    put(path, 1)
    before = path.read_bytes()
    monkeypatch.setattr(records, "VERSION", 4)
    monkeypatch.setattr(journals, "VERSION", 4)
    monkeypatch.setattr(
        records,
        "MIGRATIONS",
        {3: lambda r: r | {"number": 10 * r["number"]} if r["event"] == "fact" else r},
    )
    assert facts(path) == [0, 10]
    put(path, 5)
    assert facts(path) == [0, 10, 5] and path.read_bytes().startswith(before)
    put(path, 6)
    assert path.read_bytes().count(b'"event":"version"') == 1
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"line 4 was written in version 4 .* reads up to 3; update jaxsl"):
        Journal(path).read()


def test_candidates_of_a_line_each_are_read_as_blocks(tmp_path):
    path = tmp_path / "first_format.jsonl"
    header = {"event": "study", "format": "jaxsl study", "version": 1, "inputs": ["N"]}
    one = {"event": "candidate", "id": "c1", "x": {"N": 2.0}, "cost": 5.0, "name": "small"}
    path.write_bytes(encode(header) + b"\n" + encode(one) + b"\n")
    ledger = Ledger()
    for entry in Journal(path).read()[0]:
        ledger.apply(entry.line, entry.record)
    assert list(ledger.candidates) == [Candidate((2.0,), 5.0, "small")]


def test_a_record_that_names_its_line_is_void_on_another(path):
    with open(path, "ab") as file:
        file.write(encode(fact(1) | {"line": 3}) + b"\n" + encode(fact(2) | {"line": 3}) + b"\n")
    assert facts(path) == [0, 1]


def test_two_writers_who_both_believe_to_hold_the_lock_decide_one_after_the_other(path, monkeypatch):
    intruder, decided = Journal(path), []

    def decide():
        entries, _ = intruder.read()
        decided.append(len(entries))
        if len(decided) == 1:  # another writer slips in between the decision and its record
            with open(path, "ab") as file:
                file.write(encode(fact(1) | {"line": 3}) + b"\n")
        return [fact(2) | {"line": 0}]

    intruder.write(decide)
    assert decided == [2, 1] and facts(path) == [0, 1, 2]


def test_a_lock_keeps_others_out_and_is_gone_afterwards(tmp_path):
    path, order = tmp_path / "lock", []
    with Lock(path) as first:
        other = threading.Thread(target=lambda: (Lock(path).__enter__(), order.append("second")))
        other.start()
        time.sleep(0.1)
        order.append("first")
        assert first.held
    other.join(5)
    assert order == ["first", "second"]


def test_a_lock_whose_process_is_gone_is_taken_over_at_once(tmp_path):
    path = tmp_path / "lock"
    script = "import os, pathlib; from jaxsl.host.study.lock import Lock; "
    script += f"Lock(pathlib.Path({str(path)!r})).__enter__(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 9
    assert path.exists()
    begin = time.monotonic()
    with Lock(path, lease=60):
        assert time.monotonic() - begin < 2


def test_a_lock_of_another_machine_expires_when_nobody_renews_it(tmp_path):
    path = tmp_path / "lock"
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "id": "x"}))
    begin = time.monotonic()
    with Lock(path, lease=0.4):
        assert 0.4 < time.monotonic() - begin < 3
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_renewed_does_not_expire(tmp_path):
    path = tmp_path / "lock"
    with Lock(path, lease=0.3) as held:
        with pytest.raises(UserError, match=r"has been held for .* by process \d+"):
            Lock(path, lease=0.3, patience=1.2).__enter__()
        assert held.held


def test_who_waits_for_a_lock_says_once_for_whom(tmp_path, monkeypatch, caplog):
    path = tmp_path / "lock"
    monkeypatch.setattr(lock, "SILENCE", 0.1)
    with Lock(path), pytest.raises(UserError):
        Lock(path, patience=0.5).__enter__()
    assert [one.getMessage() for one in caplog.records] == [
        f"waiting for process {os.getpid()} on {socket.gethostname()}, which holds {path}"
    ]


def test_one_of_many_takes_an_expired_lock_over(tmp_path):
    path, inside, most = tmp_path / "lock", [], []
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "id": "x"}))

    def work():
        for _ in range(5):
            with Lock(path, lease=0.3):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.002)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 30 and max(most) == 1


def test_a_folder_that_cannot_be_written_says_so(path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path.parent.chmod(0o500)
    try:
        with pytest.raises(UserError, match="must be writable"):
            put(path, 1)
    finally:
        path.parent.chmod(0o700)
