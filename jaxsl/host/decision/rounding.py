"""Best sizes in whole multiples: the neighbours of what is best, the other inputs solved for again.

An input is put on the multiple below and above its best value, the others are best again at the same cost,
and so on with the next one. Where nothing is left to be solved for, what is rounded costs the budget or less,
and some multiples further away are tried too.

>>> from jaxsl.host.decision.optimal import optimal
>>> found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=1e21, multiple={"N": 1e9}).decisions[0]
>>> found.rounded.x["N"], round(found.rounded.x["D"] / 1e9, 3), round(found.rounded.given_up, 6)
(3000000000.0, 55.556, 0.000183)
"""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxsl.host.decision.held import Held
from jaxsl.host.decision.known import Known
from jaxsl.host.decision.question import Question
from jaxsl.host.decision.report import Rounded
from jaxsl.host.errors import UserError

WITHIN = 1 + 1e-9  # times the budget that counts as kept
MANY = 8  # multiples tried each way where every input is rounded: one that uses up the budget may be aside


def check_multiples(asked: Question, multiple: Mapping[str, float]) -> None:
    """Refuse multiples of what may not be chosen, and of nothing.

    Raises:
        UserError: saying which.
    """
    free = [asked.inputs[index] for index in asked.free]
    for name, step in multiple.items():
        if name not in free:
            raise UserError(f"--multiple {name}: is nothing that may be chosen; that is {', '.join(free)}")
        if not (np.isfinite(step) and step > 0):
            raise UserError(f"--multiple {name}={step:g}: give a positive number, such as {name}=1 or 1e6")


def rounded(
    known: Known, ask: int, budget: float, best: Sequence[float], multiple: Mapping[str, float]
) -> Rounded:
    """The best neighbour in multiples, by the heaviest component of the heaviest law.

    Args:
        known: the laws.
        ask: which of its decisions this is.
        budget: the cost.
        best: values of the free inputs about which is rounded.
        multiple: of which number inputs are multiples, by name.

    Raises:
        UserError: when there are no multiples within the bounds at that cost.
    """
    asked, steps = known.asked, {known.asked.inputs.index(name): step for name, step in multiple.items()}
    middle = asked.whole(np.array([best]))[0]
    loss_at, leaves = Held(known, ask), list[tuple[float, np.ndarray]]()
    away = MANY if set(asked.free) == set(steps) else 1

    def branch(x: np.ndarray, done: tuple[int, ...]) -> None:
        index = next(one for one in steps if one not in done)
        others = [one for one in asked.free if one not in (*done, index)]
        for value in _neighbours(asked, index, x[index], steps[index], away if others else 1):
            held = np.where(np.arange(len(x)) == index, value, x)
            if not others:
                cost = float(asked.costs(held[None])[0])
                if cost <= budget * WITHIN:
                    leaves.append((loss_at(held, done, cost)[1], held))
                continue
            held, loss = loss_at(held, (*done, index), budget)
            if not np.isfinite(loss):
                continue
            if set(steps) <= {*done, index}:
                leaves.append((loss, held))
            else:
                branch(held, (*done, index))

    branch(middle, ())
    finite = [leaf for leaf in leaves if np.isfinite(leaf[0])]
    if not finite:
        wanted = ", ".join(f"{name}={step:g}" for name, step in multiple.items())
        raise UserError(
            f"--multiple {wanted}: no such sizes next to the best ones cost {budget:g} within the bounds; "
            "take smaller multiples"
        )
    loss, x = min(finite, key=lambda leaf: leaf[0])
    least = loss_at(middle, (next(iter(steps)),) if len(asked.free) > 1 else (), budget)[1]
    return Rounded(
        x={asked.inputs[index]: float(x[index]) for index in asked.free},
        cost=float(asked.costs(x[None])[0]),
        given_up=max(loss - least, 0.0),
    )


def _neighbours(asked: Question, index: int, value: float, step: float, away: int) -> list[float]:
    """So many multiples below and above a value, within bounds."""
    around = step * (np.floor(value / step) + np.arange(1 - away, 1 + away))
    low, high = max(asked.low[index], step) / WITHIN, asked.high[index] * WITHIN
    return [float(one) for one in around if low <= one <= high]
