"""Recipes that a study compares: of which one every row of a table is, and the runs of one alone."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jaxsl.host.decision.multiplier import check_recipes, split
from jaxsl.host.errors import UserError
from jaxsl.host.input.columns import Table
from jaxsl.host.input.problem import Problem
from jaxsl.host.input.remarks import repeated
from jaxsl.host.study.candidates import Candidates
from jaxsl.host.study.configuration import Settings
from jaxsl.host.study.export import COLUMNS
from jaxsl.host.study.ledger import Ledger
from jaxsl.law import Law


def recipes_of(table: Table, by: str, against: str | None, law: Law) -> dict[str, Any]:
    """Settings of a study that compares recipes: the column, and their names, that compared with last.

    Args:
        table: runs and candidates of all.
        by, against: as of ``jaxsl.host.decision.next_for``.
        law: whose inputs and outputs are other columns.

    Raises:
        UserError: when no column tells recipes apart, there is one recipe, or none of that name.
    """
    if by in (*law.inputs, *law.outputs, *COLUMNS):
        what = f"is of {law.name}" if by not in COLUMNS else "is a study's own word for something else"
        raise UserError(f"--by {by}: {by} {what}; give another column that tells recipes apart, or rename it")
    names = [name for name in split(table, by, against) if name]
    check_recipes(names)
    return {"by": by, "recipes": names}


def with_recipes(problem: Problem, table: Table, settings: Settings) -> Problem:
    """A problem whose configurations end with the number of their recipe, in a study that compares several.

    Args:
        problem: the runs of the table, a row each.
        table, settings: as of ``recipe_of_rows``, whose errors it raises.
    """
    if "by" not in settings:  # nor has a problem a row each where some are its target
        return problem
    before, x = problem.runs.x, np.column_stack([problem.runs.x, recipe_of_rows(table, settings)])
    # One configuration of two recipes is no replicate.
    notes = [note for note in problem.notes if note not in repeated(before, None)]
    return replace(problem, runs=replace(problem.runs, x=x), notes=(*notes, *repeated(x, None)))


def recipe_of_rows(table: Table, settings: Settings) -> np.ndarray:
    """The number of each row's recipe, ``(row, 1)``; ``(row, 0)`` in a study that compares none.

    Args:
        table: with the column of recipes.
        settings: of the study.

    Raises:
        UserError: naming the row, where it says no recipe or one that the study does not have.
    """
    if "by" not in settings:
        return np.zeros((table.num_rows, 0))
    by, names = settings["by"], settings["recipes"]
    table.require(by, "--by of the study,")
    told = table.text(by)
    for row, name in enumerate(told):
        if name not in names:
            what = f"the study has no recipe {name!r}" if name else "it says of no recipe"
            raise UserError(
                f"{table.place(row, by)}: {what}; correct it to one of {', '.join(names)}, or leave rows out "
                "with --where"
            )
    return np.array([[names.index(name)] for name in told], float)


@dataclass
class OfRecipe(Ledger):
    """The runs and candidates of one recipe, as a study of it alone had them, with the money of all.

    Attributes:
        whole: the ledger of all. number: of the recipe.
    """

    whole: Ledger = field(default_factory=Ledger)
    number: int = 0

    @property
    def factor(self) -> float:
        """As of the whole."""
        return self.whole.factor

    @property
    def paid(self) -> float:
        """As of the whole."""
        return self.whole.paid

    @property
    def left(self) -> float:
        """As of the whole."""
        return self.whole.left


def by_recipe(ledger: Ledger) -> dict[str, OfRecipe]:
    """The ledger of every recipe, that compared with last."""
    found, every = {}, ledger.candidates
    for number, name in enumerate(ledger.settings["recipes"]):
        runs = {id: replace(run, x=run.x[:-1]) for id, run in ledger.runs.items() if run.x[-1] == number}
        own = every.take(every.x[:, -1] == number)
        offered = [Candidates(own.x[:, :-1], own.cost, own.name, own.of)]
        found[name] = OfRecipe(ledger.settings, runs, _offered=offered, whole=ledger, number=number)
    return found
