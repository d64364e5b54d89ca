"""One method on one law of one task, from an empty table to predictions at every checkpoint."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmark.methods import Method
from experiments.benchmark.oracle import Oracle, oracle
from experiments.datasets import Group
from jaxsl.design import Belief, Design, State
from jaxsl.episode import enlarge, episode
from jaxsl.fit import PRIOR, fit
from jaxsl.host.compiled import compiled
from jaxsl.law import Law
from jaxsl.moments import quantile
from jaxsl.one_of import AnyLaw, places
from jaxsl.pool import Observations, Pool, Target, buffer_size
from jaxsl.precision import double_precision, to_numpy
from jaxsl.starts import random_starts

ROUNDS = 512  # rows of the trace of one program
ROWS = 128  # of the first buffer, where the pool has as many: one program serves most episodes
WARM_PER_PARAMETER = 2.5  # cheapest runs bought first, per parameter and output (public value)
NEVER = 2.0  # the cost of a padded row: twice the whole pool
WARM_SHARE = 0.02  # while they cost at most this share of the pool (public value)


@dataclass(frozen=True)
class Outcome:
    """What one episode on one group gave.

    Attributes:
        theta: parameters fitted within each checkpoint, ``(param,)``; None where nothing was bought.
        prediction: theirs at the target, ``(target, output)``; None where nothing was bought.
        median: that of the whole belief there; None too where a method has no belief.
        bought: rows of the pool in the order of purchase.
        spent: their cost as a share of the pool's.
        truth: the target's outcomes.
    """

    theta: tuple[np.ndarray | None, ...]
    prediction: tuple[np.ndarray | None, ...]
    median: tuple[np.ndarray | None, ...]
    bought: tuple[int, ...]
    spent: float
    truth: np.ndarray


def run(
    law: AnyLaw,
    group: Group,
    method: Method,
    checkpoints: tuple[float, ...],
    seed: int,
    num_runs: int = 0,
    num_targets: int = 0,
) -> Outcome:
    """One episode; costs are shares of the pool's total.

    A belief-driven method starts with the cheapest ``floor(2.5 P / D)`` runs while they cost at most 2 % of
    the pool, and one run at least.

    Args:
        law, group, method, checkpoints, seed: what is run.
        num_runs, num_targets: sizes to pad the pool and the target to, so that all groups of a task share one
            program.
    """
    with double_precision():
        share, num = group.train.cost / group.train.cost.sum(), len(group.test.x)
        pool, hidden = pool_of(group, num_runs)
        target = target_of(group.test.x, num_targets)
        key = jax.random.key(seed)
        if method.believes:
            design = method.design(law, hidden.variance(len(share)))
            bought, spent, theta, middle = _sequential(design, pool, target, hidden, max(checkpoints), key)
        else:
            bought, spent, theta = _blind(law, method, pool, hidden, checkpoints, key)
            middle = None
        fitted, prediction, median = [], [], []
        for checkpoint in checkpoints:
            within = np.flatnonzero((spent <= checkpoint * (1 + 1e-9)) & (spent > 0))
            if method.at_once:
                within = np.array([0])
            known = theta[within[-1]] if within.size else None
            at_target = None if known is None else np.asarray(_predict(law, jnp.asarray(known), target.x))
            fitted.append(None if known is None else known[list(_place(law))])
            prediction.append(None if at_target is None else at_target[:num])
            median.append(None if known is None or middle is None else middle[within[-1], :num])
    spent_in_all = float(share[list(bought)].sum())
    return Outcome(tuple(fitted), tuple(prediction), tuple(median), tuple(bought), spent_in_all, group.test.y)


def pool_of(group: Group, num_runs: int) -> tuple[Pool, Oracle]:
    """The pool of a group, costs as shares of their sum, and its outcomes; padded rows cost too much."""
    share = group.train.cost / group.train.cost.sum()
    more = max(num_runs - len(share), 0)
    cost = np.append(share, np.full(more, NEVER))
    pool = Pool(jnp.asarray(_padded(group.train.x, more)), jnp.asarray(cost))
    return pool, oracle(_padded(group.train.y, more))


def target_of(x: np.ndarray, num_targets: int) -> Target:
    """A target with equal weights, padded with rows that weigh nothing."""
    more = max(num_targets - len(x), 0)
    weight = np.append(np.full(len(x), 1 / len(x)), np.zeros(more))
    return Target(jnp.asarray(_padded(x, more)), jnp.asarray(weight))


def _place(law: AnyLaw) -> tuple[int, ...]:
    """Where the law's own parameters stand in its parameter vector."""
    return tuple(range(law.num_params)) if isinstance(law, Law) else places(law.laws)[int(law.index)]


def _padded(rows: np.ndarray, more: int) -> np.ndarray:
    """``more`` copies of the first row at the end."""
    return np.concatenate([rows, np.repeat(rows[:1], more, axis=0)])


@compiled
def _predict(law: AnyLaw, theta, x):
    return law.predict(theta, x)


def _sequential(design: Design, pool: Pool, target: Target, hidden: Oracle, budget: float, key):
    """Rows bought, and after each round's fit what was spent, the best parameters and the belief's median."""
    num_runs = int(jnp.sum(pool.cost < NEVER))
    state, bought = begin(design, pool, hidden)
    rounds_of: list[tuple[np.ndarray, ...]] = []
    while True:
        state, trace = _episode(design, state, pool, target, hidden, budget, key)
        trace = to_numpy(trace)
        rounds = int(trace.num_rounds)
        full = bool(jnp.all(state.observations.mask))
        rounds_of.append((trace.spent[:rounds], trace.theta[0][:rounds], trace.watched[:rounds]))
        # The last round of a program that ended with a full buffer asked, but did not buy.
        bought += [int(i) for i in trace.index[: rounds - 1 if full else rounds] if i >= 0]
        size = state.observations.mask.shape[0]
        if size >= num_runs if full else rounds < ROUNDS:
            return bought, *map(np.concatenate, zip(*rounds_of, strict=True))
        if full:
            state = enlarge(state, buffer_size(size + 1))


def begin(design: Design, pool: Pool, hidden: Oracle) -> tuple[State, list[int]]:
    """The state after the cheapest runs, as many as the smallest law asks for, and their rows.

    It is what ``jaxsl.episode.buy`` would come to, without a program to compile.
    """
    cost = np.asarray(pool.cost)
    num_params = min(int(law.num_real) for law in design.laws)
    wanted = int(WARM_PER_PARAMETER * num_params // design.laws[0].num_outputs)
    order = np.argsort(cost, kind="stable")
    within = np.cumsum(cost[order[:wanted]]) <= WARM_SHARE * (1 + 1e-9)
    bought = order[: max(int(within.sum()), 1)].tolist()
    size = buffer_size(min(max(len(bought) + 16, ROWS), int(np.sum(cost < NEVER))))
    known, available = np.arange(size) < len(bought), np.ones(pool.cost.shape[0], bool)
    available[bought] = False
    row = np.append(bought, np.zeros(size - len(bought), int)).astype(int)
    y = np.where(known[:, None], np.asarray(hidden.reveal_all(jnp.asarray(~available))[0])[row], 0.0)
    observations = Observations(jnp.asarray(np.asarray(pool.x)[row]), jnp.asarray(y), jnp.asarray(known))
    state = design.start(pool, observations, 0.0)
    changed = jnp.asarray(available), jnp.asarray(cost[bought].sum())
    return eqx.tree_at(lambda state: (state.available, state.spent), state, changed), bought


@compiled
def _episode(design: Design, state: State, pool: Pool, target: Target, hidden: Oracle, budget, key):
    def median(belief: Belief):
        return quantile(belief.posterior, target.x, (0.5,))[0]

    return episode(design, state, pool, target, hidden.reveal, budget, key, ROUNDS, median)


def _blind(law: AnyLaw, method: Method, pool: Pool, hidden: Oracle, checkpoints: tuple[float, ...], key):
    """The same of a method that looks at no belief: its fits wait for the checkpoints."""
    cost = np.asarray(pool.cost)
    order, ends = blind_order(method, pool, checkpoints, key)
    spent, theta = np.zeros(len(ends)), np.zeros((len(ends), law.num_params))
    for step, end in enumerate(ends):
        bought = np.zeros(len(cost), bool)
        bought[order[:end]] = True
        spent[step] = cost[bought].sum()
        theta[step] = _fit(law, pool, hidden, jnp.asarray(bought), jax.random.fold_in(key, end))
    return order.tolist(), spent, theta


def blind_order(
    method: Method, pool: Pool, checkpoints: tuple[float, ...], key
) -> tuple[np.ndarray, list[int]]:
    """Rows in the order of purchase by a method without a belief, and how many are within each checkpoint."""
    cost = np.asarray(pool.cost)
    real = cost < NEVER
    half = np.argsort(np.argsort(cost, kind="stable")) >= real.sum() // 2
    allowed = {"all": real, "cheaper": ~half, "dearer": half & real}[method.pool]
    if method.at_once:
        order = np.flatnonzero(allowed)
        return order, [len(order)]
    order = np.asarray(_draw(method.chooser, pool, max(checkpoints), key))
    order = order[order >= 0]
    spent = np.cumsum(cost[order])
    return order, sorted({int(np.sum(spent <= checkpoint * (1 + 1e-9))) for checkpoint in checkpoints} - {0})


@compiled
def _draw(chooser, pool: Pool, budget: float, key):
    """Purchases without a belief until nothing is affordable: rows of the pool, then -1."""

    def step(carry, index):
        available, spent = carry
        score = jnp.ones_like(pool.cost)
        choice = chooser(score, pool, available, budget - spent, jax.random.fold_in(key, index))
        row = jnp.maximum(choice.index, 0)
        bought = choice.index >= 0
        available = available.at[row].set(available[row] & ~bought)
        return (available, spent + jnp.where(bought, pool.cost[row], 0.0)), choice.index

    carry = (jnp.ones(pool.cost.shape, bool), jnp.zeros((), pool.cost.dtype))
    return jax.lax.scan(step, carry, jnp.arange(pool.cost.shape[0]))[1]


@compiled
def _fit(law: AnyLaw, pool: Pool, hidden: Oracle, bought, key):
    """The best parameters on the bought rows."""
    y, mask = hidden.reveal_all(bought)
    starts = random_starts(key, law, 64, pool.x.dtype)
    return fit(law, Observations(pool.x, y, mask), starts, prior=PRIOR).theta[0]


def r2(outcomes: list[Outcome], checkpoint: int, of: str = "prediction") -> float:
    """R² pooled over groups, clipped to [-1, 1]; -1 where a group has no finite prediction.

    Args:
        outcomes: one a group.
        checkpoint: its place among those of the outcomes.
        of: ``prediction``, by the best parameters, or ``median``, by the belief.
    """
    predictions = [getattr(outcome, of)[checkpoint] for outcome in outcomes]
    if any(prediction is None or not np.all(np.isfinite(prediction)) for prediction in predictions):
        return -1.0
    truth = np.concatenate([outcome.truth.ravel() for outcome in outcomes])
    return explained(truth, np.concatenate([np.ravel(p) for p in predictions if p is not None]))


def explained(truth: np.ndarray, prediction: np.ndarray) -> float:
    """R², clipped to [-1, 1]."""
    return float(np.clip(1 - np.sum((truth - prediction) ** 2) / np.sum((truth - truth.mean()) ** 2), -1, 1))
