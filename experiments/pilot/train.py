"""One run of the pilot lab, from its seed to its loss on the held-out files.

The rule that sets what ``N`` and ``D`` do not, settled by some fifty cheap runs of the same model with
learned absolute positions:

* a step reads ``BATCH_SIZE`` = 4 sequences of ``CONTEXT`` = 64 bytes at every size, because at these ``D``
  many steps are worth more than smooth ones (at N = 98,624 and D = 2^20, batches of 32, 16, 8 and 4, each at
  its best learning rate, ended at 1.83, 1.71, 1.67 and 1.63 nats) and on a processor they cost no more;
* the learning rate rises linearly for the first tenth of the steps to ``0.16 d^(-3/4)``, ``d`` being the
  channels of the model, and falls linearly towards zero: a run is a complete run of its own ``D``;
* Adam with ``b1 = 0.9, b2 = 0.98``, gradients clipped to norm 1, no weight decay (no byte is read twice).

A run depends on ``N``, ``D`` and the seed alone: the same software and corpus give the same loss.
"""

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from experiments.pilot.corpus import evaluation_windows, standard_library, training_windows, windows
from experiments.pilot.model import CONTEXT, Transformer, shape_of

BATCH_SIZE = 4
EVALUATION_WINDOWS = 1024
EVALUATION_BATCH = 64
OPTIMISER = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b1=0.9, b2=0.98))


@dataclass(frozen=True)
class Run:
    """What determines a run.

    Attributes:
        N: non-embedding parameters, a size of ``model.shape_of``.
        D: bytes trained on, a multiple of ``batch_size * CONTEXT``.
        lr: the highest learning rate.
        batch_size: sequences of ``CONTEXT`` bytes in a step.
        seed: of the weights and of the order of the text.
    """

    N: int
    D: int
    lr: float
    batch_size: int
    seed: int

    def __post_init__(self):
        if self.D < 1 or self.D % (self.batch_size * CONTEXT):
            raise ValueError(f"D = {self.D} must be a positive multiple of {self.batch_size * CONTEXT} bytes")

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.D // (self.batch_size * CONTEXT)

    @property
    def flops(self) -> int:
        """``6 N D``: leaves out the attention scores, the output head and the evaluation."""
        return 6 * self.N * self.D


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    Attributes:
        loss: mean cross-entropy on the held-out windows, in nats per byte.
        seconds: wall clock, with compilation (once per process and size) and evaluation.
        core_seconds: processor time of the same; the cost on a machine that others use too.
    """

    loss: float
    seconds: float
    core_seconds: float


def planned(N: int, D: int, seed: int) -> Run:
    """The run at a point by the lab's rule for learning rate and batch size."""
    return Run(N, D, lr=round(0.16 * shape_of(N).channels ** -0.75, 6), batch_size=BATCH_SIZE, seed=seed)


def learning_rates(peak: float, steps: int) -> np.ndarray:
    """A linear rise over the first tenth of the steps, then a linear fall towards zero, ``(step,)``."""
    warmup = max(1, steps // 10)
    i = np.arange(steps)
    return (peak * np.minimum((i + 1) / warmup, (steps - i) / (steps - warmup + 1))).astype(np.float32)


def mean_loss(model: Transformer, text: ArrayLike) -> Array:
    """Mean cross-entropy in nats per byte of windows ``(window, CONTEXT + 1)``."""
    text = jnp.asarray(text, jnp.int32)
    logits = jax.vmap(model)(text[:, :-1])
    return optax.softmax_cross_entropy_with_integer_labels(logits, text[:, 1:]).mean()


evaluate = eqx.filter_jit(mean_loss)


# The learning rate is an argument and not part of the optimiser: one program serves every D.
@eqx.filter_jit(donate="all-except-first")
def step(batch: tuple[np.ndarray, np.float32], model: Transformer, state: optax.OptState):
    """One step of Adam on ``batch = (windows, learning rate)``: the next model and optimiser state."""
    text, lr = batch
    gradient = eqx.filter_grad(mean_loss)(model, text)
    update, state = OPTIMISER.update(gradient, state)
    return eqx.apply_updates(model, jax.tree.map(lambda change: -lr * change, update)), state


def descend(model: Transformer, state: optax.OptState, rates: np.ndarray, starts: np.ndarray):
    """The model and optimiser state after one step at each of ``rates (step,)``; the given ones are used up.

    Args:
        starts: where the windows of every step begin in the text, ``(step, sequence)``.
    """
    text = standard_library().train
    for lr, at in zip(rates, starts, strict=True):
        model, state = step((windows(text, at, CONTEXT), lr), model, state)
    return model, state


def held_out_loss(model: Transformer) -> float:
    """Mean cross-entropy on the held-out windows, in nats per byte."""
    text = standard_library().held_out
    batches = windows(text, evaluation_windows(text, EVALUATION_WINDOWS, CONTEXT), CONTEXT)
    return float(
        np.mean([evaluate(model, part) for part in batches.reshape(-1, EVALUATION_BATCH, CONTEXT + 1)])
    )


@contextmanager
def float32_on_the_processor() -> Iterator[None]:
    """Where every run of the lab is trained."""
    with jax.enable_x64(False), jax.default_device(jax.local_devices(backend="cpu")[0]):
        yield


def begin(run: Run) -> tuple[Transformer, optax.OptState]:
    """The model and optimiser state before the first step."""
    model = Transformer(shape_of(run.N), jax.random.key(run.seed))
    return model, OPTIMISER.init(model)


def reading(run: Run) -> np.ndarray:
    """Where the windows of every step begin in the text, ``(step, sequence)``."""
    text = standard_library().train
    starts = training_windows(text, run.steps * run.batch_size, CONTEXT, run.seed)
    return starts.reshape(run.steps, run.batch_size)


def train(run: Run) -> Result:
    """Trains one model and evaluates it."""
    began, core_began = time.perf_counter(), time.process_time()
    with float32_on_the_processor():
        model, _ = descend(*begin(run), learning_rates(run.lr, run.steps), reading(run))
        loss = held_out_loss(model)
    return Result(loss, time.perf_counter() - began, time.process_time() - core_began)


def versions() -> dict[str, str]:
    """What a loss depends on beside the run: the software and the text."""
    packages = {name: version(name) for name in ("jax", "equinox", "optax")}
    return {"python": platform.python_version(), **packages, "corpus": standard_library().fingerprint}


def train_run(N: int, D: int, seed: int) -> dict[str, Any]:
    """Trains the run at a point and returns its row of the table.

    Keys: ``N D lr batch_size seed steps flops loss seconds core_seconds python jax equinox optax corpus``;
    units in ``Run`` and ``Result``.
    """
    run = planned(N, D, seed)
    result = train(run)
    measured = {
        "loss": round(result.loss, 6),
        "seconds": round(result.seconds, 2),
        "core_seconds": round(result.core_seconds, 2),
    }
    return {**asdict(run), "steps": run.steps, "flops": run.flops, **measured, **versions()}
