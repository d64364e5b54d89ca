"""Studies: ask, train, tell, for weeks, with every fact in one append-only file.

``journal`` keeps the file, ``lock`` who may write, ``ledger`` what the lines add up to, ``settings`` what is
studied, ``advisor`` what to run next, ``stopping`` whether to go on; ``study.Study`` puts them together.
Nothing but ``advisor`` needs JAX, so telling a result takes no compiler.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsl.host.study.study import Study

__all__ = ["Study"]


def __getattr__(name: str) -> Any:
    """Import ``Study`` when it is first asked for, so that the parts can be used without it."""
    if name == "Study":
        from jaxsl.host.study.study import Study

        return Study
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
