"""``python -m jaxsl.host.cli``: the program ``jaxsl``."""

from jaxsl.host.cli.commands import main

main()
