"""Where compiled programs are kept between runs of the command line."""

import os
from pathlib import Path


def enable_compilation_cache() -> None:
    """Keep every compiled program in ``$JAXSL_CACHE``, by default in the user's cache folder.

    An empty ``JAXSL_CACHE`` switches it off. Called by commands, never by an import.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = os.environ.get("JAXSL_CACHE", str(home / "jaxsl"))
    if not folder:
        return
    import jax

    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
