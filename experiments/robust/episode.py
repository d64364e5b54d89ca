"""One method on one case: intervals at the target after every budget."""

import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.benchmark.episode import NEVER, ROUNDS, begin, blind_order, pool_of, target_of
from experiments.benchmark.oracle import Oracle
from experiments.datasets import Group
from experiments.robust.environments import Case
from experiments.robust.methods import COMPARED, Compared
from jaxsl.belief import Belief
from jaxsl.design import Design, State
from jaxsl.episode import enlarge, episode
from jaxsl.host.answer.scores import NOTHING, scores
from jaxsl.host.compiled import compiled
from jaxsl.one_of import shared
from jaxsl.pool import Observations, Pool, Target, buffer_size
from jaxsl.precision import double_precision, to_numpy

LEVEL = 0.9
SCORES = ("r2", "coverage", "width", "interval_score")


def measure(case: Case, method: str) -> dict:
    """Intervals ``(3, row)`` of all groups' targets, by budget (None where nothing was bought), and more.

    Returns:
        ``interval``: lower end, median, upper end; ``r2``, ``coverage``, ``width`` and ``interval_score`` of
        it; ``holds``: how far the law is believed in; ``runs`` and ``spent``, means over groups; processor
        ``seconds``, compilation included.
    """
    compared = COMPARED[method]
    # One law is one of its companions, so that cases share a program; several take turns in it.
    laws = case.fitted if len(case.fitted) > 1 else tuple(shared(law, case.laws) for law in case.fitted)
    design = compared.design(laws)
    start = time.process_time()
    found = [
        run(design, compared, group, case, case.seed * 100 + number)
        for number, group in enumerate(case.groups.values())
    ]
    truth = np.concatenate([group.test.y.ravel() for group in case.groups.values()])
    rows: dict[str, list] = {name: [] for name in ("interval", *SCORES, "holds", "runs", "spent")}
    for place in range(len(case.budgets)):
        here = [each[place] for each in found]
        known = [item for item in here if item is not None]
        whole = len(known) == len(here)
        ends = np.concatenate([item[0].reshape(3, -1) for item in known], axis=1) if whole else None
        rows["interval"].append(None if ends is None else [[float(f"{v:.7g}") for v in end] for end in ends])
        scored = NOTHING if ends is None else scores(ends, truth, 100 * LEVEL)
        for name in SCORES:
            rows[name].append(getattr(scored, name))
        for column, name in enumerate(("holds", "runs", "spent"), 1):
            rows[name].append(float(np.mean([item[column] for item in known])) if known else None)
    return {**rows, "seconds": time.process_time() - start}


def run(design: Design, compared: Compared, group: Group, case: Case, seed: int) -> list[tuple | None]:
    """Interval ``(3, target, output)``, trust in the law, runs and spend at every budget."""
    with double_precision():
        pool, hidden = pool_of(group, case.sizes[0])
        target, num = target_of(group.test.x, case.sizes[1]), len(group.test.x)
        key = jax.random.key(seed)
        if compared.blind is None:
            rounds = _sequential(design, pool, target, hidden, max(case.budgets), key)
        else:
            rounds = _blind(design, compared, pool, target, hidden, case.budgets, key)
    found: list[tuple | None] = []
    at_once = compared.blind is not None and compared.blind.at_once
    for budget in case.budgets:
        within = [item for item in rounds if at_once or item[3] <= budget * (1 + 1e-9)]
        found.append((within[-1][0][:, :num], *within[-1][1:]) if within else None)
    return found


def _watch(belief: Belief, target: Target) -> tuple[Array, Array]:
    return belief.interval(target.x, LEVEL), belief.holds


def _sequential(
    design: Design, pool: Pool, target: Target, hidden: Oracle, budget: float, key
) -> list[tuple]:
    real = int(np.sum(np.asarray(pool.cost) < NEVER))
    state, bought = begin(design, pool, hidden)
    rounds: list[tuple] = []
    num_runs = len(bought)
    while True:
        state, trace = _episode(design, state, pool, target, hidden, budget, key)
        trace = to_numpy(trace)
        num, full = int(trace.num_rounds), bool(jnp.all(state.observations.mask))
        for place in range(num):
            interval, holds = trace.watched
            rounds.append((interval[place], holds[place], num_runs + place, trace.spent[place]))
        num_runs += num - 1 if full else num
        size = state.observations.mask.shape[0]
        if size >= real if full else num < ROUNDS:
            return rounds
        if full:
            state = enlarge(state, buffer_size(size + 1))


@compiled
def _episode(design: Design, state: State, pool: Pool, target: Target, hidden: Oracle, budget, key):
    def watch(belief):
        return _watch(belief, target)

    return episode(design, state, pool, target, hidden.reveal, budget, key, ROUNDS, watch)


def _blind(
    design: Design, compared: Compared, pool: Pool, target: Target, hidden: Oracle, budgets, key
) -> list[tuple]:
    assert compared.blind is not None
    cost = np.asarray(pool.cost)
    order, ends = blind_order(compared.blind, pool, budgets, key)
    rounds = []
    for end in ends:
        rows = np.asarray(order[:end])
        size = buffer_size(max(len(rows), min(128, int(np.sum(cost < NEVER)))))
        row = np.append(rows, np.zeros(size - len(rows), int)).astype(int)
        known = np.arange(size) < len(rows)
        every, _ = hidden.reveal_all(jnp.ones(len(cost), bool))
        y = np.where(known[:, None], np.asarray(every)[row], 0.0)
        runs = Observations(jnp.asarray(np.asarray(pool.x)[row]), jnp.asarray(y), jnp.asarray(known))
        interval, holds = to_numpy(_look(design, pool, runs, target, jax.random.fold_in(key, end)))
        rounds.append((interval, holds, end, cost[rows].sum()))
    return rounds


@compiled
def _look(design: Design, pool: Pool, runs: Observations, target: Target, key):
    return _watch(design.believe(design.start(pool, runs), target, key, pool), target)
