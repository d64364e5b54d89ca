"""Numbers that are decided by, with intervals: by the delta method, or by drawn curves where it bends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jaxsl.host.answer.report import Report
from jaxsl.host.decision import programs
from jaxsl.host.decision.known import Known
from jaxsl.host.programs.learning import intervals, mixture
from jaxsl.host.programs.packing import array, pad
from jaxsl.pool import buffer_size
from jaxsl.posterior import Predictive
from jaxsl.precision import double_precision, to_numpy

NUM_DRAWS = 2048  # of each law
LIGHT = 1e-3  # weight below which a law is left out of the draws
ENOUGH = 50  # draws by which anything is decided
BENDS = 0.1  # of the interval's width by which draws differ where the delta method is not trusted
SEED = 0  # of the draws, so that one question has one answer


@dataclass(frozen=True)
class Estimate(Report):
    """One number.

    Attributes:
        name, unit: what it is.
        median, low, high: of the belief, at the report's level; ends are not numbers where nothing is
            uncertain.
        method: ``"delta"``; ``"draws"`` where one of an answer's numbers differs by a tenth; ``"unchecked"``,
            by the delta method, where drawn curves that keep to the runs are few; or ``"exact"``.
    """

    name: str
    unit: str
    median: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Values:
    """Numbers in coordinates, such as logarithms, in every component of every law and in drawn curves.

    Attributes:
        weight, dof: ``(component,)``.
        mean: ``(component, row)``. root: ``(component, row, factor)``, padded with zeros; factors of
            different laws have nothing in common, and components are never mixed.
        draw: ``(draw, row)``, with weights ``share (draw,)`` by how the curves keep to the runs.
        worth: how many draws that is.
    """

    weight: np.ndarray
    noise: np.ndarray
    dof: np.ndarray
    mean: np.ndarray
    root: np.ndarray
    draw: np.ndarray
    share: np.ndarray
    worth: float

    def linear(self, table: np.ndarray) -> "Values":
        """Linear combinations of rows, ``table (new, row)``."""
        with np.errstate(all="ignore"):
            return Values(
                self.weight,
                self.noise,
                self.dof,
                self.mean @ table.T,
                np.einsum("crf,nr->cnf", self.root, table),
                self.draw @ table.T,
                self.share,
                self.worth,
            )

    @property
    def told(self) -> bool:
        """Whether the draws are worth enough to go by."""
        return self.worth >= ENOUGH or not self.root.any()

    def none(self, rows: slice) -> float:
        """Probability that these rows have no value."""
        drawn = self.worth >= ENOUGH
        value, share = (self.draw, self.share) if drawn else (self.mean, self.weight)
        return float(share @ ~np.isfinite(value[:, rows]).all(axis=1) / share.sum())

    def sample(self, num: int, seed: int) -> np.ndarray:
        """Independent values, ``(num, row)``: of drawn curves, or by the delta method where too few tell."""
        rng = np.random.default_rng(seed)
        if self.worth >= ENOUGH:
            return self.draw[rng.choice(len(self.draw), num, p=self.share / self.share.sum())]
        at = rng.choice(len(self.weight), num, p=self.weight / self.weight.sum())
        u = rng.standard_normal((num, self.root.shape[2]))
        dof = np.minimum(self.dof[at], 1e6)
        u *= np.sqrt(dof / rng.chisquare(dof))[:, None]
        return self.mean[at] + np.einsum("nrf,nf->nr", self.root[at], u)

    @property
    def centre(self) -> np.ndarray:
        """Mean over the components that have a value, ``(row,)``; not a number where none has."""
        known = np.isfinite(self.mean).all(axis=1)
        weight = np.where(known, self.weight, 0.0)
        with np.errstate(invalid="ignore"):
            return (weight / weight.sum()) @ np.where(known[:, None], self.mean, 0.0)

    def estimates(
        self, names: Sequence[str], units: Sequence[str], log: Sequence[bool], level: float
    ) -> list[Estimate]:
        """Median and interval of every row, at ``level`` per cent."""
        delta = self._delta(level)
        drawn = np.stack([weighted_quantile(self.draw, self.share, p) for p in _ends(level)])
        with np.errstate(all="ignore"):
            off = np.max(np.abs(drawn - delta), axis=0) / (delta[2] - delta[0])
        bends = self.worth >= ENOUGH and not np.all(off <= BENDS)
        ends, method = (drawn, "draws") if bends else (delta, "delta" if self.told else "unchecked")
        if not self.root.any():
            ends, method = self.mean[0] * np.array([[np.nan], [1.0], [np.nan]]), "exact"
        found = []
        for row, (name, unit, ratio) in enumerate(zip(names, units, log, strict=True)):
            with np.errstate(over="ignore"):  # an end that nothing bounds is infinite
                low, median, high = (float(np.exp(end) if ratio else end) for end in ends[:, row])
            found.append(Estimate(name, unit, median, low, high, method))
        return found

    def _delta(self, level: float) -> np.ndarray:
        """Lower end, median and upper end of every row, ``(3, row)``."""
        num = self.mean.shape[1]
        size = buffer_size(num)
        rows = pad(np.arange(num)[:, None], size)[:, 0]
        with double_precision():
            part = to_numpy(
                Predictive(array(self.mean[:, rows, None]), array(self.root[:, rows][:, :, None]))
            )
            mixed = mixture([(self.weight, self.noise, self.dof, part)])
            return np.asarray(intervals(mixed, np.asarray(level / 100)).curve)[:, :num, 0]


def values(known: Known, levels: np.ndarray, reach: bool) -> Values:
    """Every decision, a row for each of its numbers, one decision after the other.

    Rows of a cost: logarithms of the free inputs, the loss, the regret of choosing the centre (in draws).
    Of a loss: logarithms of its cost and of the free inputs.
    """
    asked = known.asked
    weight, noise, dof, mean, root = [], [], [], [], []
    with double_precision():
        space, ask = asked.space(), known.ask(levels)
        for part in known.parts:
            own = np.asarray(part.posterior.weight) * part.share
            used = own > 0
            found = programs.believed(part.posterior, space, asked.free, reach, ask)
            means, roots = (np.asarray(leaf)[: len(levels)] for leaf in (found.mean, found.root))
            weight.append(own[used])
            noise.append(np.asarray(part.posterior.noise)[used])
            dof.append(np.full(used.sum(), part.dof))
            if not reach:  # the components' own regret is none
                means, roots = (np.concatenate([part, 0 * part[:, :, :1]], axis=2) for part in (means, roots))
            mean.append(np.concatenate(means[..., 0][:, used], axis=1))
            root.append(np.concatenate(roots[:, :, :, 0][:, used], axis=1))
        num_factors = [one.shape[2] for one in root]
        factors = max(num_factors)
        root = [np.pad(one, [(0, 0), (0, 0), (0, factors - one.shape[2])]) for one in root]
        told = Values(
            np.concatenate(weight),
            np.concatenate(noise),
            np.concatenate(dof),
            np.concatenate(mean),
            np.concatenate(root),
            np.zeros((0, 0)),
            np.zeros(0),
            0.0,
        )
        best = told.centre.reshape(len(levels), -1)
        best = asked.whole(np.exp(best[:, 1:] if reach else best[:, : len(asked.free)]))
        draw, share, worths = [], [], list[float]()
        again = known.ask_near(levels, best)
        choice = pad(best, len(again.level))
        parts = list(zip(known.parts, num_factors, strict=True))
        for part, num in parts if told.root.any() else parts[:1]:
            if part.share < LIGHT:
                continue
            index, u, scale = _numbers(part.posterior, part.dof, factors)
            u = u[:, :num]
            curves = programs.drawn(part.posterior, space, asked.free, reach, again, choice, index, u)
            draw.append(np.concatenate(np.asarray(curves)[: len(levels)], axis=1))
            own = np.full(len(index), 1 / len(index))
            if known.found is not None:
                bad = np.asarray(part.bad)
                drawn_by = (np.asarray(one) for one in (index, u, scale))
                keeping, worth = programs.faithful(part.posterior, known.found.observations, bad, *drawn_by)
                own = np.asarray(keeping)
                worths.append(part.share * float(worth))
            share.append(part.share * own)
    return replace(told, draw=np.concatenate(draw), share=np.concatenate(share), worth=sum(worths))


def _numbers(posterior, dof: float, factors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Components in proportion to their weights, Student's t numbers of each draw, and their scale."""
    rng = np.random.default_rng(SEED)
    weight = np.asarray(posterior.weight)
    at = (np.arange(NUM_DRAWS) + 0.5) / NUM_DRAWS
    index = np.minimum(np.searchsorted(np.cumsum(weight) / weight.sum(), at), len(weight) - 1)
    u, scale = rng.standard_normal((NUM_DRAWS, factors)), np.ones(NUM_DRAWS)
    if np.isfinite(dof):
        scale = np.sqrt(dof / rng.chisquare(dof, NUM_DRAWS))
    return index, u * scale[:, None], scale


def weighted_quantile(value: np.ndarray, weight: np.ndarray, probability: float) -> np.ndarray:
    """Of every column of ``value (draw, row)``; what is no number is the largest.

    Example:
        >>> weighted_quantile(np.array([[3.0], [1.0], [np.nan], [2.0]]), np.ones(4), 0.5).tolist()
        [2.5]
    """
    value = np.where(np.isnan(value), np.inf, value)
    order = np.argsort(value, axis=0)
    value = np.take_along_axis(value, order, axis=0)
    share = weight[order]
    place = (np.cumsum(share, axis=0) - share / 2) / weight.sum()
    with np.errstate(all="ignore"):
        return np.array(
            [np.interp(probability, place[:, row], value[:, row]) for row in range(value.shape[1])]
        )


def _ends(level: float) -> tuple[float, float, float]:
    tail = (1 - level / 100) / 2
    return tail, 0.5, 1 - tail
