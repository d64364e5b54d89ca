"""``python -m experiments curves``: error against spend where rows are points, and where they are curves."""

import hashlib
import json
import os
from functools import cache
from itertools import product
from typing import Annotated

import numpy as np
import typer
from scipy.optimize import isotonic_regression

from experiments.benchmark.fingerprint import fingerprint_of_source
from experiments.benchmark.kept import read
from experiments.benchmark.options import split
from experiments.curves.worlds import WORLDS, World, world
from experiments.report import OUTPUTS, provenance, tell_table
from jaxsl.host.errors import UserError

NAMES = ("points", "curves, errors independent", "curves", "random curves")
SPENDS = np.array([0.05, 0.2, 0.5, 1.0])  # shares of the budget


def curves(
    worlds: Annotated[str, typer.Option(help="Comma-separated; all by default.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0 to this, exclusive.")] = 20,
) -> None:
    """Points priced one by one, curves chosen with and without the correlation of errors, random curves."""
    chosen = split(worlds) or list(WORLDS)
    unknown = sorted({*chosen} - {*WORLDS})
    if unknown:
        raise UserError(f"no world {', '.join(unknown)}; there are {', '.join(WORLDS)}")
    rows = [row for kind in chosen for row in summary(kind, results(kind, seeds))]
    command = f"python -m experiments curves --seeds {seeds}" + (f" --worlds {worlds}" if worlds else "")
    tell_table("curves", rows, provenance(command))


def results(kind: str, seeds: int) -> dict[str, list[dict]]:
    """By method the results of all seeds, measured or read from ``outputs/curves.jsonl``."""
    path = OUTPUTS / "curves.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    done, found = read(path), dict[str, list[dict]]()
    for seed, name in product(range(seeds), NAMES):
        key = _key(kind, name, seed)
        if key not in done:
            from experiments.curves.episode import METHODS, measure

            measured = measure(world(kind, seed), METHODS[name], seed)
            done[key] = {"fingerprint": key, "world": kind, "method": name, "seed": seed, **measured}
            with path.open("a") as file:
                file.write(json.dumps(done[key]) + "\n")
                file.flush()
                os.fsync(file.fileno())
        found.setdefault(name, []).append(done[key])
    return found


def _key(kind: str, name: str, seed: int) -> str:
    given = vars(world(kind, seed))
    data = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in given.values()))
    made = _code(), data.hexdigest(), name, seed
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:20]


@cache
def _code() -> str:
    return fingerprint_of_source({"experiments.curves.episode"})


def summary(kind: str, found: dict[str, list[dict]]) -> list[dict]:
    """A row a method and spend, of those that pay for the first rows of every method.

    Keys: ``rmse`` at the target, the geometric mean over seeds; ``saved``, how many times less than points
    the method spends for the error that points have there, by errors that fall (isotonic regression over
    spends), 0 where it never does; ``coverage`` of the 90 % interval, and its median ``width``; what rows of
    a run are taken to ``share``.
    """
    truth = [world(kind, seed) for seed in range(len(found[NAMES[0]]))]
    least = max(one["spent"][0] for each in found.values() for one in each)
    grid = np.geomspace(least, truth[0].budget, 200)
    error = {
        name: np.mean([_error(*pair, grid) for pair in zip(each, truth, strict=True)], axis=0)
        for name, each in found.items()
    }
    falling = {name: isotonic_regression(each, increasing=False).x for name, each in error.items()}
    rows = []
    for name, each in found.items():
        for spend in map(float, SPENDS[SPENDS * grid[-1] >= least] * grid[-1]):
            last = [_within(one, spend) for one in each]
            ends = np.concatenate([one["interval"][at] for one, at in zip(each, last, strict=True)], axis=1)
            outcome = np.concatenate([given.outcome for given in truth])
            here = int(np.searchsorted(grid, spend * (1 - 1e-9)))
            rows.append(
                {
                    "world": kind,
                    "method": name,
                    "spend": spend,
                    "rmse": float(np.exp(error[name][here])),
                    "saved": _first(grid, falling[NAMES[0]], falling[NAMES[0]][here])
                    / _first(grid, falling[name], falling[NAMES[0]][here]),
                    "coverage": float(np.mean((ends[0] <= outcome) & (outcome <= ends[2]))),
                    "width": float(np.median(ends[2] - ends[0])),
                    "share": float(np.mean([one["share"][at] for one, at in zip(each, last, strict=True)])),
                }
            )
    return rows


def _first(grid: np.ndarray, error: np.ndarray, least: float) -> float:
    """The least spend of the grid at which an error is reached; infinite where none is."""
    reached = np.flatnonzero(error <= least + 1e-12)
    return float(grid[reached[0]]) if len(reached) else float("inf")


def _within(one: dict, spend: float) -> int:
    """The last round before which at most so much was spent; the first, had more been spent by then."""
    return max(int(np.searchsorted(one["spent"], spend * (1 + 1e-9), side="right")) - 1, 0)


def _error(one: dict, given: World, grid: np.ndarray) -> np.ndarray:
    """Logarithm of the root mean squared error of the median at every spend of the grid."""
    median = np.array(one["interval"])[:, 1]
    each = np.log(np.sqrt(np.mean((median - given.curve) ** 2, axis=1)))
    return each[[_within(one, spend) for spend in grid]]
