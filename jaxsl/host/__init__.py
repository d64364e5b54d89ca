"""Files, tables, clocks, plots and the command line: what the core never touches.

The verbs are those of the command line, and take a data frame where that takes a file, and a law, its name or
several: ``fit``, ``fit_by``, ``next_runs``, ``rank``, ``report``, ``replay``, and ``Study`` for a campaign of
weeks. ``predict`` goes on from a fit, or from the file in which it was kept, and ``compare`` tries published
ones; ``optimal``, ``reach``, ``multiplier``, ``isoflop``, ``grid``, ``next_for`` and ``replay_for`` are about
decisions, and ``tune`` finds the best learning rates and batches of grids. Of runs that are curves
``checkpoints`` says where to evaluate them, and ``finish`` what they will end at.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsl.host.answer.by import fit_by
    from jaxsl.host.answer.checkpoints import checkpoints
    from jaxsl.host.answer.compare import compare
    from jaxsl.host.answer.finish import finish
    from jaxsl.host.answer.fit import fit
    from jaxsl.host.answer.kept import load_fit
    from jaxsl.host.answer.next_runs import next_runs
    from jaxsl.host.answer.predict import predict
    from jaxsl.host.answer.rank import rank
    from jaxsl.host.answer.replay import replay
    from jaxsl.host.decision.grid import grid
    from jaxsl.host.decision.isoflop import isoflop
    from jaxsl.host.decision.multiplier import multiplier
    from jaxsl.host.decision.next_for import next_for
    from jaxsl.host.decision.optimal import optimal
    from jaxsl.host.decision.reach import reach
    from jaxsl.host.decision.replay_for import replay_for
    from jaxsl.host.html.report import report
    from jaxsl.host.study import Study
    from jaxsl.host.tuning.tune import tune

__all__ = [
    "Study",
    "checkpoints",
    "compare",
    "finish",
    "fit",
    "fit_by",
    "grid",
    "isoflop",
    "load_fit",
    "multiplier",
    "next_for",
    "next_runs",
    "optimal",
    "predict",
    "rank",
    "reach",
    "replay",
    "replay_for",
    "report",
    "tune",
]
ANSWERS = ("checkpoints", "compare", "finish", "fit", "next_runs", "predict", "rank", "replay")
DECISIONS = ("grid", "isoflop", "multiplier", "next_for", "optimal", "reach", "replay_for")
MODULES = {name: f"answer.{name}" for name in ANSWERS} | {name: f"decision.{name}" for name in DECISIONS}
MODULES |= {"fit_by": "answer.by", "load_fit": "answer.kept"}
MODULES |= {"report": "html.report", "Study": "study", "tune": "tuning.tune"}


def __getattr__(name: str) -> Any:
    """Import a module when it is first asked for, so that ``jaxsl --help`` need not wait for JAX."""
    if name in MODULES:
        return getattr(import_module(f"jaxsl.host.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What completion offers: the verbs too, imported or not."""
    return sorted({*globals(), *__all__})
