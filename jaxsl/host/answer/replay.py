"""Your own history again: what would other ways of choosing have spent for the same prediction?

All runs are finished; each way of choosing buys them one after the other, sees the outcome of what it bought
alone, and predicts the target after every purchase. The prediction is the same as that of all runs together
from the spend on at which it stays within a tolerance of it, by default the runs' scatter about the law.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.acquisition import MSPE, DOptimal, VOptimal
from jaxsl.choice import Chooser
from jaxsl.design import Design, cheapest
from jaxsl.host.answer.episode import WARM_PER_PARAMETER, WARM_SHARE
from jaxsl.host.answer.report import Report
from jaxsl.host.compiled import compiled
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Runs, runs
from jaxsl.host.input.table import read
from jaxsl.host.programs.one_law import Now, believe
from jaxsl.host.programs.packing import pack_observations, pack_target, pad
from jaxsl.law import Law
from jaxsl.pool import Pool, buffer_size
from jaxsl.posterior import Posterior
from jaxsl.precision import double_precision, to_numpy

ACTIVE: dict[str, Callable] = {"active": MSPE(), "D-opt": DOptimal(), "V-opt": VOptimal()}
CHECKPOINTS = 24  # of spend, at which ways that never look at an outcome are fitted


@dataclass(frozen=True)
class Path(Report):
    """One way of choosing.

    Attributes:
        method: its name.
        spent: by the time of each prediction, ``(step,)``.
        num_runs: bought by then.
        distance: root mean square over targets and outputs between this prediction and that of all runs.
        needed: spend from which on the prediction is the same; that of all runs at most.
        needed_runs: runs bought by then.
    """

    method: str
    spent: np.ndarray
    num_runs: np.ndarray
    distance: np.ndarray
    needed: float
    needed_runs: int


@dataclass(frozen=True)
class ReplayReport(Report):
    """What each way of choosing would have spent.

    Attributes:
        num_runs, cost: of all runs together.
        tolerance: within which predictions count as the same.
        mean: prediction of all runs, ``(target, output)``.
        paths: one for each way, several for random choice.
        notes: what should be known.
    """

    law: str
    num_runs: int
    cost: float
    tolerance: float
    mean: np.ndarray
    paths: tuple[Path, ...]
    notes: tuple[str, ...]


@compiled
def _choose(
    acquisition: Callable, posterior: Posterior, pool: Pool, target: Any, available: Array, key: Array
) -> Array:
    score = acquisition(posterior, pool, target)
    return Chooser()(score, pool, available, jnp.asarray(jnp.inf), key).index


class _World:
    """Finished runs whose outcomes are handed out one by one."""

    def __init__(self, law: Law, seen: Runs, target: np.ndarray, seed: int):
        self.law, self.seen, self.target, self.seed = law, seen, target, seed
        self.design, self.size = Design((law,)), buffer_size(len(seen.x))

    def believe(self, rows: list[int]) -> Now:
        """What is believed once these runs are known; one program for all numbers of runs."""
        with double_precision():
            x, y = self.seen.x[rows], self.seen.y[rows]
            observations = pack_observations(pad(x, self.size), pad(y, self.size))
            mask = jnp.arange(observations.mask.shape[0]) < len(rows)
            observations = eqx.tree_at(lambda o: o.mask, observations, mask)
            key = jax.random.key(self.seed)
            return to_numpy(believe(self.design, observations, pack_target(self.target), key))

    def mean(self, now: Now) -> np.ndarray:
        """Predictions at the targets, ``(target, output)``."""
        return np.asarray(now.moments.mean)[: len(self.target)]

    def warm(self) -> list[int]:
        """The runs that every way buys first: the cheapest."""
        wanted = int(WARM_PER_PARAMETER * self.law.num_params / self.law.num_outputs)
        with double_precision():
            most = WARM_SHARE * self.seen.cost.sum()
            taken = np.flatnonzero(np.asarray(cheapest(jnp.asarray(self.seen.cost), wanted, most)))
        if not taken.size:
            return [int(np.argmin(self.seen.cost))]
        return taken[np.argsort(self.seen.cost[taken], kind="stable")].tolist()

    def active(self, acquisition: Callable) -> Iterator[tuple[list[int], Now]]:
        """Buy by an acquisition until all is bought."""
        rows, every = self.warm(), np.arange(self.size)
        with double_precision():
            pool = Pool(jnp.asarray(pad(self.seen.x, self.size)), jnp.asarray(pad(self.seen.cost, self.size)))
            target, key = pack_target(self.target), jax.random.key(self.seed)
        while True:
            now = self.believe(rows)
            yield rows, now
            available = (every < len(self.seen.x)) & ~np.isin(every, rows)
            if not available.any():
                return
            with double_precision():
                order = jax.random.fold_in(key, len(rows))
                chosen = _choose(
                    acquisition, now.belief.posterior, pool, target, jnp.asarray(available), order
                )
            rows = [*rows, int(chosen)]

    def ordered(self, order: np.ndarray) -> Iterator[tuple[list[int], Now]]:
        """Buy in a fixed order, with a fit at some spends."""
        warm = self.warm()
        rows = [*warm, *(int(row) for row in order if row not in warm)]
        spent = np.cumsum(self.seen.cost[rows])
        marks = np.geomspace(max(spent[len(warm) - 1], 1e-12 * spent[-1]), spent[-1], CHECKPOINTS)
        counts = np.searchsorted(spent, marks * (1 - 1e-12)) + 1
        for count in np.unique(np.clip(counts, len(warm), len(rows))):
            some = rows[: int(count)]
            yield some, self.believe(some)


def replay(
    source: Any,
    law: Law,
    *,
    target: Any,
    mapping: dict[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    tolerance: float | None = None,
    draws: int = 5,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> ReplayReport:
    """Replay a table of finished runs.

    Args:
        source, law, target, mapping, outcome: as in ``jaxsl.host.input.problem.runs``.
        cost: column or expression; by default the column ``cost``.
        tolerance: predictions closer than this are the same; by default the root mean squared residual of
            all runs.
        draws: random orders.
        seed: of starting points and random orders.
        progress: told what is going on.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    table = read(source)
    if cost is None and "cost" not in table.columns:
        raise UserError(
            f"{table.name} has no column 'cost': say what a run costs with --cost COLUMN, "
            "or an expression such as --cost 6*N*D"
        )
    problem = runs(table, law, mapping=mapping, outcome=outcome, target=target, cost=cost or "cost")
    if problem.targets is None:
        raise UserError("there is no target; say what to predict with --target")
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance > 0):
        raise UserError(f"--within {tolerance:g}: give a positive number, in the unit of the outcome")
    seen = problem.runs.take(problem.runs.observed)
    unpriced = np.flatnonzero(np.isnan(seen.cost))
    if unpriced.size:
        row = seen.row_numbers[unpriced[0]]
        raise UserError(f"{problem.table}, {problem.unit} {row}: has no cost, and a replay needs all of them")
    if len(seen.x) <= law.num_params:
        raise UserError(
            f"{problem.table} has {len(seen.x)} finished runs beside the target and {law.name} has "
            f"{law.num_params} parameters; there is nothing to choose among"
        )
    left_out = len(problem.runs.x) - len(seen.x)
    notes = (*problem.notes, *([f"{left_out} runs without an outcome were left out"] if left_out else []))
    world = _World(law, seen, problem.targets.x, seed)
    progress("fitting all runs")
    everything = world.believe(list(range(len(seen.x))))
    reference = world.mean(everything)
    if not np.isfinite(everything.belief.fits[0].loss[0]):
        raise UserError(f"{law.name} cannot be fitted to the runs of {problem.table}; see `jaxsl fit`")
    close = tolerance or float(np.sqrt(everything.belief.fits[0].loss[0]))
    paths = []
    for name, acquisition in ACTIVE.items():
        progress(f"choosing by {name}")
        paths.append(_path(name, world, world.active(acquisition), reference, close))
    progress("choosing the cheapest and at random")
    paths.append(
        _path("cheapest", world, world.ordered(np.argsort(seen.cost, kind="stable")), reference, close)
    )
    for draw in range(draws):
        order = np.random.default_rng((seed, draw)).permutation(len(seen.x))
        paths.append(_path("random", world, world.ordered(order), reference, close))
    return ReplayReport(law.name, len(seen.x), float(seen.cost.sum()), close, reference, tuple(paths), notes)


def _path(
    name: str, world: _World, steps: Iterator[tuple[list[int], Now]], reference: np.ndarray, close: float
) -> Path:
    spent, counts, distance = [], [], []
    for rows, now in steps:
        spent.append(float(world.seen.cost[rows].sum()))
        counts.append(len(rows))
        distance.append(float(np.sqrt(np.mean((world.mean(now) - reference) ** 2))))
    away = np.flatnonzero(np.array(distance) > close)
    first = min(int(away[-1]) + 1, len(spent) - 1) if away.size else 0
    return Path(name, np.array(spent), np.array(counts), np.array(distance), spent[first], counts[first])
