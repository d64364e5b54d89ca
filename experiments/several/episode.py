"""One method with all laws of a task: from an empty table to intervals at every checkpoint."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.benchmark.methods import METHODS, Method
from experiments.benchmark.oracle import Oracle, oracle
from experiments.datasets import Group
from jaxsl.basins import BasinRule
from jaxsl.chaining import ForwardChain
from jaxsl.design import Belief, Design, State, cheapest
from jaxsl.episode import buy, enlarge, episode
from jaxsl.law import Law
from jaxsl.pool import Observations, Pool, Target, buffer_size, empty
from jaxsl.posterior import Predictive, predict, quantile
from jaxsl.precision import double_precision
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from laws.tasks import Task

LEVELS = (0.05, 0.5, 0.95)
ROUNDS = 128  # of one program
ROWS = 128  # of the first buffer, where the pool has as many
NUM_STARTS = 160  # of all laws' fits together, but at most 64 a law
NUM_BASINS = 30  # of all laws together, but at most 8 a law
WARM_PER_PARAMETER = 2.5  # cheapest runs bought first, per parameter of the smallest law and output
WARM_SHARE = 0.02  # while they cost at most this share of the pool
NEVER = 2.0  # the cost of a padded row: twice the whole pool


@dataclass(frozen=True)
class Forecast:
    """What was predicted at one checkpoint for one group.

    Attributes:
        interval: lower end, median and upper end, ``(level, target, output)``.
        claimed: the same by each law alone, as its basins claim, ``(law, level, target, output)``.
        share: of the laws, ``(law,)``.
    """

    interval: np.ndarray
    claimed: np.ndarray
    share: np.ndarray


class Known(eqx.Module):
    """A posterior of which nothing is known but what it predicts at the target."""

    weight: Array
    noise: Array
    predictive: Predictive

    def at(self, x: Array) -> Predictive:
        """What is known, whatever ``x`` is."""
        return self.predictive


def design_of(laws: tuple[Law, ...], method: Method) -> Design:
    """The settings of a method for several laws."""
    acquisition = method.design(laws[0], float("nan")).acquisition if method.believes else None
    num_starts = min(NUM_STARTS // len(laws), 64)
    solver = LevenbergMarquardt(rows=64)
    settings: dict[str, Any] = {} if acquisition is None else {"acquisition": acquisition}
    return Design(
        laws,
        chooser=method.chooser,
        planner=method.planner,
        basin_rule=BasinRule(max_basins=min(NUM_BASINS // len(laws), 8)),
        solver=solver,
        num_starts=num_starts,
        num_warm=num_starts // 2,
        chain=ForwardChain(num_starts=num_starts // 4, solver=solver),
        **settings,
    )


def measure(task: Task, groups: dict[str, Group], method: str, seed: int) -> dict:
    """R² and coverage at the checkpoints of a task, all its laws at once.

    Returns:
        ``r2`` of the median, ``coverage`` of the interval and its ``width`` in deviations of the outcomes,
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
                "r2": float(explained(truth, ends[1])),
                "coverage": float(np.mean((ends[0] <= truth) & (truth <= ends[2]))),
                "width": float(np.mean(ends[2] - ends[0]) / truth.std()),
                "claimed": float(np.mean((each[0] <= truth) & (truth <= each[2]))),
                "laws": [float(explained(truth, middle)) for middle in each[1]],
                "share": [item.share.round(4).tolist() for item in complete],
            }
        for name, value in scores.items():
            result[name].append(value)
    return {**result, "bought": [bought for _, bought, _ in found], "spent": [spent for *_, spent in found]}


def explained(truth: np.ndarray, prediction: np.ndarray) -> float:
    """R², clipped to [-1, 1]."""
    return np.clip(1 - np.sum((prediction - truth) ** 2) / np.sum((truth - truth.mean()) ** 2), -1, 1)


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
        more = num_runs - len(share)
        pool = Pool(
            jnp.asarray(_padded(group.train.x, more)), jnp.asarray(np.append(share, np.full(more, NEVER)))
        )
        num = len(group.test.x)
        weight = np.append(np.full(num, 1 / num), np.zeros(num_targets - num))
        target = Target(jnp.asarray(_padded(group.test.x, num_targets - num)), jnp.asarray(weight))
        hidden = oracle(_padded(group.train.y, more))
        key = jax.random.key(seed)
        design = design_of(task.laws, method)
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
    known = predict(belief.posterior, target.x)
    parts = belief.posterior.parts

    def claim(weight, noise, mean, root):
        return quantile(Known(weight, noise, Predictive(mean, root)), target.x, LEVELS)

    by_law = [
        leaf.reshape(len(parts), -1, *leaf.shape[1:])
        for leaf in (belief.posterior.noise, known.mean, known.root)
    ]
    claimed = jax.vmap(claim)(jnp.stack([part.weight for part in parts]), *by_law)
    return quantile(belief.forecast, target.x, LEVELS), claimed, belief.share


def _sequential(design: Design, pool: Pool, target: Target, hidden: Oracle, budget: float, key):
    """Rows bought, and for each round what was spent before its fit and the forecast after it."""
    real = np.asarray(pool.cost) < NEVER
    fewest = min(law.num_params for law in design.laws) / design.laws[0].num_outputs
    first = cheapest(pool.cost, int(WARM_PER_PARAMETER * fewest), jnp.asarray(WARM_SHARE))
    first = first | (jnp.arange(pool.cost.shape[0]) == jnp.argmin(pool.cost))
    size = buffer_size(min(ROWS, int(real.sum())))
    state = design.start(pool, empty(pool.x[0], design.laws[0].num_outputs, size))
    state = _buy(design, state, pool, hidden, first)
    order = np.argsort(np.where(first, pool.cost, np.inf), kind="stable")
    bought = order[: int(first.sum())].tolist()
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


@eqx.filter_jit
def _buy(design: Design, state: State, pool: Pool, hidden: Oracle, first):
    return buy(design, state, pool, first, hidden.reveal)


@eqx.filter_jit
def _episode(design: Design, state: State, pool: Pool, target: Target, hidden: Oracle, budget, key):
    def watch(belief):
        return _watch(belief, target)

    return episode(design, state, pool, target, hidden.reveal, budget, key, ROUNDS, watch)


def _blind(design: Design, method: Method, pool: Pool, target: Target, hidden: Oracle, checkpoints, key):
    """The same of a method that looks at no belief: it believes only at the checkpoints."""
    from experiments.benchmark.episode import _draw

    cost = np.asarray(pool.cost)
    if method.at_once:
        order = np.flatnonzero(cost < NEVER)
        ends = [len(order)]
    else:
        order = np.asarray(_draw(method.chooser, pool, max(checkpoints), key))
        order = order[order >= 0]
        spent = np.cumsum(cost[order])
        ends = sorted({int(np.sum(spent <= checkpoint * (1 + 1e-9))) for checkpoint in checkpoints} - {0})
    rounds = []
    for end in ends:
        mask = np.zeros(len(cost), bool)
        mask[order[:end]] = True
        watched = _look(design, pool, target, hidden, jnp.asarray(mask), key)
        rounds.append((cost[mask].sum(), Forecast(*map(np.asarray, watched))))
    return order.tolist(), rounds


@eqx.filter_jit
def _look(design: Design, pool: Pool, target: Target, hidden: Oracle, mask, key):
    y, mask = hidden.reveal_all(mask)
    state = design.start(pool, Observations(pool.x, y, mask))
    return _watch(design.believe(state, target, key), target)


def _padded(rows: np.ndarray, more: int) -> np.ndarray:
    """``more`` copies of the first row at the end."""
    return np.concatenate([rows, np.repeat(rows[:1], more, axis=0)])
