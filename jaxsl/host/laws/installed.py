"""Which installed packages bring laws, without importing them."""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from jaxsl.host.errors import UserError

GROUP = "jaxsl.laws"


def packages() -> tuple[EntryPoint, ...]:
    """The entry points of installed packages that bring laws, by name."""
    return _packages(tuple(sys.path))


@cache
def _packages(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """To look through all that is installed takes as long as to read a table."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)))


def unknown(name: str, laws: Iterable[str]) -> UserError:
    """What is said of a name that none of the installed laws has."""
    laws = list(laws)
    if not laws:
        return UserError(f"there is no law {name!r}: no laws are installed; run pip install jaxsl again")
    near = get_close_matches(name, laws, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return UserError(
        f"there is no law {name!r}; {meant}`jaxsl laws` lists them, and path/to/file.py:NAME names your own"
    )
