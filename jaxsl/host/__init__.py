"""Files, tables, clocks, plots and the command line: what the core never touches.

``jaxsl.host.fit_table`` and ``jaxsl.host.next_runs`` do with a data frame what ``jaxsl fit`` and ``jaxsl
next`` do with a file; ``fit_laws``, ``next_runs_by_laws`` and ``rank_laws`` do it with several laws.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsl.host.answer.one_law import fit_table, next_runs
    from jaxsl.host.answer.several_laws import fit_laws, next_runs_by_laws, rank_laws

__all__ = ["fit_laws", "fit_table", "next_runs", "next_runs_by_laws", "rank_laws"]
MODULES = {"fit_table": "one_law", "next_runs": "one_law"}  # the others are in ``several_laws``


def __getattr__(name: str) -> Any:
    """Import a module when it is first asked for, so that ``jaxsl --help`` need not wait for JAX."""
    if name in __all__:
        return getattr(import_module(f"jaxsl.host.answer.{MODULES.get(name, 'several_laws')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
