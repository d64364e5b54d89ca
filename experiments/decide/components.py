"""Which components of the belief make an interval of N wide, by what, and which of them would do.

Command: ``python -m experiments decide components``. The sets are those of ``experiments.decide.coverage``.
Of a component the variance of log N* is a sum of that by the law's parameters and that by its discrepancy
beyond the runs, whose slope no run tells. Components without a discrepancy are the law alone. Deviations are
root mean squares over components by weight; coverage and width are those of the interval that the components
of a kind give by themselves, by the delta method. Medians over the sets, but for coverage.
"""

from dataclasses import replace
from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import split
from experiments.decide.coverage import ASKED, LEVEL, made
from experiments.decide.worlds import COST, FOLDER, truth
from experiments.report import provenance, tell_table
from jaxsl.discrepancy.field import BROWNIAN, SMOOTH
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.host.decision.estimate import Values, values
from jaxsl.host.decision.known import learned
from jaxsl.host.programs.cache import enable_compilation_cache

EACH = 4  # rows of a cost: log N, log D, the loss, the regret
KINDS = "law alone", "smooth", "Brownian", "all"


def main(
    world: Annotated[str, typer.Option(help="Published parameters.")] = "chinchilla@epoch",
    noises: Annotated[str, typer.Option(help="Standard deviations of the loss.")] = "0.002,0.01",
    sets: Annotated[int, typer.Option(min=2, help="Simulated sets of each kind.")] = 40,
    seed: Annotated[int, typer.Option(help="Of the first set; the others follow.")] = 1000,
) -> None:
    """Weight, deviation, coverage and width of log N* at 1e21 and 1e24, by kinds of components."""
    enable_compilation_cache()
    rows = []
    for noise in map(float, split(noises)):
        found = np.array([told(world, noise, seed + i) for i in range(sets)])
        for place, budget in enumerate(ASKED):
            for kind, name in enumerate(KINDS):
                weight, law, bump, low, high = found[:, place, kind].T
                rows.append(
                    {
                        "noise": noise,
                        "C": f"{budget:.0e}",
                        "components": name,
                        "weight": np.median(weight),
                        "by parameters": np.nanmedian(law),
                        "by the discrepancy": np.nanmedian(bump),
                        "coverage": np.mean((low <= 0) & (high >= 0)),
                        "width": np.nanmedian(high - low),
                    }
                )
    command = f"python -m experiments decide components --world {world} --noises {noises} --sets {sets}"
    tell_table("components", rows, provenance(command, seed), FOLDER)


def told(world: str, noise: float, seed: int) -> np.ndarray:
    """Of one set ``(budget, kind, [weight, deviations by both, ends of the interval less the truth])``."""
    law, levels = world.partition("@")[0], np.log(ASKED)
    right = np.log([one["N"].median for one in truth(world, *ASKED).decisions])
    known = learned(made(world, noise, seed), law, COST, {}, {}, levels, False, level=LEVEL, seed=0)
    (part,) = known.parts
    view = values(known, levels, False).linear(np.eye(EACH * len(ASKED))[::EACH])
    num = part.law.num_params
    assert isinstance(part.posterior, DiscrepantPosterior)
    alone = np.logical_not(view.root[:, :, num:].any(axis=(1, 2)))
    kernel = np.asarray(part.posterior.kernel)[np.asarray(part.posterior.weight) > 0]
    kinds = [alone, ~alone & (kernel == SMOOTH), ~alone & (kernel == BROWNIAN), np.ones(len(alone), bool)]
    each = np.stack([of_kind(view, kind, num) for kind in kinds], axis=1)
    each[..., 3:] -= right[:, None, None]
    return each


def of_kind(view: Values, kind: np.ndarray, num_params: int) -> np.ndarray:
    """What components ``kind (component,)`` of bool say: as of ``told``, ``(budget, 5)``."""
    num = view.mean.shape[1]
    if not kind.any():
        return np.tile([0.0, *np.full(4, np.nan)], (num, 1))
    weight, root = view.weight[kind], view.root[kind] ** 2
    parts = [root[..., some].sum(axis=2) for some in (slice(num_params), slice(num_params, None))]
    spread = [np.sqrt(weight @ part / weight.sum()) for part in parts]
    some = {name: getattr(view, name)[kind] for name in ("weight", "noise", "dof", "mean", "root")}
    found = replace(view, worth=0.0, **some).estimates([""] * num, [""] * num, [False] * num, LEVEL)
    ends = [[getattr(one, end) for one in found] for end in ("low", "high")]
    return np.stack([np.full(num, weight.sum()), *spread, *np.array(ends)], axis=1)
