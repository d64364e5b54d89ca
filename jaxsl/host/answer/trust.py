"""How far to trust an answer, a line each: does the law hold, are runs bad, how far away is the target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jaxsl.choice import BAD
from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.report import Report, r2

POOR = 0.7  # R² of the law alone below which it is said
HARDLY = 0.1  # probability of holding below which a law is said to fail
MAY_HOLD = 0.2  # probability of holding from which a law is named beside a heavier one that fails
ALONE = 0.9  # leverage above which a run is named
NAMED = 3  # runs, at most
TREND = 0.3  # correlation of misses with an input above which one of its ends is named


@dataclass(frozen=True)
class Suspect(Report):
    """A run worth looking at: its row in the table or id in the study, and the value that says so."""

    row: int | str
    value: float


@dataclass(frozen=True)
class Trust(Report):
    """What the belief knows of itself.

    Attributes:
        laws: their number. law: name of the heaviest.
        holds: probability that the laws hold over the runs as they stand, weighed.
        told: whether the runs are more than the parameters, and so can tell.
        fails: where the heaviest law misses most, such as ``"small N"``; empty where nowhere in particular.
        r2: of the heaviest law alone, on runs that are not bad.
        bad: runs that are probably bad, with that probability, worst first.
        alone: runs that carry a part of the fit alone, with their leverage.
        num_runs: runs in all. unit: what a row is called.
        better: what to do where the heaviest law does not hold and another may; empty elsewhere.
        beyond: by how many decades the farthest target lies beyond the runs, by input, 0 inside their range;
            of an input that may be 0 in halves of their range. Empty without a target.
    """

    laws: int
    law: str
    holds: float
    told: bool
    fails: str
    r2: float
    bad: tuple[Suspect, ...]
    alone: tuple[Suspect, ...]
    num_runs: int
    unit: str
    beyond: Mapping[str, float]
    better: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """All that is to be said, a sentence each."""
        every = self._holds(), self.better, self._fits(), *self._runs(), self._reach()
        return tuple(line for line in every if line)

    def _holds(self) -> str:
        who = self.law if self.laws == 1 else "the law, whichever it is,"
        if not self.told:
            return f"whether {who} holds cannot be told from so few runs"
        if self.holds >= 0.5:
            return f"{who} holds with probability {self.holds:.0%}"
        where = f"misses most at {self.fails}" if self.fails else "misses nowhere in particular"
        if self.holds >= HARDLY:
            return f"whether {who} holds is open (probability {self.holds:.0%}): it {where}"
        return f"{who} does not hold over these runs (probability {self.holds:.1%}): it {where}"

    def _fits(self) -> str:
        poor = self.r2 < POOR
        return f"{self.law} explains little of the runs: R² {self.r2:.2g}" if poor else ""

    def _runs(self) -> list[str]:
        lines = []
        if self.bad:
            are = (
                "are probably bad and hardly count"
                if len(self.bad) > 1
                else "is probably bad and hardly counts"
            )
            lines.append(f"{self._listed(self.bad, 'probability')} {are}")
        if len(self.alone) > max(NAMED, self.num_runs // 2):
            lines.append(
                f"{len(self.alone)} of {self.num_runs} runs carry a part of the fit alone: they are few"
            )
        elif self.alone:
            carry = (
                "carry a part of the fit alone each"
                if len(self.alone) > 1
                else "carries a part of the fit alone"
            )
            lines.append(f"{self._listed(self.alone, 'leverage')} {carry}: a mistake there would not show")
        return lines

    def _listed(self, suspects: Sequence[Suspect], what: str) -> str:
        named = [f"{one.row} ({what} {min(one.value, 0.999):.3g})" for one in suspects[:NAMED]]
        more = f" and {len(suspects) - NAMED} more" if len(suspects) > NAMED else ""
        return f"{self.unit}{'s' if len(suspects) > 1 else ''} {', '.join(named)}{more}"

    def _reach(self) -> str:
        far = [f"{value:.2g} in {name}" for name, value in self.beyond.items() if value >= 0.005]
        if far:
            return f"the target lies beyond the runs by so many decades: {', '.join(far)}"
        return "the target lies within the range of the runs in every input" if self.beyond else ""


def trust(
    found: Believed,
    x: np.ndarray,
    rows: Sequence[int | str],
    unit: str,
    target: np.ndarray | None,
) -> Trust:
    """What is to be said of a belief.

    Args:
        found: the belief.
        x: its runs. rows: where a person finds them.
        unit: what a row is called.
        target: what is predicted, ``(target, feature)``; None for nothing.
    """
    y = found.outcomes
    num, law, lesson = len(x), found.laws[found.best], found.lessons[found.best]
    bad, leverage = found.bad[:num], found.leverage[:num]
    good = bad < BAD
    fitted, num_told = np.asarray(lesson.fitted)[:num], len(np.unique(x, axis=0)) * y.shape[1]
    return Trust(
        laws=len(found.laws),
        law=law.name,
        holds=found.holds,
        told=num_told > law.num_params,
        fails=_where(law.inputs, x[good], (y - fitted)[good]),
        r2=r2(y[good], fitted[good]),
        bad=_suspects(bad, BAD, rows),
        alone=_suspects(np.where(good, leverage, 0.0), ALONE, rows),
        num_runs=num,
        unit=unit,
        beyond={} if target is None else decades_beyond(law.inputs, x, target),
        better=_better(found, num_told),
    )


def _better(found: Believed, num_told: int) -> str:
    """That another law may hold where the heaviest does not, whatever that is believed to be wrong by."""
    can_tell = np.array([num_told > law.num_params for law in found.laws])
    holds = np.where(can_tell, [one.learned.holds for one in found.lessons], 0.0)
    most = int(np.argmax(holds))
    if holds[found.best] >= HARDLY or holds[most] < MAY_HOLD:
        return ""
    heavy, other = found.laws[found.best].name, found.laws[most].name
    share = {law.name: f"weight {weight:.2f}" for law, weight in zip(found.laws, found.share, strict=True)}
    return (
        f"{other} may hold (probability {holds[most]:.0%}, {share[other]}) where the heaviest, {heavy} "
        f"({share[heavy]}), does not: see what it says alone, --law {other}"
    )


def _suspects(value: np.ndarray, least: float, rows: Sequence[int | str]) -> tuple[Suspect, ...]:
    order = np.argsort(-value, kind="stable")
    return tuple(Suspect(rows[i], float(value[i])) for i in order if value[i] > least)


def _where(inputs: Sequence[str], x: np.ndarray, residual: np.ndarray) -> str:
    """The end of an input at which residuals ``(row, output)`` are largest, if there is one.

    Example:
        >>> size, noise = np.logspace(6, 9, 8)[:, None], np.array([0.1, -0.1] * 4)[:, None]
        >>> _where(("N",), size, noise * size**-0.2), _where(("N",), size, noise)
        ('small N', '')
    """
    spread = np.sqrt(np.mean(residual**2, axis=0)) if len(x) else np.zeros(1)
    miss = np.mean(np.abs(residual) / np.where(spread > 0, spread, 1.0), axis=1)
    found = [_correlation(_coordinate(x[:, i]), miss) for i in range(len(inputs))]
    most = int(np.argmax(np.abs(found)))
    if abs(found[most]) < TREND:
        return ""
    return f"{'large' if found[most] > 0 else 'small'} {inputs[most]}"


def _correlation(u: np.ndarray, v: np.ndarray) -> float:
    u, v = u - u.mean(), v - v.mean()
    size = np.sqrt(np.sum(u**2) * np.sum(v**2))
    return float(np.sum(u * v) / size) if size > 1e-12 else 0.0


def _coordinate(values: np.ndarray) -> np.ndarray:
    return np.log10(values) if (values > 0).all() else values


def decades_beyond(inputs: Sequence[str], x: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """How far the targets lie beyond the runs, in decades of each input.

    Example:
        >>> runs, target = np.array([[1e6, 1e8], [1e8, 1e9]]), np.array([[1e9, 5e8]])
        >>> decades_beyond(("N", "D"), runs, target)
        {'N': 1.0, 'D': 0.0}
    """
    found = {}
    for i, name in enumerate(inputs):
        both = _coordinate(np.concatenate([x[:, i], target[:, i]]))
        runs, aim = both[: len(x)], both[len(x) :]
        unit = (
            1.0 if (x[:, i] > 0).all() and (target[:, i] > 0).all() else max(float(np.ptp(runs)) / 2, 1e-300)
        )
        found[name] = float(max(aim.max() - runs.max(), runs.min() - aim.min(), 0.0) / unit)
    return found
