"""How often 90 % intervals hold the truth, with and without knowing which rows are of one training run.

Command: ``python -m experiments along``. Chinchilla's law, which made the runs by the estimates of ``epoch``,
is fitted to simulated sets, and its curve and an outcome of a further run are predicted far from them. Sizes
are spread at random over two decades, and every run passes the same tokens, each twice the one before. An
error has a part that rows of one run share, ``share`` of its variance, with a correlation that falls to
``1 / e`` over ``decades`` of tokens.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import split
from experiments.curves.errors import errors_along
from experiments.report import provenance, tell_table
from jaxsl.host.answer.believed import Believed, believe_runs
from jaxsl.host.input.problem import runs
from jaxsl.host.programs.cache import enable_compilation_cache
from laws.chinchilla import CHINCHILLA

SIZES = 3e6, 3e8
TOKENS = 1e8
TARGET = {"N": 7e9, "D": 1.4e11}


@dataclass(frozen=True)
class World:
    """How runs come out.

    Attributes:
        share, decades: of errors along a run. noise: standard deviation of an error.
        runs, checkpoints: how many there are, and of each.
    """

    share: float
    decades: float = 1.0
    noise: float = 0.01
    runs: int = 12
    checkpoints: int = 10

    def table(self, seed: int) -> dict[str, np.ndarray]:
        """One set of runs, a row a checkpoint."""
        rng = np.random.default_rng(seed)
        size = np.exp(rng.uniform(np.log(SIZES[0]), np.log(SIZES[1]), self.runs))
        tokens = TOKENS * 2.0 ** np.arange(self.checkpoints)
        error = self.noise * errors_along(rng, np.log10(tokens), self.runs, self.share, self.decades)
        n, d = np.repeat(size, len(tokens)), np.tile(tokens, self.runs)
        run = np.repeat(np.arange(self.runs), len(tokens))
        return {"run": run, "N": n, "D": d, "loss": loss(n, d) + error.ravel()}


def loss(n: np.ndarray | float, d: np.ndarray | float) -> np.ndarray:
    """The truth at ``n`` parameters and ``d`` tokens."""
    E, A, alpha, B, beta = CHINCHILLA.estimates["epoch"]
    return np.asarray(E + A * np.power(n, -alpha) + B * np.power(d, -beta))


def main(
    shares: Annotated[
        str, typer.Option(help="Shares of the error that rows of one run have in common, commas between.")
    ] = "0,0.5,0.8",
    decades: Annotated[
        str, typer.Option(help="Of tokens over which that is forgotten, commas between.")
    ] = "0.3,3",
    sets: Annotated[int, typer.Option(min=2, help="Simulated sets of each kind.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the first set; the others follow.")] = 0,
) -> None:
    """Coverage of 90 % intervals from 12 runs of 10 checkpoints each, with --group and without."""
    enable_compilation_cache()
    lengths, rows = [float(one) for one in split(decades)], []
    for share in map(float, split(shares)):
        for world in [World(share, length) for length in (lengths if share else lengths[:1])]:
            for group in (None, "run"):
                found = [believed(world, seed + number, group) for number in range(sets)]
                rows.append(row(world, group, found, seed))
    command = f'python -m experiments along --shares "{shares}" --decades "{decades}" --sets {sets}'
    tell_table("along", rows, provenance(command, seed))


def believed(world: World, seed: int, group: str | None) -> Believed:
    """What one set says."""
    schedule = None if group is None else "constant"
    seen = runs(world.table(seed), CHINCHILLA, group=group, schedule=schedule).runs
    aim = np.array([[TARGET[name] for name in CHINCHILLA.inputs]])
    return believe_runs([CHINCHILLA], seen.x, seen.y, aim, course=seen.course)


def row(world: World, group: str | None, found: list[Believed], seed: int) -> dict[str, object]:
    """How often intervals hold what they should, how wide that of the curve is, and its middle's error."""
    aim, truth = np.array([[TARGET["N"], TARGET["D"]]]), float(loss(TARGET["N"], TARGET["D"]))
    ends = [(told.outcome, told.curve) for told in (one.intervals(aim) for one in found)]
    outcome, curve = (np.array([part[:, 0, 0] for part in parts]) for parts in zip(*ends, strict=True))
    further = truth + world.noise * np.random.default_rng(seed).standard_normal(len(found))
    along = [one.along for one in found if one.along is not None]
    return {
        "share": world.share,
        "decades": world.decades if world.share else "-",
        "told by": "--group run" if group else "nothing",
        "coverage of the curve": float(np.mean((curve[:, 0] <= truth) & (truth <= curve[:, 2]))),
        "of an outcome": float(np.mean((outcome[:, 0] <= further) & (further <= outcome[:, 2]))),
        "width": float(np.median(curve[:, 2] - curve[:, 0])),
        "error": float(np.sqrt(np.mean((curve[:, 1] - truth) ** 2))),
        "share found": float(np.median([one.share for one in along])) if along else "-",
        "decades found": float(np.median([one.length for one in along])) if along else "-",
    }
