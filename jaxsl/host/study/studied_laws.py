"""The laws of a study: found by the names that its journal keeps, and recognised by what they were then.

The journal keeps of every law its box and its values at some parameter vectors and configurations; a law that
has others now would change the answers without a word.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxsl.host.errors import UserError

if TYPE_CHECKING:
    from jaxsl.law import Law

NUM_THETA = 6  # parameter vectors at which a law is compared
SHARES = (1.0, 0.3, 0.03)  # of the targets' inputs, where it is
MOST_TARGETS = 3
DIGITS = 10  # that are kept
SAME = 1e-6  # relative; rounding differs between machines and versions of JAX
FACTS = ("linear", "nonnegative", "separable")


def find_laws(law: "Law | str | Sequence[Law | str]") -> "tuple[tuple[Law, ...], list[str]]":
    """The laws over the inputs of all, and the names by which they are found again.

    Raises:
        UserError: when one is not found, or they cannot be weighed against each other.
    """
    from jaxsl.host.answer.which_laws import ALL, check_named
    from jaxsl.host.laws.common_inputs import common_inputs
    from jaxsl.law import Law

    asked = [law] if isinstance(law, str | Law) else list(law)
    if not asked:
        raise UserError("no law is given; name one with --law, or several")
    if ALL in asked:
        raise UserError(
            "a study keeps to laws that are named: --law NAME for each; see `jaxsl laws rank RUNS`"
        )
    laws, names = zip(*map(_find_one, asked), strict=True)
    check_named(laws)
    return common_inputs(laws), list(names)


def _find_one(law: "Law | str") -> tuple["Law", str]:
    from jaxsl.host.laws.lookup import find

    if not isinstance(law, str):
        return law, law.name
    found = find(law)
    place, colon, name = law.rpartition(":")
    is_file = colon and place.endswith(".py")
    return found, f"{Path(place).resolve()}:{name}" if is_file else law


def whole(laws: "Sequence[Law]") -> "Law":
    """What tables are read with."""
    from jaxsl.host.laws.common_inputs import stand_in

    return laws[0] if len(laws) == 1 else stand_in(laws)


def reopened(path: Path, settings: dict[str, Any], given: Any = None) -> "tuple[Law, ...]":
    """The laws of a study, as they were when it began or were last accepted.

    Args:
        path: of the journal, for messages.
        settings: of its ledger.
        given: laws to take in place of those that it names.

    Raises:
        UserError: when one is not found, or is no longer what it was.
    """
    accept = f"`jaxsl study set {path} --law NAME`"
    try:
        laws, _ = find_laws(settings["law"] if given is None else given)
    except UserError as error:
        raise UserError(f"{error}. {path} names this law; {accept} says where it is now") from None
    check_names(path, settings, laws)
    for law, before in zip(laws, settings.get("fingerprints", ()), strict=False):
        differs = _difference(before, fingerprint(law, settings["target"]))
        if differs:
            raise UserError(
                f"law {law.name} is no longer what {path} began with: {differs}. Put it back as it was, or "
                f"accept it with {accept}; answers will then differ from earlier ones"
            )
    return laws


def check_names(path: Path, settings: dict[str, Any], laws: "Sequence[Law]") -> None:
    """Refuse laws of other inputs or outputs than a study has.

    Raises:
        UserError: saying which it has.
    """
    names = tuple(settings["inputs"]), tuple(settings["outputs"])
    if (laws[0].inputs, laws[0].outputs) != names:
        raise UserError(
            f"{path} studies a law with inputs {', '.join(names[0])} and outputs "
            f"{', '.join(names[1])}, and {whole(laws).name} has others now; put the law back as it was"
        )


def fingerprint(law: "Law", target: Sequence[Sequence[float]]) -> dict[str, Any]:
    """What a law is known by: its box, what else the fit asks of it, and its values around the targets.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> found = fingerprint(CHINCHILLA, [[1e9, 2e10]])
        >>> found["box"][2], len(found["values"])
        (['alpha', 0.02, 2.0], 18)
    """
    import jax.numpy as jnp

    from jaxsl.host.input.law_values import box_draws, law_values
    from jaxsl.precision import double_precision

    x = np.array(target, float)[:MOST_TARGETS]
    x = np.concatenate([part * x for part in SHARES])
    with double_precision():
        values = np.asarray(law_values(law, jnp.asarray(box_draws(law, NUM_THETA)), jnp.asarray(x))).ravel()
    return {
        "box": [[param.name, float(param.lower), float(param.upper)] for param in law.params],
        **{name: _plain(getattr(law, name)) for name in FACTS},
        "values": [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values],
    }


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, tuple) else value


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two fingerprints, in words; empty if nothing does."""
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
