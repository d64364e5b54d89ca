"""The best configuration at a cost, by any laws and any cost.

>>> found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=1e24)
>>> [f"{one.name} {one.median:.5g}" for one in found.decisions[0].estimates]
['N 9.5861e+10', 'D 1.7386e+12', 'D/N 18.137', 'loss 1.9597']
>>> round(found.exponents[0].median, 5)
0.51261
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.which_laws import Laws
from jaxsl.host.decision import programs
from jaxsl.host.decision.around import around
from jaxsl.host.decision.estimate import Estimate, Values, values
from jaxsl.host.decision.known import Known, best_of_heaviest, learned, published
from jaxsl.host.decision.question import Question, check_budgets
from jaxsl.host.decision.report import Decision, Flat, OptimalReport
from jaxsl.host.decision.rounding import check_multiples, rounded
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.reading import Reading
from jaxsl.law import Law
from jaxsl.precision import double_precision

MORE = 1.005  # times the compute within which an input is said to be as good
FACTORS = np.exp(np.linspace(-1, 1, 33) * np.log(4.0))  # of an input's best value, at which flatness is told
NEIGHBOURS = 10.0 ** np.array([-0.5, 0.0, 0.5])  # of one budget, over which an exponent is taken


def optimal(
    source: Any,
    law: Laws,
    *,
    cost: str,
    budget: float | Sequence[float],
    hold: Mapping[str, float] | None = None,
    range: Mapping[str, tuple[float, float]] | None = None,
    multiple: Mapping[str, float] | None = None,
    curves: bool = False,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    **how: Unpack[Reading],
) -> OptimalReport:
    """Which configuration of a cost has the least predicted loss (the mean of several outputs).

    Args:
        source: runs, as in ``jaxsl.host.fit``; None for published parameters.
        law: laws as there; without runs one with its parameters, such as ``"chinchilla@epoch"``.
        cost: arithmetic on the law's inputs, such as ``"6*N*D"``, and on names that are held.
        budget: the cost, or several.
        hold: values of inputs that may not be chosen, and of other names in the cost.
        range: bounds of inputs, ``{"N": (1e8, 1e11)}``.
        multiple: of which numbers inputs are to be multiples, ``{"N": 1e6}``; 1 for whole numbers.
        curves: whether the loss about the best is told too, for ``jaxsl.host.plots.flatness``.
        map, outcome, level, seed, how: as in ``jaxsl.host.fit``.

    Raises:
        UserError: for anything that cannot be used as it stands, and where there is no best configuration.
    """
    check_level(level)
    budgets = check_budgets(budget)
    single = len(budgets) == 1
    levels = np.log(budgets[0] * NEIGHBOURS if single else budgets)
    known = known_of(
        source, law, cost, hold, range, levels, False, map=map, outcome=outcome, level=level, seed=seed, **how
    )
    if multiple:
        check_multiples(known.asked, multiple)
    told = values(known, levels, False)
    shown = [1] if single else np.arange(len(levels)).tolist()
    check_some(known, told, shown, budgets)
    decisions = decisions_at(known, told, levels, shown, budgets, level)
    x = np.array([[one[name].median for name in free_names(known)] for one in decisions])
    if multiple:
        decisions = [
            replace(one, rounded=rounded(known, at, one.budget, best, multiple))
            for one, at, best in zip(decisions, shown, x, strict=True)
        ]
    if curves:
        decisions = [
            replace(one, around=around(known, at, one.budget, best, level))
            for one, at, best in zip(decisions, shown, x, strict=True)
        ]
    return OptimalReport(
        laws=known.names,
        published=known.published,
        cost=cost,
        held=known.asked.held,
        decisions=tuple(decisions),
        exponents=tuple(exponents(known, told, levels, level)),
        level=level,
        none=told.none(slice(None)),
        trust=known.trust(known.asked.whole(x)),
        left_out=known.left_out,
        notes=known.notes,
    )


def known_of(
    source: Any,
    law: Laws,
    cost: str,
    hold: Mapping[str, float] | None,
    range: Mapping[str, tuple[float, float]] | None,
    levels: np.ndarray,
    reach: bool,
    **options: Any,
) -> Known:
    """The laws of runs, or published parameters where there are none; arguments as in ``learned``.

    Raises:
        UserError: when there are neither runs nor one published law, and as ``learned``.
    """
    if source is None:
        names = [law] if isinstance(law, str | Law) else list(law)
        if len(names) != 1 or not isinstance(names[0], str):
            raise UserError("without runs give one law with its parameters, such as --law chinchilla@epoch")
        known = published(names[0], cost, hold or {}, range or {})
        return replace(known, centre=best_of_heaviest(known, levels, reach))
    return learned(source, law, cost, hold or {}, range or {}, levels, reach, **options)


def free_names(known: Known) -> list[str]:
    """Names of the free inputs."""
    return [known.asked.inputs[index] for index in known.asked.free]


def ratio_row(asked: Question, first: int, width: int) -> np.ndarray | None:
    """Which combination of rows is the logarithm of D/N; None where the two are not both free.

    Args:
        asked: what may be chosen.
        first: row of the first free input. width: number of rows.
    """
    names = [asked.inputs[index] for index in asked.free]
    if not {"N", "D"} <= set(names):
        return None
    row = np.zeros(width)
    row[first + names.index("D")], row[first + names.index("N")] = 1.0, -1.0
    return row


def check_some(known: Known, told: Values, shown: Sequence[int], budgets: np.ndarray) -> None:
    """Refuse a budget that no allowed configuration costs, whatever the belief."""
    each = len(known.asked.free) + 2
    for budget, at in zip(budgets, shown, strict=True):
        if told.none(slice(at * each, (at + 1) * each)) == 1:
            raise UserError(
                f"no configuration that is allowed costs {budget:g}: ask for another --budget, or widen "
                "--range"
            )


def decisions_at(
    known: Known,
    told: Values,
    levels: np.ndarray,
    shown: Sequence[int],
    budgets: np.ndarray,
    level: float,
) -> list[Decision]:
    """What is best at the ``budgets``, whose numbers among the ``levels`` are ``shown``."""
    asked, num = known.asked, len(known.asked.free)
    found = estimates_at(known, told, shown, level)
    flat = _flat(known, told, levels, shown)
    decisions = []
    for place, at in enumerate(shown):
        regret = told.draw[:, at * (num + 2) + num + 1]
        fine = np.isfinite(regret)
        decisions.append(
            Decision(
                budget=float(budgets[place]),
                estimates=tuple(found[place]),
                regret=float(told.share[fine] @ regret[fine] / told.share[fine].sum())
                if told.told
                else np.nan,
                flat=tuple(flat[place]),
                edges=_edges(asked, [one.median for one in found[place][:num]]),
            )
        )
    return decisions


def estimates_at(known: Known, told: Values, shown: Sequence[int], level: float) -> list[list[Estimate]]:
    """Every free input, tokens per parameter and the loss at each of the costs that are ``shown``."""
    names, asked = free_names(known), known.asked
    each = len(names) + 2
    rows, labels, log = [], [], []
    for at in shown:
        eye = np.eye(told.mean.shape[1])[at * each : (at + 1) * each]
        ratio = ratio_row(asked, at * each, told.mean.shape[1])
        between = [] if ratio is None else [ratio]
        rows += [*eye[: len(names)], *between, eye[len(names)]]
        labels += [*names, *(["D/N"] if between else []), "loss"]
        log += [True] * (len(names) + len(between)) + [False]
    found = told.linear(np.array(rows)).estimates(labels, [""] * len(labels), log, level)
    size = len(labels) // len(shown)
    return [found[place * size : (place + 1) * size] for place in np.arange(len(shown))]


def _edges(asked: Question, chosen: Sequence[float]) -> tuple[str, ...]:
    found = []
    for index, value in zip(asked.free, chosen, strict=True):
        for which, end in (("lower", asked.low[index]), ("upper", asked.high[index])):
            if abs(np.log(value / end)) < 1e-3:
                found.append(f"{asked.inputs[index]} at its {which} bound {end:.4g}")
    return tuple(found)


def _flat(known: Known, told: Values, levels: np.ndarray, shown: Sequence[int]) -> list[list[Flat]]:
    """By the heaviest component of the heaviest law."""
    part, names = known.parts[0], free_names(known)
    best = told.centre.reshape(len(levels), -1)[:, : len(names)]
    start = np.log(np.where(known.asked.low > 0, known.asked.low, 1.0)) * np.ones((len(levels), 1))
    start[:, list(known.asked.free)] = best
    rows = np.array(shown)
    centre = np.broadcast_to(known.centre, start.shape)
    with double_precision():
        slot = np.asarray(np.argmax(np.asarray(part.posterior.weight)))
        ask = programs.ask(levels[rows], centre[rows], start[rows][:, None])
        times = np.asarray(
            programs.flatness(
                part.posterior, known.asked.space(), known.asked.free, slot, ask, np.asarray(FACTORS)
            )
        )
    return [
        [
            _flat_of(name, np.exp(best[at, place]), times[row, place]) if len(names) > 1 else _rigid(name)
            for place, name in enumerate(names)
        ]
        for row, at in enumerate(shown)
    ]


def _rigid(name: str) -> Flat:
    return Flat(name, np.nan, np.nan, np.nan, np.nan)


def _flat_of(name: str, best: float, times: np.ndarray) -> Flat:
    """Where ``MORE`` times the compute is as good; the root of the excess is nearly linear."""
    away, excess = np.log(FACTORS), np.sqrt(np.maximum(np.log(times), 0.0))
    aim, middle = np.sqrt(np.log(MORE)), len(FACTORS) // 2
    low = np.interp(aim, excess[middle::-1], away[middle::-1], right=-np.inf)
    high = np.interp(aim, excess[middle:], away[middle:], right=np.inf)
    halving, doubling = (float(times[np.argmin(np.abs(FACTORS - factor))]) for factor in (0.5, 2.0))
    return Flat(name, float(best * np.exp(low)), float(best * np.exp(high)), halving, doubling)


def exponents(known: Known, told: Values, levels: np.ndarray, level: float) -> list[Estimate]:
    """Slopes of the logarithms of the free inputs over that of the cost, by least squares."""
    names = free_names(known)
    each = len(names) + 2
    centred = (levels - levels.mean()) / np.sum((levels - levels.mean()) ** 2)
    table = np.zeros((len(names), told.mean.shape[1]))
    for place in np.arange(len(names)):
        table[place, place::each] = centred
    return told.linear(table).estimates(names, [""] * len(names), [False] * len(names), level)
