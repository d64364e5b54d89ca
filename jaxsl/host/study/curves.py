"""What a study should run next when its runs are curves: new runs, and runs that go on (``--curves``).

A candidate is a run of its size to its tokens, and tells the outcome at every candidate of that size on its
way. A run that is there may go on to any of them beyond, for the difference of the costs and the price of a
restart. Runs of one size are as many as ``replicates``, and of a batch each goes one way.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.along import Along, Course
from jaxsl.batch import MOST_DRAWS, Pending
from jaxsl.host.answer.episode import WARM_PER_PARAMETER
from jaxsl.host.input.course import TOKENS
from jaxsl.host.programs.runs_together import runs_together
from jaxsl.host.study import programs
from jaxsl.host.study.advisor import Advisor
from jaxsl.host.study.answers import Proposal
from jaxsl.host.study.candidates import Candidate, Candidates, Point
from jaxsl.host.study.ledger import PENDING, Ledger, Run
from jaxsl.host.study.planning import View, for_sale
from jaxsl.host.study.sizes import sizes, without
from jaxsl.pool import Pool, Rows, buffer_size
from jaxsl.precision import double_precision

WARM_CHECKPOINTS = 3  # to which the first runs go, one of each size


class CurvesAdvisor(Advisor):
    """The engine behind a study of curves; arguments as of ``Advisor``."""

    def ask(self, ledger: Ledger, count: int) -> list[Proposal]:
        """As of ``Advisor``; a training run is taken one way at most."""
        proposals, options = self._first(ledger, count), self._options(ledger)
        if proposals or not options or not ledger.outcomes:
            return proposals
        return self._bought(ledger, options, self._plan(ledger, options, [], count, MOST_DRAWS))

    def stop_runs(self, ledger: Ledger) -> tuple[str, ...]:
        """Runs that may go on and of which nothing that they can still tell is worth its price.

        The plan for the rest of the budget buys nothing of them (``jaxsl.lookahead``); none without a budget.
        """
        options = self._options(ledger)
        open_runs = dict.fromkeys(one.of for one in options if one.of)
        if not open_runs or not math.isfinite(ledger.left):
            return ()
        with double_precision():
            view, offer = self._view(ledger, options, []), self._offer(ledger, options, [])
            rows = np.arange(len(options))
            pool, uses, group = for_sale(view, offer, rows, buffer_size(len(rows)))
            money, key = np.asarray(ledger.left), self._key(ledger)
            bought = np.asarray(
                programs.bought(view.posterior, pool, view.target, uses > 0, money, view.pending, key, group)
            )
        worth = {options[row].of for row in np.flatnonzero(bought)}
        return tuple(name for name in open_runs if name not in worth)

    @property
    def _tokens(self) -> int:
        """The number of the input that grows along a run."""
        return self.laws[0].inputs.index(TOKENS)

    def _first(self, ledger: Ledger, count: int) -> list[Proposal]:
        """A run of each of the smallest sizes, before there is enough to choose by."""
        num_params = min(law.num_params for law in self.laws)
        wanted = math.ceil(int(WARM_PER_PARAMETER * num_params) / WARM_CHECKPOINTS)
        order = sorted(sizes(ledger, self._tokens), key=lambda one: one.costs[:WARM_CHECKPOINTS][-1])
        proposals, left = list[Proposal](), ledger.left
        for size in order[:wanted]:
            place = min(WARM_CHECKPOINTS, len(size.tokens)) - 1
            cost = size.costs[place] * ledger.factor
            if size.runs or len(proposals) == count:
                continue
            if cost > left * (1 + 1e-9):
                break
            left -= cost
            proposals.append(Proposal(size.x[place], size.costs[place], cost, size.names[place]))
        return proposals

    def _options(self, ledger: Ledger) -> Candidates:
        """New runs, and runs that go on, each to every candidate beyond where it is."""
        restart, most = ledger.settings["curves"]["restart"], int(ledger.settings["replicates"])
        used, options = ledger.used(), list[Candidate]()
        for size in sizes(ledger, self._tokens):
            ends = [place for place, x in enumerate(size.x) if used.get(x, 0) < most]
            if len(size.runs) < most:
                options += [Candidate(size.x[at], size.costs[at], size.names[at]) for at in ends]
            for name, tokens in size.open.items():
                paid = size.cost_to(tokens) - restart
                options += [
                    Candidate(size.x[at], size.costs[at] - paid, size.names[at], name)
                    for at in ends
                    if size.tokens[at] > tokens * (1 + 1e-9)
                ]
        return Candidates.listed(options, ledger.candidates.x.shape[1])

    def _uses(
        self, ledger: Ledger, options: Candidates, taken: list[Proposal]
    ) -> tuple[np.ndarray, np.ndarray]:
        """New runs of one size, to whatever length, share the ``replicates`` left; a run goes on once."""
        most = int(ledger.settings["replicates"])
        begun = {without(size.x[0], self._tokens): len(size.runs) for size in sizes(ledger, self._tokens)}
        ways = [one.of or without(one.x, self._tokens) for one in options]
        number = {way: index for index, way in enumerate(dict.fromkeys(ways))}
        uses = [1 if one.of else most - begun[without(one.x, self._tokens)] for one in options]
        return np.array(uses), np.array([number[way] for way in ways])

    def _course(self, ledger: Ledger) -> Course:
        number = _numbers(ledger)
        run: Any = np.array([number[one.curve] for one in ledger.outcomes])
        place: Any = np.log10([one.x[self._tokens] for one in ledger.outcomes])
        return Course(run, place)

    def _view(self, ledger: Ledger, options: Candidates, taken: list[Proposal]) -> View:
        """Options, pending runs and targets by their numbers in one table, whose entries are whole runs."""
        pending: list[Run | Proposal] = [*ledger.with_status(PENDING), *taken]
        found = self._believe(ledger)
        assert found is not None
        size = buffer_size(len(options)), buffer_size(len(pending))
        every: list[Candidate | Run | Proposal] = [*options, *[options[0]] * (size[0] - len(options))]
        every += [*pending, *[options[0]] * (size[1] - len(pending))]
        with double_precision():
            course = self._course(ledger).padded(len(found.observations.mask))
            seen = replace(jax.tree.map(jnp.asarray, found.observations), course=course)
            along = None if found.along is None else Along(*map(jnp.asarray, vars(found.along).values()))
            pool = self._pool(ledger, every)
            table, pool, target = runs_together(
                self._posterior(ledger), along, pool, self._target(ledger), seen
            )
            there = jnp.asarray(np.arange(size[1]) < len(pending))
            numbers = np.asarray(pool.x)
            return View(table, numbers[: len(options)], Pending(pool.x[size[0] :], there), target)

    def _pool(self, ledger: Ledger, every: Sequence[Candidate | Run | Proposal]) -> Pool:
        """Candidates with the rows that they would tell of."""
        number = _numbers(ledger)
        known = {without(size.x[0], self._tokens): size for size in sizes(ledger, self._tokens)}
        most = max(len(size.tokens) for size in known.values())
        x: list[list[Point]] = []
        mask: list[list[bool]] = []
        run: list[int] = []
        for one in every:
            size = known[without(one.x, self._tokens)]
            begun = size.reached.get(one.of, 0.0) if one.of else 0.0
            x.append([*size.x, *[size.x[-1]] * (most - len(size.x))])
            told = [begun * (1 + 1e-9) < tokens <= one.x[self._tokens] for tokens in size.tokens]
            mask.append([*told, *[False] * (most - len(told))])
            run.append(number.get(one.of, len(number) + len(run)) if one.of else len(number) + len(run))
        rows, ones = np.array(x), np.ones((len(every), most))
        place = np.log10(rows[..., self._tokens])
        parts = rows, place, np.array(mask), np.array(run), ones, 0.0
        return Pool(jnp.asarray(rows[:, -1]), jnp.ones(len(every)), Rows(*map(jnp.asarray, parts)))


def _numbers(ledger: Ledger) -> dict[str, int]:
    """Of every training run, by its name."""
    return {
        name: index for index, name in enumerate(dict.fromkeys(run.curve for run in ledger.runs.values()))
    }
