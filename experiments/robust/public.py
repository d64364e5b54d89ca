"""``python -m experiments public TABLE...``: the protocol of the benchmark on anybody's finished runs.

The dear runs of a table are its target, the others a pool whose outcomes are hidden. Every method buys runs
of the pool until 2, 5, 10 and 20 % of its cost are spent, believes in what it bought, and says an interval at
the target, which is scored by what came out there.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

from experiments.benchmark.options import Workers
from experiments.datasets import Group, Runs
from experiments.report import OUTPUTS, provenance, tell_table
from experiments.robust.environments import ALL, BUDGETS, Case
from experiments.robust.methods import COMPARED
from experiments.robust.sweep import failures, results
from experiments.robust.tables import MethodsOption, known_methods, scores_of, summary
from jaxsl.host.answer.next_runs import require_cost
from jaxsl.host.answer.replay import hidden_target
from jaxsl.host.answer.scores import mean_and_error
from jaxsl.host.answer.which_laws import ensemble, resolved, run_table
from jaxsl.host.cli.options import (
    CostOption,
    LawsOption,
    MapOption,
    OutcomeOption,
    TargetOption,
    TargetShareOption,
    WhereOption,
    read_mapping,
)
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import DEAREST
from jaxsl.law import Law

METHODS = ("default", "random", "cost-random", "cheapest", "v-opt", "d-opt", "all-data", "paper mspe")


@dataclass(frozen=True)
class Asked:
    """What is asked about every table; names as the options of ``jaxsl replay``."""

    law: tuple[str, ...]
    target: tuple[str, ...]
    target_share: float
    cost: str | None
    outcome: str | None
    map: tuple[str, ...]
    where: str | None


def public(
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="Tables of finished runs.")],
    law: LawsOption,
    target: TargetOption = None,
    target_share: TargetShareOption = None,
    cost: CostOption = None,
    outcome: OutcomeOption = None,
    map: MapOption = None,
    where: WhereOption = None,
    methods: MethodsOption = "",
    seeds: Annotated[int, typer.Option(min=1, help="Draws: seeds 0 to this, exclusive.")] = 20,
    workers: Workers = 2,
) -> None:
    """Chosen runs beside random, cheap and all runs, on tables of your own.

    The dearest sixth of the runs is the target where none is named.
    """
    asked = Asked(
        tuple(law), tuple(target or ()), target_share or DEAREST, cost, outcome, tuple(map or ()), where
    )
    compared = known_methods(methods, METHODS)
    environments = {f"table {path.stem}": partial(of_table, path, asked) for path in tables}
    if len(environments) < len(tables):
        raise UserError("two tables have the same name, by which results are told apart; rename one")
    notes = {path.name: "; ".join(read(path, asked).notes) for path in tables}
    found = results(environments, compared, seeds, OUTPUTS / "robust.jsonl", workers)
    rows = []
    for environment in environments:
        scored = scores_of(found, environment, compared)
        for method in compared:
            cells = [
                {**row, "budget": f"{BUDGETS[place]:.0%}", **_beside(scored, method, place)}
                for place, row in enumerate(summary(environment, method, scored[method]))
            ]
            rows += cells[-1:] if is_whole(method) else cells
    names = shlex.join([*(str(path) for path in tables), *_options(asked, methods)])
    said = provenance(f"python -m experiments public {names} --seeds {seeds}", 0) | notes | failures(found)
    tell_table("public" if len(tables) > 1 else f"public-{tables[0].stem}", rows, said)
    if all("error" in one for one in found):
        raise UserError("all episodes failed; what the first said stands above")


class Read(NamedTuple):
    """A table as it was read: its laws, pool and target, and what is worth saying of it."""

    laws: tuple[Law, ...]
    group: Group
    notes: tuple[str, ...]


def of_table(path: Path, asked: Asked, seeds: int) -> Iterator[Case]:
    """The problem of a table, the same for every seed.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    laws, group, _ = read(path, asked)
    law = laws[0].name if len(laws) == 1 else ALL
    for seed in range(seeds):
        yield Case(law, laws, {"": group}, BUDGETS, seed, (len(group.train.x), len(group.test.x)))


def read(path: Path, asked: Asked) -> Read:
    """The runs of a table, those that are the target apart; errors as of ``of_table``."""
    mapping = read_mapping(list(asked.map))
    laws = resolved(asked.law)
    table = run_table(path, laws, mapping, asked.outcome, where=asked.where)
    price = require_cost(table, asked.cost)
    target = list(asked.target) or None
    chosen = ensemble(table, laws, mapping=mapping, outcome=asked.outcome, target=target, cost=price)
    problem, (seen, x, y, _, notes) = chosen.problem, hidden_target(chosen, asked.target_share)
    unpriced = np.flatnonzero(~(seen.cost > 0))
    if unpriced.size:
        row = seen.row_numbers[unpriced[0]]
        raise UserError(f"{problem.table}, {problem.unit} {row}: every run of the pool needs a cost above 0")
    known = np.isfinite(y).all(axis=1)
    if known.sum() < 2 or np.ptp(y[known]) == 0:
        raise UserError(
            f"{problem.table}: the target has {known.sum()} known outcomes and R² needs two that differ; "
            "name rows of finished runs with --target, or take more of the dearest with --target-share"
        )
    group = Group(Runs(seen.x, seen.y, seen.cost), Runs(x[known], y[known], np.ones(known.sum())))
    return Read(chosen.laws, group, (f"{len(seen.x)} runs of the pool, {known.sum()} of the target", *notes))


def is_whole(method: str) -> bool:
    """Whether a method buys the whole pool, whatever the budget: it stands beside the last one."""
    blind = COMPARED[method].blind
    return blind is not None and blind.at_once


def _beside(scored: dict[str, dict[str, np.ndarray]], method: str, place: int) -> dict:
    """The default's R² less that of a method, paired by seed, and its error."""
    if method == "default" or "default" not in scored:
        return {"default less it": "", "paired error": ""}
    mean, error = mean_and_error(scored["default"]["r2"][:, place] - scored[method]["r2"][:, place])
    return {"default less it": mean, "paired error": error}


def _options(asked: Asked, methods: str) -> Iterator[str]:
    """The options as they were given."""
    several = {"law": asked.law, "target": asked.target, "map": asked.map}
    single = {"cost": asked.cost, "outcome": asked.outcome, "where": asked.where, "methods": methods}
    given = [(name, value) for name, values in several.items() for value in values]
    for name, value in [*given, *single.items()]:
        if value:
            yield from (f"--{name}", value)
    if not asked.target and asked.target_share != DEAREST:
        yield from ("--target-share", f"{asked.target_share:g}")
