"""What the installed laws take and give, known without importing them, which imports JAX.

A package may bring it along, as the zoo does: ``python -m jaxsl.host.laws.declared`` writes that file. Of
others it is written down whenever the laws were imported (``jaxsl.host.trusted``). Both hold as long as no
file of the packages changes. The command line reads tables with it, so that what is wrong with one is said
at once.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from jaxsl.host import trusted
from jaxsl.host.laws.installed import packages
from jaxsl.host.writing import write_text

FILE = "laws"
BROUGHT = "declared.json"  # beside the modules of a package of laws


@dataclass(frozen=True)
class Declared:
    """A law as far as a table is concerned.

    Attributes:
        name, inputs, outputs, nonnegative: as of a ``jaxsl.law.Law``.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nonnegative: tuple[str, ...]

    @property
    def num_outputs(self) -> int:
        """Number of outputs."""
        return len(self.outputs)


def declared() -> dict[str, Declared]:
    """Every law of the installed packages, by id.

    Raises:
        UserError: as ``jaxsl.host.laws.lookup.catalogue``, where they must be imported.

    Example:
        >>> declared()["chinchilla"].inputs
        ('N', 'D')
    """
    found = written()
    if found is not None:
        return found
    from jaxsl.host.laws.lookup import catalogue

    laws = {name: as_declared(law) for name, law in catalogue().items()}
    place = trusted.folder()
    if place is not None:
        records = {name: asdict(law) for name, law in laws.items()}
        trusted.save(place / FILE, {"state": _state(), "laws": records})
    return laws


def written() -> dict[str, Declared] | None:
    """The same as it was written down; None where it was not, or a file has changed since."""
    brought = _brought()
    if brought is not None:
        return brought
    place = trusted.folder()
    found = None if place is None else trusted.load(place / FILE)
    if found is None or found[0].get("state") != _state():
        return None
    return {name: _read(record) for name, record in found[0]["laws"].items()}


def as_declared(law) -> Declared:
    """What a law declares."""
    return Declared(law.name, tuple(law.inputs), tuple(law.outputs), tuple(law.nonnegative))


def together(laws: Iterable[Declared]) -> Declared:
    """Laws as one that takes the inputs of all, as by ``jaxsl.host.laws.common_inputs.whole``.

    Example:
        >>> both = together([declared()["kaplan/d"], declared()["chinchilla"]])
        >>> both.name, both.inputs
        ('kaplan/d, chinchilla', ('D', 'N'))
    """
    laws = tuple(laws)
    inputs = tuple(dict.fromkeys(name for law in laws for name in law.inputs))
    nonnegative = tuple(name for name in inputs if any(name in law.nonnegative for law in laws))
    return Declared(listed([law.name for law in laws]), inputs, laws[0].outputs, nonnegative)


def listed(names: list[str]) -> str:
    """Names of laws as messages call them together."""
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more laws"


def bring_along(entry: EntryPoint) -> Path:
    """Write down what the laws of one package take, for whoever installs it, and return where."""
    laws = {law.name: asdict(as_declared(law)) for law in entry.load()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(record)}" for name, record in laws.items())
    content = f'{{"sources": "{_contents(_modules(entry))}", "laws": {{\n{lines}\n}}}}\n'
    path = _root(entry) / BROUGHT
    write_text(path, content, force=True)
    return path


def _brought() -> dict[str, Declared] | None:
    """What the packages bring along; None where one of them does not, or is not what it was then."""
    laws: dict[str, Declared] = {}
    for entry in packages():
        try:
            found = json.loads((_root(entry) / BROUGHT).read_text(encoding="utf-8"))
            if found["sources"] != _contents(_modules(entry)):
                return None
            laws |= {name: _read(record) for name, record in found["laws"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            return None
    return laws


def _contents(modules: list[Path]) -> str:
    """Digest of what modules hold, wherever they lie."""
    hashed = hashlib.sha256()
    for path in modules:
        hashed.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return hashed.hexdigest()


def _state() -> str:
    """What changes when a file of a package that brings laws does."""
    hashed = hashlib.sha256()
    for entry in packages():
        hashed.update(f"{entry.name} {entry.value}\n".encode())
        for path in _modules(entry):
            about = path.stat()
            hashed.update(f"{path} {about.st_size} {about.st_mtime_ns}\n".encode())
    return hashed.hexdigest()


def _root(entry: EntryPoint) -> Path:
    """The folder of the package that an entry point names."""
    return Path(_origin(entry)).parent


def _modules(entry: EntryPoint) -> list[Path]:
    """All modules of the package that an entry point names, or the one module that it is."""
    origin = Path(_origin(entry))
    return sorted(origin.parent.rglob("*.py")) if origin.stem == "__init__" else [origin]


def _origin(entry: EntryPoint) -> str:
    """The file that is imported first; empty where there is none, which is then nobody's."""
    spec = find_spec(entry.value.partition(":")[0].partition(".")[0])
    return (spec and spec.origin) or ""


def _read(record: dict) -> Declared:
    return Declared(record["name"], *(tuple(record[name]) for name in ("inputs", "outputs", "nonnegative")))


if __name__ == "__main__":
    print(*map(bring_along, packages()), sep="\n")
