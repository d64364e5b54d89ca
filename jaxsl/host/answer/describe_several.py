"""From arrays to reports: what is said about several laws."""

from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.report_several import EnsemblePrediction, EnsembleReport, LawReport
from jaxsl.host.answer.which_laws import Ensemble
from jaxsl.host.programs.several_laws import Learned, Mixed
from jaxsl.one_of import AnyLaw
from jaxsl.pool import Observations

NO_TARGET = (
    "no target: the laws are weighed by how well fits to the outlying runs predict the central ones; "
    "--target weighs them for what is to be predicted"
)


@dataclass(frozen=True)
class Believed:
    """What is believed after fitting every law.

    Attributes:
        ensemble: the laws that could be fitted, and the problem.
        fitted: the same laws as they were fitted, which is how ``learned`` lays out their parameters.
        learned: what each says.
        mixed: what they say together.
        observations: the runs, padded.
    """

    ensemble: Ensemble
    fitted: tuple[AnyLaw, ...]
    learned: tuple[Learned, ...]
    mixed: Mixed
    observations: Observations


def law_reports(found: Believed) -> list[LawReport]:
    """What is said about each law, in the order of the ensemble."""
    best = np.max(found.mixed.evidence)
    return [
        LawReport(
            law=law.name,
            formula=law.formula,
            weight=float(found.mixed.share[index]),
            rmse=float(np.sqrt(one.basins.loss[0])),
            forward_rmse=float(np.sqrt(one.validation.mean_square)),
            log_evidence=float(found.mixed.evidence[index] - best),
            num_params=law.num_params,
            num_basins=int(np.sum(one.basins.weight > 0)),
        )
        for index, (law, one) in enumerate(zip(found.ensemble.laws, found.learned, strict=True))
    ]


def fit_report(found: Believed) -> EnsembleReport:
    """What was found by fitting the laws, heaviest first."""
    return EnsembleReport(
        num_runs=len(found.ensemble.seen.x),
        laws=tuple(sorted(law_reports(found), key=lambda law: -law.weight)),
        left_out=found.ensemble.left_out,
        prediction=_prediction(found),
        notes=notes(found.ensemble),
    )


def _prediction(found: Believed) -> EnsemblePrediction | None:
    problem = found.ensemble.problem
    if problem.targets is None or problem.answers is None:
        return None
    num = len(problem.targets.x)
    low, median, high = np.asarray(found.mixed.interval)[:, :num]
    order = np.argsort(-np.asarray(found.mixed.share), kind="stable")
    return EnsemblePrediction(
        x={name: problem.targets.x[:, i] for i, name in enumerate(problem.law.inputs)},
        row_numbers=problem.targets.row_numbers,
        median=median,
        low=low,
        high=high,
        by_law={found.ensemble.laws[index].name: _mean(found.learned[index], num) for index in order},
        observed=problem.answers.y,
    )


def _mean(learned: Learned, num: int) -> np.ndarray:
    """Mean over the basins in use at the first ``num`` rows, ``(row, output)``."""
    used = np.asarray(learned.basins.weight) > 0
    return np.einsum("k,kro->ro", learned.basins.weight[used], learned.here.mean[used, :num])


def notes(chosen: Ensemble) -> tuple[str, ...]:
    """What is allowed and worth saying about the problem."""
    return chosen.problem.notes + ((NO_TARGET,) if chosen.problem.targets is None else ())
