"""What the runs say of one law or several: every answer of the host begins here, whatever it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np
from numpy.typing import ArrayLike

from jaxsl.along import Along, Course
from jaxsl.belief import Belief
from jaxsl.choice import checked
from jaxsl.design import Design
from jaxsl.discrepancy.field import MOST_CANDIDATES
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.error_scale import ABSOLUTE, Scale, on_scale
from jaxsl.host.answer.components import Components, Told
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.input.intervals import LEVEL
from jaxsl.host.programs.learning import Lesson, Mixed, learn, learn_often, reweigh, weights
from jaxsl.host.programs.packing import array, everywhere, key_of, pack_observations, pack_target, pad
from jaxsl.law import Law
from jaxsl.one_of import AnyLaw, OneOf, places, shared
from jaxsl.pool import Observations, Target
from jaxsl.posterior import Mixture
from jaxsl.precision import double_precision, to_numpy


@dataclass(frozen=True)
class Believed:
    """The belief in some laws, in NumPy.

    Attributes:
        laws: over the same inputs and outputs.
        lessons: what the runs say of each, in its own parameters but for the posterior, whose law may be one
            of several that share a program.
        share: weight of each law, ``(law,)``.
        observations: the runs, padded.
        target: what the laws were learned for.
        level: of intervals, in per cent.
        scale: on which errors are counted, and the outcomes of ``observations`` and lessons are.
    """

    laws: tuple[Law, ...]
    lessons: tuple[Lesson, ...]
    share: np.ndarray
    observations: Observations
    target: Target
    level: float
    scale: Scale = ABSOLUTE

    @property
    def outcomes(self) -> np.ndarray:
        """Of the runs, on the scale of the errors, ``(run, output)``."""
        return np.asarray(self.observations.y)[np.asarray(self.observations.mask)]

    @property
    def best(self) -> int:
        """Number of the heaviest law."""
        return int(np.argmax(self.share))

    @property
    def holds(self) -> float:
        """Probability that the law holds, weighed over laws."""
        return float(self.share @ np.array([one.learned.holds for one in self.lessons]))

    @property
    def bad(self) -> np.ndarray:
        """Probability that each run is bad, weighed over laws, ``(row,)``, padded."""
        return self.share @ np.stack([one.learned.bad for one in self.lessons])

    def checked(self, spent: float) -> float:
        """What of the cost of all runs so far limits that of the next (``jaxsl.choice.checked``)."""
        return float(checked(spent, self.bad))

    @property
    def leverage(self) -> np.ndarray:
        """How much of the fit at each run is its own outcome, weighed over laws, ``(row,)``, padded."""
        return self.share @ np.stack([one.learned.leverage for one in self.lessons])

    @property
    def noise(self) -> float:
        """Variance of the noise, averaged over all components."""
        each = [one.learned.posterior for one in self.lessons]
        return float(self.share @ np.array([part.weight @ part.noise for part in each]))

    @property
    def belief(self) -> Belief:
        """The same for the core, every posterior in its law's own parameters, in NumPy."""
        learned = tuple(
            replace(one.learned, posterior=self.own_posterior(index))
            for index, one in enumerate(self.lessons)
        )
        share = array(self.share)
        return Belief(learned, share, Mixture(tuple(one.posterior for one in learned), share))

    @property
    def along(self) -> Along | None:
        """How errors along a run hang together, weighed over laws; None where no run has two rows."""
        each = [one.learned.along for one in self.lessons if one.learned.along is not None]
        if not each:
            return None
        with double_precision():
            return to_numpy(jax.tree.map(lambda *parts: np.stack(parts), *each).average(array(self.share)))

    def some(self, numbers: Sequence[int]) -> "Believed":
        """The laws of these numbers alone."""
        share = self.share[list(numbers)]
        total = share.sum()
        share = share / total if total > 0 else np.full(len(share), 1 / max(len(share), 1))
        laws, lessons = tuple(self.laws[i] for i in numbers), tuple(self.lessons[i] for i in numbers)
        return replace(self, laws=laws, lessons=lessons, share=share)

    @property
    def components(self) -> Components:
        """What it predicts with."""
        return Components(
            tuple(map(_posterior, self.lessons)),
            tuple(float(one.learned.dof) for one in self.lessons),
            self.share,
            self.scale,
        )

    def own_posterior(self, index: int) -> DiscrepantPosterior:
        """The posterior of one law in its own parameters, in NumPy; in double precision."""
        law, posterior = self.laws[index], _posterior(self.lessons[index])
        if isinstance(posterior.law, OneOf):
            posterior = posterior.of(law, places(posterior.law.laws)[int(posterior.law.index)])
        return to_numpy(posterior)

    def at(self, x: np.ndarray, num: int | None = None, least: float = 0.0, whole: bool = False) -> Mixed:
        """All components at ``x``, as ``Components.at``."""
        return self.components.at(x, num, least, whole)

    def of_law(self, index: int, x: np.ndarray) -> np.ndarray:
        """The mean of one law over its components at ``x``, mapped back to outcomes, ``(row, output)``."""
        return self.components.of_law(index, x)

    def intervals(self, x: np.ndarray, level: float | None = None) -> Told:
        """Both intervals and the mean, of outcomes, at ``x (row, feature)``; variances are on the scale."""
        return self.components.intervals(x, self.level if level is None else level)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Values on the scale of the errors as outcomes."""
        return self.components.back(values)


def believe(
    laws: Sequence[Law],
    observations: Observations,
    target: np.ndarray | None,
    candidates: np.ndarray | None = None,
    level: float = LEVEL,
    seed: int = 0,
    options: FitOptions = PLAIN,
    among: Sequence[Law] = (),
    often: bool = False,
) -> Believed:
    """Learn every law from the runs, one after the other, and weigh them.

    What is learned of a law does not depend on the others.

    Args:
        laws: over the same inputs and outputs.
        observations: the runs, padded, on the scale of the errors; in double precision.
        target: what to predict, ``(target, feature)``; the runs themselves when None.
        candidates: configurations that may be asked about, ``(row, feature)``.
        level: of intervals, in per cent.
        seed: of the fits' starting points.
        options: how errors count; what is done to parameters was done to the laws.
        among: laws whose programs there are already, all of ``laws`` among them; by default ``laws``.
        often: whether it is asked hundreds of times.
    """
    laws, robust = tuple(on_scale(law, options.scale) for law in laws), options.robust_loss
    with double_precision():
        aim = everywhere(observations) if target is None else pack_target(target)
        near, key = _thinned(candidates, np.asarray(aim.x)), key_of(seed)
        lessons, sharing = [], tuple(on_scale(law, options.scale) for law in among) or laws
        for law in (as_learned(law, sharing) for law in laws):
            runs = observations
            if robust is not None:
                runs = replace(runs, weight=reweigh(law, runs, robust, key))
            found = to_numpy((learn_often if often else learn)(Design((law,)), runs, aim, near, key))
            lessons.append(_own(law, found))
        evidence = np.stack([one.learned.evidence for one in lessons])
        return Believed(
            laws,
            tuple(lessons),
            np.asarray(weights(evidence)),
            to_numpy(observations),
            to_numpy(aim),
            level,
            options.scale,
        )


def as_learned(law: Law, laws: Sequence[Law]) -> AnyLaw:
    """``jaxsl.one_of.shared``, by one program in whatever order the laws are named."""
    return shared(law, sorted(laws, key=lambda one: one.name))


def laid_out(law: AnyLaw, theta: ArrayLike) -> np.ndarray:
    """A parameter vector of a law, ``(param,)``, as the program of ``as_learned`` has it."""
    if not isinstance(law, OneOf):
        return np.asarray(theta)
    whole = np.zeros(law.num_params)
    whole[list(places(law.laws)[int(law.index)])] = theta
    return whole


def believe_runs(
    laws: Sequence[Law],
    x: np.ndarray,
    y: np.ndarray,
    target: np.ndarray | None,
    candidates: np.ndarray | None = None,
    level: float = LEVEL,
    seed: int = 0,
    options: FitOptions = PLAIN,
    weight: np.ndarray | None = None,
    course: Course | None = None,
    size: int | None = None,
    among: Sequence[Law] = (),
) -> Believed:
    """The same for runs ``x (row, feature)``, ``y (row, output)``, ``weight (row,)``, as they came out.

    A ``course`` tells which rows are of one training run, and where along it; ``size`` is of the buffer.
    """
    with double_precision():
        runs = pack_observations(x, options.outcomes(y), weight, course, size)
        return believe(laws, runs, target, candidates, level, seed, options, among)


def _thinned(candidates: np.ndarray | None, otherwise: np.ndarray) -> np.ndarray:
    """As many candidates as landmarks are taken from at most: with few or none the program is the same."""
    some = otherwise[:1] if candidates is None or not len(candidates) else candidates
    return pad(some[:: -(-len(some) // MOST_CANDIDATES)], MOST_CANDIDATES)


def _own(law: AnyLaw, lesson: Lesson) -> Lesson:
    """A lesson in the law's own parameters, but for the posterior."""
    if not isinstance(law, OneOf):
        return lesson
    place = places(law.laws)[int(law.index)]
    learned = replace(
        lesson.learned, fit=lesson.learned.fit.at(place), basins=lesson.learned.basins.at(place)
    )
    own = np.array(place)
    return Lesson(learned, lesson.lower[:, own], lesson.upper[:, own], lesson.fitted)


def _posterior(lesson: Lesson) -> DiscrepantPosterior:
    posterior = lesson.learned.posterior
    assert isinstance(posterior, DiscrepantPosterior)
    return posterior
