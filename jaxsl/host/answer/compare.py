"""How published parameters do on one's own runs, beside one's own fit of the same laws.

>>> runs = {"N": [1e8, 1e9, 1e10], "D": [2e9, 2e10, 2e11], "loss": [3.44, 2.54, 2.14]}
>>> found = compare(runs, ["chinchilla@epoch", "chinchilla@hoffmann"])
>>> [(row.name, round(row.rmse, 3)) for row in found.rows]
[('chinchilla@epoch', 0.008), ('chinchilla@hoffmann', 0.035)]
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.fit import answered
from jaxsl.host.answer.report import Report, r2
from jaxsl.host.answer.which_laws import ensemble, run_table
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Runs, runs
from jaxsl.host.input.reading import Reading
from jaxsl.host.laws.common_inputs import common_inputs, whole
from jaxsl.host.laws.estimate import estimated, find_estimates

FITTED = " fitted here"


@dataclass(frozen=True)
class Compared(Report):
    """How one set of parameters does.

    Attributes:
        name: such as ``"chinchilla@epoch"``, or ``"chinchilla fitted here"``.
        rmse: root mean squared error on the runs. r2: share of their variance that is explained.
        bias: mean of outcome less prediction: above 0 where runs are worse than predicted, for a loss.
        worst: residual that is largest in size. worst_row: its row.
        fitted: whether the runs themselves gave the parameters.
    """

    name: str
    rmse: float
    r2: float
    bias: float
    worst: float
    worst_row: int
    fitted: bool


@dataclass(frozen=True)
class CompareReport(Report):
    """Several on the same runs, smallest error first; ``unit`` is what a row of them is called.

    ``notes`` are what is worth saying of the table.
    """

    num_runs: int
    unit: str
    rows: tuple[Compared, ...]
    notes: tuple[str, ...]


def compare(
    source: Any,
    law: str | Iterable[str],
    *,
    fit: bool = False,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    seed: int = 0,
    **how: Unpack[Reading],
) -> CompareReport:
    """Compare published parameters on runs.

    Args:
        source, map, outcome, how: the runs, as in ``jaxsl.host.fit``.
        law: published parameters such as ``"chinchilla@epoch"``, one or several.
        fit: whether the same laws are to be fitted to the runs as well.
        seed: of the fits' starting points.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    names = [law] if isinstance(law, str) else list(law)
    if not names:
        raise UserError("nothing to compare; name published parameters, such as --law chinchilla@epoch")
    estimates = find_estimates(names)
    laws = list({one.law.name: one.law for one in estimates}.values())
    table = run_table(source, laws, map, outcome, **how)
    together = {law.name: law for law in common_inputs(laws)}
    problem = runs(table, whole(tuple(together.values())), mapping=map, outcome=outcome)
    seen = problem.runs.take(problem.runs.observed)
    if not len(seen.x):
        raise UserError(f"{problem.table} has no run with an outcome to compare on")
    rows = [
        _compared(one.name, estimated(together[one.law.name], one.theta, seen.x), seen) for one in estimates
    ]
    if fit:
        answer = answered(ensemble(table, laws, mapping=map, outcome=outcome), seed=seed)
        for found, lesson in zip(answer.found.laws, answer.found.lessons, strict=True):
            fitted = np.asarray(lesson.fitted)[: len(seen.x)]
            rows.append(_compared(found.name + FITTED, fitted, seen, True))
    ordered = tuple(sorted(rows, key=lambda row: row.rmse))
    return CompareReport(len(seen.x), problem.unit, ordered, problem.notes)


def _compared(name: str, predicted: np.ndarray, seen: Runs, fitted: bool = False) -> Compared:
    """What predictions at the runs, ``(run, output)``, are worth."""
    residual = seen.y - predicted
    worst = np.unravel_index(np.argmax(np.abs(residual)), residual.shape)
    return Compared(
        name=name,
        rmse=float(np.sqrt(np.mean(residual**2))),
        r2=r2(seen.y, predicted),
        bias=float(np.mean(residual)),
        worst=float(residual[worst]),
        worst_row=int(seen.row_numbers[worst[0]]),
        fitted=fitted,
    )
