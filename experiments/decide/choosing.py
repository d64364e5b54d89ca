"""Runs chosen for a decision, for a prediction, and at random: what is decided then.

Command: ``python -m experiments decide choosing``. A world is ``chinchilla`` with parameters drawn about the
estimate ``epoch``; its pool is 64 runs of up to 1.2e20 FLOP, of which the 12 cheapest are done. With a share
of the pool's cost each method buys one run after the other; at the end the best sizes at 1e22 are asked for:

    for the decision   the first of ``jaxsl next --aim optimal:C=1e22``
    for the loss       the first of ``jaxsl next --target`` at 1e22 and twenty tokens per parameter
    random             any affordable run
"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
import typer

from experiments.decide.worlds import COST, FOLDER
from experiments.report import provenance, write_table
from jaxsl.host.answer.next_runs import next_runs
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.programs.cache import enable_compilation_cache
from laws.chinchilla import CHINCHILLA

C = 1e22
NOISE = 0.005
DONE = 12
MOST = 20  # purchases of one method, at most
SPREAD = np.array([0.1, 0.3, 0.06, 0.3, 0.06])  # of the logarithms of the parameters
EPOCH = np.array(CHINCHILLA.estimates["epoch"])

Table = dict[str, np.ndarray]


class World:
    """A pool of runs, what they would give, and the true loss of any choice."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.theta = EPOCH * np.exp(SPREAD * self.rng.standard_normal(5))
        n = np.geomspace(1e7, 1e9, 8)
        self.x = np.array([[size, size * ratio] for size in n for ratio in np.geomspace(1, 20, 8)])
        order = np.argsort(self.x.prod(axis=1), kind="stable")
        self.x = self.x[order]
        self.y = self.loss(self.x) + NOISE * self.rng.standard_normal(len(self.x))
        self.cost = 6 * self.x.prod(axis=1)

    def loss(self, x: np.ndarray) -> np.ndarray:
        """Without noise, ``(run,)``."""
        floor, size, alpha, data, beta = self.theta
        return floor + size * x[:, 0] ** -alpha + data * x[:, 1] ** -beta

    def at_budget(self, n: float) -> float:
        """The true loss of a model of ``n`` parameters at the aim's cost."""
        return float(self.loss(np.array([[n, C / 6 / n]]))[0])

    @property
    def best(self) -> float:
        """The truly best number of parameters there."""
        _, size, alpha, data, beta = self.theta
        return float(
            (alpha * size / (beta * data)) ** (1 / (alpha + beta)) * (C / 6) ** (beta / (alpha + beta))
        )

    def table(self, bought: list[int], hidden: bool = True) -> Table:
        """The runs that were bought, and the others without an outcome unless they are left out."""
        y = np.full(len(self.x), np.nan)
        y[bought] = self.y[bought]
        rows = np.arange(len(self.x)) if hidden else np.array(sorted(bought))
        return {"N": self.x[rows, 0], "D": self.x[rows, 1], "loss": y[rows]}


def for_decision(world: World, bought: list[int], left: float) -> int:
    """The row to buy."""
    found = next_for(world.table(bought), CHINCHILLA, aim=f"optimal:C={C:g}", cost=COST, budget=left, count=1)
    return found.runs[0].row_number


def for_loss(world: World, bought: list[int], left: float) -> int:
    """The row to buy."""
    n = (C / 120) ** 0.5
    target = f"N={n:.6g},D={20 * n:.6g}"
    found = next_runs(world.table(bought), CHINCHILLA, target=target, cost=COST, budget=left, count=1)
    return found.runs[0].row_number


def at_random(world: World, bought: list[int], left: float) -> int:
    """The row to buy."""
    rows = [row for row in range(len(world.x)) if row not in bought and world.cost[row] <= left]
    return int(world.rng.choice(rows))


METHODS: dict[str, Callable[[World, list[int], float], int]] = {
    "for the decision": for_decision,
    "for the loss": for_loss,
    "random": at_random,
}


def decided(seed: int, share: float, choose: Callable[[World, list[int], float], int]) -> dict[str, float]:
    """Buy, and decide."""
    world = World(seed)
    bought, left = list(range(DONE)), share * float(world.cost.sum())
    for _ in range(MOST):
        others = np.delete(world.cost, bought)
        if not (others <= left).any():
            break
        row = choose(world, bought, left)
        bought.append(row)
        left -= world.cost[row]
    n = optimal(world.table(bought, hidden=False), CHINCHILLA, cost=COST, budget=C).decisions[0]["N"]
    return {
        "error": abs(np.log(n.median / world.best)),
        "regret": world.at_budget(n.median) - world.at_budget(world.best),
        "width": np.log(n.high / n.low),
        "covered": float(n.low <= world.best <= n.high),
        "bought": float(len(bought) - DONE),
        "spent": 1 - left / (share * float(world.cost.sum())),
    }


def main(
    seeds: Annotated[int, typer.Option(min=2, help="Worlds.")] = 20,
    share: Annotated[float, typer.Option(help="Of the pool's cost that may be spent.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Of the first world; the others follow.")] = 2000,
) -> None:
    """Error of log N* and regret after runs chosen for the decision, for the loss, at random."""
    enable_compilation_cache()
    rows = []
    for name, choose in METHODS.items():
        found = [decided(seed + i, share, choose) for i in range(seeds)]
        column = {key: np.array([one[key] for one in found]) for key in found[0]}
        rows.append(
            {
                "runs chosen": name,
                "bought": float(column["bought"].mean()),
                "share of the money": float(column["spent"].mean()),
                "median error of log N*": float(np.median(column["error"])),
                "root mean square": float(np.sqrt(np.mean(column["error"] ** 2))),
                "median regret": float(np.median(column["regret"])),
                "mean regret": float(column["regret"].mean()),
                "its error": float(column["regret"].std(ddof=1) / seeds**0.5),
                "width of log N*": float(np.median(column["width"])),
                "coverage": float(column["covered"].mean()),
            }
        )
    command = f"python -m experiments decide choosing --seeds {seeds} --share {share:g}"
    typer.echo(write_table("choosing", rows, provenance(command, seed), FOLDER)[1].read_text())
