"""Files, tables, clocks, plots and the command line: what the core never touches.

``jaxsl.host.fit_table`` and ``jaxsl.host.next_runs`` do with a data frame what ``jaxsl fit`` and ``jaxsl
next`` do with a file.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsl.host.session import fit_table, next_runs

__all__ = ["fit_table", "next_runs"]


def __getattr__(name: str) -> Any:
    """Import the session when it is first asked for, so that ``jaxsl --help`` need not wait for JAX."""
    if name in __all__:
        from jaxsl.host import session

        return getattr(session, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
