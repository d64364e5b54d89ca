"""What a study should run next when it compares recipes: ``--aim multiplier``.

Each recipe is known by its own runs alone, so what is open of the logarithms of the multipliers is a sum over
recipes, and a run takes from its own recipe's part (``jaxsl.host.decision.next_recipe``). Each recipe offers
the best of its next runs, in the light of all that are pending or chosen before; the one that takes most of
the sum is chosen.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.batch import MOST_DRAWS, Pending
from jaxsl.design import Design
from jaxsl.host.answer.which_laws import num_needed
from jaxsl.host.decision.aim import expected_error, read_aim
from jaxsl.host.decision.known import Known
from jaxsl.host.decision.multiplier import compared
from jaxsl.host.decision.next_recipe import leading_rows, views_of
from jaxsl.host.decision.ranked import Purse
from jaxsl.host.decision.report import MultiplierReport
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL
from jaxsl.host.programs.packing import pad
from jaxsl.host.study.advisor import Advisor
from jaxsl.host.study.aimed import AimedAdvisor
from jaxsl.host.study.answers import Compared, Forecast, Outlook, Proposal
from jaxsl.host.study.candidates import Candidate, Candidates, Point
from jaxsl.host.study.last import Last
from jaxsl.host.study.ledger import DONE, PENDING, Ledger
from jaxsl.host.study.options import first_runs
from jaxsl.host.study.planning import SHORT, Offer, Planned, View, planned
from jaxsl.host.study.recipes import OfRecipe, by_recipe
from jaxsl.host.study.stop_rules import Stop
from jaxsl.law import Law
from jaxsl.pool import Target, buffer_size
from jaxsl.posterior import Tabulated
from jaxsl.precision import double_precision

AHEAD = 8  # runs that are looked ahead, each of which is a plan of every recipe: of 0.1 s


@dataclass
class _Offered:
    """What one recipe offers, while runs are chosen one after the other.

    Attributes:
        number: of the recipe.
        options: that may be run.
        table, target: what is believed of the recipe, its part of the multipliers the target.
        rows: by which the table knows the options, ``(option, 1)``.
        uses: how often each may still be run, ``(option,)``.
        waiting: rows of runs whose outcome is not known yet.
        room: for those, and for more.
    """

    number: int
    options: Candidates
    table: Tabulated
    target: Target
    rows: np.ndarray
    uses: np.ndarray
    waiting: list[np.ndarray]
    room: int

    def next(self, design: Design, factor: float, money: float, spent: float, key: jax.Array) -> Planned:
        """The best next run for the money."""
        there = jnp.asarray(np.arange(self.room) < len(self.waiting))
        waiting = pad(np.array(self.waiting or self.rows[:1]), self.room)
        view = View(self.table, self.rows, Pending(jnp.asarray(waiting), there), self.target)
        cost, each = self.options.cost * factor, np.arange(len(self.options))
        offer = Offer(cost, self.uses, each, money, spent)
        return planned(design, view, offer, 1, MOST_DRAWS, key, True, False)

    def buy(self, plan: Planned, factor: float, after: float) -> Proposal:
        """The first of a plan, chosen; ``after`` it so much of the sum is left."""
        row = int(plan.rows[plan.plan.index[0]])
        option, fall = self.options[row], float(plan.plan.score[0])
        self.uses[row] -= 1
        self.waiting.append(self.rows[row])
        x, cost = (*option.x, float(self.number)), option.cost * factor
        return Proposal(x, option.cost, cost, option.name, fall, after=after - fall)


class ComparedAdvisor(Advisor):
    """The engine behind a study for multipliers.

    Args:
        laws: what is believed in, of each recipe by itself.
        settings: of the ledger.
    """

    def __init__(self, laws: Sequence[Law], settings: Mapping[str, Any]):
        super().__init__(laws)
        self.at = read_aim(settings["aim"]).at
        aimed = settings["aim"], settings["hold"], settings["range"]
        self.each = {name: AimedAdvisor(laws, *aimed) for name in settings["recipes"]}
        self._compared, self._best = Last[MultiplierReport](), Last[dict[str, np.ndarray]]()

    def ask(self, ledger: Ledger, count: int) -> list[Proposal]:
        """As of ``Advisor``; the first runs of each recipe until all are known.

        Raises:
            UserError: when a recipe cannot get to be known, as it has too few runs and no candidate.
        """
        parts = by_recipe(ledger)
        proposals, known = self._first(ledger, parts, count), self._learned(parts)
        if len(proposals) == count:
            return proposals
        if known is None:
            self._check_offered(parts)
            return proposals
        offered = self._offered(ledger, parts, known, proposals, count - len(proposals))
        return proposals + self._ahead(ledger, known, offered, proposals, count - len(proposals)).runs

    def decided(self, ledger: Ledger) -> Compared | None:
        """What is known of the multipliers, and what runs are worth; None until all recipes are known."""
        parts = by_recipe(ledger)
        known = self._learned(parts)
        if known is None:
            return None
        offered = self._offered(ledger, parts, known, [], AHEAD)
        now = sum(expected_error(one.table, one.target) for one in offered.values())
        outlook = self._ahead(ledger, known, offered, [], AHEAD)
        falls, costs = ([getattr(run, name) for run in outlook.runs] for name in ("fall", "cost"))
        return Compared(
            num_runs={name: len(part.with_status(DONE)) for name, part in parts.items()},
            multipliers=self._report(ledger, known),
            now=now,
            spend=np.cumsum([0.0, *costs]),
            variance=np.maximum(outlook.variance - np.cumsum([0.0, *falls]), 0.0),
            reason=_reason(Stop(**ledger.settings["stop"]), outlook),
        )

    def forecast(self, ledger: Ledger) -> Forecast | None:
        """None: nothing is predicted of one law."""
        return None

    def outlook(self, ledger: Ledger, num_runs: int = AHEAD) -> Outlook | None:
        """As of ``Advisor``; None until all recipes are known."""
        parts = by_recipe(ledger)
        known = self._learned(parts)
        if known is None:
            return None
        return self._ahead(ledger, known, self._offered(ledger, parts, known, [], num_runs), [], num_runs)

    def _learned(self, parts: Mapping[str, OfRecipe]) -> dict[str, Known] | None:
        """What is known of every recipe; None where one has too few runs."""
        found = {name: self.each[name].learned(part) for name, part in parts.items()}
        known = {name: one for name, one in found.items() if one is not None}
        return known if len(known) == len(found) else None

    def _report(self, ledger: Ledger, known: dict[str, Known]) -> MultiplierReport:
        cost, level = ledger.settings["cost"], ledger.settings.get("level", LEVEL)
        return self._compared.get(tuple(known.values()), lambda: compared(known, cost, self.at, level))

    def _first(self, ledger: Ledger, parts: Mapping[str, OfRecipe], count: int) -> list[Proposal]:
        """The cheapest runs of every recipe, before there is enough to choose by."""
        found = [
            replace(run, x=(*run.x, float(part.number)))
            for part in parts.values()
            for run in first_runs(self.laws, part, self._options(part), count)
        ]
        found.sort(key=lambda run: run.cost)
        paid = np.cumsum([run.cost for run in found]) <= ledger.left * (1 + 1e-9)
        return found[: min(count, int(paid.sum()))]

    def _check_offered(self, parts: Mapping[str, OfRecipe]) -> None:
        needed = max(map(num_needed, self.laws))
        for name, part in parts.items():
            done = len({run.x for run in part.with_status(DONE)})
            if done < needed and not part.with_status(PENDING) and not self._options(part):
                raise UserError(
                    f"recipe {name} has {done} different runs and no candidate left, and to compare it takes "
                    f"{needed}: `jaxsl study import` adds runs or candidates"
                )

    def _offered(
        self,
        ledger: Ledger,
        parts: Mapping[str, OfRecipe],
        known: dict[str, Known],
        taken: list[Proposal],
        count: int,
    ) -> dict[str, _Offered]:
        """What every recipe offers after those that are ``taken``, looked up where the recipe counts."""
        options, waiting = dict[str, Candidates](), dict[str, list[Point]]()
        for name, part in parts.items():
            waiting[name] = self._waiting(part, [run.x for run in _of(part, taken)])
            done = [Candidate(run.x, math.nan) for run in part.with_status(DONE)]
            # Asked about its own runs, a recipe without candidates says what is open of it all the same.
            options[name] = self._options(part) or Candidates.listed(done, len(done[0].x))
        leading = self._leading(ledger, known, options, taken)
        options = {name: one.take(leading[name]) for name, one in options.items()}
        with double_precision():
            x = {name: np.array([*one.x, *waiting[name]]) for name, one in options.items()}
            views = views_of(known, self._report(ledger, known), x)
        found = {}
        for name, part in parts.items():
            table, target, rows = views[name]
            num, room = len(options[name]), buffer_size(len(waiting[name]) + count)
            uses = self._uses(part, options[name], _of(part, taken))[0]
            told = options[name], table, target, rows[:num], uses, [*rows[num:]], room
            found[name] = _Offered(part.number, *told)
        return found

    def _leading(
        self,
        ledger: Ledger,
        known: dict[str, Known],
        options: Mapping[str, Candidates],
        taken: list[Proposal],
    ) -> dict[str, np.ndarray]:
        """Rows of each recipe's options: of many those of the best, each as if it were the only next run."""
        found, x = self._report(ledger, known), [one.x for one in options.values()]
        promised = math.fsum(run.cost for run in taken)
        money, paid = ((one / ledger.factor) for one in (ledger.left - promised, ledger.paid + promised))
        purse = Purse(money, paid).checked(*(one.found for one in known.values()))
        return self._best.get(
            (found, purse.money, purse.spent, x),
            lambda: leading_rows(known, found, options, purse, SHORT),
        )

    def _ahead(
        self,
        ledger: Ledger,
        known: dict[str, Known],
        offered: Mapping[str, _Offered],
        taken: list[Proposal],
        count: int,
    ) -> Outlook:
        """At most ``count`` runs of any recipe, one after the other, after those that are ``taken``."""
        promised, factor, key = math.fsum(run.cost for run in taken), ledger.factor, self._key(ledger)
        money, paid = ledger.left - promised, ledger.paid + promised
        told = (one.found.checked(paid) for one in known.values() if one.found is not None)
        spent = min(told, default=paid)
        runs, first, left = list[Proposal](), dict[str, Planned](), math.nan
        while len(runs) < count:
            with double_precision():
                plans = {
                    name: one.next(self.design, factor, money, spent, key) for name, one in offered.items()
                }
            if not first:
                first, left = plans, sum(float(plan.plan.variance) for plan in plans.values())
            # The limit is that of all: the cheapest run of any recipe may be bought, not that of each.
            most = min(plan.most for plan in plans.values()) * (1 + 1e-9)
            fall = {
                name: float(plan.plan.score[0])
                for name, plan in plans.items()
                if plan.plan.index[0] >= 0 and plan.cost[plan.plan.index[0]] <= most
            }
            if not fall:
                break
            best = max(fall, key=fall.__getitem__)
            runs.append(offered[best].buy(plans[best], factor, left))
            left, money, spent = runs[-1].after, money - runs[-1].cost, spent + runs[-1].cost
        sale = {name: plan.plan.value[: len(plan.rows)] > -np.inf for name, plan in first.items()}
        falls = np.concatenate([first[name].plan.first[: len(one)][one] for name, one in sale.items()])
        costs = np.concatenate([first[name].cost[one] for name, one in sale.items()])
        variance = sum(float(plan.plan.variance) for plan in first.values())
        return Outlook(runs, falls, costs, variance)


def _of(part: OfRecipe, runs: Sequence[Proposal]) -> list[Proposal]:
    """Those of one recipe, as a study of it alone had them."""
    return [replace(run, x=run.x[:-1]) for run in runs if run.x[-1] == part.number]


def _reason(stop: Stop, outlook: Outlook) -> str:
    if stop.gain is None or not outlook.fall.size or not outlook.variance > 0:
        return ""
    share = 1 - math.sqrt(max(1 - float(outlook.fall.max()) / outlook.variance, 0.0))
    if share >= stop.gain:
        return ""
    return f"no run is expected to narrow the interval by --gain {stop.gain:g} (at most {share:.2%})"
