"""What is believed along one input, for a curve."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.input.problem import Problem, Runs

NUM_POINTS = 96  # of every curve
EDGE = 1.2  # factor by which a curve goes beyond the runs and the targets


@dataclass(frozen=True)
class Slice:
    """The fit along one input, the others held where the targets are on average.

    Runs and targets are moved to the slice along the fit: what is drawn is the fit there plus the residual,
    so that scatter about the curve is misfit and nothing else.

    Attributes:
        input: the name of the input.
        held: the other inputs.
        log: whether the input is positive and drawn on a logarithmic axis.
        x: ``(point,)``.
        median: of the mixture, ``(point, output)``.
        low, high: interval of an outcome, ``(point, output)``.
        curve_low, curve_high: of the curve without noise, ``(point, output)``.
        runs: outcomes moved to the slice, ``(run, output)``.
        targets: the same at targets whose outcome is known, else not a number, ``(target, output)``.
    """

    input: str
    held: Mapping[str, float]
    log: bool
    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    curve_low: np.ndarray
    curve_high: np.ndarray
    runs: np.ndarray
    targets: np.ndarray


def along(problem: Problem, seen: Runs, found: Believed, index: int, options: FitOptions = PLAIN) -> Slice:
    """The fit along input ``index``."""
    law, targets = problem.law, problem.targets
    centre = _centre(seen.x if targets is None else targets.x)
    everything = problem.runs.x if targets is None else np.concatenate([problem.runs.x, targets.x])
    values = everything[:, index]
    log = bool((values > 0).all())
    low, high = float(values.min()), float(values.max())
    grid = np.linspace(0, 1, NUM_POINTS)
    grid = low / EDGE * (high / low * EDGE**2) ** grid if log else low + (high - low) * grid
    x, y = seen.x, seen.y
    if targets is not None and problem.answers is not None:
        x, y = np.concatenate([x, targets.x]), np.concatenate([y, problem.answers.y])

    def on_slice(column: np.ndarray) -> np.ndarray:
        moved = np.repeat(centre[None], len(column), axis=0)
        moved[:, index] = column
        return moved

    told = found.intervals(np.concatenate([on_slice(grid), on_slice(x[:, index]), x]))
    curve, mean = NUM_POINTS, told.mean
    here, there, came_out = (
        options.on_scale(part) for part in (mean[curve + len(x) :], mean[curve : curve + len(x)], y)
    )
    moved = found.back(came_out + there - here)
    return Slice(
        input=law.inputs[index],
        held={name: float(centre[i]) for i, name in enumerate(law.inputs) if i != index},
        log=log,
        x=grid,
        median=told.outcome[1, :curve],
        low=told.outcome[0, :curve],
        high=told.outcome[2, :curve],
        curve_low=told.curve[0, :curve],
        curve_high=told.curve[2, :curve],
        runs=moved[: len(seen.x)],
        targets=moved[len(seen.x) :],
    )


def _centre(x: np.ndarray) -> np.ndarray:
    """The geometric mean of every input, the arithmetic one where some are zero: ``(feature,)``."""
    positive = (x > 0).all(axis=0)
    return np.where(positive, np.exp(np.log(np.where(positive, x, 1.0)).mean(axis=0)), x.mean(axis=0))
