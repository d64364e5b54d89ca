"""Which runs the answer hangs on: what it would be without them.

Every run is left out by the derivative of the fit (``jaxsl.deletion``). Where that moves an exponent of the
heaviest law or a prediction by about its standard error, the belief is made again without the run, and only
what that says is told.
"""

from dataclasses import dataclass, replace

import numpy as np

from jaxsl.error_scale import ABSOLUTE
from jaxsl.host.answer.believed import Believed, believe_runs
from jaxsl.host.answer.report import Report
from jaxsl.host.programs.least_squares import moved_without
from jaxsl.law import Law
from jaxsl.precision import double_precision

NAMED = 3  # runs, at most
ALMOST = 0.7  # standard errors from which the derivative is checked: it is a first guess
TRIED = 6  # runs that are left out in earnest, at most
# A law that counts for less stays out: where runs may be bad, no single one tells so much against a law.
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class Influence(Report):
    """What a run moves most.

    Attributes:
        row: where a person finds it.
        what: the parameter, or ``"prediction"``.
        target: number of the target whose prediction it is, from 0; -1 for a parameter.
        value: with the run. without: when the fit is made again without it.
        errors: how many standard errors apart the two are.
    """

    row: int
    what: str
    target: int
    value: float
    without: float
    errors: float


@dataclass(frozen=True)
class _Quantities:
    """What may be moved, at one belief.

    Attributes:
        value: exponents and predictions, ``(quantity,)``. error: their standard errors.
    """

    value: np.ndarray
    error: np.ndarray


def influence(
    found: Believed,
    row_numbers: np.ndarray,
    target: np.ndarray | None,
    candidates: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[Influence, ...]:
    """The runs that move the answer by more than a standard error, at most three, the worst first.

    Runs that the belief takes for bad hardly count, and so are not among them.

    Args:
        found: the belief. row_numbers: of its runs.
        target: what is predicted, ``(target, feature)``; None for nothing.
        candidates, seed: as in ``believe``, which made ``found``.
    """
    law, lesson = found.laws[found.best], found.lessons[found.best]
    mask = np.asarray(found.observations.mask)
    x, y, weight = np.asarray(found.observations.x)[mask], found.outcomes, found.observations.weight
    weight, course = None if weight is None else np.asarray(weight)[mask], found.observations.course
    if len(np.unique(x, axis=0)) * law.num_outputs <= law.num_params:
        return ()
    aim = x[:0] if target is None else target
    with double_precision():
        moves, moved = moved_without(
            law,
            found.observations,
            lesson.learned.basins,
            np.where(mask, 1 - found.bad, 0.0),
            np.asarray(aim),
        )
    index, every = exponents(law), found.laws
    found = found.some(np.flatnonzero(found.share > LEAST_SHARE).tolist())
    # Laws and outcomes are on the scale of the errors, and all is compared there.
    now, num = _quantities(replace(found, scale=ABSOLUTE), law, index, aim), len(x)
    guess = np.concatenate([np.asarray(moves)[:num, index], np.asarray(moved)[:num].reshape(num, -1)], axis=1)
    guess = np.max(np.abs(guess) / now.error, axis=1, initial=0.0)
    told = []
    for row in np.argsort(-guess, kind="stable")[:TRIED]:
        if not guess[row] > ALMOST:
            break
        others = np.arange(len(x)) != row
        left = None if weight is None else weight[others]
        on = None if course is None else course.take(mask).take(others)
        again = believe_runs(
            found.laws,
            x[others],
            y[others],
            target,
            candidates,
            found.level,
            seed,
            weight=left,
            course=on,
            among=every,
        )
        after = _quantities(again, law, index, aim)
        errors = np.abs(after.value - now.value) / now.error
        most = int(np.argmax(errors))
        if errors[most] > 1:
            one = _told(law, index, int(row_numbers[row]), most, now, after, float(errors[most]))
            if one.target >= 0:
                value, without = map(float, found.back(np.array([one.value, one.without])))
                one = replace(one, value=value, without=without)
            told.append(one)
    return tuple(sorted(told, key=lambda one: -one.errors)[:NAMED])


def exponents(law: Law) -> list[int]:
    """Numbers of the parameters that a law is not declared to be affine in: its exponents and suchlike.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> [CHINCHILLA.params[index].name for index in exponents(CHINCHILLA)]
        ['alpha', 'beta']
    """
    return [index for index in range(law.num_params) if index not in law.linear_index]


def _quantities(found: Believed, law: Law, index: list[int], aim: np.ndarray) -> _Quantities:
    """Exponents of the heaviest basin of a law, and what all laws predict at ``aim (target, feature)``."""
    basins = found.lessons[found.laws.index(law)].learned.basins
    value = np.asarray(basins.theta)[0, index]
    error = np.linalg.norm(np.asarray(basins.root)[0, index], axis=1)
    if len(aim):
        told = found.intervals(aim)
        value = np.concatenate([value, told.curve[1].ravel()])
        error = np.concatenate([error, np.sqrt(told.within + told.between).ravel()])
    return _Quantities(value, np.where(error > 0, error, np.inf))


def _told(
    law: Law, index: list[int], row: int, most: int, now: _Quantities, after: _Quantities, errors: float
) -> Influence:
    is_parameter = most < len(index)
    return Influence(
        row=row,
        what=law.params[index[most]].name if is_parameter else "prediction",
        target=-1 if is_parameter else (most - len(index)) // law.num_outputs,
        value=float(now.value[most]),
        without=float(after.value[most]),
        errors=errors,
    )
