"""Flat directions of a fit in words."""

import numpy as np

from jaxsl.identify import LONGEST, Identification
from jaxsl.law import Law

NAMED = 0.1  # parameters that move by at least this share of the one that moves most are named


def flat_directions(law: Law, found: Identification) -> tuple[str, ...]:
    """A sentence for each direction that the runs leave open, the flattest first.

    Such as "A and alpha cannot be told apart: A up 10 % with alpha up 2.1 % changes no run's prediction by
    more than the noise (0.012)".
    """
    noise = f"changes no run's prediction by more than the noise ({np.sqrt(found.noise):.2g})"
    sentences = []
    for index in np.flatnonzero(np.asarray(found.flat)):
        share = np.abs(found.direction[index])
        named = [int(j) for j in np.argsort(-share) if share[j] >= NAMED * share.max()]
        names = [law.params[j].name for j in named]
        if len(named) == 1 and found.reach[index] >= LONGEST:
            sentences.append(f"{names[0]} is not told by the runs: any value in its box {noise}")
            continue
        moves = [
            f"{name} {_move(float(found.theta[j]), float(found.moved[index, j]), bool(law.log[j]))}"
            for name, j in zip(names, named, strict=True)
        ]
        subject = f"{_listed(names)} cannot be told apart" if len(named) > 1 else f"{names[0]} is hardly told"
        sentences.append(f"{subject}: {_listed(moves, ' with ')} {noise}")
    return tuple(sentences)


def _move(before: float, after: float, log: bool) -> str:
    if not log:
        return f"{'up' if after > before else 'down'} {abs(after - before):.2g}"
    factor = after / before
    if 0.5 < factor < 2:
        return f"{'up' if factor > 1 else 'down'} {100 * abs(factor - 1):.2g} %"
    return f"times {factor:.2g}" if factor > 1 else f"divided by {1 / factor:.2g}"


def _listed(names: list[str], last: str = " and ") -> str:
    return last.join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
