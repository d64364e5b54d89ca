"""Runs chosen for a compute multiplier between two recipes, and at random: what is known of it then.

Command: ``python -m experiments decide multipliers``. The old recipe is a simulated world of
``experiments.decide.campaigns``, the new one the same law with its A and B times a number of their own each.
Of both the 12 cheapest of 64 runs are done; with a share of what all runs of both cost each method buys one
run after the other, of whichever recipe; at the end the multiplier at 1e22 is asked for:

    for the multiplier   the first of ``jaxsl next --aim multiplier:C=1e22 --by recipe``
    random               any affordable run

Resumable: a line of JSON a world and method, in ``outputs/decide/multipliers.jsonl``.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated

import numpy as np
import typer
from scipy.optimize import brentq

from experiments.decide.campaigns import DONE, NOISE, Campaign, predicted, simulated
from experiments.decide.kept import Kept
from experiments.decide.worlds import COST, FOLDER
from experiments.report import provenance, tell_table
from jaxsl.host.decision.multiplier import multiplier
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.programs.cache import enable_compilation_cache

SEARCHED = {"N": (1e7, 1e13), "D": (1e7, 1e15)}
BETTER = -0.2, 0.1  # logarithms of what A and B of the new recipe are times the old ones: mean and deviation
A, B = 1, 3  # places of those among the parameters

Recipes = dict[str, Campaign]
Bought = dict[str, list[int]]


def recipes(seed: int) -> Recipes:
    """Two of them, each with its runs, the cheapest first."""
    old = simulated(seed)
    theta = old.theta.copy()
    theta[[A, B]] *= np.exp(BETTER[0] + BETTER[1] * old.rng.standard_normal(2))
    y = predicted(old.law, theta, old.x) + NOISE * old.rng.standard_normal(len(old.x))
    return {"old": old, "new": replace(old, theta=theta, y=y)}


def least_loss(theta: np.ndarray, cost: float) -> float:
    """Of ``E + A N^-alpha + B D^-beta`` at ``6 N D``, its minimum in closed form."""
    e, a, alpha, b, beta = theta
    n = (alpha * a / (beta * b)) ** (1 / (alpha + beta)) * (cost / 6) ** (beta / (alpha + beta))
    return float(e + a * n**-alpha + b * (cost / 6 / n) ** -beta)


def true_log_times(some: Recipes) -> float:
    """Logarithm of the multiplier."""
    budget = some["old"].budget
    wanted = least_loss(some["new"].theta, budget)

    def above(log_times: float) -> float:
        return least_loss(some["old"].theta, budget * np.exp(log_times)) - wanted

    return brentq(above, -5, 10)


def table(some: Recipes, bought: Bought, hidden: bool = True) -> dict[str, np.ndarray]:
    """The runs of both that were bought, and the others without an outcome unless they are left out."""
    each = {name: one.table(bought[name], hidden) for name, one in some.items()}
    names = np.repeat(list(each), [len(one["N"]) for one in each.values()])
    return {"recipe": names} | {
        key: np.concatenate([one[key] for one in each.values()]) for key in each["old"]
    }


def for_multiplier(some: Recipes, bought: Bought, left: float) -> tuple[str, int]:
    """The recipe and the row to buy."""
    found = next_for(
        table(some, bought),
        some["old"].law,
        aim=f"multiplier:C={some['old'].budget:g}",
        by="recipe",
        against="new",
        cost=COST,
        range=SEARCHED,
        budget=left,
        count=1,
    ).runs[0]
    return found.recipe, found.row_number % len(some["old"].x)


def at_random(some: Recipes, bought: Bought, left: float) -> tuple[str, int]:
    """The recipe and the row to buy."""
    free = [
        (name, row)
        for name, one in some.items()
        for row in range(len(one.x))
        if row not in bought[name] and one.cost[row] <= left
    ]
    return free[some["old"].rng.integers(len(free))]


METHODS: dict[str, Callable[[Recipes, Bought, float], tuple[str, int]]] = {
    "for the multiplier": for_multiplier,
    "random": at_random,
}


def known(method: str, seed: int, share: float, most: int) -> dict[str, float]:
    """Buy, and compare."""
    some = recipes(seed)
    money = left = share * sum(float(one.cost.sum()) for one in some.values())
    bought = {name: list(range(DONE)) for name in some}
    for _ in range(most):
        if not any((np.delete(one.cost, bought[name]) <= left).any() for name, one in some.items()):
            break
        name, row = METHODS[method](some, bought, left)
        bought[name].append(row)
        left -= float(some[name].cost[row])
    tables = {name: one.table(bought[name], hidden=False) for name, one in some.items()}
    budget, law = some["old"].budget, some["old"].law
    found = multiplier(tables, law, cost=COST, budget=budget, range=SEARCHED).recipes[0].multiplier
    right = true_log_times(some)
    return {
        "error": float(np.log(found.median) - right),
        "width": float(np.log(found.high / found.low)),
        "covered": float(found.low <= np.exp(right) <= found.high),
        "old": float(len(bought["old"]) - DONE),
        "new": float(len(bought["new"]) - DONE),
        "spent": 1 - left / money,
    }


def main(
    seeds: Annotated[int, typer.Option(min=2, help="Worlds.")] = 20,
    share: Annotated[float, typer.Option(help="Of the cost of all runs that may be spent.")] = 0.05,
    most: Annotated[int, typer.Option(min=1, help="Purchases of one method, at most.")] = 40,
    seed: Annotated[int, typer.Option(help="The first; the others follow.")] = 3000,
) -> None:
    """Error and interval of a log multiplier after runs chosen for it, and at random."""
    enable_compilation_cache()
    host = {f"jaxsl.host.decision.{name}" for name in ("aim", "multiplier", "next_recipe", "ranked")}
    kept, rows = Kept("multipliers", {__name__, *host}), []
    each = [
        {
            method: kept([method, one, share, most], partial(known, method, one, share, most))
            for method in METHODS
        }
        for one in range(seed, seed + seeds)
    ]
    for method in METHODS:
        names = ("error", "width", "covered", "old", "new", "spent")
        column = {name: np.array([one[method][name] for one in each]) for name in names}
        rows.append(
            {
                "runs chosen": method,
                "bought, old": float(column["old"].mean()),
                "bought, new": float(column["new"].mean()),
                "share of the money": float(column["spent"].mean()),
                "median error of log M": float(np.median(np.abs(column["error"]))),
                "root mean square": float(np.sqrt(np.mean(column["error"] ** 2))),
                "median width": float(np.median(column["width"])),
                "coverage": float(column["covered"].mean()),
            }
        )
    command = f"python -m experiments decide multipliers --seeds {seeds} --share {share:g} --most {most}"
    tell_table("multipliers", rows, provenance(command, seed), FOLDER)
