"""What predicts: local Gaussians of all laws, weighed; of a fit just made as of one that was kept."""

from dataclasses import dataclass

import numpy as np

from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.error_scale import ABSOLUTE, Scale
from jaxsl.host.programs.learning import COMPONENTS, Mixed, intervals, mixture, predicted
from jaxsl.host.programs.packing import pad
from jaxsl.pool import buffer_size
from jaxsl.posterior import Predictive
from jaxsl.precision import double_precision, to_numpy

ROWS = 2048  # predicted at once, which bounds the memory


@dataclass(frozen=True)
class Told:
    """What is predicted at some rows.

    Attributes:
        outcome, curve: lower end, median and upper end, with noise and without, ``(3, row, output)``.
        mean: of the mixture, ``(row, output)``, that on the scale of the errors mapped back to outcomes.
        within, between: variance inside components and between them, on the scale of the errors and without
            noise, ``(row, output)``.
    """

    outcome: np.ndarray
    curve: np.ndarray
    mean: np.ndarray
    within: np.ndarray
    between: np.ndarray


@dataclass(frozen=True)
class Components:
    """Components of laws over the same inputs and outputs, in NumPy.

    Attributes:
        posteriors: of each law.
        dof: degrees of freedom of the noise around each law.
        share: weight of each law, ``(law,)``.
        scale: on which errors are counted, and the posteriors are.
    """

    posteriors: tuple[DiscrepantPosterior, ...]
    dof: tuple[float, ...]
    share: np.ndarray
    scale: Scale = ABSOLUTE

    def at(self, x: np.ndarray, num: int | None = None, least: float = 0.0, whole: bool = False) -> Mixed:
        """All components at ``x (row, feature)``; rows are padded to one of few numbers.

        Args:
            x: the rows.
            num: of the heaviest alone, as ``jaxsl.posterior.Heaviest``.
            least: weight of the lightest of those.
            whole: that the rows need no padding.
        """
        weight = [share * one.weight for share, one in zip(self.share, self.posteriors, strict=True)]
        kept = _heaviest(weight, num, least)
        parts = []
        for one, dof, own, some in zip(self.posteriors, self.dof, weight, kept, strict=True):
            slot = np.flatnonzero(some)
            if not slot.size:
                continue
            room = len(own) if num is None else min(num, len(own))
            full = np.concatenate([slot, np.repeat(slot[:1], room - len(slot))])
            here = _predicted(one, full, x, whole)
            here = Predictive(here.mean[: len(slot)], here.root[: len(slot)])
            parts.append((own[slot], np.asarray(one.noise)[slot], np.full(len(slot), dof), here))
        return mixture(parts, num or COMPONENTS)

    @property
    def heaviest_first(self) -> list[int]:
        """Numbers of the laws, heaviest first."""
        return np.argsort(-self.share, kind="stable").tolist()

    def of_law(self, index: int, x: np.ndarray) -> np.ndarray:
        """The mean of one law over its components at ``x``, mapped back to outcomes, ``(row, output)``."""
        posterior = self.posteriors[index]
        slot = np.flatnonzero(posterior.weight > 0)
        full = np.concatenate([slot, np.repeat(slot[:1], len(posterior.weight) - len(slot))])
        parts = [_predicted(posterior, full, part).mean[: len(slot), : len(part)] for part in _parts(x)]
        mean = np.einsum("k,kro->ro", np.asarray(posterior.weight)[slot], np.concatenate(parts, axis=1))
        return self.back(mean)

    def back(self, values: np.ndarray) -> np.ndarray:
        """Values on the scale of the errors as outcomes."""
        if self.scale is ABSOLUTE:
            return np.asarray(values)
        with double_precision():
            return np.asarray(self.scale.back(values))

    def intervals(self, x: np.ndarray, level: float) -> Told:
        """Both intervals and the moments at ``x (row, feature)``, at ``level`` per cent."""
        parts = [vars(self._intervals(part, level)) for part in _parts(x)]
        return Told(**{name: np.concatenate([part[name] for part in parts], axis=-2) for name in parts[0]})

    def _intervals(self, x: np.ndarray, level: float) -> Told:
        mixed, num = self.at(x), len(x)
        with double_precision():
            found = to_numpy(intervals(mixed, np.asarray(level / 100)))
        about = {name: np.asarray(part)[:num] for name, part in vars(found.moments).items()}
        outcome, curve = (self.back(np.asarray(part)[:, :num]) for part in (found.outcome, found.curve))
        return Told(outcome, curve, self.back(about["mean"]), about["within"], about["between"])


def _parts(x: np.ndarray) -> list[np.ndarray]:
    return np.split(x, range(ROWS, len(x), ROWS))


def _predicted(
    posterior: DiscrepantPosterior, slot: np.ndarray, x: np.ndarray, whole: bool = False
) -> Predictive:
    with double_precision():
        rows = np.asarray(x) if whole else pad(x, buffer_size(len(x)))
        return to_numpy(predicted(posterior, np.asarray(slot), rows))


def _heaviest(weight: list[np.ndarray], num: int | None, least: float) -> list[np.ndarray]:
    """Which components to keep of each law."""
    if num is None:
        return [own > 0 for own in weight]
    flat = np.concatenate(weight)
    order = np.argsort(-flat, kind="stable")
    kept = np.zeros(flat.shape, bool)
    kept[order[:num]] = True
    kept &= (flat > 0) & ((flat >= least) | (flat == flat.max()))
    return np.split(kept, np.cumsum([len(own) for own in weight])[:-1])
