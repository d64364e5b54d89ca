"""Capability scores: the first principal component of benchmark scores, never fitted on the target.

Missing scores are imputed (the benchmark's mean, then the reconstruction from one principal component,
repeated until nothing moves), benchmarks are standardised, and the first component is the score. All of that
is learned from the models marked for it; the others, such as the target, are only projected.

("Extrapolating Large Models from the Small", section 7.2 and Appendix D.1, after Ruan et al. 2025.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from jaxsl.host.errors import UserError

ROUNDS, TOLERANCE = 500, 1e-10


@dataclass(frozen=True)
class Capability:
    """Scores and where they come from.

    Attributes:
        score: first component, ``(model,)``; larger is better on most benchmarks.
        loading: weight of every benchmark, ``(benchmark,)``, of unit length.
        mean, scale: of the imputed scores the component was learned from, ``(benchmark,)``.
        explained: share of the variance that the component explains.
        imputed: the scores with every gap filled, ``(model, benchmark)``.
    """

    score: np.ndarray
    loading: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    explained: float
    imputed: np.ndarray


def capability(scores: np.ndarray, learn: np.ndarray, names: tuple[str, ...] = ()) -> Capability:
    """Score every model.

    Args:
        scores: ``(model, benchmark)``, not a number where missing.
        learn: models that imputation, standardisation and component are learned from, ``(model,)`` of bool;
            leave the target out.
        names: of the benchmarks, for messages.

    Raises:
        UserError: when scikit-learn is missing, too few models or benchmarks are given, a benchmark has no
            or only equal scores among the learning models, or a model has no score at all.
    """
    scores, learn = np.asarray(scores, float), np.asarray(learn, bool)
    _check(scores, learn, names or tuple(f"number {column + 1}" for column in range(scores.shape[1])))
    pipeline = _pipeline()
    gaps = np.isnan(scores)
    imputed = np.where(gaps, np.nanmean(scores[learn], axis=0), scores)
    imputed[learn] = _fill(imputed[learn], gaps[learn], lambda table: pipeline.fit(table))
    imputed[~learn] = _fill(imputed[~learn], gaps[~learn], lambda _: pipeline)
    scaler, component = pipeline[0], pipeline[1]
    sign = 1.0 if component.components_[0].sum() >= 0 else -1.0
    return Capability(
        score=sign * pipeline.transform(imputed)[:, 0],
        loading=sign * component.components_[0],
        mean=scaler.mean_,
        scale=scaler.scale_,
        explained=float(component.explained_variance_ratio_[0]),
        imputed=imputed,
    )


def _pipeline() -> Any:
    try:
        decomposition = import_module("sklearn.decomposition")
        preprocessing = import_module("sklearn.preprocessing")
        pipeline = import_module("sklearn.pipeline")
    except ImportError:
        raise UserError("capability scores need scikit-learn: pip install 'jaxsl[pca]'") from None
    component = decomposition.PCA(n_components=1, svd_solver="full")
    return pipeline.make_pipeline(preprocessing.StandardScaler(), component)


def _fill(table: np.ndarray, gaps: np.ndarray, fitted: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Replace the gaps by their reconstruction from one component until nothing moves."""
    for _ in range(ROUNDS if len(table) else 0):
        model = fitted(table)
        new = np.where(gaps, model.inverse_transform(model.transform(table)), table)
        moved, table = np.abs(new - table).max(), new
        if moved < TOLERANCE:
            break
    return table


def _check(scores: np.ndarray, learn: np.ndarray, names: tuple[str, ...]) -> None:
    if scores.shape[1] < 2 or learn.sum() < 3:
        raise UserError(
            f"capability scores need two benchmarks and three models to learn from, not {scores.shape[1]} "
            f"and {learn.sum()}; give more columns or rows"
        )
    for name, column in zip(names, scores[learn].T, strict=True):
        if np.unique(column[~np.isnan(column)]).size < 2:
            raise UserError(
                f"benchmark {name!r} has no two different scores among the models to learn from; leave it out"
            )
    empty = np.isnan(scores).all(axis=1)
    if empty.any():
        raise UserError(f"model number {np.argmax(empty) + 1} has no score on any benchmark; leave it out")
