"""Capability scores: the first principal component of a table of benchmark scores, never fitted on the target.

Missing scores are imputed (the benchmark's mean, then the reconstruction from one principal component,
repeated until nothing moves), benchmarks are standardised, and the first component is the score. All of that
is learned from the models marked for it; the others, such as the target, are only projected.

("Extrapolating Large Models from the Small", section 7.2 and Appendix D.1, after Ruan et al. 2025.)
"""

from dataclasses import dataclass
from importlib import import_module

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
    names = names or tuple(f"number {column + 1}" for column in range(scores.shape[1]))
    _check(scores, learn, names)
    try:
        decomposition, preprocessing = (
            import_module("sklearn.decomposition"),
            import_module("sklearn.preprocessing"),
        )
    except ImportError:
        raise UserError(
            "capability scores need scikit-learn; install it with: pip install 'jaxsl[pca]'"
        ) from None
    component = decomposition.PCA(n_components=1, svd_solver="full")
    scaler = preprocessing.StandardScaler()
    known = scores[learn]
    filled = _impute(known, np.nanmean(known, axis=0), lambda table: component.fit(table))
    standardised = scaler.fit_transform(filled)
    component.fit(standardised)
    sign = np.sign(component.components_[0].sum()) or 1.0
    everything = scores.copy()
    everything[learn] = filled
    fitted = decomposition.PCA(n_components=1, svd_solver="full").fit(standardised)
    imputed = _impute(everything, scaler.mean_, lambda _: fitted, scaler)
    score = sign * component.transform(scaler.transform(imputed))[:, 0]
    return Capability(
        score=score,
        loading=sign * component.components_[0],
        mean=scaler.mean_,
        scale=scaler.scale_,
        explained=float(component.explained_variance_ratio_[0]),
        imputed=imputed,
    )
