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
from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import Workers
from experiments.datasets import Group, Runs
from experiments.report import OUTPUTS, provenance, tell_table
from experiments.robust.environments import ALL, BUDGETS, Case
from experiments.robust.methods import COMPARED
from experiments.robust.sweep import results
from experiments.robust.tables import MethodsOption, known_methods, scores_of, summary
from jaxsl.host.answer.next_runs import require_cost
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
    target_share: TargetShareOption = DEAREST,
    cost: CostOption = None,
    outcome: OutcomeOption = None,
    map: MapOption = None,
    where: WhereOption = None,
    methods: MethodsOption = "",
    seeds: Annotated[int, typer.Option(min=1, help="Draws: seeds 0 to this, exclusive.")] = 20,
    workers: Workers = 2,
) -> None:
    """Chosen runs beside random, cheap and all runs, on tables of your own."""
    asked = Asked(
        tuple(law), tuple(target or ()), target_share or DEAREST, cost, outcome, tuple(map or ()), where
    )
    compared = known_methods(methods, METHODS)
    environments = {f"table {path.stem}": partial(of_table, path, asked) for path in tables}
    if len(environments) < len(tables):
        raise UserError("two tables have the same name, by which results are told apart; rename one")
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
    failed = sum("error" in one for one in found)
    names = shlex.join([*(path.name for path in tables), *_options(asked, methods)])
    said = provenance(f"python -m experiments public {names} --seeds {seeds}", 0)
    tell_table("public", rows, said | {"failed episodes": str(failed)})


def of_table(path: Path, asked: Asked, seeds: int) -> Iterator[Case]:
    """The problem of a table, the same for every seed.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    mapping = read_mapping(list(asked.map))
    laws = resolved(asked.law)
    table = run_table(path, laws, mapping, asked.outcome, where=asked.where)
    price = require_cost(table, asked.cost)
    target = list(asked.target) or None
    chosen = ensemble(table, laws, mapping=mapping, outcome=asked.outcome, target=target, cost=price)
    seen, problem = chosen.seen, chosen.problem
    if problem.targets is None or problem.answers is None:
        seen, dear = seen.split_dearest(asked.target_share)
        x, y = dear.x, dear.y
    else:
        x, y = problem.targets.x, problem.answers.y
    unpriced = np.flatnonzero(~(seen.cost > 0))
    if unpriced.size:
        row = seen.row_numbers[unpriced[0]]
        raise UserError(f"{problem.table}, {problem.unit} {row}: every run of the pool needs a cost above 0")
    known = np.isfinite(y).all(axis=1)
    if known.sum() < 2 or np.ptp(y[known]) == 0:
        raise UserError(
            f"{problem.table}: the target has {known.sum()} known outcomes and R² needs two that differ; "
            "give rows of finished runs with --target, or leave it to --target-share"
        )
    group = Group(Runs(seen.x, seen.y, seen.cost), Runs(x[known], y[known], np.ones(known.sum())))
    law = chosen.laws[0].name if len(chosen.laws) == 1 else ALL
    sizes = len(seen.x), int(known.sum())
    for seed in range(seeds):
        yield Case(law, chosen.laws, {"": group}, BUDGETS, seed, sizes)


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
