"""A whole episode: buy one run after the other until the budget is spent.

What a run gives is asked of ``outcome(index)`` when it is bought and not before: a look-up of a finished run,
or a training that starts now. (``jaxsl.episode`` makes the same purchases in one compiled program where all
outcomes can be looked up by JAX.)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.design import Design, State, cheapest
from jaxsl.host.programs.one_law import Now, ask, tell
from jaxsl.host.programs.packing import pack_target, pad
from jaxsl.law import Law
from jaxsl.pool import Observations, Pool, buffer_size
from jaxsl.precision import double_precision, to_numpy

WARM_PER_PARAMETER = 2.5  # cheapest runs bought before the first choice, per parameter and output
WARM_SHARE = 0.02  # while they cost at most this share of the pool


@dataclass(frozen=True)
class Step:
    """What is believed after some purchases, and the next one.

    Attributes:
        num_runs, spent: bought so far; runs that diverged are paid for, and not among the number.
        mean: predictions, ``(target, output)``.
        interval: 95 % interval of outcomes, ``(level, target, output)``.
        num_basins: in use.
        index: row of the pool to buy now; -1 when nothing is affordable any more.
        cost: of this purchase.
        y: what it gave, ``(output,)``; not finite where it diverged.
    """

    num_runs: int
    spent: float
    mean: np.ndarray
    interval: np.ndarray
    num_basins: int
    index: int = -1
    cost: float = 0.0
    y: np.ndarray | None = None


class Episode:
    """One law, one pool, one target: what every episode on them shares.

    Args:
        law: the law.
        x, cost: configurations of the pool, ``(pool, feature)``, ``(pool,)``.
        target: configurations to predict, ``(target, feature)``.
        seed: of starting points and ties.
    """

    def __init__(self, law: Law, x: np.ndarray, cost: np.ndarray, target: np.ndarray, seed: int = 0):
        self.design, self.cost, self.num_targets = Design((law,)), np.asarray(cost, np.float64), len(target)
        size = buffer_size(len(x))
        self.size = size
        with double_precision():
            self.pool = Pool(jnp.asarray(pad(x, size)), jnp.asarray(pad(self.cost, size)))
            self.target = pack_target(target)
            self.key = jax.random.key(seed)

    def warm(self) -> np.ndarray:
        """The cheapest runs, bought before the first choice: indices, cheapest first."""
        law = self.design.laws[0]
        wanted = int(WARM_PER_PARAMETER * law.num_params / law.num_outputs)
        with double_precision():
            taken = np.asarray(cheapest(jnp.asarray(self.cost), wanted, WARM_SHARE * self.cost.sum()))
        rows = np.flatnonzero(taken)
        return rows[np.argsort(self.cost[rows], kind="stable")]

    def steps(self, outcome: Callable[[int], np.ndarray], budget: float) -> Iterator[Step]:
        """Buy until nothing is affordable; the last step has the final belief and no purchase."""
        warm = self.warm()
        with double_precision():
            money = jnp.asarray(np.float64(budget))
            state = self._state({int(index): outcome(int(index)) for index in warm})
        while True:
            with double_precision():
                choice, now = to_numpy(ask(self.design, state, self.pool, self.target, money, self.key))
            step, index = self._step(state, now), int(choice.index)
            if index < 0:
                yield step
                return
            y = np.asarray(outcome(index), np.float64)
            yield replace(step, index=index, cost=float(self.cost[index]), y=y)
            with double_precision():
                state = tell(self.design, state, self.pool, jnp.asarray(index), jnp.asarray(y), now.belief)

    def believe(self, outcomes: dict[int, np.ndarray]) -> Step:
        """What is believed once these runs of the pool are known."""
        with double_precision():
            state = self._state(outcomes)
            nothing = jnp.zeros(())
            _, now = to_numpy(ask(self.design, state, self.pool, self.target, nothing, self.key))
            return self._step(state, now)

    def _state(self, outcomes: dict[int, np.ndarray]) -> State:
        rows = np.fromiter(outcomes, int)
        law = self.design.laws[0]
        x = np.asarray(self.pool.x)
        y = np.zeros((self.size, law.num_outputs))
        y[: len(rows)] = np.reshape(list(outcomes.values()), (-1, law.num_outputs))
        order = np.concatenate([rows, np.zeros(self.size - len(rows), int)])
        known = (np.arange(self.size) < len(rows)) & np.isfinite(y).all(axis=1)  # the others diverged
        y = np.where(known[:, None], y, 0.0)
        observations = Observations(jnp.asarray(x[order]), jnp.asarray(y), jnp.asarray(known))
        available = ~np.isin(np.arange(self.size), rows) & (np.arange(self.size) < len(self.cost))
        start = self.design.start(self.pool, observations)
        spent = jnp.asarray(self.cost[rows].sum())
        return eqx.tree_at(lambda s: (s.available, s.spent), start, (jnp.asarray(available), spent))

    def _step(self, state: State, now: Now) -> Step:
        return Step(
            num_runs=int(np.sum(state.observations.mask)),
            spent=float(state.spent),
            mean=np.asarray(now.moments.mean)[: self.num_targets],
            interval=np.asarray(now.interval)[:, : self.num_targets],
            num_basins=int(np.sum(now.belief.basins[0].weight > 0)),
        )
