"""Where compiled programs are kept between runs of the command line."""

import os
import sys
from pathlib import Path


def enable_compilation_cache() -> None:
    """Keep every compiled program in ``$JAXSL_CACHE``, by default in the user's cache folder.

    An empty ``JAXSL_CACHE`` switches it off. Called by the command line before JAX is imported, which keeps
    ``jaxsl --help`` fast; works afterwards too. Importing jaxsl never calls it.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = os.environ.get("JAXSL_CACHE", str(home / "jaxsl"))
    if not folder:
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
