"""What is known of some laws when something is to be decided: by runs, or by published parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.believed import Believed, believe_runs
from jaxsl.host.answer.fit_report import LeftOut
from jaxsl.host.answer.trust import Trust, trust
from jaxsl.host.answer.which_laws import Ensemble, Laws, ensemble
from jaxsl.host.decision import programs
from jaxsl.host.decision.question import Question, question
from jaxsl.host.errors import UserError
from jaxsl.host.input.reading import Reading
from jaxsl.host.laws.estimate import find_estimate
from jaxsl.host.programs.packing import array
from jaxsl.law import Law
from jaxsl.posterior import LawPosterior, Posterior
from jaxsl.precision import double_precision

MOST_RUNS = 32  # of the dearest, near which the laws are learned at first
NEAR = 0.1 * np.log(10)  # how far from its centre a plane is trusted
STRIDE = 0.5 * np.log(10)  # how far a centre moves at first
MOVES = 20  # of a centre, at most
ASIDE = 2.0  # an input is taken so many times its best value each way, to be learned near


@dataclass(frozen=True)
class Part:
    """One law: its posterior and weight, the degrees of freedom of its noise, which runs are bad to it."""

    law: Law
    posterior: Posterior
    share: float
    dof: float
    bad: np.ndarray


@dataclass(frozen=True)
class Known:
    """What is known of some laws.

    Attributes:
        parts: one a law, heaviest first.
        published: whether they are published parameters, without any uncertainty.
        asked: what may be chosen.
        middle: a configuration to search from, ``(feature,)``.
        centre: about which discrepancies are planes, ``(ask, feature)``.
        runs: what they were learned from; None of published ones.
        found: the belief; None of published ones.
        left_out, notes: what is to be said.
    """

    parts: tuple[Part, ...]
    published: bool
    asked: Question
    middle: np.ndarray
    centre: np.ndarray
    runs: Any = None
    found: Believed | None = None
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the laws."""
        return tuple(part.law.name for part in self.parts)

    def ask(self, level: np.ndarray) -> programs.Ask:
        """What the programs are asked at each level, searched for from everywhere."""
        search = self.asked.starts(self.middle)
        return programs.ask(level, self._centres(level), np.broadcast_to(search, (len(level), *search.shape)))

    def ask_near(self, level: np.ndarray, x: np.ndarray) -> programs.Ask:
        """The same of drawn curves, whose best is near ``x (ask, feature)``."""
        start = np.log(np.where(x > 0, x, 1.0))[:, None]
        return programs.ask(level, self._centres(level), start, programs.FEW_DRAWN)

    def _centres(self, level: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.centre, (len(level), self.centre.shape[1]))

    def trust(self, x: np.ndarray) -> Trust | None:
        """How far to trust an answer at ``x (row, feature)``; None of published parameters."""
        if self.found is None:
            return None
        seen, unit = self.runs
        return trust(self.found, seen.x, seen.row_numbers.tolist(), unit, x)


def published(name: str, cost: str, hold: Mapping[str, float], ranges: Mapping) -> Known:
    """A law at published parameters, ``chinchilla@epoch``.

    Raises:
        UserError: when there is no such law, or it has no parameters of that name.

    Example:
        >>> published("chinchilla@epoch", "6*N*D", {}, {}).parts[0].posterior.theta[0, 0].item()
        1.8172
    """
    found = find_estimate(name)
    law, theta = found.law, found.theta[None]
    asked = question(law, cost, hold, ranges)
    middle = np.sqrt(np.where(asked.given, asked.low * asked.high, 1e18))
    return Known((exact(law, theta),), True, asked, middle, middle[None])


def exact(law: Law, theta: np.ndarray) -> Part:
    """A law with parameters ``(1, param)`` that are taken for certain."""
    nothing = np.zeros((1, law.num_params, law.num_params))
    posterior = LawPosterior(law, array(theta), array(nothing), array([1.0]), array([0.0]))
    return Part(law, posterior, 1.0, np.inf, np.zeros(0))


def learned(
    source: Any,
    laws: Laws,
    cost: str,
    hold: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
    levels: np.ndarray,
    reach: bool,
    *,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    level: float,
    seed: int,
    candidates: np.ndarray | None = None,
    **how: Unpack[Reading],
) -> Known:
    """Learn laws from runs, near the decision: first near the dearest runs, to find where that is.

    Args:
        source, laws, map, outcome, level, seed, how: as in ``jaxsl.host.fit``.
        cost, hold, ranges: as in ``jaxsl.host.decision.question``.
        levels: logarithms of the costs, or losses to ``reach``, ``(ask,)``.
        candidates: configurations that will be asked about, ``(row, feature)``.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    chosen = ensemble(source, laws, mapping=map, outcome=outcome, **how)
    asked = question(chosen.laws[0], cost, hold, ranges, chosen.seen.x)
    return learned_near(chosen, asked, levels, reach, level=level, seed=seed, candidates=candidates)


def learned_near(
    chosen: Ensemble,
    asked: Question,
    levels: np.ndarray,
    reach: bool,
    *,
    level: float,
    seed: int,
    candidates: np.ndarray | None = None,
    size: int | None = None,
) -> Known:
    """The same of laws and runs that were read.

    Args:
        chosen: laws, and the runs they are learned from.
        asked: what may be chosen.
        levels, reach, level, seed, candidates: as of ``learned``, whose errors it raises too.
        size: rows of the buffer of runs; by default as few as hold them.
    """
    seen = chosen.seen
    dear = np.argsort(-asked.costs(seen.x), kind="stable")[:MOST_RUNS]
    spread = seen.x[np.sort(dear)]
    first = believe_runs(chosen.laws, seen.x, seen.y, spread, candidates, level, seed, size=size)
    middle = np.exp(np.mean(np.log(np.where(seen.x > 0, seen.x, 1.0)), axis=0))
    start = Known(_parts(first), False, asked, middle, seen.x[dear[:1]], found=first)
    x = settled(start, levels, reach)
    aim = np.concatenate([_aside(asked, row) for row in x])
    found = believe_runs(chosen.laws, seen.x, seen.y, aim, candidates, level, seed, size=size)
    runs = seen, chosen.problem.unit
    near = Known(_parts(found), False, asked, middle, x, runs, found, chosen.left_out, chosen.problem.notes)
    return replace(near, centre=settled(near, levels, reach))


def settled(known: Known, levels: np.ndarray, reach: bool) -> np.ndarray:
    """Where the heaviest component is best while its discrepancy is a plane about that very place.

    A plane is worth nothing decades away from where it touches: where the best lies far from the centre, the
    centre moves towards it and the best is looked for again, by half the stride each time that it turns back.

    Args:
        known: the laws, and the first centre.
        levels, reach: as of ``best_of_heaviest``, whose errors it raises too.
    """
    free = list(known.asked.free)
    centre = np.broadcast_to(known.centre, (len(levels), known.centre.shape[1]))
    stride, last = np.full((len(levels), len(free)), STRIDE), np.zeros((len(levels), len(free)))
    for _ in np.arange(MOVES):
        best = best_of_heaviest(replace(known, centre=centre), levels, reach)
        away = np.log(best[:, free] / np.where(centre[:, free] > 0, centre[:, free], best[:, free]))
        if (np.abs(away) <= NEAR).all():
            return best
        stride = np.where(away * last < 0, stride / 2, stride)
        last = np.clip(away, -stride, stride)
        centre = known.asked.whole(best[:, free] * np.exp(last - away))
    return centre


def best_of_heaviest(known: Known, levels: np.ndarray, reach: bool) -> np.ndarray:
    """Where the heaviest component of the heaviest law is best, ``(ask, feature)``.

    Raises:
        UserError: when it is so nowhere, or at a bound that nobody gave.
    """
    part, asked = known.parts[0], known.asked
    slot = np.argmax(np.asarray(part.posterior.weight))
    with double_precision():
        ask, space = known.ask(levels), asked.space()
        # All components, though one is wanted: the program is that of ``estimate.values``.
        found = programs.believed(part.posterior, space, asked.free, reach, ask)
    mean = np.asarray(found.mean)[: len(levels), slot, :, 0]
    best = mean[:, 1:] if reach else mean[:, :-1]
    x = asked.whole(np.exp(best))
    for row, asked_level in zip(x, levels, strict=True):
        what = f"the loss {asked_level:g}" if reach else f"the cost {np.exp(asked_level):g}"
        if not np.isfinite(row).all():
            raise UserError(
                f"{part.law.name} has nothing at {what}: "
                + (
                    "its loss ends above it"
                    if reach
                    else "no allowed configuration costs that much or little"
                )
                + "; ask for another"
                + (", or widen --range" if any(asked.given) else "")
            )
        for index in asked.free:
            ends = (("falls", asked.low[index]), ("rises", asked.high[index]))
            for way, end in ends:
                if not asked.given[index] and abs(np.log(row[index] / end)) < 1e-6:
                    raise UserError(
                        f"{part.law.name} has no best {asked.inputs[index]} at {what}: its loss gets better "
                        f"as {asked.inputs[index]} {way} without end; say where it may lie with "
                        f"--range {asked.inputs[index]}=LOW:HIGH, or hold it with --hold"
                    )
    return x


def some(posterior: Any, slot: np.ndarray) -> Any:
    """The components at ``slot`` alone."""
    return posterior if isinstance(posterior, LawPosterior) else posterior.some(np.asarray(slot))


def _parts(found: Believed) -> tuple[Part, ...]:
    parts = [
        Part(law, one.learned.posterior, float(share), float(one.learned.dof), np.asarray(one.learned.bad))
        for law, one, share in zip(found.laws, found.lessons, found.share, strict=True)
    ]
    return tuple(sorted(parts, key=lambda part: -part.share))


def _aside(asked: Question, x: np.ndarray) -> np.ndarray:
    """A configuration and others of its cost, each free input larger and smaller: ``(row, feature)``."""
    rows = [x]
    for index in asked.free[1:]:
        for factor in (ASIDE, 1 / ASIDE):
            other = x.copy()
            other[index] *= factor
            others = [i for i in asked.free if i != index]
            rows += list(asked.met(other[None], asked.costs(x[None]), others))
    found = np.array([row for row in rows if np.isfinite(row).all()])
    free = list(asked.free)
    found[:, free] = np.clip(found[:, free], asked.low[free], asked.high[free])
    return found
