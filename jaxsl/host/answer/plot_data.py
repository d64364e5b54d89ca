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
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.fit import Answer, answered, fit_report
from jaxsl.host.answer.fit_options import How, split
from jaxsl.host.answer.fit_report import FitReport, NextReport
from jaxsl.host.answer.next_runs import ranked
from jaxsl.host.answer.slices import Slice, along
from jaxsl.host.answer.thinning import MOST_DRAWN
from jaxsl.host.answer.which_laws import Ensemble, Laws, ensemble, resolved, run_table
from jaxsl.host.compiled import compiled
from jaxsl.host.input.choice import require_choice
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.problem import Problem, Runs
from jaxsl.host.programs.law_values import law_values
from jaxsl.host.programs.learning import Lesson
from jaxsl.host.programs.packing import pack_target
from jaxsl.law import Law
from jaxsl.pool import Target
from jaxsl.precision import double_precision

UNITS = {"N": "parameters", "D": "tokens", "U": "unique tokens", "C": "FLOP"}  # where the user gives none


@dataclass(frozen=True)
class Plausible:
    """Optima and basins of the heaviest law by what they predict on the targets, or on the runs without.

    Attributes:
        prediction: mean over the targets, on the scale of the errors, of every optimum, best first,
            ``(start, output)``.
        loss: mean squared error of each on the runs, ``(start,)``.
        label: its basin, ``(start,)``; -1 where it belongs to none.
        mean, deviation: the same of every basin, of the law alone, ``(basin, output)``.
        weight, rmse: of every basin, and its misfit on the runs, ``(basin,)``.
    """

    prediction: np.ndarray
    loss: np.ndarray
    label: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    weight: np.ndarray
    rmse: np.ndarray


@dataclass(frozen=True)
class View:
    """A problem and what is believed about it.

    What is said of parameters, basins and residuals is said of the heaviest law, ``best``.

    Attributes:
        problem: runs, candidates, targets.
        seen: the runs that were fitted.
        answer: the belief itself.
        fit: the same as a report.
        choice: affordable candidates, best first, and of more than ``most`` of ``view`` a sample; ``None``
            without cost, target or candidate.
        slices: the fit along each input.
        fitted: what the heaviest law alone says at the runs, ``(run, output)``.
        score: outcome less that in deviations of the noise, on the scale of the errors, ``(run, output)``.
        left_out: outcome less what all that is believed says there, over its deviation had the run been left
            out, on that scale too, ``(run, output)``.
        plausible: optima and basins.
        labels: axis labels with units, of inputs, outputs and ``"cost"``.
    """

    problem: Problem
    seen: Runs
    answer: Answer
    fit: FitReport
    choice: NextReport | None
    slices: Mapping[str, Slice]
    fitted: np.ndarray
    score: np.ndarray
    left_out: np.ndarray
    plausible: Plausible
    labels: Mapping[str, str]

    @property
    def law(self) -> Law:
        """The law; of several, one of their inputs and outputs."""
        return self.problem.law

    @property
    def level(self) -> float:
        """Of every interval, in per cent."""
        return self.answer.found.level

    @property
    def best(self) -> Law:
        """The heaviest law."""
        return self.answer.found.laws[self.answer.found.best]

    @property
    def lesson(self) -> Lesson:
        """What was learned of the heaviest law."""
        return self.answer.found.lessons[self.answer.found.best]

    @property
    def candidates(self) -> Runs:
        """Runs without an outcome."""
        return self.problem.runs.take(~self.problem.runs.observed)


def view(
    source: Any,
    law: Laws,
    *,
    target: Any = None,
    map: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    budget: float | None = None,
    max_cost: float | None = None,
    level: float = LEVEL,
    of: str = "outcome",
    seed: int = 0,
    units: Mapping[str, str] | None = None,
    most: int = MOST_DRAWN,
    **how: Unpack[How],
) -> View:
    """Fit, score every candidate, and keep what there is to see.

    Args:
        source, law, target, map, outcome, budget, max_cost, level, of, seed, how: as in
            ``jaxsl.host.next_runs``.
        cost: column or expression; by default the column ``cost``, if there is one.
        units: of inputs, outputs and ``cost``, by name, for the axes.
        most: candidates to keep.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    check_level(level, of)
    laws = resolved(law)
    reading, options = split(how)
    table = run_table(source, laws, map, outcome, **reading)
    if cost is None and "cost" in table.columns:
        cost = "cost"
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target, cost=cost, options=options)
    whole = chosen.problem.law
    columns = {whole.outputs[0]: outcome} if outcome else {}
    labels = axis_labels(whole, cost, columns | dict(map or {}), units or {})
    limits = budget, max_cost
    return see(chosen, labels, limits, level, of, seed, cost is not None, most)


def see(
    chosen: Ensemble,
    labels: Mapping[str, str],
    limits: tuple[float | None, float | None] = (None, None),
    level: float = LEVEL,
    of: str = "outcome",
    seed: int = 0,
    choose: bool = True,
    most: int = MOST_DRAWN,
) -> View:
    """Fit laws and score the candidates, if there are any, a target and (``choose``) their costs.

    Args:
        chosen: the laws and their problem.
        labels: of the axes.
        limits: budget and most that one run may cost.
        level, of, seed: as in ``jaxsl.host.fit``.
        choose: whether candidates are to be scored.
        most: candidates to keep.
    """
    problem, seen = chosen.problem, chosen.seen
    choose = choose and problem.targets is not None and not problem.runs.observed.all()
    if choose:
        require_choice(problem, *limits)
    answer = answered(chosen, level, of, seed)
    found, fit = answer.found, fit_report(answer)
    lesson, num = found.lessons[found.best], len(seen.x)
    fitted = np.asarray(lesson.fitted)[:num]
    mean = chosen.options.on_scale(found.intervals(seen.x).mean)
    leverage = np.clip(found.leverage[:num, None], 0, 1 - 1e-6)
    return View(
        problem=problem,
        seen=seen,
        answer=answer,
        fit=fit,
        choice=ranked(answer, fit, *limits, len(problem.runs.x), seed, most) if choose else None,
        slices={
            name: along(problem, seen, found, i, chosen.options) for i, name in enumerate(problem.law.inputs)
        },
        fitted=found.back(fitted),
        score=(found.outcomes - fitted) / np.sqrt(lesson.learned.basins.noise),
        left_out=(found.outcomes - mean) / np.sqrt(found.noise * (1 - leverage)),
        plausible=_plausible(problem, seen, found),
        labels=labels,
    )


def _plausible(problem: Problem, seen: Runs, found: Believed) -> Plausible:
    law, learned = found.laws[found.best], found.lessons[found.best].learned
    x = seen.x if problem.targets is None else problem.targets.x
    fit, basins, used = learned.fit, learned.basins, np.asarray(learned.basins.weight) > 0
    with double_precision():
        aim = pack_target(x)
        predicted = np.asarray(law_values(law, jnp.asarray(fit.theta), aim.x))[:, : len(x)]
        theta, root = jnp.asarray(basins.theta), jnp.asarray(basins.root)
        mean, deviation = map(np.asarray, _of_basins(law, theta, root, aim))
    return Plausible(
        prediction=predicted.mean(axis=1),
        loss=np.asarray(fit.loss),
        label=np.asarray(basins.label),
        mean=mean[used],
        deviation=deviation[used],
        weight=np.asarray(basins.weight)[used],
        rmse=np.sqrt(np.asarray(basins.loss)[used]),
    )


@compiled
def _of_basins(law: Law, theta: jax.Array, root: jax.Array, target: Target) -> tuple[jax.Array, jax.Array]:
    """What a law predicts on the target on average in every basin, and its deviation: ``(basin, output)``."""

    def one(theta, root):
        value, jacobian = law.linearise(theta, target.x)
        slope = jnp.einsum("t,top->op", target.weight, jacobian)
        return target.weight @ value, jnp.linalg.norm(slope @ root, axis=-1)

    return jax.vmap(one)(theta, root)


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
