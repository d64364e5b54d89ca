"""What plots and the HTML report draw: a problem and what is believed about it, as NumPy arrays.

>>> from laws.chinchilla import CHINCHILLA
>>> runs = {"N": [1e6, 2e6, 4e6, 1e6, 2e6, 4e6, 8e6, 8e6], "D": [1e8, 1e8, 1e8, 4e8, 4e8, 4e8, 4e8, 1e9]}
>>> runs["loss"] = [4.01, 3.72, 3.5, 3.64, 3.37, 3.14, None, None]
>>> seen = view(runs, CHINCHILLA, target="N=1e9,D=2e10", cost="6*N*D")
>>> sorted(seen.slices), len(seen.choice.runs), seen.labels["cost"]
(['D', 'N'], 2, 'cost (6*N*D)')
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.host.compiled import compiled
from jaxsl.host.describe import fit_report
from jaxsl.host.law_values import law_values
from jaxsl.host.laws import find
from jaxsl.host.packing import pad
from jaxsl.host.problem import Problem, Runs, runs
from jaxsl.host.programs import LEVELS, Now
from jaxsl.host.report import FitReport, NextReport
from jaxsl.host.session import fitted, rank
from jaxsl.host.table import read
from jaxsl.host.thinning import MOST_DRAWN
from jaxsl.law import Law
from jaxsl.pool import buffer_size
from jaxsl.posterior import Posterior, predict, quantile
from jaxsl.precision import double_precision

NUM_POINTS = 96  # of every curve
EDGE = 1.2  # factor by which a curve goes beyond the runs and the targets
UNITS = {"N": "parameters", "D": "tokens", "U": "unique tokens", "C": "FLOP"}  # where the user gives none


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
        mean: of the mixture, ``(point, output)``.
        low, high: 95 % interval of an outcome, ``(point, output)``.
        curve_low, curve_high: of the curve without noise, ``(point, output)``.
        runs: outcomes moved to the slice, ``(run, output)``.
        targets: the same at targets whose outcome is known, else not a number, ``(target, output)``.
    """

    input: str
    held: Mapping[str, float]
    log: bool
    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    curve_low: np.ndarray
    curve_high: np.ndarray
    runs: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Plausible:
    """Optima and basins by what they predict on the targets, or on the runs without targets.

    Attributes:
        prediction: mean over the targets, of every optimum, best first, ``(start, output)``.
        loss: mean squared error of each on the runs, ``(start,)``.
        label: its basin, ``(start,)``; -1 where it was not plausible.
        mean, deviation: of the mean over the targets in every basin, noise apart, ``(basin, output)``.
        weight: of every basin, ``(basin,)``.
    """

    prediction: np.ndarray
    loss: np.ndarray
    label: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class View:
    """A problem and what is believed about it.

    Attributes:
        problem: law, runs, candidates, targets.
        seen: the runs that were fitted.
        now: the belief itself.
        fit: the same as a report.
        choice: affordable candidates, best first, and of more than ``most`` of ``view`` a sample; ``None``
            without cost, target or candidate.
        slices: the fit along each input.
        fitted: what the heaviest basin says at the runs, ``(run, output)``.
        score: residual of each run over its deviation had it been left out, ``(run, output)``.
        plausible: optima and basins.
        labels: axis labels with units, of inputs, outputs and ``"cost"``.
    """

    problem: Problem
    seen: Runs
    now: Now
    fit: FitReport
    choice: NextReport | None
    slices: Mapping[str, Slice]
    fitted: np.ndarray
    score: np.ndarray
    plausible: Plausible
    labels: Mapping[str, str]

    @property
    def law(self) -> Law:
        """The law."""
        return self.problem.law

    @property
    def candidates(self) -> Runs:
        """Runs without an outcome."""
        return self.problem.runs.take(~self.problem.runs.observed)


def view(
    source: Any,
    law: Law | str,
    *,
    target: Any = None,
    mapping: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    budget: float | None = None,
    seed: int = 0,
    units: Mapping[str, str] | None = None,
    most: int = MOST_DRAWN,
) -> View:
    """Fit, score every candidate, and keep what there is to see; arguments as in ``jaxsl.host.next_runs``.

    Args:
        source, law, target, mapping, outcome: the runs and what to predict.
        cost: column or expression; by default the column ``cost``, if there is one.
        budget: what the next run may cost.
        seed: of the fit's starting points.
        units: of inputs, outputs and ``cost``, by name, for the axes.
        most: candidates to keep.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    table = read(source)
    if cost is None and "cost" in table.columns:
        cost = "cost"
    law = law if isinstance(law, Law) else find(law)
    problem = runs(table, law, mapping=mapping, outcome=outcome, target=target, cost=cost)
    columns = {law.outputs[0]: outcome} if outcome else {}
    labels = axis_labels(law, cost, columns | dict(mapping or {}), units or {})
    return see(problem, labels, budget, seed, cost is not None, most)


def see(
    problem: Problem, labels: Mapping[str, str], budget: float | None, seed: int, choose=True, most=MOST_DRAWN
) -> View:
    """Fit a problem and score its candidates, if there are any, a target and (``choose``) their costs."""
    choice = None
    if choose and problem.targets is not None and not problem.runs.observed.all():
        choice, seen, now = rank(problem, budget, len(problem.runs.x), seed, most)
    else:
        seen, now = fitted(problem, seed)
    law, posterior = problem.law, now.belief.posterior
    num = len(seen.x)
    noise = float(now.belief.basins[0].noise)
    root = _at(posterior, seen.x).root[0]
    leverage = np.clip(np.sum(root**2, axis=-1) / noise, 0, 1 - 1e-6)
    heaviest = np.asarray(now.fitted)[:num]
    return View(
        problem=problem,
        seen=seen,
        now=now,
        fit=fit_report(problem, seen, now) if choice is None else choice.fit,
        choice=choice,
        slices={name: _slice(problem, seen, posterior, i) for i, name in enumerate(law.inputs)},
        fitted=heaviest,
        score=(seen.y - heaviest) / np.sqrt(noise * (1 - leverage)),
        plausible=_plausible(problem, seen, now),
        labels=labels,
    )


@dataclass(frozen=True)
class _Here:
    """Belief at some rows: mean and intervals of the mixture, ``(row, output)``, and all Gaussians."""

    mean: np.ndarray
    outcome: np.ndarray
    curve: np.ndarray
    means: np.ndarray
    root: np.ndarray


@compiled
def _evaluate(posterior: Posterior, x: jax.Array) -> tuple[jax.Array, ...]:
    found = predict(posterior, x)
    mean = jnp.einsum("k,kro->ro", posterior.weight, found.mean)
    outcome, curve = (quantile(posterior, x, LEVELS, noisy) for noisy in (True, False))
    return mean, outcome, curve, found.mean, found.root


def _at(posterior: Posterior, x: np.ndarray) -> _Here:
    """The belief at ``x (row, feature)``, through a program of fixed size."""
    num = len(x)
    with double_precision():
        found = _evaluate(posterior, jnp.asarray(pad(x, buffer_size(num, 128))))
    mean, *others = (np.asarray(part) for part in found)
    return _Here(mean[:num], *(values[:, :num] for values in others))


def _slice(problem: Problem, seen: Runs, posterior: Posterior, index: int) -> Slice:
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

    curve = _at(posterior, on_slice(grid))
    moved = y - _at(posterior, x).mean + _at(posterior, on_slice(x[:, index])).mean
    return Slice(
        input=law.inputs[index],
        held={name: float(centre[i]) for i, name in enumerate(law.inputs) if i != index},
        log=log,
        x=grid,
        mean=curve.mean,
        low=curve.outcome[0],
        high=curve.outcome[1],
        curve_low=curve.curve[0],
        curve_high=curve.curve[1],
        runs=moved[: len(seen.x)],
        targets=moved[len(seen.x) :],
    )


def _centre(x: np.ndarray) -> np.ndarray:
    """The geometric mean of every input, the arithmetic one where some are zero: ``(feature,)``."""
    positive = (x > 0).all(axis=0)
    return np.where(positive, np.exp(np.log(np.where(positive, x, 1.0)).mean(axis=0)), x.mean(axis=0))


def _plausible(problem: Problem, seen: Runs, now: Now) -> Plausible:
    x = seen.x if problem.targets is None else problem.targets.x
    fit, basins = now.belief.fits[0], now.belief.basins[0]
    used = np.asarray(basins.weight) > 0
    here = _at(now.belief.posterior, x)
    with double_precision():
        padded = jnp.asarray(pad(x, buffer_size(len(x))))
        predicted = np.asarray(law_values(problem.law, jnp.asarray(fit.theta), padded))[:, : len(x)]
    return Plausible(
        prediction=predicted.mean(axis=1),
        loss=np.asarray(fit.loss),
        label=np.asarray(basins.label),
        mean=here.means.mean(axis=1)[used],
        deviation=np.linalg.norm(here.root.mean(axis=1), axis=-1)[used],
        weight=np.asarray(basins.weight)[used],
    )


def axis_labels(
    law: Law, cost: str | None, columns: Mapping[str, str], units: Mapping[str, str]
) -> dict[str, str]:
    """Labels with units of all inputs, outputs and the cost; ``columns`` names those of the outputs.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> axis_labels(CHINCHILLA, "6*N*D", {}, {"loss": "nats"})["cost"]
        'cost (6*N*D)'
    """
    labels = {name: f"{name} ({units.get(name, UNITS.get(name, 'as given'))})" for name in law.inputs}
    for name in law.outputs:
        labels[name] = f"{name} ({units.get(name, f'unit of column {columns.get(name, name)}')})"
    labels["cost"] = f"cost ({units.get('cost', cost or 'unknown')})"
    return labels
