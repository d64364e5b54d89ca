"""How long several laws take to compile: a program that the laws take turns in, one for each, one for all.

Command: ``python -m experiments speed ensembles``. Fresh processes, one after the other, fit and mix the ten
laws of ``data_con`` on its whole pool, with the persistent cache of ``jaxsl.host.programs.cache`` empty and
then filled. In ``turns`` the program is told by a number which law is meant (``jaxsl.one_of``), as on the
command line; ``one a law`` has a program for each; ``one for all`` fits all of them and mixes, as
``jaxsl.design.Design`` does in a user's own program.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, cast

import jax
import jax.numpy as jnp
import numpy as np
import typer
from rich.console import Console

from experiments.datasets import load
from experiments.report import OUTPUTS, provenance, write_table
from experiments.speed.growth import alone
from jaxsl.design import Design
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.host.compiled import compiled
from jaxsl.host.programs.cache import enable_compilation_cache
from jaxsl.host.programs.learning import intervals, learn, mixture, predicted
from jaxsl.host.programs.packing import pack_observations, pack_target
from jaxsl.one_of import shared
from jaxsl.pool import Pool
from jaxsl.precision import double_precision, to_numpy
from laws.tasks import DATA_CON

LEVEL = 0.9


def seconds(folder: str, programs: str, data: Path | None) -> float:
    """CPU seconds of this process for the ten laws."""
    os.environ["JAXSL_CACHE"] = folder
    enable_compilation_cache()
    (group,) = load(DATA_CON, data).values()
    begin = time.process_time()
    with double_precision():
        runs, target = pack_observations(group.train.x, group.train.y), pack_target(group.test.x)
        key = jax.random.key(0)
        if programs == "one for all":
            jax.block_until_ready(_together(Design(DATA_CON.laws), runs, target, key))
        else:
            laws = [shared(law, DATA_CON.laws) if programs == "turns" else law for law in DATA_CON.laws]
            near = target.x[:1]
            lessons = [to_numpy(learn(Design((law,)), runs, target, near, key)) for law in laws]
            slot = np.arange(len(lessons[0].learned.posterior.weight))
            parts = []
            for one in lessons:
                posterior = cast(DiscrepantPosterior, one.learned.posterior)
                here = to_numpy(predicted(posterior, jnp.asarray(slot), target.x))
                dof = np.full(len(slot), one.learned.dof)
                parts.append((np.asarray(posterior.weight), np.asarray(posterior.noise), dof, here))
            jax.block_until_ready(intervals(mixture(parts), jnp.asarray(LEVEL)))
    return time.process_time() - begin


@compiled
def _together(design, runs, target, key):
    state = design.start(Pool(runs.x, jnp.ones(runs.x.shape[0])), runs)
    belief = design.believe(state, target, key)
    return belief.share, belief.interval(target.x, LEVEL)


def main(
    data: Annotated[Path | None, typer.Option(help="Folder that holds scalebench/.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = OUTPUTS,
) -> None:
    """Measure ten laws in one, in ten and in a single program, with an empty and with a filled cache."""
    rows = []
    for programs in ("turns", "one a law", "one for all"):
        with tempfile.TemporaryDirectory() as folder:
            first, second = (alone(seconds, folder, programs, data) for _ in range(2))
        rows.append({"programs": programs, "first process, CPU s": first, "second process, CPU s": second})
        Console().print(", ".join(f"{name} {value}" for name, value in rows[-1].items()))
    write_table("speed_ensembles", rows, provenance("python -m experiments speed ensembles"), out)
