"""What a law is known by: the name by which it is found again, and a fingerprint of what it is.

A fingerprint is the law's box and its values at some parameter vectors and configurations; a law that has
others now would change the answers made with it without a word.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxsl.law import Law

NUM_THETA = 6  # parameter vectors at which a law is compared
SHARES = (1.0, 0.3, 0.03)  # of the targets' inputs, where it is
MOST_TARGETS = 3
DIGITS = 10  # that are kept
SAME = 1e-6  # relative; rounding differs between machines and versions of JAX
FACTS = ("linear", "nonnegative", "separable")


def find_again(law: "Law | str") -> tuple["Law", str]:
    """A law, and the name by which it is found again from any folder.

    Raises:
        UserError: as ``jaxsl.host.laws.lookup.find``.

    Example:
        >>> find_again("chinchilla")[1]
        'chinchilla'
    """
    from jaxsl.host.laws.lookup import find

    if not isinstance(law, str):
        return law, law.name
    found = find(law)
    place, colon, name = law.rpartition(":")
    is_file = colon and place.endswith(".py")
    return found, f"{Path(place).resolve()}:{name}" if is_file else law


def fingerprint(law: "Law", target: Sequence[Sequence[float]]) -> dict[str, Any]:
    """What a law is known by: its box, what else the fit asks of it, and its values around the targets.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> found = fingerprint(CHINCHILLA, [[1e9, 2e10]])
        >>> found["box"][2], len(found["values"])
        (['alpha', 0.02, 2.0], 18)
    """
    from jaxsl.host.programs.law_values import box_draws, law_values
    from jaxsl.precision import double_precision

    x = np.array(target, float)[:MOST_TARGETS]
    x = np.concatenate([part * x for part in SHARES])
    with double_precision():
        values = np.asarray(law_values(law, box_draws(law, NUM_THETA), x)).ravel()
    return {
        "box": [[param.name, float(param.lower), float(param.upper)] for param in law.params],
        **{name: _plain(getattr(law, name)) for name in FACTS},
        "values": [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values],
    }


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, tuple) else value


def difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two fingerprints, in words; empty if nothing does.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> found = fingerprint(CHINCHILLA, [[1e9, 2e10]])
        >>> difference(found, found), difference(found, found | {"separable": True})
        ('', '`separable` was False and is True')
    """
    was, box = ({name: ends for name, *ends in found["box"]} for found in (before, now))
    if list(was) != list(box):
        return f"its parameters were {', '.join(was)} and are {', '.join(box)}"
    moved = [name for name in was if was[name] != box[name]]
    if moved:
        name = moved[0]
        return f"the box of {name} was {was[name]} and is {box[name]}"
    other = [name for name in FACTS if before.get(name) != now[name]]
    if other:
        return f"`{other[0]}` was {before.get(other[0])} and is {now[other[0]]}"
    a, b = (np.array([np.nan if v is None else v for v in found["values"]]) for found in (before, now))
    same = len(a) == len(b) and np.allclose(a, b, SAME, 0.0, equal_nan=True)
    return "" if same else "its function gives other values"
