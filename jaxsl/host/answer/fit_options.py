"""How a law is to be fitted: what is done to its parameters, and how errors count; one shape for all verbs.

>>> from laws.chinchilla import CHINCHILLA
>>> options = FitOptions(fix={"E": 1.69}, tie="alpha = 2*beta", error="log")
>>> (law,) = options.laws([CHINCHILLA])
>>> [param.name for param in law.params], options.record()
(['A', 'B', 'beta'], {'fix': {'E': 1.69}, 'tie': ['alpha = 2*beta'], 'error': 'log'})
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict, cast

import numpy as np

from jaxsl.error_scale import ABSOLUTE, ACCURACY, SCALES, Scale
from jaxsl.host.answer.constraints import Constraints, Pair
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Runs
from jaxsl.host.input.reading import Reading
from jaxsl.host.input.schedule import check_schedule
from jaxsl.host.programs.law_values import floors
from jaxsl.host.programs.packing import array, pad
from jaxsl.law import Law
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision
from jaxsl.residual import Asymmetric, Both, Huber
from jaxsl.unit import unit

ROBUST = re.compile(r"huber(?::(.+))?")


class FitKeywords(TypedDict, total=False):
    """The same options as keywords of the verbs; see ``FitOptions``."""

    fix: Mapping[str, float]
    box: Mapping[str, Pair]
    tie: str | Sequence[str]
    prior: Mapping[str, Pair]
    error: str
    robust: str | None
    above: float | None
    weight: str | None
    group: str | None
    schedule: str | None


class How(Reading, FitKeywords, total=False):
    """All keywords of the verbs: how a table is read, and how laws are fitted to it."""


@dataclass(frozen=True)
class FitOptions:
    """Options of every fit. Of several laws each takes what concerns its parameters.

    Attributes:
        fix: parameters held at a value.
        box: bounds of parameters, ``(lower, upper)``.
        tie: linear relations between parameters, such as ``"alpha = 2*beta"``.
        prior: Gaussian priors of parameters, ``(mean, deviation)``.
        error: scale on which errors are counted: ``"absolute"``, ``"log"`` or ``"accuracy"``.
        robust: ``"huber:DELTA"`` for Huber's loss, in the unit of the errors; None for squares.
        above: how much less a run above the curve counts than one below; None for the same.
        weight: column or expression of how often each run counts; None for once each.
        group: column that tells training runs apart where each checkpoint has a row: errors of one run's rows
            hang together (``jaxsl.along``). None where each row is a run of its own.
        schedule: of the learning rate along a training run, ``"constant"``, ``"wsd"`` or ``"cosine"``, which
            says what rows of one run count (``jaxsl.host.input.schedule``).

    Raises:
        UserError: for what is no option.
    """

    fix: Mapping[str, float] = field(default_factory=dict)
    box: Mapping[str, Pair] = field(default_factory=dict)
    tie: str | Sequence[str] = ()
    prior: Mapping[str, Pair] = field(default_factory=dict)
    error: str = ABSOLUTE.name
    robust: str | None = None
    above: float | None = None
    weight: str | None = None
    group: str | None = None
    schedule: str | None = None

    def __post_init__(self):
        ties = (self.tie,) if isinstance(self.tie, str) else tuple(self.tie)
        plain = {
            "fix": {name: float(value) for name, value in (self.fix or {}).items()},
            "box": {name: _pair("box", name, ends) for name, ends in (self.box or {}).items()},
            "prior": {name: _pair("prior", name, pair) for name, pair in (self.prior or {}).items()},
            "tie": ties,
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        for name, (lower, upper) in self.box.items():
            if not lower < upper:
                raise UserError(f"--box {name}={lower:g}:{upper:g}: give LOWER:UPPER, the lower bound first")
        if self.error not in SCALES:
            raise UserError(f"--error {self.error}: choose one of {', '.join(SCALES)}")
        if self.above is not None and not (np.isfinite(self.above) and self.above > 0):
            raise UserError(f"--above {self.above:g}: give how much less a run above counts, such as 10")
        check_schedule(self.schedule, self.group)
        self.robust_loss  # noqa: B018  (refuses what is none)

    @property
    def scale(self) -> Scale:
        """On which errors are counted."""
        return SCALES[self.error]

    @property
    def robust_loss(self) -> Callable | None:
        """The transformation of residuals; None for least squares.

        Raises:
            UserError: when it cannot be read.
        """
        losses: list[Callable] = [] if self.above is None else [Asymmetric(1 / self.above)]
        if self.robust is not None:
            found = ROBUST.fullmatch(self.robust.strip())
            try:
                delta = float((found[1] or "1e-3") if found else "nan")
            except ValueError:
                delta = np.nan
            if not (np.isfinite(delta) and delta > 0):
                raise UserError(f"--robust {self.robust}: write huber:DELTA, such as huber:1e-3")
            losses.append(Huber(delta))
        return Both(*losses) if len(losses) > 1 else losses[0] if losses else None

    def units(self, laws: Iterable[Law], x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        """By name the unit in which each law takes outcomes ``y (row, output)`` at ``x``; 1 without any."""
        rows = array(pad(x, buffer_size(len(x))) if len(x) else x)
        with double_precision():
            return {law.name: unit(law, rows, y, floors) if len(y) else 1.0 for law in laws}

    def laws(self, laws: Iterable[Law], units: Mapping[str, float] | None = None) -> tuple[Law, ...]:
        """The laws in the ``units`` of their outcomes, with fewer parameters, other boxes.

        Raises:
            UserError: for a name that none of the laws has, or what is impossible.
        """
        laws, sizes = tuple(laws), units or {}
        told = Constraints(self.fix, self.box, tuple(self.tie), self.prior)
        told.check_names(laws)
        with double_precision():
            return tuple(told.of_one(law, sizes.get(law.name, 1.0)) for law in laws)

    def outcomes(self, y: np.ndarray) -> np.ndarray:
        """Outcomes on the scale of the errors; shares of 0 and 1 are moved inside, see ``notes``."""
        return self.on_scale(_inside(y) if self.scale is ACCURACY else y)

    def on_scale(self, values: np.ndarray) -> np.ndarray:
        """Values of outcomes on the scale of the errors."""
        if self.scale is ABSOLUTE:
            return values
        with double_precision():
            return np.asarray(self.scale.of(values))

    def unfit(self, y: np.ndarray) -> np.ndarray:
        """Which rows of outcomes ``(row, output)`` have no place on the scale, ``(row,)`` of bool."""
        if self.scale is ACCURACY:
            return np.any((y < 0) | (y > 1), axis=1)
        return np.any(y <= self.scale.lower, axis=1)

    def check_outcomes(self, seen: Runs, table: str, line: str) -> None:
        """Refuse outcomes that have no place on the scale.

        Raises:
            UserError: naming the first of them.
        """
        bad = self.unfit(seen.y)
        if bad.any():
            row = int(np.argmax(bad))
            needs = "shares from 0 to 1" if self.scale is ACCURACY else "outcomes above 0"
            worst = float(seen.y[row].max() if self.scale is ACCURACY else seen.y[row].min())
            raise UserError(
                f"{table}, {line} {seen.row_numbers[row]}: the outcome {worst:g} has no place with --error "
                f"{self.error}, which needs {needs}; leave out the run or the option"
            )

    def notes(self, units: Mapping[str, float], y: np.ndarray, weight: np.ndarray | None) -> list[str]:
        """What should be known of a fit to outcomes ``y``, which laws take in these ``units``."""
        notes = []
        for size in sorted({size for size in units.values() if size != 1}):
            named = ", ".join(name for name, own in units.items() if own == size)
            notes.append(f"outcomes are read in units of {size:g}, as are floors and amplitudes of {named}")
        if self.scale is not ABSOLUTE:
            notes.append(
                f"errors are of {self.scale.what}, as are RMSE, noise and deviations within and between"
            )
        extreme = int(((y == 0) | (y == 1)).sum())
        if self.scale is ACCURACY and extreme:
            low, high = _ends(y)
            notes.append(
                f"{extreme} shares of 0 or 1 have infinite log odds: taken as {low:.3g} and {high:.3g}"
            )
        if self.robust_loss is not None:
            notes.append(
                "runs are reweighted as the robust loss says; intervals take those weights as known, and are "
                "too narrow where many runs are far off"
            )
        if weight is not None and not 0.5 <= weight.mean() <= 2:
            notes.append(
                f"{len(weight)} runs have weights that sum to {weight.sum():.4g}: they count as so many"
            )
        return notes

    def record(self) -> dict[str, Any]:
        """What was asked for, as plain data: ``FitOptions(**record)`` is the same again."""
        usual = FitOptions()
        asked = {one.name: getattr(self, one.name) for one in fields(self)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items()}
        return {name: value for name, value in plain.items() if asked[name] != getattr(usual, name)}

    def said(self) -> dict[str, str]:
        """The same as people write it.

        Example:
            >>> FitOptions(fix={"E": 1.69}, box={"alpha": (0.1, 1)}, above=10).said()
            {'fix': 'E=1.69', 'box': 'alpha=0.1:1', 'above': '10'}
        """
        asked = self.record()
        pairs = {
            "fix": [f"{name}={value:g}" for name, value in self.fix.items()],
            "box": [f"{name}={low:g}:{high:g}" for name, (low, high) in self.box.items()],
            "prior": [f"{name}={mean:g}+-{deviation:g}" for name, (mean, deviation) in self.prior.items()],
            "tie": list(self.tie),
        }
        texts = {name: ", ".join(parts) for name, parts in pairs.items()}
        return {
            name: texts.get(name, f"{value:g}" if isinstance(value, float | int) else value)
            for name, value in asked.items()
        }


PLAIN = FitOptions()


def split(how: How) -> tuple[Reading, FitOptions]:
    """How a table is read, and how laws are fitted to it.

    Example:
        >>> split({"where": "N > 1e6", "error": "log"})[0]
        {'where': 'N > 1e6'}
    """
    given: dict[str, Any] = dict(how)
    reading = {name: given.pop(name) for name in Reading.__annotations__ if name in given}
    return cast(Reading, reading), FitOptions(**given)


def _inside(y: np.ndarray) -> np.ndarray:
    low, high = _ends(y)
    return np.clip(y, low, high)


def _ends(y: np.ndarray) -> tuple[float, float]:
    """Where shares of 0 and 1 are put: half as far inside as the nearest of the others; 0.01 without any."""
    others = y[(y > 0) & (y < 1)]
    step = float(np.minimum(others, 1 - others).min()) / 2 if others.size else 0.01
    return step, 1 - step


def _pair(option: str, name: str, values: Sequence[float]) -> Pair:
    try:
        first, second = map(float, values)
    except (TypeError, ValueError):
        raise UserError(f"{option} of {name}: {values!r} is no pair of numbers") from None
    return first, second
