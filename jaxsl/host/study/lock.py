"""A lock that expires and works on shared file systems: a file that exists while somebody holds it.

Creating a file that must not exist (``O_CREAT | O_EXCL``) is atomic on local disks and on NFS alike, whereas
``flock`` is local to a machine, or silently without effect, on many cluster file systems. The price is that a
killed process leaves its lock behind, so a lock expires:

- its holder renews it, by rewriting a counter, every third of ``LEASE`` from a thread;
- whoever waits takes it over when it has not changed for ``LEASE`` by the waiter's own clock (clocks of two
  machines need not agree), or at once when its holder was a process of this machine that is gone.

A holder that was asleep longer than the lease may wake up and write beside the new one. That cannot be
excluded without a server; ``jaxsl.host.study.journal`` is built so that it does no harm.
"""

import json
import logging
import os
import socket
import threading
import time
import uuid
from pathlib import Path

from jaxsl.host.errors import UserError

LEASE = 20.0  # seconds without a sign of life after which a lock is void
EMPTY = 2.0  # the same for a lock file without content
PATIENCE = 120.0  # seconds that one waits for others
PAUSE = 0.005  # seconds before the first look again; doubles up to a quarter of a second
SILENCE = 3.0  # seconds after which one who waits says for whom


class Lock:
    """Exclusive use of the file ``path``, as a context.

    Args:
        path: of the lock file, such as ``study.jsonl.lock``.
        lease: see the module.
        patience: seconds to wait for the present holder.
    """

    def __init__(self, path: Path, lease: float = LEASE, patience: float = PATIENCE):
        self.path, self.lease, self.patience = path, lease, patience
        self._id = uuid.uuid4().hex
        self._done = threading.Event()
        self._renewer: threading.Thread | None = None

    def __enter__(self) -> "Lock":
        self._id = uuid.uuid4().hex
        owner = {"host": _machine(), "pid": os.getpid(), "id": self._id}
        begin = since = time.monotonic()
        pause, seen, said = PAUSE, None, False
        while not self._create(owner):
            now, present = time.monotonic(), self._read()
            if present != seen:
                seen, since = present, now
            if present is not None and (now - since > self._life(present) or _gone(present)):
                self._break(present)
                continue
            if now - begin > self.patience:
                raise UserError(
                    f"{self.path} has been held for {now - begin:.0f} s by {_holder(present)}; wait "
                    "for it, or remove the file if that process is surely gone"
                )
            if now - begin > SILENCE and not said:
                said = True
                logging.getLogger(__name__).warning(
                    "waiting for %s, which holds %s", _holder(present), self.path
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.25)
        self._done.clear()
        self._renewer = threading.Thread(target=self._renew, args=(owner,), daemon=True)
        self._renewer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        if self._renewer is not None:
            self._renewer.join()
        if self.held:
            self.path.unlink(missing_ok=True)

    @property
    def held(self) -> bool:
        """Whether the lock is still ours: it is not after sleeping longer than the lease."""
        return self._id.encode() in (self._read() or b"")

    def _life(self, content: bytes) -> float:
        """Seconds that a lock lasts unchanged; one without content lost its holder while it was made."""
        return self.lease if content else min(self.lease, EMPTY)

    def _create(self, owner: dict) -> bool:
        content = _content(owner, 0)
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        except OSError as error:
            raise UserError(
                f"cannot lock {self.path}: {error.strerror}; the folder of a study must be writable"
            ) from None
        try:
            os.write(handle, content)
        except OSError as error:
            self.path.unlink(missing_ok=True)
            raise UserError(f"cannot write {self.path}: {error.strerror}; nothing was recorded") from None
        finally:
            os.close(handle)
        return True

    def _renew(self, owner: dict) -> None:
        """Show a sign of life until released; the content keeps its length, so it is never half-written."""
        count = 0
        while not self._done.wait(self.lease / 3):
            count += 1
            try:
                handle = os.open(self.path, os.O_RDWR)
                try:
                    if self._id.encode() not in os.read(handle, 4096):
                        return
                    os.pwrite(handle, _content(owner, count), 0)
                finally:
                    os.close(handle)
            except OSError:
                return

    def _read(self) -> bytes | None:
        """What the lock file holds; None when there is none."""
        try:
            return self.path.read_bytes()
        except OSError:
            return None

    def _break(self, expired: bytes) -> None:
        """Take an expired lock away, unless somebody else did: one at a time, so under a lock of its own."""
        with Lock(self.path.with_name(self.path.name + ".break"), self.lease, self.patience):
            if self._read() == expired:
                self.path.unlink(missing_ok=True)


def _content(owner: dict, count: int) -> bytes:
    return json.dumps(owner | {"renewed": f"{count:09d}"}).encode()


def _machine() -> str:
    """This machine since its last start, or this container: where process numbers have a meaning."""
    parts = [socket.gethostname()]
    try:
        parts += [
            Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            os.readlink("/proc/self/ns/pid"),
        ]
    except OSError:
        parts.append(str(uuid.getnode()))
    return " ".join(parts)


def _gone(content: bytes) -> bool:
    """Whether the holder was a process of this machine that no longer runs."""
    try:
        owner = json.loads(content)
        if owner["host"] != _machine():
            return False
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, TypeError, OSError):
        return False
    return False


def _holder(content: bytes | None) -> str:
    try:
        owner = json.loads(content or b"")
        return f"process {owner['pid']} on {owner['host'].split()[0]}"
    except (ValueError, KeyError, TypeError):
        return "an unknown process"
