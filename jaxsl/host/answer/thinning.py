"""How many candidates are drawn, and how strongly: as many and as far apart as an eye can tell."""

import numpy as np

MOST_DRAWN = 1000  # marks of a kind in a chart, and candidates that a view keeps
DECADES = 3.0  # of scores below the best that are told apart
LINEAR = 10.0  # ratio of the best score to the worst up to which differences count, and beyond which ratios


def thinned(num: int, most: int = MOST_DRAWN) -> np.ndarray:
    """Places of at most ``most`` of ``num`` things in order: the first ones, as many spread over the others.

    Example:
        >>> thinned(4, 10).tolist(), thinned(1000, 6).tolist()
        ([0, 1, 2, 3], [0, 1, 2, 335, 667, 999])
    """
    if num <= most:
        return np.arange(num)
    first = most // 2
    spread = np.linspace(first, num - 1, most - first + 1)[1:]
    return np.concatenate([np.arange(first), np.round(spread).astype(int)])


def strength(score: np.ndarray) -> np.ndarray:
    """From 0 for the worst score to 1 for the best, ``(candidate,)``: spread over what there is.

    In the logarithm where scores differ by more than a factor of ``LINEAR``, at most ``DECADES`` of it.

    Example:
        >>> strength(np.array([0.8, 0.9, 1.0])).round(2).tolist(), strength(np.array([2.0])).tolist()
        ([0.0, 0.5, 1.0], [1.0])
        >>> strength(np.array([0.0, 1e-3, 1e-2, 1e-1])).round(2).tolist()
        [0.0, 0.33, 0.67, 1.0]
    """
    best = float(np.max(score))
    low = max(float(np.min(score)), 0.0)
    if best <= low:
        return np.ones(np.shape(score))
    if best <= LINEAR * low:
        return (score - low) / (best - low)
    decades = min(np.log10(best / low), DECADES) if low > 0 else DECADES
    return 1 + np.log10(np.maximum(score / best, 10.0**-decades)) / decades
