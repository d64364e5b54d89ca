"""Where compiled programs are kept between runs of the command line."""

import os
import sys
import tempfile
from pathlib import Path

from jaxsl.host.trusted import is_own


def enable_compilation_cache() -> None:
    """Keep every compiled program in ``$JAXSL_CACHE``, by default in the user's cache folder.

    An empty ``JAXSL_CACHE`` switches it off, and so does a folder that cannot be written to, or by others
    than the user too, with one line on standard error. Called by the command line before JAX is imported,
    which keeps ``jaxsl --help`` fast; works afterwards too. Importing jaxsl never calls it.
    """
    folder = os.environ.get("JAXSL_CACHE", str(_default()))
    reason = _unwritable(folder) if folder else ""
    if reason:
        print(
            f"note: compiled programs cannot be kept in {folder} ({reason}) and are made anew each time; "
            "JAXSL_CACHE names another folder, or none if it is empty",
            file=sys.stderr,
        )
    if not folder or reason:
        return
    settings = {
        "jax_compilation_cache_dir": folder,
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        if "jax" in sys.modules:
            sys.modules["jax"].config.update(name, value)
        else:
            os.environ.setdefault(name.upper(), str(value))


def _default() -> Path:
    """The user's cache folder; a relative one where there is no home."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or os.path.join(os.path.expanduser("~"), ".cache")) / "jaxsl"


def _unwritable(folder: str) -> str:
    """Why programs cannot be kept in a folder; empty if they can. Makes it when it is not there."""
    try:
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
        # Who writes there decides what is run; where users have no numbers, nobody can say who does.
        return "" if is_own(Path(folder)) or not hasattr(os, "getuid") else "others than you may write to it"
    except OSError as error:
        return error.strerror or type(error).__name__
