"""``python -m experiments ends``: the ends of runs of the lab, predicted from their curves so far."""

from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import Workers
from experiments.pilot.log import sweep
from experiments.report import OUTPUTS, provenance, tell_table
from jaxsl.host.answer.finish import finish
from jaxsl.host.input.table import Table, read

SHARES = (0.4, 0.55, 0.7, 0.85)  # of a run's steps that are seen


def ends(
    memory: Annotated[float, typer.Option(help="Of the annealing area, a step.")] = 0.999,
    workers: Workers = 2,
) -> None:
    """Predict how runs whose rate decays all along end, from a share of their curves."""
    log = OUTPUTS / "pilot_log.csv"
    sweep(log, workers)
    table = read(str(log))
    rows = [scored(table, share, memory) for share in SHARES]
    command = f"python -m experiments ends --memory {memory:g}"
    tell_table("ends", rows, provenance(command))


def scored(table: Table, share: float, memory: float) -> dict:
    """How the ends of all runs are predicted from a share of their steps, beside what came out.

    Keys: ``rmse`` of the median, and of the last loss that is seen taken for the end; ``width`` of the
    intervals, their mean; ``coverage``, the share of ends inside.
    """
    step, names, loss = table.numbers("step"), np.array(table.text("run")), table.numbers("loss")
    length = np.array([step[names == name].max() for name in names])
    seen = {name: table.numbers(name) for name in ("step", "lr")} | {"run": names}
    seen["loss"] = np.where(step <= share * length, loss, np.nan)
    found = finish(seen, memory=memory).runs
    truth = np.array([loss[names == one.run][-1] for one in found])
    last = np.array([loss[(names == one.run) & (step <= share * length)][-1] for one in found])
    low, median, high = np.array([(one.low, one.median, one.high) for one in found]).T
    return {
        "seen": share,
        "runs": len(found),
        "rmse": _rms(median - truth),
        "rmse of the last loss": _rms(last - truth),
        "width": float(np.mean(high - low)),
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
    }


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))
