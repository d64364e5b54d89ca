"""Files, tables, clocks, plots and the command line: what the core never touches.

The verbs are those of the command line, and take a data frame where that takes a file, and a law, its name or
several: ``fit``, ``next_runs``, ``rank``, ``report``, ``replay``, ``optimal``, ``reach``, ``multiplier``,
``isoflop``, ``grid``, ``next_for`` (a decision), and ``Study`` for a campaign of weeks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsl.host.answer.fit import fit
    from jaxsl.host.answer.next_runs import next_runs
    from jaxsl.host.answer.rank import rank
    from jaxsl.host.answer.replay import replay
    from jaxsl.host.decision.grid import grid
    from jaxsl.host.decision.isoflop import isoflop
    from jaxsl.host.decision.multiplier import multiplier
    from jaxsl.host.decision.next_for import next_for
    from jaxsl.host.decision.optimal import optimal
    from jaxsl.host.decision.reach import reach
    from jaxsl.host.html.report import report
    from jaxsl.host.study import Study

__all__ = [
    "Study",
    "fit",
    "grid",
    "isoflop",
    "multiplier",
    "next_for",
    "next_runs",
    "optimal",
    "rank",
    "reach",
    "replay",
    "report",
]
MODULES = {name: f"answer.{name}" for name in ("fit", "next_runs", "rank", "replay")}
MODULES |= {
    name: f"decision.{name}" for name in ("grid", "isoflop", "multiplier", "next_for", "optimal", "reach")
}
MODULES |= {"report": "html.report", "Study": "study"}


def __getattr__(name: str) -> Any:
    """Import a module when it is first asked for, so that ``jaxsl --help`` need not wait for JAX."""
    if name in MODULES:
        return getattr(import_module(f"jaxsl.host.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
