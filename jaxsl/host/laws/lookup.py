"""Where laws come from: installed packages, Python files, modules; one message for all that can be wrong.

An installed package adds laws by an entry point of the group ``jaxsl.laws`` whose value is a tuple of laws.
"""

import importlib
import importlib.util
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxsl.host.errors import UserError
from jaxsl.host.laws.installed import packages, unknown
from jaxsl.host.laws.published import published_law
from jaxsl.host.laws.traceable import check_traceable
from jaxsl.law import Law


def catalogue() -> dict[str, Law]:
    """Every law of the installed packages, by id.

    Raises:
        UserError: when a package's laws cannot be loaded, or two laws have one id.

    Example:
        >>> "chinchilla" in catalogue()
        True
    """
    laws: dict[str, Law] = {}
    for entry in packages():
        where = f"the laws {entry.value} of the installed package {entry.dist.name if entry.dist else '?'}"
        try:
            found = entry.load()
        except Exception as error:
            raise UserError(
                f"{where} cannot be loaded: {_reason(error)}; update or remove the package"
            ) from None
        if not (isinstance(found, tuple | list) and all(isinstance(law, Law) for law in found)):
            raise UserError(f"{where} are no tuple of laws; its authors should make it one")
        for law in found:
            if laws.setdefault(law.name, law) is not law:
                raise UserError(f"{where} bring a second law {law.name!r}; remove one of the two packages")
    return laws


def find(name: str) -> Law:
    """The law called ``name``: an id, ``path/to/file.py:NAME`` or ``package.module:NAME``.

    ``NAME`` may also be a function ``f(data_points, params)``; see ``jaxsl.host.laws.published``.

    Raises:
        UserError: when there is no such law, or it cannot be used; says what is wrong and what to do.

    Example:
        >>> find("chinchilla").num_params
        5
    """
    place, colon, attribute = name.rpartition(":")
    if not colon and name.endswith(".py"):
        raise UserError(f"--law {name}: say which law of it, {name}:NAME; {_listing(_file(Path(name)))}")
    if not colon:
        return _installed(name)
    law = _law(_file(Path(place)) if _is_file(place) else _module(place), place, attribute)
    check_traceable(law)
    return law


def describe(law: Law) -> dict[str, Any]:
    """A law as plain data, ready for JSON.

    Example:
        >>> describe(find("chinchilla"))["inputs"]
        ('N', 'D')
    """
    parameters = [
        {"name": param.name, "lower": param.lower, "upper": param.upper, "log": param.log, "doc": param.doc}
        for param in law.params
    ]
    return {
        "name": law.name,
        "formula": law.formula,
        "inputs": law.inputs,
        "outputs": law.outputs,
        "parameters": parameters,
        "linear": law.linear,
        "nonnegative": law.nonnegative,
        "source": law.source,
        "estimates": dict(law.estimates),
        "estimate_sources": dict(law.estimate_sources),
    }


def _installed(name: str) -> Law:
    laws = catalogue()
    if name in laws:
        return laws[name]
    raise unknown(name, laws)


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _file(path: Path) -> ModuleType:
    """Run a law file and return it as a module; its source, since bytecode is told apart by the second."""
    if not path.is_file():
        raise UserError(f"there is no law file {path} (looked from {Path.cwd()}); check the path")
    spec = importlib.util.spec_from_file_location(f"law_file_{path.stem}", path)
    if spec is None:
        raise UserError(f"{path} is no Python file; a law file ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}; correct the file") from None
    except Exception as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise UserError(f"{where}: {_reason(error)}; the file must run by itself") from None
    return module


def _module(place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(f"{error.name}.")):
            file = Path(*place.split(".")).with_suffix(".py")
            advice = (
                f"for the file give {file}:NAME" if file.is_file() else "give a file as path/to/file.py:NAME"
            )
            raise UserError(
                f"there is no installed module {place!r}; {advice}, or install its package"
            ) from None
        raise UserError(
            f"module {place} cannot be imported: {_reason(error)}; install what it needs"
        ) from None
    except Exception as error:
        raise UserError(f"module {place} cannot be imported: {_reason(error)}; correct it") from None


def _law(module: ModuleType, place: str, attribute: str) -> Law:
    """The law called ``attribute``, or the one made from the function of that name."""
    found = getattr(module, attribute, None)
    if found is None:
        near = get_close_matches(attribute, vars(module), n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"{place} has no {attribute!r}; {meant}{_listing(module)}")
    if isinstance(found, Law):
        return found
    if callable(found) and not isinstance(found, type):
        return published_law(module, place, attribute)
    kind = type(found).__name__
    raise UserError(f"{attribute} of {place} is a {kind} and no Law; {_listing(module)}")


def _listing(module: ModuleType) -> str:
    """Which laws a module has, in words."""
    names = [name for name, value in vars(module).items() if isinstance(value, Law)]
    if not names:
        return "it defines no law; write NAME = Law(...), as in docs/write-a-law.md"
    return f"its laws are {', '.join(names)}"


def _reason(error: Exception) -> str:
    """An exception on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
