"""Candidates ranked by what they take from the variance of a decision: what all aims share."""

import math
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.episode import CHOOSING
from jaxsl.host.answer.leaders import Priced
from jaxsl.host.decision.choice_report import AimedRun
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Runs
from jaxsl.host.programs.learning import Ranking, rank_rows
from jaxsl.host.programs.packing import key_of, pad
from jaxsl.pool import Target, buffer_size
from jaxsl.posterior import Tabulated
from jaxsl.precision import to_numpy


@dataclass(frozen=True)
class Purse:
    """What may be spent from now on, and what was; infinite where there is no limit, or it is not known.

    Of what was spent that counts which the belief has checked (``jaxsl.choice.checked``).

    Example:
        >>> purse(budget=9.0, max_cost=None, paid=np.array([1.0, np.nan]))
        Purse(money=9.0, spent=1.0)
    """

    money: float
    spent: float

    def checked(self, *beliefs: Believed | None) -> "Purse":
        """The same for whoever believes this; published laws have no belief."""
        told = [found.checked(self.spent) for found in beliefs if found is not None]
        return Purse(self.money, min(told, default=self.spent))

    def affords(self, pool: Priced) -> np.ndarray:
        """Which candidates may be bought, ``(candidate,)`` of bool."""
        return pool.cost <= self.money


def purse(budget: float | None, max_cost: float | None, paid: np.ndarray) -> Purse:
    """The purse of ``--budget`` and ``--max-cost``; ``paid`` are costs of the runs so far, ``(run,)``."""
    total = np.nansum(paid)
    money = min(math.inf if limit is None else limit for limit in (budget, max_cost))
    return Purse(money, math.inf if max_cost is not None or total <= 0 else float(total))


def nothing_for_sale(table: str) -> UserError:
    """What is said where no candidate may be bought."""
    return UserError(
        f"{table} has no candidate that may be bought: rows without an outcome are "
        "candidates, and the cheapest has to be within --budget and --max-cost"
    )


def ranked(table: Tabulated, target: Target, pool: Runs, purse: Purse, count: int, seed: int) -> Ranking:
    """The ``count`` best candidates; in double precision.

    Args:
        table, target: of ``jaxsl.host.decision.aim``.
        pool: candidates, in the order of the table's rows.
        purse: what may be spent.
        count: how many are told.
        seed: of ties.
    """
    size = buffer_size(len(pool.x))
    sale = np.concatenate([purse.affords(pool), np.zeros(size - len(pool.x), bool)])
    return to_numpy(
        rank_rows(
            CHOOSING,
            table,
            np.asarray(pad(pool.cost, size)),
            np.asarray(sale),
            target.weight,
            np.asarray(purse.spent),
            np.asarray(purse.money),
            key_of(seed),
            np.asarray(pad(np.arange(count), buffer_size(count, 8))),
            1,
        )
    )


def aimed_run(
    pool: Runs, inputs: tuple[str, ...], ranking: Ranking, place: int, recipe: str = ""
) -> AimedRun:
    """The candidate at ``place`` of a ranking."""
    row = int(ranking.index[place])
    return AimedRun(
        row_number=int(pool.row_numbers[row]),
        recipe=recipe,
        x={name: float(pool.x[row, i]) for i, name in enumerate(inputs)},
        labels={name: str(values[row]) for name, values in pool.labels.items()},
        cost=float(pool.cost[row]),
        score=float(ranking.value[place]),
        fall=float(ranking.within[place] + ranking.between[place]),
    )
