"""``python -m experiments.pilot.check TABLE``: does it follow a law to within the noise of seeds?"""

import csv
import sys
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

TABLE = Path("jaxsl/data/pilot_runs.csv")


def columns(table: Path = TABLE) -> dict[str, np.ndarray]:
    """The numeric columns of a table of pilot runs by name, each ``(run,)``."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("N", "D", "seed", "flops", "loss", "seconds", "core_seconds")
    return {name: np.array([float(row[name]) for row in rows]) for name in names}


def chinchilla(theta: np.ndarray, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """``E + A / N^alpha + B / D^beta`` with ``theta = (E, log A, alpha, log B, beta)``, ``(run,)``.

    Hoffmann et al. 2022 (arXiv:2203.15556), equation 2.
    """
    E, log_A, alpha, log_B, beta = theta
    return E + np.exp(log_A - alpha * np.log(N)) + np.exp(log_B - beta * np.log(D))


def fit(N: np.ndarray, D: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """The least-squares ``theta`` of ``chinchilla``, the best of a grid of starts."""
    starts = [
        (E, np.log(scale) + alpha * np.log(N.min()), alpha, np.log(scale) + beta * np.log(D.min()), beta)
        for E, scale, alpha, beta in product((0.3, 1.0), (0.3, 1.0), (0.2, 0.5), (0.2, 0.5))
    ]
    fits = [least_squares(lambda theta: chinchilla(theta, N, D) - loss, start) for start in starts]
    return min(fits, key=lambda found: found.cost).x


def seed_noise(N: np.ndarray, D: np.ndarray, loss: np.ndarray) -> tuple[float, int]:
    """Pooled standard deviation of the loss between seeds at one point, and its degrees of freedom."""
    _, group = np.unique(np.stack([N, D]), axis=1, return_inverse=True)
    size = np.bincount(group)
    deviation = loss - (np.bincount(group, loss) / size)[group]
    freedom = int((size - 1).sum())
    return float(np.sqrt((deviation**2).sum() / freedom)), freedom


def main(table: Path) -> None:
    """Prints the fit, its residuals and the noise of a table."""
    run = columns(table)
    N, D, loss = run["N"], run["D"], run["loss"]
    theta = fit(N, D, loss)
    residual = loss - chinchilla(theta, N, D)
    noise, freedom = seed_noise(N, D, loss)
    E, log_A, alpha, log_B, beta = theta
    print(f"{len(loss)} runs, loss {loss.min():.3f} to {loss.max():.3f} nats per byte")
    for name in ("seconds", "core_seconds"):
        print(f"{run[name].sum():.0f} {name} in all, {run[name].max():.0f} the longest run")
    print(f"L = {E:.3f} + {np.exp(log_A):.3g} / N^{alpha:.3f} + {np.exp(log_B):.3g} / D^{beta:.3f}")
    print(f"residuals: standard deviation {np.sqrt((residual**2).sum() / (len(loss) - 5)):.4f} nats")
    print(f"seeds:     standard deviation {noise:.4f} nats ({freedom} degrees of freedom)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE)
