"""What is allowed in a table of runs and worth saying: repeated runs, targets among them, slips of units."""

from collections.abc import Mapping, Sequence

import numpy as np

SLIP = 1e6  # times beyond all runs from which a target's input looks like another unit


def repeated(runs: np.ndarray, targets: np.ndarray | None) -> list[str]:
    """Runs of one configuration, and targets that are among them; ``(row, feature)`` each."""
    notes = []
    aim = np.zeros((0, runs.shape[1])) if targets is None else targets
    label = labels(np.concatenate([runs, aim]))
    times = np.bincount(label[: len(runs)], minlength=len(label))
    again = len(runs) - np.count_nonzero(times)
    if again:
        notes.append(f"{again} of {len(runs)} runs repeat a configuration: taken as replicates")
    inside = np.count_nonzero(times[label[len(runs) :]])
    if inside:
        notes.append(f"{inside} of {len(aim)} targets are also among the runs: allowed")
    return notes


def labels(rows: np.ndarray) -> np.ndarray:
    """Numbers from 0 that are equal where rows are, ``(row,)``."""
    order = np.lexsort(rows.T)
    differs = np.any(np.diff(rows[order], axis=0) != 0, axis=1)
    label = np.zeros(len(rows), int)
    label[order[1:]] = np.cumsum(differs)
    return label


def ties(num_dear: int, num_runs: int, share: float) -> list[str]:
    """That more runs than asked for are the dearest, as they cost the same.

    Example:
        >>> ties(12, 30, 0.17), ties(5, 30, 0.17)
        (['12 of 30 runs are the target, not a share of 0.17: the dearest cost the same'], [])
    """
    if num_dear <= max(share * num_runs * (1 + 1e-9), 1):  # as many as ``Runs.split_dearest`` takes
        return []
    return [
        f"{num_dear} of {num_runs} runs are the target, not a share of {share:.3g}: the dearest cost the same"
    ]


def slips(
    runs: np.ndarray, targets: np.ndarray | None, inputs: Sequence[str], formulas: Mapping[str, str]
) -> list[str]:
    """Inputs of a target that lie so far beyond all runs that their unit may be another.

    Args:
        runs, targets: configurations, ``(row, feature)``.
        inputs: names of the features. formulas: the column or expression of each.

    Example:
        >>> print(slips(np.array([[0.07], [1.3]]), np.array([[7e10]]), ["N"], {"N": "n"})[0])
        the target has N 5.4e+10 times as large as any run: other units? --map N=1e9*(n) rescales the runs
    """
    notes = []
    for index, name in enumerate(inputs):
        own, aim = runs[:, index], np.zeros(0) if targets is None else targets[:, index]
        own, aim = own[own > 0], aim[aim > 0]
        if not (own.size and aim.size):
            continue
        beyond, below = aim.max() / own.max(), own.min() / aim.min()
        for ratio, what, sign in ((beyond, "large", ""), (below, "small", "-")):
            if ratio >= SLIP:
                exponent = 3 * int(np.log10(ratio) // 3)
                notes.append(
                    f"the target has {name} {ratio:.2g} times as {what} as any run: other units? "
                    f"--map {name}=1e{sign}{exponent}*({formulas[name]}) rescales the runs"
                )
    return notes
