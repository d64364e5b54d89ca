"""What a study may run: points of a space as candidates, and the cheapest runs, with which it begins."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from jaxsl.host.answer.episode import WARM_PER_PARAMETER, WARM_SHARE
from jaxsl.host.study.answers import Proposal
from jaxsl.host.study.candidates import Candidate, Candidates, Point
from jaxsl.host.study.ledger import DONE, PENDING, Ledger
from jaxsl.host.study.space import Space
from jaxsl.law import Law

SPACE_POINTS = 511  # quasi-random points of a space that are scored; from the best, others are climbed


def first_runs(laws: Sequence[Law], ledger: Ledger, options: Candidates, count: int) -> list[Proposal]:
    """The cheapest runs, before there is enough to choose by.

    As many as ``WARM_PER_PARAMETER`` asks for, while they cost at most ``WARM_SHARE`` of all candidates
    (of the budget, in a space), and in any case as many as the shortest law has parameters (Spend Less,
    Fit Better, section 5.1). Without any result there is nothing else to go by.
    """
    outputs, num_params = laws[0].num_outputs, min(law.num_params for law in laws)
    needed = math.ceil(num_params / outputs)
    wanted = int(WARM_PER_PARAMETER * num_params / outputs)
    factor, left = ledger.factor, ledger.left
    started = {run.x: ledger.expected_cost(run, factor) for run in ledger.with_status(DONE, PENDING)}
    budget = ledger.settings["budget"]
    total = budget if ledger.settings["space"] and budget else factor * math.fsum(options.cost)
    total += 0 if ledger.settings["space"] else math.fsum(started.values())
    cheap, unknown = WARM_SHARE * total - math.fsum(started.values()), not ledger.with_status(DONE)
    proposals: list[Proposal] = []
    for option in map(options.__getitem__, np.argsort(options.cost, kind="stable")):
        cost, number = option.cost * factor, len(started) + len(proposals)
        warm = number < needed or (number < wanted and cost <= cheap)
        if len(proposals) == count or not (warm or unknown) or cost > left * (1 + 1e-9):
            break
        if option.x in started:
            continue
        cheap, left = cheap - cost, left - cost
        proposals.append(Proposal(option.x, option.cost, cost, option.name))
    return proposals


def points_of(space: Space, ledger: Ledger, taken: list[Point]) -> Candidates:
    """Quasi-random runnable points of a space that were not used up."""
    x = np.array([space.runnable(row[None])[0] for row in spread_over(space)])
    return as_candidates(space, np.unique(x, axis=0), ledger, taken)


def spread_over(space: Space) -> np.ndarray:
    """Quasi-random points of a space, ``(point, feature)``."""
    from scipy.stats import qmc

    return space.at(qmc.Sobol(len(space.axes), scramble=False).random(SPACE_POINTS + 1)[:SPACE_POINTS])


def as_candidates(space: Space, x: np.ndarray, ledger: Ledger, taken: list[Point]) -> Candidates:
    """Points of a space as candidates, but for those that may not be run again, or hardly differ from one."""
    most, used = ledger.settings["replicates"], Counter(ledger.used()) + Counter(taken)
    closed = [point for point, times in used.items() if times >= most]
    cost = space.costs(x)
    kept = np.isfinite(cost) & ~space.near(x, np.array(closed).reshape(-1, x.shape[1]))
    some = zip(x[kept].tolist(), cost[kept].tolist(), strict=True)
    return Candidates.listed([Candidate(tuple(point), price) for point, price in some], x.shape[1])
