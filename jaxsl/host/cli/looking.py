"""A first look at the runs before JAX is imported, which takes longer than to say what is wrong."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsl.host.input.table import Table
    from jaxsl.host.laws.declared import Declared

ALL = "all"


def looked_at(
    runs: Sequence[str],
    laws: Sequence[str],
    options: Mapping[str, Any],
    *,
    target: Any = None,
    cost: str | None = None,
    choice: tuple[float | None, float | None] | None = None,
) -> list["Table"]:
    """The tables of runs, for the verb to read as it likes; standard input can be read once alone.

    Args:
        runs: files, folders, patterns.
        laws: names; where one of them is not of an installed law, tables are read and no more.
        options: of a command, ``map``, ``outcome``, ``level``, ``of`` and how a table is read among them.
        target, cost: as in ``jaxsl.host.input.problem.runs``.
        choice: budget and largest cost, where something is chosen.

    Raises:
        UserError: what the verb would raise, as far as that can be said without the laws' functions.
    """
    from jaxsl.host.input.choice import require_choice, require_cost
    from jaxsl.host.input.intervals import LEVEL, check_level
    from jaxsl.host.input.law_columns import own, read_for
    from jaxsl.host.input.problem import runs as read_problem
    from jaxsl.host.input.reading import Reading, read_runs
    from jaxsl.host.input.table import tables
    from jaxsl.host.laws.declared import declared, together, written

    check_level(options.get("level") or LEVEL, options.get("of") or "outcome")
    _leave_pandas()
    names = [name.partition("@")[0] for name in laws if ":" not in name and not name.endswith(".py")]
    _check_names(names, written())
    parts, known = tables(list(runs)), declared()
    _check_names(names, known)
    found = list(known.values()) if ALL in names else [known[name] for name in names]
    alike = ALL in names or len({law.outputs for law in found}) == 1
    if not alike or len(set(names)) < len(laws):
        return parts
    mapping, outcome = options.get("map") or {}, options.get("outcome")
    reading = {name: options[name] for name in Reading.__annotations__ if name in options}
    table = read_runs(parts, *read_for(found, mapping, outcome), **reading)
    if choice is not None:
        cost = require_cost(table, cost)
    if ALL in names:
        return parts
    for law in found if len(found) > 1 else ():
        read_problem(table, law, mapping=own(mapping, law), outcome=outcome)  # type: ignore[arg-type]
    whole = together(found)
    problem = read_problem(
        table,
        whole,  # type: ignore[arg-type]
        mapping=own(mapping, whole),  # type: ignore[arg-type]
        outcome=outcome,
        target=target,
        cost=cost,
        weight=options.get("weight"),
    )
    if choice is not None:
        require_choice(problem, *choice)
    return parts


def _check_names(names: Sequence[str], known: Mapping[str, "Declared"] | None) -> None:
    from jaxsl.host.laws.installed import unknown

    for name in names:
        if known is not None and name != ALL and name not in known:
            raise unknown(name, known)


def _leave_pandas() -> None:
    """Let PyArrow find no pandas: it imports it to tell frames from lists, and no command gets frames."""
    import pyarrow

    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas)
        pyarrow.array([None])  # it looks once
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """A finder of modules that finds no pandas."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Say that there is none; leave all others to the finders after it."""
        if name == "pandas":
            raise ModuleNotFoundError(name)
