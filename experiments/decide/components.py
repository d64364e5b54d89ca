"""Which components of the belief make an interval of N wide, and by what.

Command: ``python -m experiments decide components``. The sets are those of ``experiments.decide.coverage``.
Of a component the variance of log N* is a sum of that by the law's parameters and that by its discrepancy
beyond the runs, whose slope no run tells. Components without a discrepancy are the law alone; deviations are
root mean squares over components by weight, then medians over the sets.
"""

from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import split
from experiments.decide.coverage import ASKED, LEVEL, made
from experiments.decide.worlds import COST, FOLDER
from experiments.report import provenance, write_table
from jaxsl.host.decision.estimate import values
from jaxsl.host.decision.known import learned
from jaxsl.host.programs.cache import enable_compilation_cache

EACH = 4  # rows of a cost: log N, log D, the loss, the regret


def main(
    world: Annotated[str, typer.Option(help="Published parameters.")] = "chinchilla@epoch",
    noises: Annotated[str, typer.Option(help="Standard deviations of the loss.")] = "0.002,0.01",
    sets: Annotated[int, typer.Option(min=2, help="Simulated sets of each kind.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the first set; the others follow.")] = 1000,
) -> None:
    """Weights and deviations of log N* at 1e21 and 1e24, of the law alone and with a discrepancy."""
    enable_compilation_cache()
    rows = []
    for noise in map(float, split(noises)):
        found = np.array([told(world, noise, seed + i) for i in range(sets)])
        for place, budget in enumerate(ASKED):
            for kind, name in enumerate(("law alone", "with a discrepancy")):
                weight, whole, law, bump = np.median(found[:, place, kind], axis=0)
                rows.append(
                    {
                        "noise": noise,
                        "C": f"{budget:.0e}",
                        "components": name,
                        "weight": weight,
                        "deviation of log N*": whole,
                        "by parameters": law,
                        "by the discrepancy": bump,
                    }
                )
    command = f"python -m experiments decide components --world {world} --noises {noises} --sets {sets}"
    typer.echo(write_table("components", rows, provenance(command, seed), FOLDER)[1].read_text())


def told(world: str, noise: float, seed: int) -> np.ndarray:
    """Of one set ``(budget, kind, [weight, deviation, by parameters, by the discrepancy])``."""
    law, levels = world.partition("@")[0], np.log(ASKED)
    runs = made(world, noise, seed)
    known = learned(runs, law, COST, {}, {}, levels, False, level=LEVEL, seed=0)
    view, num = values(known, levels, False), known.parts[0].law.num_params
    alone = ~view.root[:, :, num:].any(axis=(1, 2))
    found = []
    for place in range(len(ASKED)):
        root = view.root[:, EACH * place] ** 2
        parts = np.stack([root.sum(axis=1), root[:, :num].sum(axis=1), root[:, num:].sum(axis=1)], axis=1)
        for kind in (alone, ~alone):
            weight = view.weight[kind]
            found.append([weight.sum(), *np.sqrt(weight @ parts[kind] / weight.sum())])
    return np.array(found).reshape(len(ASKED), 2, 4)
