"""What a study should run next, and what it predicts: from its ledger to arrays and back.

Everything follows from the ledger: the same records give the same answers.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np

from jaxsl.along import Course
from jaxsl.batch import MOST_DRAWS, Pending
from jaxsl.continuous import Bounds
from jaxsl.design import Design
from jaxsl.host.answer.believed import Believed, believe_runs
from jaxsl.host.answer.fit import predicted
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.answer.trust import trust
from jaxsl.host.input.intervals import LEVEL
from jaxsl.host.programs.packing import array, key_of, key_of_words, pack_target, pad
from jaxsl.host.study import programs
from jaxsl.host.study.answers import Compared, Decided, Forecast, Outlook, Proposal
from jaxsl.host.study.candidates import Candidate, Candidates, Point
from jaxsl.host.study.last import Last
from jaxsl.host.study.ledger import DONE, PENDING, Ledger
from jaxsl.host.study.options import as_candidates, first_runs, points_of, spread_over
from jaxsl.host.study.planning import ROOM, SHORT, Offer, Planned, View, planned
from jaxsl.host.study.space import space_of
from jaxsl.law import Law
from jaxsl.pool import Target, buffer_size
from jaxsl.posterior import Posterior
from jaxsl.precision import double_precision, to_numpy

STARTS = 16  # climbs in a space


class Advisor:
    """The engine behind a study; remembers the latest belief alone.

    Args:
        laws: what is believed in, over the same inputs and outputs.
        options: how they are fitted.
    """

    def __init__(self, laws: Sequence[Law], options: FitOptions = PLAIN):
        self.whole, self.options = tuple(laws), options
        self.laws = options.laws(laws)
        self.design = Design(self.laws)
        self._known, self._more = Last[Believed](), Last[float]()

    def ask(self, ledger: Ledger, count: int) -> list[Proposal]:
        """At most ``count`` runs to start now, the best first; fewer where the budget or the list ends."""
        options = self._options(ledger)
        proposals = first_runs(self.laws, ledger, options, count)
        if len(proposals) == count or not options or not ledger.with_status(DONE):
            return proposals
        if ledger.settings["space"]:
            return proposals + self._in_space(ledger, proposals, count - len(proposals))
        found = self._plan(ledger, options, proposals, count - len(proposals), MOST_DRAWS)
        return proposals + self._bought(ledger, options, found)

    def forecast(self, ledger: Ledger) -> Forecast | None:
        """What is predicted at the targets; None before the first result."""
        found, seen = self._believe(ledger), ledger.outcomes
        if found is None:
            return None
        x = np.array(ledger.settings["target"], float)
        unknown = np.full((len(x), self.laws[0].num_outputs), np.nan)
        of = ledger.settings.get("of", "outcome")
        return Forecast(
            num_runs=len(seen),
            prediction=predicted(found, x, np.arange(1, len(x) + 1), unknown, of),
            noise=float(np.sqrt(found.noise)) if of == "outcome" else 0.0,
            trust=trust(
                found,
                np.array([one.x for one in seen]),
                [one.id for one in seen],
                "run",
                x,
            ),
        )

    def outlook(self, ledger: Ledger, num_runs: int = ROOM) -> Outlook | None:
        """What the next ``num_runs`` runs are expected to bring; None before the first result."""
        if self._believe(ledger) is None:
            return None
        options = self._options(ledger)
        if ledger.settings["space"]:
            best = self._in_space(ledger, [], 1)
            more = [Candidate(one.x, one.planned) for one in best]
            options = Candidates.joined([options, Candidates.listed(more, options.x.shape[1])])
        if not options:
            return Outlook([], np.zeros(0), np.zeros(0), math.nan)
        found = self._plan(ledger, options, [], min(num_runs, ROOM), MOST_DRAWS)
        sale = np.flatnonzero(found.plan.value[: len(found.rows)] > -np.inf)
        runs = self._bought(ledger, options, found)
        return Outlook(runs, np.asarray(found.plan.first)[sale], found.cost[sale], float(found.plan.variance))

    def decided(self, ledger: Ledger) -> Decided | Compared | None:
        """What would be decided now; None where the runs are for a target."""
        return None

    def stop_runs(self, ledger: Ledger) -> tuple[str, ...]:
        """Runs that may go on and are not worth it; none where every run is of one piece."""
        return ()

    def _believe(self, ledger: Ledger) -> Believed | None:
        seen, settings = ledger.outcomes, ledger.settings
        if not seen:
            return None
        level = settings.get("level", LEVEL)

        def believe() -> Believed:
            x, y = np.array([one.x for one in seen]), np.array([one.y for one in seen])
            aim, others = np.array(settings["target"], float), self._near(ledger)
            laws, seed = self.options.laws(self.whole, self.options.units(self.whole, x, y)), settings["seed"]
            course = self._course(ledger)
            return believe_runs(laws, x, y, aim, others, level, seed, self.options, course=course)

        return self._known.get((seen, settings["target"], level, len(ledger.candidates)), believe)

    def _course(self, ledger: Ledger) -> Course | None:
        """Where on which training run every outcome is; None where each is of a run of its own."""
        return None

    def _near(self, ledger: Ledger) -> np.ndarray | None:
        """Configurations that may be asked about, ``(row, feature)``; None where nothing is known of them."""
        if ledger.settings["space"]:
            return spread_over(space_of(ledger.settings, self.laws[0]))
        return ledger.candidates.x if ledger.candidates else None

    def _options(self, ledger: Ledger) -> Candidates:
        """What may be run."""
        if not ledger.settings["space"]:
            every, most = ledger.candidates, ledger.settings["replicates"]
            return every.take(every.times(ledger.used()) < most)
        return points_of(space_of(ledger.settings, self.laws[0]), ledger, [])

    def _plan(
        self,
        ledger: Ledger,
        options: Candidates,
        taken: list[Proposal],
        count: int,
        draws: int,
        design: Design | None = None,
    ) -> Planned:
        """The best next runs among the options, after those that are ``taken`` already.

        How much cost counts is decided for the rest of the budget, unless a ``design`` that knows is given.
        Its variance is what is left of the forecast's.
        """
        offer = self._offer(ledger, options, taken)
        with double_precision():
            view, chooses = self._view(ledger, options, taken), self.design if design is None else design
            broad, key = bool(ledger.settings["space"]), self._key(ledger)
            found = planned(chooses, view, offer, count, draws, key, design is not None, broad)
            believed, plan = self._believe(ledger), found.plan
            more = self._more.get((believed,), lambda: self._beyond(ledger, view, offer, found.design))
        return found._replace(plan=replace(plan, variance=plan.variance + more))

    def _beyond(self, ledger: Ledger, view: View, offer: Offer, design: Design) -> float:
        """The forecast's variance less that of what candidates are scored by: fewer components, Gaussian."""
        nothing = Pending(view.pending.x, array(np.zeros(len(view.pending.mask), bool)))
        broad = bool(ledger.settings["space"])
        now = planned(design, view._replace(pending=nothing), offer, 0, 1, self._key(ledger), True, broad)
        forecast = self.forecast(ledger)
        return 0.0 if forecast is None else forecast.variance - float(now.plan.variance)

    def _offer(self, ledger: Ledger, options: Candidates, taken: list[Proposal]) -> Offer:
        """What the options cost, how often each may be run, and the money, after those that are ``taken``."""
        cost = options.cost * ledger.factor
        promised = math.fsum(run.cost for run in taken)
        uses = self._uses(ledger, options, taken)
        found, spent = self._believe(ledger), ledger.paid + promised
        return Offer(cost, *uses, ledger.left - promised, spent if found is None else found.checked(spent))

    def _uses(
        self, ledger: Ledger, options: Candidates, taken: list[Proposal]
    ) -> tuple[np.ndarray, np.ndarray]:
        """How often each option may still be run, ``(option,)``, and which of them share these times."""
        most, promised = int(ledger.settings["replicates"]), Counter(run.x for run in taken)
        uses = most - options.times(ledger.used()) - options.times(promised)
        return uses, np.arange(len(options))

    def _view(self, ledger: Ledger, options: Candidates, taken: list[Proposal]) -> View:
        """What is looked at to choose among the options, after those that are ``taken`` already."""
        pending = self._pending(ledger, [run.x for run in taken])
        return View(self._posterior(ledger), options.x, pending, self._target(ledger))

    def _posterior(self, ledger: Ledger) -> Posterior:
        """What candidates are scored by."""
        found = self._believe(ledger)
        assert found is not None
        with double_precision():
            return self.design.scored(found.belief.posterior)

    def _bought(self, ledger: Ledger, options: Candidates, found: Planned) -> list[Proposal]:
        proposals, plan = [], found.plan
        after = plan.variance - np.cumsum(plan.score)
        for index, fall, left in zip(plan.index, plan.score, after, strict=True):
            if index >= 0:
                option = options[found.rows[index]]
                cost, expected = option.cost * ledger.factor, (float(fall), option.of, float(left))
                proposals.append(Proposal(option.x, option.cost, cost, option.name, *expected))
        return proposals

    def _in_space(self, ledger: Ledger, taken: list[Proposal], count: int) -> list[Proposal]:
        """One run after the other anywhere in the space, each in the light of those before it."""
        space, proposals = space_of(ledger.settings, self.laws[0]), list[Proposal]()
        low, high, log = space.coordinates()
        for _ in range(count):
            before = [*taken, *proposals]
            points = [run.x for run in before]
            grid = points_of(space, ledger, points)
            if not grid:
                break
            broad = self._plan(ledger, grid, before, 1, MOST_DRAWS)
            best = broad.rows[np.argsort(-broad.plan.value[: len(broad.rows)], kind="stable")[:STARTS]]
            start = space.share(grid.x[best])
            with double_precision():
                found = to_numpy(
                    programs.climb_from(
                        broad.design,
                        self.laws[0].inputs,
                        space.cost,
                        self._posterior(ledger),
                        self._target(ledger),
                        Bounds(*map(array, (low, high, log))),
                        np.asarray(pad(start, STARTS)),
                        np.asarray(broad.most / ledger.factor),
                        self._pending(ledger, points),
                        np.asarray(MOST_DRAWS),
                        self._key(ledger),
                    )
                )
            climbed = space.at(np.asarray(found.share)[np.argsort(-found.value, kind="stable")])
            around = space.runnable(climbed)[: SHORT - STARTS]
            close = Candidates.joined([as_candidates(space, around, ledger, points), grid.take(best)])
            bought = self._bought(
                ledger, close, self._plan(ledger, close, before, 1, MOST_DRAWS, broad.design)
            )
            if not bought:
                break
            proposals += bought
        return proposals

    def _pending(self, ledger: Ledger, taken: list[Point]) -> Pending:
        x = self._waiting(ledger, taken)
        size = buffer_size(len(x))
        some = np.array(x or [next(run.x for run in ledger.with_status(DONE))])
        return Pending(array(pad(some, size)), array(np.arange(size) < len(x)))

    def _waiting(self, ledger: Ledger, taken: list[Point]) -> list[Point]:
        """Runs whose outcome is not known yet."""
        return [*(run.x for run in ledger.with_status(PENDING)), *taken]

    def _target(self, ledger: Ledger) -> Target:
        return pack_target(np.array(ledger.settings["target"]))

    def _key(self, ledger: Ledger) -> jax.Array:
        counted = len(ledger.with_status(DONE)), len(ledger.runs) + 1
        words = programs.words_after(key_of(ledger.settings["seed"]), np.array(counted))
        return key_of_words(words)
