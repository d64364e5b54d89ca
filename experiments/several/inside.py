"""``python -m experiments weighing``: rules that weigh laws, compared inside the pools.

The fifth of a pool that lies nearest to the target is set aside as if it were the target; runs are drawn from
the rest with probability in proportion to 1 / cost until a share of its cost is spent. No outcome of the
benchmark's targets is read, so defaults can be chosen here; ``several --inside`` does so with bought runs.
"""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import typer

from experiments.benchmark.episode import explained, target_of
from experiments.benchmark.methods import METHODS
from experiments.benchmark.options import Data, Tasks, split
from experiments.datasets import Group, load
from experiments.report import provenance, write_table
from experiments.several.aside import set_aside
from experiments.several.discrepancy import correction
from experiments.several.episode import LEVELS, design_of
from jaxsl.design import Design
from jaxsl.host.compiled import compiled
from jaxsl.pool import Observations, Pool, Target, observe
from jaxsl.posterior import Mixture, quantile
from jaxsl.precision import double_precision
from jaxsl.weighing import Average, Equal, Evidence, InverseError, Product, Stacking, Weighing
from laws.tasks import TASKS, Task

RULES: dict[str, Weighing] = {
    "equal": Equal(),
    "evidence": Evidence(),
    "evidence, T = 8": Evidence(8.0),
    "evidence, T = 16": Evidence(16.0),
    "1/error^0.5": InverseError(0.5),
    "1/error": InverseError(1.0),
    "1/error^2": InverseError(2.0),
    "stacking": Stacking(),
    "T = 8 and 1/error": Average((Evidence(8.0), InverseError())),
    "equal, T = 8, 1/error": Average((Equal(), Evidence(8.0), InverseError())),
    "T = 16 times 1/error^0.5": Product((Evidence(16.0), InverseError(0.5))),
    "default": Design.weighing,
}
PROCESS = "default and a process"  # Gaussian, on the residuals of the default
INTERVALS = "coverage", "coverage of the claimed"  # by forward chaining, and what the basins claim
BUDGETS = (0.05, 0.2, 0.5)  # shares of the cost of the rest
MOST = 256  # runs: more are not drawn


def weighing(
    tasks: Tasks = "",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of runs from every pool.")] = 3,
    data: Data = None,
) -> None:
    """Rules that weigh laws, compared on runs set aside inside the pools."""
    rows = []
    for task in TASKS:
        if (not tasks or task.name in split(tasks)) and len(task.laws) > 1:
            rows += compare(task, load(task, data), seeds)
            typer.echo(f"{task.name} done", err=True)
    names = list(rows[0])[2:]
    rows.append(
        {"task": "all", "budget": "", **{name: np.mean([row[name] for row in rows]) for name in names}}
    )
    command = f"python -m experiments weighing --seeds {seeds}" + (f" --tasks {tasks}" if tasks else "")
    table, text = write_table("weighing", rows, provenance(command, 0))
    typer.echo(text.read_text())
    typer.echo(f"{table}\n{text}")


def compare(task: Task, groups: dict[str, Group], seeds: int) -> list[dict]:
    """R² of every rule on what was set aside, mean over seeds, and coverage of the default's intervals."""
    problems = [set_aside(task, group) for group in groups.values()]
    num_runs = min(MOST, max(len(problem.train.x) for problem in problems))
    num_aside = max(len(problem.test.x) for problem in problems)
    truth = np.concatenate([problem.test.y.ravel() for problem in problems])
    rows = []
    for budget in BUDGETS:
        found: dict[str, list] = {name: [] for name in (*RULES, PROCESS, *INTERVALS)}
        for seed in range(seeds):
            outcomes = []
            for number, problem in enumerate(problems):
                rng = np.random.default_rng([seed, number])
                bought = draw(rng, problem.train.cost, budget)[:num_runs]
                outcomes.append(forecast(task, problem, bought, num_runs, num_aside, seed))
            for name in found:
                ends = np.concatenate([outcome[name].reshape(3, -1) for outcome in outcomes], axis=1)
                covered = float(np.mean((ends[0] <= truth) & (truth <= ends[2])))
                found[name].append(covered if name in INTERVALS else explained(truth, ends[1]))
        means = {name: float(np.mean(values)) for name, values in found.items()}
        rows.append({"task": task.name, "budget": budget, **means})
    return rows


def draw(rng: np.random.Generator, cost: np.ndarray, budget: float) -> np.ndarray:
    """Rows with probability in proportion to 1 / cost, as far as the budget goes; one at least."""
    order = np.argsort(rng.exponential(size=len(cost)) * cost)
    spent = np.cumsum(cost[order])
    return order[: max(1, int(np.sum(spent <= budget * cost.sum())))]


def forecast(
    task: Task, problem: Group, bought: np.ndarray, num_runs: int, num_aside: int, seed: int
) -> dict[str, np.ndarray]:
    """Interval and median of every rule at the runs set aside, ``(level, row, output)``."""
    with double_precision():
        pool, aside = problem
        runs = observe(jnp.asarray(pool.x[bought]), jnp.asarray(pool.y[bought]), num_runs)
        target = target_of(aside.x, num_aside)
        found = _forecast(design_of(task.laws, METHODS["mspe"]), runs, target, jax.random.key(seed))
        return {name: np.asarray(value)[:, : len(aside.x)] for name, value in found.items()}


@compiled
def _forecast(design: Design, observations: Observations, target: Target, key):
    pool = Pool(observations.x, jnp.ones(observations.x.shape[0]))
    state = design.start(pool, observations)
    belief = design.believe(state, target, key)
    intervals = belief.interval(target.x), quantile(belief.posterior, target.x, LEVELS)
    found = dict(zip(INTERVALS, intervals, strict=True))
    (fitted,) = quantile(belief.posterior, observations.x, (0.5,))
    left = correction(observations.x, observations.mask, observations.y - fitted, target.x)
    found[PROCESS] = intervals[0] + left
    for name, rule in RULES.items():
        share = rule(design.laws, belief.fits, observations, belief.validations)
        weighed = Mixture(belief.posterior.parts, share)
        again = eqx.tree_at(lambda belief: (belief.share, belief.posterior), belief, (share, weighed))
        found[name] = again.interval(target.x)
    return found
