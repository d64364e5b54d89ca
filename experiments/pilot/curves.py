"""Runs as curves: a constant rate with warm-up, checkpoints at doubling D, and a short decay from each.

The schedule is warm-up, stable, decay (Hu et al. 2024, arXiv:2404.06395; Haegele et al. 2024,
arXiv:2405.18392): one main run passes every checkpoint, and from each a decay of an eighth of what was read
so far takes the rate linearly to zero on the bytes that the main run reads next. The rate is half of the
lab's for a run that decays all along; tried at N = 6,224 and D = 2^21, the peak itself, its half and its
quarter ended at 1.795, 1.753 and 1.751 nats after the decay, at N = 55,536 and D = 2^18 at 1.798, 1.814 and
1.840.
"""

import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import tree

from experiments.pilot.model import num_params
from experiments.pilot.sweep import Job, run_all
from experiments.pilot.table import recover
from experiments.pilot.train import (
    BATCH_SIZE,
    Run,
    begin,
    descend,
    float32_on_the_processor,
    held_out_loss,
    planned,
    reading,
    versions,
)

FIRST = 17  # log2 of the bytes of the main run at the first checkpoint, 0.13 million
LAST = 21  # the same at the last, 2.1 million
CHANNELS = (12, 16, 24, 32, 48, 64)  # N from 3,516 to 98,624
REPLICATES = {16: 2, 24: 2, 32: 1}  # channels of sizes with further seeds, and how many
WARMUP = 100  # steps
SHARE_OF_RATE = 0.5  # of the peak of a run that decays all along
DECAY = 8  # the bytes of the main run over those of a decay
COLUMNS = (
    *("run", "N", "D", "loss", "D_constant", "loss_constant", "flops", "flops_constant", "flops_decay"),
    *("lr", "batch_size", "seed", "core_seconds", "python", "jax", "equinox", "optax", "corpus"),
)


class Curve(NamedTuple):
    """What names a curve of the table: non-embedding parameters, seed, bytes of the checkpoints."""

    N: int
    seed: int
    checkpoints: tuple[int, ...]

    @property
    def name(self) -> str:
        """The cell ``run`` of its rows."""
        return f"N{self.N}-seed{self.seed}"

    def expected_cost(self) -> int:
        """Relative time of the curve; the constant stands for the head and the dispatch."""
        return self.checkpoints[-1] * (self.N + 45_000)


def curves() -> list[Curve]:
    """The curves of the table: every size with seed 0, the cheapest first, then those of other seeds."""
    checkpoints = tuple(2**k for k in range(FIRST, LAST + 1))
    every = [(width, 0) for width in CHANNELS]
    every += [(width, seed + 1) for width, more in REPLICATES.items() for seed in range(more)]
    return [Curve(num_params(width), seed, checkpoints) for width, seed in every]


def train_curve(N: int, seed: int, checkpoints: tuple[int, ...]) -> list[dict[str, Any]]:
    """Trains a curve and returns a row a checkpoint, in order.

    Keys: ``D_constant`` and ``loss_constant`` of the main run at the checkpoint, ``D`` and ``loss`` after the
    decay from it; ``flops_constant``, ``flops_decay`` and their sum ``flops`` are ``6 N`` times those bytes;
    ``core_seconds`` is the processor time since the row before.
    """
    name = Curve(N, seed, checkpoints).name
    longest = planned(N, checkpoints[-1] + checkpoints[-1] // DECAY, seed)
    run = Run(N, longest.D, round(longest.lr * SHARE_OF_RATE, 6), BATCH_SIZE, seed)
    starts, rows, done = reading(run), [], 0
    rates = run.lr * np.minimum((np.arange(run.steps) + 1) / WARMUP, 1)
    began = time.process_time()
    with float32_on_the_processor():
        model, state = begin(run)
        for D in checkpoints:
            end = run.steps * D // run.D
            model, state = descend(model, state, rates[done:end].astype(np.float32), starts[done:end])
            last = end + end // DECAY
            falling = run.lr * np.linspace(1, 0, last - end + 2)[1:-1]
            copies = tree.map(lambda leaf: jnp.copy(leaf) if eqx.is_array(leaf) else leaf, (model, state))
            decayed, _ = descend(copies[0], copies[1], falling.astype(np.float32), starts[end:last])
            loss, loss_constant = held_out_loss(decayed), held_out_loss(model)
            rows.append(
                {
                    **{"run": name, "N": N, "D": D + D // DECAY, "loss": round(loss, 6)},
                    **{"D_constant": D, "loss_constant": round(loss_constant, 6)},
                    **{"flops": 6 * N * (D + D // DECAY), "flops_constant": 6 * N * D},
                    **{"flops_decay": 6 * N * (D // DECAY), "lr": run.lr, "batch_size": run.batch_size},
                    **{"seed": seed, "core_seconds": round(time.process_time() - began, 2)},
                    **versions(),
                }
            )
            done, began = end, time.process_time()
    return rows


def rest_of_curve(curve: Curve, num_there: int) -> list[dict[str, Any]]:
    """The rows of a curve that a table with its first ``num_there`` rows lacks."""
    return train_curve(*curve)[num_there:]


def sweep(wanted: list[Curve], table: Path, workers: int = 2) -> int:
    """Trains the curves the table lacks, appends each as it finishes, and returns how many were trained."""
    there = Counter(row["run"] for row in recover(table, COLUMNS))
    missing = [curve for curve in wanted if there[curve.name] < len(curve.checkpoints)]
    jobs = [Job(rest_of_curve, (curve, there[curve.name]), curve.expected_cost()) for curve in missing]
    run_all(jobs, table, COLUMNS, workers)
    return len(jobs)
