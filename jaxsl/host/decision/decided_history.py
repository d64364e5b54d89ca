"""Finished runs handed out one by one for a decision: what each way of choosing would have decided.

``active`` is the first of ``jaxsl next --aim``; ``for the loss`` buys, by the same belief, what tells most of
the loss at the sizes that are best so far, as the first of ``jaxsl next`` with them as the target. The other
ways are those of ``jaxsl.host.answer.history``. A way that cannot decide yet buys the cheapest run left.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from jaxsl.design import Design
from jaxsl.host.answer.episode import Episode
from jaxsl.host.answer.history import ACTIVE, BLIND, History
from jaxsl.host.answer.which_laws import Ensemble, num_needed
from jaxsl.host.decision.aim import Aim, view_for
from jaxsl.host.decision.decided import decided
from jaxsl.host.decision.known import Known, learned_near
from jaxsl.host.decision.question import Question
from jaxsl.host.decision.ranked import Purse, ranked
from jaxsl.host.errors import UserError
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision

ACQUISITIONS = {"for the loss": ACTIVE["active"], "D-opt": ACTIVE["D-opt"], "V-opt": ACTIVE["V-opt"]}
DECIDING = "active", *ACQUISITIONS, *BLIND


@dataclass(frozen=True)
class DecidedHistory(History[Known | None]):
    """Of which something is decided.

    Attributes:
        chosen: the laws and all runs.
        asked: what may be chosen, by the configurations of all runs.
        aim: what is decided.
    """

    chosen: Ensemble
    asked: Question
    aim: Aim

    @property
    def names(self) -> list[str]:
        """Of the numbers that are told: the cost of a loss first, and every free input."""
        return [*(["cost"] if self.aim.reach else []), *(self.asked.inputs[i] for i in self.asked.free)]

    def believe(self, rows: Iterable[int]) -> Known | None:
        """As of ``History``; None where nothing can be decided."""
        some = replace(self.chosen, seen=self.runs.take(np.array([*rows])))
        try:
            return learned_near(
                some,
                self.asked,
                self.aim.levels,
                self.aim.reach,
                level=self.level,
                seed=self.seed,
                candidates=self.runs.x,
                size=buffer_size(len(self.runs.x)),
            )
        except UserError:  # the loss gets better without end, or ends above what is to be reached
            return None

    def choose(self, way: str, found: Known | None, rows: list[int], money: float) -> int:
        """As of ``History``."""
        left = np.setdiff1d(np.arange(len(self.runs.cost)), rows)
        pool, spent = self.runs.take(left), float(self.runs.cost[rows].sum())
        purse = Purse(money, spent)
        if not purse.affords(pool).any():
            return -1
        if found is None:
            return int(left[np.argmin(pool.cost)])
        if way in ACQUISITIONS:
            assert found.found is not None
            return self._episode(way, found.centre).choose(found.found, rows, money)
        with double_precision():
            table, target, _ = view_for(found, self.aim, pool.x)
            ranking = ranked(table, target, pool, purse.checked(found.found), 1, self.seed)
        return int(left[ranking.index[0]])

    def told(self, found: Known | None) -> np.ndarray:
        """Ends and middles of ``names``; not numbers where nothing can be decided."""
        if found is None:
            return np.full((3, len(self.names)), np.nan)
        numbers = {one.name: one for one in decided(found, self.aim, self.level)}
        some = [numbers[name] for name in self.names]
        return np.array([[getattr(one, end) for one in some] for end in ("low", "median", "high")])

    def warm(self) -> list[int]:
        """As of ``History``, and as many configurations as the largest law needs."""
        order = np.argsort(self.runs.cost, kind="stable")
        num, needed = len(self._episode("D-opt", self.runs.x[:1]).warm()), max(map(num_needed, self.laws))
        while len(np.unique(self.runs.x[order[:num]], axis=0)) < needed:
            num += 1
        return order[:num].tolist()

    def _episode(self, way: str, target: np.ndarray) -> Episode:
        design, runs = Design((), acquisition=ACQUISITIONS[way]), self.runs
        return Episode(self.laws, runs.x, runs.cost, target, self.seed, self.level, design)
