"""The command line: one file a command, the ``options`` they share, ``commands`` to put them together."""

from jaxsl.host.cli.commands import app, main

__all__ = ["app", "main"]
