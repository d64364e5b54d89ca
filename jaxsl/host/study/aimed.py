"""What a study should run next when its runs are for a decision: ``--aim`` in place of a target.

Candidates are scored by how much of the expected regret they take away, or of the variance of a least cost's
logarithm (``jaxsl.host.decision.aim``). Plans, batches, budgets and pending runs are those of every other
study.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from jaxsl.batch import Pending
from jaxsl.design import Design
from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.leaders import MANY
from jaxsl.host.answer.which_laws import num_needed
from jaxsl.host.decision.aim import expected_error, leaders_for, read_aim, view_for
from jaxsl.host.decision.decided import decision_of
from jaxsl.host.decision.known import Known, learned
from jaxsl.host.decision.optimal import free_names
from jaxsl.host.input.intervals import LEVEL
from jaxsl.host.programs.packing import pad
from jaxsl.host.show.console import number
from jaxsl.host.study.advisor import Advisor
from jaxsl.host.study.answers import Decided, Outlook, Proposal
from jaxsl.host.study.candidates import Candidate, Candidates, Point
from jaxsl.host.study.last import Last
from jaxsl.host.study.ledger import DONE, Ledger
from jaxsl.host.study.options import first_runs
from jaxsl.host.study.planning import SHORT, Offer, Planned, View
from jaxsl.host.study.stop_rules import Stop
from jaxsl.host.study.stopping import not_worth
from jaxsl.law import Law
from jaxsl.pool import buffer_size
from jaxsl.posterior import Tabulated
from jaxsl.precision import double_precision


class AimedAdvisor(Advisor):
    """The engine behind a study for a decision; arguments as of ``Advisor``.

    Args:
        laws: what is believed in.
        aim, hold, ranges: as of ``jaxsl.host.decision.next_for``.
    """

    def __init__(self, laws: Sequence[Law], aim: str, hold: dict[str, float], ranges: dict):
        super().__init__(laws)
        self.aim, self.hold, self.ranges = read_aim(aim), hold, ranges
        self._decides, self._looked_up, self._best = Last[Known](), Last[View](), Last[np.ndarray]()

    def ask(self, ledger: Ledger, count: int) -> list[Proposal]:
        """As of ``Advisor``; the first runs alone until enough of them are done to learn a law."""
        if self.learned(ledger) is None:
            return first_runs(self.laws, ledger, self._options(ledger), count)
        return super().ask(ledger, count)

    def decided(self, ledger: Ledger) -> Decided | None:
        """What would be decided now, and what the next runs are worth; None before there are enough."""
        known, settings = self.learned(ledger), ledger.settings
        if known is None:
            return None
        level = settings.get("level", LEVEL)
        decision, outlook = decision_of(known, self.aim, level), self.outlook(ledger)
        assert outlook is not None
        spend = np.cumsum([0.0, *(run.cost for run in outlook.runs)])
        regret = self._regret(ledger, outlook)
        scale = 1.0
        if math.isfinite(decision.regret) and regret[0] > 0:  # by drawn curves, as `jaxsl optimal` tells it
            scale = decision.regret / regret[0]
        regret = regret[1:] * scale
        reason = _reason(Stop(**settings["stop"]), regret, spend, outlook.fall * scale, outlook.cost)
        best = np.array([[decision[name].median for name in free_names(known)]])
        told = known.trust(known.asked.whole(best))
        assert told is not None
        return Decided(len(ledger.with_status(DONE)), decision, spend, regret, level, told, reason)

    def _regret(self, ledger: Ledger, outlook: Outlook) -> np.ndarray:
        """What is left open now, once pending runs are in, and after each of the next runs.

        By the curvature of the loss, or the variance of the least cost's logarithm.
        """
        done = [Candidate(run.x, 0.0) for run in ledger.with_status(DONE)]
        anything = self._options(ledger) or Candidates.listed(done, len(ledger.settings["inputs"]))
        with double_precision():
            some = anything.take(self._short(ledger, anything, []))
            table, _, _, target = self._view(ledger, some, [])
        assert isinstance(table, Tabulated)
        now = expected_error(table, target)
        pending = outlook.variance if math.isfinite(outlook.variance) else now
        falls = np.cumsum([0.0, *(run.fall for run in outlook.runs)])
        return np.maximum([now, *(pending - falls)], 0.0)

    def _believe(self, ledger: Ledger) -> Believed | None:
        known = self.learned(ledger)
        return None if known is None else known.found

    def learned(self, ledger: Ledger) -> Known | None:
        """What is known; None before there are as many different runs as it takes to learn a law."""
        done, settings = ledger.with_status(DONE), ledger.settings
        if len({run.x for run in done}) < max(map(num_needed, self.laws)):
            return None

        def learn() -> Known:
            x, y = np.array([run.x for run in done]), np.array([run.y for run in done])
            table = dict(zip((*settings["inputs"], *settings["outputs"]), [*x.T, *y.T], strict=True))
            known = learned(
                table,
                self.laws,
                settings["cost"],
                self.hold,
                self.ranges,
                self.aim.levels,
                self.aim.reach,
                level=settings.get("level", LEVEL),
                seed=settings["seed"],
                candidates=ledger.candidates.x if ledger.candidates else None,
            )
            seen = replace(known.runs[0], row_numbers=np.array([run.id for run in done]))
            return replace(known, runs=(seen, "run"))

        state = [(run.id, run.x, run.y) for run in done], len(ledger.candidates)
        return self._decides.get(state, learn)

    def _plan(
        self,
        ledger: Ledger,
        options: Candidates,
        taken: list[Proposal],
        count: int,
        draws: int,
        design: Design | None = None,
    ) -> Planned:
        """As of ``Advisor``; among many options, of the best alone."""
        rows = self._short(ledger, options, taken)
        found = super()._plan(ledger, options.take(rows), taken, count, draws, design)
        return found._replace(rows=rows[found.rows])

    def _beyond(self, ledger: Ledger, view: View, offer: Offer, design: Design) -> float:
        """0: nothing is forecast of a target."""
        return 0.0

    def _short(self, ledger: Ledger, options: Candidates, taken: list[Proposal]) -> np.ndarray:
        """Rows of the options; of many those of the best, each as if it were the only next run."""
        known, promised = self.learned(ledger), math.fsum(run.cost for run in taken)
        left, paid = ledger.left - promised, ledger.paid + promised
        assert known is not None
        if len(options) <= MANY or not (options.cost * ledger.factor <= left).any():
            return np.arange(len(options))
        assert known.found is not None
        money, spent = left / ledger.factor, known.found.checked(paid) / ledger.factor
        with double_precision():
            return self._best.get(
                (known, money, spent, options.x),
                lambda: leaders_for(known, self.aim, options, money, spent, SHORT),
            )

    def _view(self, ledger: Ledger, options: Candidates, taken: list[Proposal]) -> View:
        known, pending = self.learned(ledger), self._waiting(ledger, [run.x for run in taken])
        assert known is not None
        x = options.x
        return self._looked_up.get((known, x, pending), lambda: self._look_up(known, x, pending))

    def _look_up(self, known: Known, x: np.ndarray, pending: list[Point]) -> View:
        """What is believed of options ``x (row, feature)`` and of pending runs."""
        size = buffer_size(len(pending))
        others = pad(np.array(pending), size) if pending else np.repeat(x[:1], size, axis=0)
        table, target, rows = view_for(known, self.aim, np.concatenate([x, others]))
        mask = jnp.asarray(np.arange(size) < len(pending))
        return View(table, rows[: len(x)], Pending(jnp.asarray(rows[len(x) :]), mask), target)


def _reason(stop: Stop, regret: np.ndarray, spend: np.ndarray, fall: np.ndarray, cost: np.ndarray) -> str:
    if stop.regret is not None and regret[0] <= stop.regret:
        given_up = number(regret[0], 2)
        return f"deciding now gives up an expected {given_up} of loss, within --regret {stop.regret:g}"
    if stop.price is not None and fall.size:
        return not_worth(stop.price, regret[0] - regret[1:], spend[1:], fall, cost)
    return ""
