"""One method in one world: intervals at the target after every purchase."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from experiments.curves.worlds import World
from jaxsl.acquisition import MSPE
from jaxsl.along import Course
from jaxsl.belief import Belief
from jaxsl.design import Design, State
from jaxsl.discrepancy import DiscrepancyRule
from jaxsl.discrepancy.kinds import Kinds
from jaxsl.episode import episode
from jaxsl.host.compiled import compiled
from jaxsl.pool import Pool, Rows, Target, observe
from jaxsl.precision import double_precision, to_numpy
from laws.chinchilla import CHINCHILLA

LEVEL = 0.9
ROUNDS = 24  # which spend the budget in every world
BUFFER = 128
RUNS, ROWS, TARGETS = 16, 7, 16  # to which worlds are padded, so that they share a program
WARM_ROWS = 12  # bought first: the cheapest rows, or as many on the cheapest sizes
RESTART = 1e-4  # price of continuing a run


def no_preference(posterior, pool: Pool, target: Target):
    """Every candidate alike, so that the choice is drawn."""
    return jnp.ones(pool.cost.shape)


@dataclass(frozen=True)
class Method:
    """How rows are bought: whether as curves, whether their errors may hang together, whether blindly."""

    curves: bool = True
    together: bool = True
    blind: bool = False

    @property
    def design(self) -> Design:
        """Its design."""
        rule = DiscrepancyRule() if self.together else DiscrepancyRule(Kinds(shares=(0.0,)))
        acquisition = no_preference if self.blind else MSPE()
        return Design((CHINCHILLA,), acquisition, rule=rule, num_starts=16, num_warm=8)


METHODS = {
    "points": Method(curves=False),
    "curves, errors independent": Method(together=False),
    "curves": Method(),
    "random curves": Method(blind=True),
}


class Offer(NamedTuple):
    """What may be bought, what came out, and what is bought first.

    Attributes:
        pool: candidates. hidden: their outcomes, ``(pool, row, 1)``.
        x, y, course: of the rows that are bought first. first: the candidates that they are.
        spent: what those cost.
    """

    pool: Pool
    hidden: np.ndarray
    x: np.ndarray
    y: np.ndarray
    course: Course | None
    first: np.ndarray
    spent: float


def measure(given: World, method: Method, seed: int) -> dict[str, list]:
    """Before every purchase what was spent, intervals ``(round, 3, target)``, what rows of a run share."""
    design, seeing = method.design, as_curves if method.curves else as_points
    with double_precision():
        offer = seeing(given)
        target = Target(
            jnp.asarray(padded(given.target, TARGETS)),
            jnp.asarray((np.arange(TARGETS) < len(given.target)) / len(given.target)),
        )
        first = observe(jnp.asarray(offer.x), jnp.asarray(offer.y), BUFFER, course=offer.course)
        state = design.start(offer.pool, first, 0.0)
        changed = state.available.at[offer.first].set(False), jnp.asarray(offer.spent)
        state = eqx.tree_at(lambda state: (state.available, state.spent), state, changed)
        hidden = jnp.asarray(offer.hidden)
        budget, key = jnp.asarray(given.budget), jax.random.key(seed)
        found = to_numpy(_episode(design, state, offer.pool, target, hidden, budget, key))
    rounds, (interval, share) = int(found.num_rounds), found.watched
    return {
        "spent": found.spent[:rounds].tolist(),
        "interval": interval[:rounds, :, : len(given.target), 0].tolist(),
        "share": share[:rounds].tolist(),
    }


@compiled
def _episode(design: Design, state: State, pool: Pool, target: Target, hidden, budget, key):
    def watch(belief: Belief):
        share = jnp.zeros(()) if belief.along is None else belief.along.share
        return belief.interval(target.x, LEVEL), share

    return episode(design, state, pool, target, lambda run: hidden[run], budget, key, ROUNDS, watch)[1]


def as_points(given: World) -> Offer:
    """Every row a run of its own."""
    runs, rows = np.nonzero(given.real)
    cost, x, y = given.single[runs, rows], given.x[runs, rows], given.alone[runs, rows]
    first, size = np.argsort(cost, kind="stable")[:WARM_ROWS], RUNS * ROWS
    padding = np.full(size - len(cost), np.inf)
    pool = Pool(jnp.asarray(padded(x, size)), jnp.asarray(np.append(cost, padding)))
    hidden = padded(y[:, None], size)
    return Offer(pool, hidden, x[first], y[first, None], None, first, float(cost[first].sum()))


def as_curves(given: World) -> Offer:
    """Every run to each of its rows, one after the other: run 0 to its first, to its second, ..."""
    num, rows = given.real.shape
    run, last = (part.ravel() for part in np.indices((RUNS, ROWS)))
    x = padded(np.pad(given.x, ((0, 0), (0, ROWS - rows), (0, 0)), "edge"), RUNS)
    y = padded(np.pad(given.y, ((0, 0), (0, ROWS - rows)), "edge"), RUNS)
    step = padded(np.pad(given.main + given.price, ((0, 0), (0, ROWS - rows))), RUNS)
    real = np.zeros((RUNS, ROWS), bool)
    real[:num, :rows] = given.real
    told = real[run] & (np.arange(ROWS) <= last[:, None]) & real[run, last][:, None]
    place = np.log10(x[..., 1])
    cost = np.where(told.any(axis=1), np.sum(step[run] * told, axis=1), np.inf)
    rows_of = map(jnp.asarray, (x[run], place[run], told, run, step[run], RESTART))
    pool = Pool(jnp.asarray(x[run, last]), jnp.asarray(cost), Rows(*rows_of))
    cheapest = np.argsort(step[:num, : given.warm].sum(axis=1), kind="stable")
    sizes = [int(np.flatnonzero(given.x[cheapest, 0, 0] == size)[0]) for size in np.unique(given.x[:, 0, 0])]
    first = cheapest[sizes[: WARM_ROWS // given.warm]]
    which = np.repeat(first, given.warm), np.tile(np.arange(given.warm), len(first))
    index = first * ROWS + given.warm - 1
    course = Course(jnp.asarray(which[0]), jnp.asarray(place[which]))
    spent = float(step[which].sum())
    return Offer(pool, y[run][..., None], x[which], y[which][:, None], course, index, spent)


def padded(rows: np.ndarray, size: int) -> np.ndarray:
    """``rows`` with the first repeated up to ``size``."""
    return np.concatenate([rows, np.repeat(rows[:1], size - len(rows), axis=0)])
