"""Errors of simulated runs, a part of which rows of one run share."""

import numpy as np


def errors_along(
    rng: np.random.Generator, place: np.ndarray, num_runs: int, share: float, decades: float
) -> np.ndarray:
    """Errors of variance one at the same places of every run, ``(run, row)``.

    Args:
        rng: of the draws.
        place: decimal logarithm of the tokens, ``(row,)``.
        num_runs: how many runs.
        share: of the variance that rows at one place would have in common.
        decades: of tokens over which that is forgotten to ``1 / e``.
    """
    alike = share * np.exp(-np.abs(place[:, None] - place) / decades) + (1 - share) * np.eye(len(place))
    return rng.standard_normal((num_runs, len(place))) @ np.linalg.cholesky(alike).T
