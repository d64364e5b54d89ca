"""How often 95 % intervals hold the truth when the model is right: Student's t, and z, which falls short.

Command: ``python -m experiments ess coverage``. The paper's simulated line and its designs; the truth is the
line's value at size 4, and the performance that a known logistic link makes of it.
"""

from functools import partial
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import typer

from experiments.ess.options import SeedOption, publish
from experiments.ess.simulation import INTERCEPT, REGION, SIGMA, SLOPE, cost, curve
from jaxsl import linear_model, resample, two_stage
from jaxsl.allocation import two_scale
from jaxsl.allocation.criteria import RISK, T_RISK
from jaxsl.host.show.console import console, grid
from jaxsl.precision import double_precision

AT, ROOM, DRAWS = 4.0, 12, 199
EVEN = "ten even sizes"
NOISES = ("gaussian", "exponential", "grows with size")


@jax.jit
def _held(x, weight, outcomes, link):
    """Shares of intervals that hold the truth, ``(interval,)``."""
    at = linear_model.line_terms(jnp.array([[AT]]))
    truth = INTERCEPT + SLOPE * AT

    def one(y):
        fitted = linear_model.fit(linear_model.line_terms(x[:, None]), y, weight)
        sigmas = (None, fitted.sigma, jnp.array(SIGMA))
        ends = [linear_model.interval(fitted, at, sigma=sigma) for sigma in sigmas]
        through = two_stage.plug_in(fitted, at, link)
        held = [(found.lower[0] <= truth) & (truth <= found.upper[0]) for found in ends]
        return jnp.array([*held, (through.lower[0] <= link(truth)) & (link(truth) <= through.upper[0])])

    return jnp.mean(jax.vmap(one)(outcomes), axis=0)


@partial(jax.jit, static_argnames="kind")
def _bootstrapped(keys, x, outcomes, kind):
    """Share of bootstrap-t intervals that hold the truth."""
    features, at = linear_model.line_terms(x[:, None]), linear_model.line_terms(jnp.array([[AT]]))
    truth = INTERCEPT + SLOPE * AT

    def one(key, y):
        drawn = getattr(resample, kind)(key, features, y, DRAWS)
        found = resample.studentised_interval(linear_model.fit(features, y), drawn, at)
        return (found.lower[0] <= truth) & (truth <= found.upper[0])

    return jnp.mean(jax.lax.map(lambda pair: one(*pair), (keys, outcomes), batch_size=200))


def designs() -> dict[str, np.ndarray]:
    """Sizes of the runs by name of the design."""
    found = {
        f"{name}, C = {budget:g}": two_scale(cost, budget, REGION, criterion=criterion).runs
        for name, criterion in (("Eq. 5", RISK), ("t^2 R", T_RISK))
        for budget in (5.44, 9.47)
    }
    return found | {EVEN: np.linspace(0, 3, 10)}


def noise(rng: np.random.Generator, kind: str, num: int, x: np.ndarray) -> np.ndarray:
    """Errors of standard deviation ``SIGMA`` on average, ``(study, run)``."""
    if kind == "exponential":
        return SIGMA * (rng.exponential(size=(num, x.size)) - 1)
    spread = (1 + x) / np.sqrt(np.mean((1 + x) ** 2)) if kind == "grows with size" else np.ones(x.size)
    return SIGMA * spread * rng.normal(size=(num, x.size))


def main(
    studies: Annotated[int, typer.Option(min=100, help="Simulated studies of each design.")] = 10_000,
    seed: SeedOption = 0,
) -> None:
    """Coverage of 95 % intervals by design, noise and quantile."""
    rng, rows = np.random.default_rng(seed), []
    for name, x in designs().items():
        for kind in NOISES:
            outcomes = INTERCEPT + SLOPE * x + noise(rng, kind, studies, x)
            padded, weight = np.ones(ROOM), np.arange(ROOM) < x.size
            padded[: x.size] = x
            wide = np.pad(outcomes, ((0, 0), (0, ROOM - x.size)))
            with double_precision():
                held = np.asarray(_held(padded, weight.astype(float), wide, curve("word unscramble")))
                drawn = {"residual": np.nan, "wild": np.nan}
                if name == EVEN:
                    keys = jax.random.split(jax.random.key(seed), studies // 5)
                    drawn = {
                        method: float(_bootstrapped(keys, x, outcomes[: studies // 5], method))
                        for method in drawn
                    }
            t, z, known, performance = held.tolist()
            rows.append(
                {
                    "design": name,
                    "runs": x.size,
                    "noise": kind,
                    "t": t,
                    "z, sigma estimated": z,
                    "z, sigma known": known,
                    "performance, t": performance,
                    "residual bootstrap": drawn["residual"],
                    "wild bootstrap": drawn["wild"],
                }
            )
    cells = (
        [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in one.values()] for one in rows
    )
    console().print(grid(rows[0], cells, left=(0, 2)))
    publish("coverage", rows, None, seed, f"ess coverage --studies {studies} --seed {seed}")
