"""From arrays to reports: what is said about a fit and about a candidate."""

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.problem import Problem, Runs
from jaxsl.host.programs import Advice, Now
from jaxsl.host.report import (
    BasinReport,
    FitReport,
    NextRun,
    Parameter,
    Prediction,
    Residuals,
    beyond_rounding,
    r2,
)
from jaxsl.law import Law

HARDLY_TOLD = 0.5  # share of the prior deviation from which a parameter is badly identified


def fit_report(problem: Problem, seen: Runs, now: Now) -> FitReport:
    """What was found by fitting the runs ``seen``.

    Raises:
        UserError: when the law was finite at the runs from none of the starts.
    """
    law, fit, basins = problem.law, now.belief.fits[0], now.belief.basins[0]
    if not np.isfinite(fit.loss[0]):
        raise UserError(
            f"{law.name} has no finite loss on the runs of {problem.table} from any of "
            f"{len(fit.loss)} starts; check the units of its inputs "
            "(--map N=1e6*COLUMN rescales one) or take another law"
        )
    reports = tuple(
        BasinReport(
            weight=float(basins.weight[k]),
            rmse=float(np.sqrt(basins.loss[k])),
            num_optima=int(np.sum(basins.label == k)),
            parameters=_parameters(law, now, k),
        )
        for k in range(int(np.sum(basins.weight > 0)))
    )
    fitted = np.asarray(now.fitted)[: len(seen.x)]
    residual = seen.y - fitted
    worst = np.unravel_index(np.argmax(np.abs(residual)), residual.shape)
    return FitReport(
        law=law.name,
        num_runs=len(seen.x),
        noise=float(np.sqrt(basins.noise)),
        num_starts=len(fit.loss),
        num_converged=int(np.sum(fit.converged)),
        num_best=int(np.sum(fit.loss <= 1.01 * fit.loss[0])),
        basins=reports,
        residuals=Residuals(
            rmse=float(np.sqrt(np.mean(residual**2))),
            r2=r2(seen.y, fitted),
            worst=float(residual[worst]),
            worst_row=int(seen.row_numbers[worst[0]]),
        ),
        prediction=_prediction(problem, now),
        notes=problem.notes + _remarks(reports),
    )


def _parameters(law: Law, now: Now, basin: int) -> tuple[Parameter, ...]:
    found = now.parameters
    return tuple(
        Parameter(
            name=param.name,
            value=float(found.value[basin, i]),
            low=float(found.low[basin, i]),
            high=float(found.high[basin, i]),
            lower=param.lower,
            upper=param.upper,
            told=float(1 - found.deviation[basin, i]),
            bound="lower" if found.lower[basin, i] else "upper" if found.upper[basin, i] else "",
        )
        for i, param in enumerate(law.params)
    )


def _prediction(problem: Problem, now: Now) -> Prediction | None:
    if problem.targets is None or problem.answers is None:
        return None
    num = len(problem.targets.x)
    interval = np.asarray(now.interval)[:, :num]
    return Prediction(
        x={name: problem.targets.x[:, i] for i, name in enumerate(problem.law.inputs)},
        row_numbers=problem.targets.row_numbers,
        mean=np.asarray(now.moments.mean)[:num],
        low=interval[0],
        high=interval[1],
        within=np.sqrt(now.moments.within[:num]),
        between=np.sqrt(now.moments.between[:num]),
        observed=problem.answers.y,
    )


def _remarks(basins: tuple[BasinReport, ...]) -> tuple[str, ...]:
    best = basins[0].parameters
    bound = [f"{parameter.name} ({parameter.bound})" for parameter in best if parameter.bound]
    vague = [parameter.name for parameter in best if parameter.told < 1 - HARDLY_TOLD and not parameter.bound]
    remarks = []
    if bound:
        remarks.append(f"at a bound of its box in the heaviest basin: {', '.join(bound)}")
    if vague:
        remarks.append(f"hardly told by the runs in the heaviest basin: {', '.join(vague)}")
    return tuple(remarks)


def next_run(law: Law, pool: Runs, now: Now, advice: Advice, rank: int, num_targets: int) -> NextRun:
    """The candidate of this rank.

    The interval expected after it is the one before, shrunk about the mean as much as the standard
    deviation of the target's outcome is expected to fall.
    """
    row = int(advice.index[rank])
    within = np.asarray(advice.within)[rank, :num_targets]
    between = beyond_rounding(np.asarray(advice.between)[rank, :num_targets], within)
    variance = (
        np.mean(now.moments.within + now.moments.between, axis=1)[:num_targets] + now.belief.basins[0].noise
    )
    shrink = np.sqrt(np.clip(1 - (within + between) / variance, 0, 1))[:, None]
    mean, interval = np.asarray(now.moments.mean)[:num_targets], np.asarray(now.interval)[:, :num_targets]
    low, high = mean + (interval - mean) * shrink
    return NextRun(
        row_number=int(pool.row_numbers[row]),
        x={name: float(pool.x[row, i]) for i, name in enumerate(law.inputs)},
        labels={name: str(values[row]) for name, values in pool.labels.items()},
        cost=float(pool.cost[row]),
        score=float(advice.value[rank]),
        within=float(within.mean()),
        between=float(between.mean()),
        low=low,
        high=high,
    )
