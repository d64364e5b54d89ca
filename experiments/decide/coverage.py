"""How often 90 % intervals of a decision hold the truth, as ``jaxsl optimal`` gives them.

Command: ``python -m experiments decide coverage``. Each set is 25 runs between 1e18 and 1e20 FLOP (see
``experiments.decide.worlds``) with normal errors, fitted by the law that made them; asked are the best sizes
and the loss at 1e21 and 1e24, and the exponents between the two.

Resumable: a line of JSON a set, in ``outputs/decide/coverage.jsonl``.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import numpy as np
import typer

from experiments.benchmark.options import split
from experiments.decide.kept import Kept
from experiments.decide.worlds import COST, FOLDER, measured, sizes, truth
from experiments.report import provenance, tell_table
from jaxsl.host.decision.estimate import Estimate
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.decision.report import OptimalReport
from jaxsl.host.programs.cache import enable_compilation_cache

ASKED = (1e21, 1e24)
LEVEL = 90.0


def told(report: OptimalReport) -> Iterator[tuple[str, float, Estimate]]:
    """Every number of a report: its name, the budget (none of an exponent), the estimate."""
    for decision in report.decisions:
        for one in decision.estimates:
            yield one.name, decision.budget, one
    for name, one in zip(("a", "b"), report.exponents, strict=True):
        yield name, np.nan, one


def main(
    worlds: Annotated[str, typer.Option(help="Published parameters, commas between.")] = (
        "chinchilla@epoch,chinchilla@hoffmann"
    ),
    noises: Annotated[
        str, typer.Option(help="Standard deviations of the loss, commas between.")
    ] = "0.002,0.01",
    sets: Annotated[int, typer.Option(min=2, help="Simulated sets of each kind.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the first set; the others follow.")] = 1000,
) -> None:
    """Coverage of 90 % intervals of N, D, loss and exponents at 1e21 and 1e24."""
    enable_compilation_cache()
    kept, rows = Kept("coverage", {__name__}), []
    for world in split(worlds):
        right = list(told(truth(world, *ASKED)))
        for noise in map(float, split(noises)):
            found = [
                kept([world, noise, one], partial(estimated, world, noise, one))["estimates"]
                for one in range(seed, seed + sets)
            ]
            rows += [
                row(world, noise, [Estimate(**one[place]) for one in found], *known)
                for place, known in enumerate(right)
            ]
    command = f'python -m experiments decide coverage --worlds "{worlds}" --noises "{noises}" --sets {sets}'
    tell_table("coverage", rows, provenance(command, seed), FOLDER)


def made(world: str, noise: float, seed: int) -> dict[str, np.ndarray]:
    """One set."""
    return measured(world, sizes(world), noise, np.random.default_rng(seed))


def estimated(world: str, noise: float, seed: int) -> dict[str, Any]:
    """What is told of one set, in the order of ``told``."""
    law = world.partition("@")[0]
    found = optimal(made(world, noise, seed), law, cost=COST, budget=ASKED, level=LEVEL)
    return {"estimates": [vars(one) for _, _, one in told(found)]}


def row(
    world: str, noise: float, found: list[Estimate], name: str, budget: float, right: Estimate
) -> dict[str, object]:
    """How often the intervals hold the truth, how wide they are, and how far their middles are from it.

    Widths and errors of sizes are in natural logarithms.
    """
    size = name in ("N", "D", "D/N")
    ends = np.array([[one.low, one.median, one.high] for one in found])
    low, median, high = (np.log(ends) if size else ends).T
    wanted = np.log(right.median) if size else right.median
    return {
        "world": world,
        "noise": noise,
        "C": "both" if np.isnan(budget) else f"{budget:.0e}",
        "of": name,
        "coverage": float(np.mean((low <= wanted) & (wanted <= high))),
        "below": float(np.mean(wanted < low)),
        "above": float(np.mean(wanted > high)),
        "width": float(np.median(high - low)),
        "error": float(np.sqrt(np.mean((median - wanted) ** 2))),
        "bias": float(np.mean(median - wanted)),
        "by draws": float(np.mean([one.method == "draws" for one in found])),
    }
