"""Published parameters by name: ``chinchilla@epoch`` is the law with the values of its estimate ``epoch``."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.laws.lookup import find
from jaxsl.host.programs.law_values import law_values
from jaxsl.law import Law
from jaxsl.precision import double_precision


@dataclass(frozen=True)
class Estimate:
    """A law with published parameters.

    Attributes:
        name: such as ``chinchilla@epoch``.
        law: the law.
        theta: its parameters, ``(param,)``.
        source: where they were published; empty where the law does not say.
    """

    name: str
    law: Law
    theta: np.ndarray
    source: str


def is_estimate(name: object) -> bool:
    """Whether a name means published parameters; the folder of a law file may hold an ``@`` too.

    Example:
        >>> is_estimate("chinchilla@epoch"), is_estimate("chinchilla"), is_estimate("me@work/law.py:MINE")
        (True, False, False)
    """
    return isinstance(name, str) and "@" in name and not set("/\\:.") & set(name.rpartition("@")[2])


def find_estimate(name: str) -> Estimate:
    """The law and values that ``LAW@ESTIMATE`` stands for, ``LAW`` as in ``jaxsl.host.laws.lookup.find``.

    Raises:
        UserError: when there is no such law, or it has no estimate of that name; says which there are.

    Example:
        >>> found = find_estimate("chinchilla@epoch")
        >>> found.law.name, found.theta.tolist(), found.source
        ('chinchilla', [1.8172, 482.01, 0.3478, 2085.43, 0.3658], 'Besiroglu et al. 2024, arXiv:2404.10102')
    """
    place, _, label = name.rpartition("@")
    law = find(place if is_estimate(name) else name)
    known = [f"{place or name}@{one}" for one in law.estimates]
    if label in law.estimates and is_estimate(name):
        source = law.estimate_sources.get(label, law.source)
        return Estimate(name, law, np.array(law.estimates[label], float), source)
    there = f"it has {', '.join(known)}" if known else "it has none: fit it to runs by `jaxsl fit`"
    asked = f"no published parameters {label!r}" if is_estimate(name) else "to be told which parameters"
    verb = "has" if is_estimate(name) else "needs"
    raise UserError(f"--law {name}: {law.name} {verb} {asked}; {there}")


def find_estimates(names: Sequence[str]) -> list[Estimate]:
    """Several, side by side.

    Raises:
        UserError: as ``find_estimate``; when one is given twice, or they predict different things.

    Example:
        >>> [float(one.theta[0]) for one in find_estimates(["chinchilla@hoffmann", "chinchilla@epoch"])]
        [1.69, 1.8172]
    """
    found = [find_estimate(name) for name in names]
    for index, one in enumerate(found):
        if one.name in names[:index]:
            raise UserError(f"--law {one.name} is given twice; give it once")
        if one.law.outputs != found[0].law.outputs:
            raise UserError(
                f"{found[0].name} predicts {', '.join(found[0].law.outputs)} and {one.name} "
                f"{', '.join(one.law.outputs)}: ask for them one by one"
            )
    return found


def estimated(law: Law, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What a law with these parameters predicts at ``x (row, feature)``, ``(row, output)``.

    Example:
        >>> found = find_estimate("chinchilla@epoch")
        >>> estimated(found.law, found.theta, np.array([[7e10, 1.4e12]])).round(4).tolist()
        [[1.9739]]
    """
    with double_precision():
        return np.asarray(law_values(law, jnp.asarray(theta[None]), jnp.asarray(x)))[0]
