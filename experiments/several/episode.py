"""One method with all laws of a task: from an empty table to intervals at every checkpoint."""

from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.benchmark.episode import NEVER, begin, blind_order, explained, pool_of, target_of
from experiments.benchmark.methods import METHODS, Method
from experiments.benchmark.oracle import Oracle
from experiments.datasets import Group
from jaxsl.belief import Belief, interval
from jaxsl.design import Design, State
from jaxsl.episode import enlarge, episode
from jaxsl.host.compiled import compiled
from jaxsl.law import Law
from jaxsl.pool import Observations, Pool, Target, buffer_size
from jaxsl.posterior import tabulate
from jaxsl.precision import double_precision
from laws.tasks import Task

LEVELS = (0.05, 0.5, 0.95)  # of an interval's ends and its middle
ROUNDS = 128  # of one program


@dataclass(frozen=True)
class Forecast:
    """What was predicted at one checkpoint for one group.

    Attributes:
        interval: lower end, median and upper end, ``(level, target, output)``.
        claimed: the same by each law alone, as it claims, ``(law, level, target, output)``.
        share: of the laws, ``(law,)``.
    """

    interval: np.ndarray
    claimed: np.ndarray
    share: np.ndarray


def design_of(laws: tuple[Law, ...], method: Method, spread: float = float("nan")) -> Design:
    """The settings of a method for several laws; ``spread`` as in ``Method.design``."""
    design = Design(laws, chooser=method.chooser, lookahead=method.lookahead)
    if not method.believes:
        return design
    return replace(design, acquisition=method.design(laws[0], spread).acquisition)


def measure(task: Task, groups: dict[str, Group], method: str, seed: int) -> dict:
    """R² and coverage at the checkpoints of a task, all its laws at once.

    Returns:
        ``r2`` of the median, ``coverage`` and ``width`` (in deviations of the outcomes) of the 90 % interval,
        pooled over groups; ``laws``: R² of the median of every law alone; ``claimed``: mean coverage of their
        own intervals; ``share`` of the laws in every group; ``bought`` and ``spent``.
    """
    sizes = [(len(group.train.x), len(group.test.x)) for group in groups.values()]
    num_runs, num_targets = (max(size) for size in zip(*sizes, strict=True))
    truth = np.concatenate([group.test.y.ravel() for group in groups.values()])
    found = [
        run(task, group, METHODS[method], seed * 100 + i, num_runs, num_targets)
        for i, group in enumerate(groups.values())
    ]
    result: dict[str, list] = {"r2": [], "coverage": [], "width": [], "claimed": [], "laws": [], "share": []}
    for place in range(len(task.checkpoints)):
        forecasts = [forecasts[place] for forecasts, _, _ in found]
        complete = [forecast for forecast in forecasts if forecast is not None]
        scores: dict[str, Any] = dict.fromkeys(result, float("nan")) | {"r2": -1.0}
        if len(complete) == len(forecasts):
            ends = np.concatenate([item.interval.reshape(len(LEVELS), -1) for item in complete], axis=1)
            claims = [item.claimed.reshape(len(task.laws), len(LEVELS), -1) for item in complete]
            each = np.moveaxis(np.concatenate(claims, axis=2), 1, 0)
            scores = {
                "r2": explained(truth, ends[1]),
                "coverage": float(np.mean((ends[0] <= truth) & (truth <= ends[2]))),
                "width": float(np.mean(ends[2] - ends[0]) / truth.std()),
                "claimed": float(np.mean((each[0] <= truth) & (truth <= each[2]))),
                "laws": [explained(truth, middle) for middle in each[1]],
                "share": [item.share.round(4).tolist() for item in complete],
            }
        for name, value in scores.items():
            result[name].append(value)
    return {**result, "bought": [bought for _, bought, _ in found], "spent": [spent for *_, spent in found]}


def run(
    task: Task, group: Group, method: Method, seed: int, num_runs: int, num_targets: int
) -> tuple[list[Forecast | None], list[int], float]:
    """One episode on one group: a forecast for every checkpoint (None where nothing was bought), rows, cost.

    Args:
        task, group, method, seed: what is run.
        num_runs, num_targets: sizes to pad the pool and the target to, for one program for all groups.
    """
    with double_precision():
        share = group.train.cost / group.train.cost.sum()
        pool, hidden = pool_of(group, num_runs)
        num, target = len(group.test.x), target_of(group.test.x, num_targets)
        key = jax.random.key(seed)
        design = design_of(task.laws, method, hidden.variance(len(share)))
        if method.believes:
            bought, rounds = _sequential(design, pool, target, hidden, max(task.checkpoints), key)
        else:
            bought, rounds = _blind(design, method, pool, target, hidden, task.checkpoints, key)
        forecasts: list[Forecast | None] = []
        for checkpoint in task.checkpoints:
            within = [item for spent, item in rounds if spent <= checkpoint * (1 + 1e-9) or method.at_once]
            last = within[-1] if within else None
            forecasts.append(last and Forecast(last.interval[:, :num], last.claimed[:, :, :num], last.share))
    return forecasts, bought, float(share[bought].sum())


def _watch(belief: Belief, target: Target) -> tuple[Array, Array, Array]:
    parts = belief.posterior.parts
    table, row = tabulate(belief.posterior, target.x)
    alone = eqx.tree_at(lambda table: table.weight, table, jnp.concatenate([part.weight for part in parts]))
    by_law = jax.tree.map(lambda leaf: leaf.reshape(len(parts), -1, *leaf.shape[1:]), alone)
    claimed = jax.vmap(lambda law, dof: interval(law, dof, row))(by_law, belief.dof.reshape(len(parts), -1))
    return interval(table, belief.dof, row), claimed, belief.share


def _sequential(design: Design, pool: Pool, target: Target, hidden: Oracle, budget: float, key):
    """Rows bought, and for each round what was spent before its fit and the forecast after it."""
    real = np.asarray(pool.cost) < NEVER
    state, bought = begin(design, pool, hidden)
    rounds: list[tuple[float, Forecast]] = []
    while True:
        state, trace = _episode(design, state, pool, target, hidden, budget, key)
        num, full = int(trace.num_rounds), bool(jnp.all(state.observations.mask))
        spent, index, watched = jax.tree.map(np.asarray, (trace.spent, trace.index, trace.watched))
        rounds += [(spent[i], Forecast(*(part[i] for part in watched))) for i in range(num)]
        # The last round of a program that ended with a full buffer asked, but did not buy.
        bought += [int(i) for i in index[: num - 1 if full else num] if i >= 0]
        if full and state.observations.mask.shape[0] < real.sum():
            state = enlarge(state, buffer_size(state.observations.mask.shape[0] + 1))
        elif full or index[num - 1] < 0:
            return bought, rounds


@compiled
def _episode(design: Design, state: State, pool: Pool, target: Target, hidden: Oracle, budget, key):
    def watch(belief):
        return _watch(belief, target)

    return episode(design, state, pool, target, hidden.reveal, budget, key, ROUNDS, watch)


def _blind(design: Design, method: Method, pool: Pool, target: Target, hidden: Oracle, checkpoints, key):
    """The same of a method that looks at no belief: it believes only at the checkpoints."""
    cost = np.asarray(pool.cost)
    order, ends = blind_order(method, pool, checkpoints, key)
    rounds = []
    for end in ends:
        mask = np.zeros(len(cost), bool)
        mask[order[:end]] = True
        watched = _look(design, pool, target, hidden, jnp.asarray(mask), key)
        rounds.append((cost[mask].sum(), Forecast(*map(np.asarray, watched))))
    return order.tolist(), rounds


@compiled
def _look(design: Design, pool: Pool, target: Target, hidden: Oracle, mask, key):
    y, mask = hidden.reveal_all(mask)
    state = design.start(pool, Observations(pool.x, y, mask))
    return _watch(design.believe(state, target, key), target)
