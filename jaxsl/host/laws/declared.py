"""What the installed laws take and give, known without importing them, which imports JAX.

It is written down whenever the laws were imported (``jaxsl.host.trusted``), and holds as long as no file of
their packages changes. The command line reads tables with it, so that what is wrong with one is said at once.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from jaxsl.host import trusted
from jaxsl.host.laws.installed import packages

FILE = "laws"


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


def _state() -> str:
    """What changes when a file of a package that brings laws does."""
    hashed = hashlib.sha256()
    for entry in packages():
        hashed.update(f"{entry.name} {entry.value}\n".encode())
        spec = find_spec(entry.value.partition(":")[0].partition(".")[0])
        for place in (spec and spec.submodule_search_locations) or ():
            for path in sorted(Path(place).rglob("*.py")):
                about = path.stat()
                hashed.update(f"{path} {about.st_size} {about.st_mtime_ns}\n".encode())
    return hashed.hexdigest()


def _read(record: dict) -> Declared:
    return Declared(record["name"], *(tuple(record[name]) for name in ("inputs", "outputs", "nonnegative")))
