"""Where curves are chosen: simulated runs whose truth is known, and those of the pilot lab.

A simulated world has 16 runs, two of each of eight sizes from 2e6 to 3e8, with checkpoints at 5 to 320 tokens
a parameter, each decayed from at an eighth of its price, and six targets two to ten times larger. Losses
follow a law of the form of Chinchilla's, drawn about published values by the seed; errors have the deviation
.005, of whose variance rows of one run share ``share``, forgotten over ``decades`` of tokens.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from experiments.curves.errors import errors_along

SIZES = np.geomspace(2e6, 3e8, 8)
PER_PARAMETER = 5.0 * 2.0 ** np.arange(7)
NOISE = 0.005
KINDS = {"shared": (0.8, 1.0), "independent": (0.0, 1.0)}  # share and decades
WORLDS = (*KINDS, "pilot")
LEFT_OUT = 2  # runs of the lab that a seed leaves out


@dataclass(frozen=True)
class World:
    """Runs as curves, and the same rows as runs of their own.

    Attributes:
        x: configurations of every run's rows, ``(run, row, 2)``, in order; of shorter runs padded.
        y, alone: outcomes of the rows, ``(run, row)``, and had each been trained as a run of its own.
        real: which rows there are, ``(run, row)`` of bool.
        main: cost of the main run from the row before to this one, ``(run, row)``, as a share of all rows
            priced one by one. price: of the row itself, its decay.
        target: what to predict, ``(target, 2)``. curve, outcome: what the law says there, and what came out.
        budget: what may be spent, as a share of all rows priced one by one.
        warm: checkpoints of each curve that is bought first, one of each of the smallest sizes.
    """

    x: np.ndarray
    y: np.ndarray
    alone: np.ndarray
    real: np.ndarray
    main: np.ndarray
    price: np.ndarray
    target: np.ndarray
    curve: np.ndarray
    outcome: np.ndarray
    budget: float = 0.1
    warm: int = 3

    @property
    def single(self) -> np.ndarray:
        """Cost of every row as a run of its own, ``(run, row)``."""
        return np.cumsum(self.main, axis=1) + self.price


def world(kind: str, seed: int) -> World:
    """A world of this kind by its seed."""
    return pilot(seed) if kind == "pilot" else simulated(*KINDS[kind], seed)


def simulated(share: float, decades: float, seed: int) -> World:
    """A world whose truth is known, see the module."""
    rng = np.random.default_rng(4000 + seed)
    floor, alpha, beta = (
        middle + spread * rng.standard_normal()
        for middle, spread in ((1.7, 0.2), (0.34, 0.02), (0.29, 0.015))
    )
    size, data = (middle * np.exp(0.2 * rng.standard_normal()) for middle in (400, 410))

    def truth(x: np.ndarray) -> np.ndarray:
        return floor + size * x[..., 0] ** -alpha + data * x[..., 1] ** -beta

    n = np.repeat(SIZES, 2)[:, None]
    steps = np.broadcast_to(n * PER_PARAMETER, (len(n), len(PER_PARAMETER)))
    x = np.stack([np.broadcast_to(n, steps.shape), steps * 9 / 8], axis=2)
    along = errors_along(rng, np.log10(x[0, :, 1]), len(n), share, decades)
    target = np.array([[n, n * r] for n in np.geomspace(6e8, 3e9, 3) for r in (20, 80)])
    main = 6 * n * np.diff(steps, axis=1, prepend=0)
    price = 6 * n * steps / 8
    whole = np.sum(np.cumsum(main, axis=1) + price)
    return World(
        x=x,
        y=truth(x) + NOISE * along,
        alone=truth(x) + NOISE * rng.standard_normal(steps.shape),
        real=np.ones(steps.shape, bool),
        main=main / whole,
        price=price / whole,
        target=target,
        curve=truth(target),
        outcome=truth(target) + NOISE * rng.standard_normal(len(target)),
    )


def pilot(seed: int) -> World:
    """The lab's curves but for some, drawn by the seed; the dearest sixth of the rows is the target.

    A row as a run of its own has the outcome it has on its curve, since it was trained once; the truth at the
    targets is what came out.
    """
    with (files("jaxsl") / "data" / "pilot_curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = [row["run"] for row in rows]
    column = {
        name: np.array([float(row[name]) for row in rows])
        for name in ("N", "D", "loss", "flops", "flops_constant", "flops_decay")
    }
    dear = column["flops"] >= np.sort(column["flops"])[-(len(rows) // 6)]
    kept = [
        own[~dear[own]]
        for own in (np.flatnonzero(np.array(names) == name) for name in dict.fromkeys(names))
        if (~dear[own]).any()
    ]
    chosen = np.random.default_rng(seed).permutation(len(kept))[: len(kept) - LEFT_OUT]
    kept = [kept[run] for run in np.sort(chosen)]
    most = max(map(len, kept))
    index = np.array([np.append(own, np.full(most - len(own), own[-1])) for own in kept])
    real = np.arange(most) < np.array([len(own) for own in kept])[:, None]
    main = np.diff(column["flops_constant"][index], axis=1, prepend=0)
    whole = np.sum(column["flops"][index][real])
    x, y = np.stack([column["N"], column["D"]], axis=1), column["loss"]
    return World(
        x=x[index],
        y=y[index],
        alone=y[index],
        real=real,
        main=main / whole,
        price=column["flops_decay"][index] / whole,
        target=x[dear],
        curve=y[dear],
        outcome=y[dear],
        budget=0.6,  # the first rows cost a tenth
        warm=4,
    )
