"""The program ``jaxsl``: its commands, which Ctrl-C ends with one line and status 130 whatever they do."""

import os
import signal
import sys
import threading
import time
import warnings
from typing import Any, NoReturn

GRACE = 1.0  # seconds for locks to be released; a compiler that is running notices nothing before it is done
STATUS = 128 + signal.SIGINT

_ending = threading.Lock()


class Interrupted(BaseException):
    """Ctrl-C. Not ``KeyboardInterrupt``, which libraries on the way have answers of their own to."""


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in the background of a shell
        _watch()
    try:
        from jaxsl.host.cli.commands import main as run

        with warnings.catch_warnings():
            # Should the cache become unwritable on the way, JAX would say so of every program.
            warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
            run()
    except Interrupted:
        _end()


def _watch() -> None:
    """From now on a SIGINT unwinds the main thread, and ends the process if that takes too long."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _unraisable
    threading.Thread(target=_wait, args=(heard,), daemon=True).start()


def _interrupt(number: int, frame: Any) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Interrupted


def _unraisable(found: Any) -> None:
    """Say nothing of an interrupt that came where none can be raised: ``_wait`` ends the process."""
    if not issubclass(found.exc_type, Interrupted):
        sys.__unraisablehook__(found)


def _wait(heard: int) -> None:
    os.read(heard, 1)
    time.sleep(GRACE)
    _end()


def _end() -> NoReturn:
    """Say so once and end, without waiting for other threads."""
    with _ending:  # never released: the first to come ends the process
        os.write(2, b"interrupted\n")
        os._exit(STATUS)


if __name__ == "__main__":
    main()
