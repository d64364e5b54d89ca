"""The laws of a study: found by the names that its journal keeps, and recognised by what they were then."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxsl.host.errors import UserError
from jaxsl.host.laws.identity import difference, find_again, fingerprint

if TYPE_CHECKING:
    from jaxsl.law import Law


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
    laws, names = zip(*map(find_again, asked), strict=True)
    check_named(laws)
    return common_inputs(laws), list(names)


def whole(laws: "Sequence[Law]") -> "Law":
    """What tables are read with."""
    from jaxsl.host.laws.common_inputs import whole as law_of

    return law_of(laws)


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
        differs = difference(before, fingerprint(law, settings["target"]))
        if differs:
            raise UserError(
                f"law {law.name} is no longer what {path} began with: {differs}. Put it back as it was, or "
                f"accept it with {accept}; answers will then differ from earlier ones"
            )
    return laws


def accepted(path: Path, settings: dict[str, Any], law: "Law | str | Sequence[Law | str]") -> dict[str, Any]:
    """Settings by which a study goes on with laws as they are now.

    Args:
        path: of the journal, for messages.
        settings: of its ledger.
        law: the law, or several.

    Raises:
        UserError: as ``find_laws`` and ``check_names``.
    """
    laws, names = find_laws(law)
    check_names(path, settings, laws)
    prints = [fingerprint(one, settings["target"]) for one in laws]
    return {"law": names[0] if len(names) == 1 else names, "fingerprints": prints}


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
