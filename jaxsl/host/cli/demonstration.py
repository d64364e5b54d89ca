"""The demo itself: runs are bought one by one, and what they predict is held against what came out."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.episode import Episode, Step
from jaxsl.host.answer.fit import predicted
from jaxsl.host.answer.fit_report import Prediction
from jaxsl.host.answer.report import Report, r2
from jaxsl.host.decision.report import OptimalReport
from jaxsl.host.errors import UserError
from jaxsl.host.input import problem
from jaxsl.host.input.intervals import check_level
from jaxsl.host.input.problem import Runs
from jaxsl.host.input.table import read
from jaxsl.host.laws.lookup import find
from jaxsl.host.show.console import busy, console, grid, interval, number, print_json
from jaxsl.law import Law

BEYOND = 10.0  # times the compute of the pool's dearest run, for which the best sizes are told
COMPUTE = "6*N*D"
NUM_RANDOM = 20  # random selections that the active one is compared with
STEP = "{:>4}  {:>{point}}  {:>8}  {:>6}  {:>7}  {:>6}  {:>6}"


@dataclass(frozen=True)
class DemoReport(Report):
    """What the demo found.

    Attributes:
        num_pool, pool_cost: runs that could be bought, and what all of them cost.
        num_bought, spent: runs that were bought, and what they cost.
        bought: rows of the table, in the order of purchase.
        prediction: from what was bought, with what came out.
        r2_active, r2_everything, r2_random: R² on the target of what was bought, of the whole pool, and of
            random selections for the same money.
        optimal: the best sizes for ten times the pool's dearest run, from what was bought; ``None`` for a law
            without N and D, or where there are none.
    """

    law: str
    num_pool: int
    pool_cost: float
    num_bought: int
    spent: float
    bought: tuple[int, ...]
    prediction: Prediction
    r2_active: float
    r2_everything: float
    r2_random: tuple[float, ...]
    optimal: OptimalReport | None


def demonstrate(law: str, share: float, runs: Path, cost: str, level: float, seed: int, json: bool) -> None:
    """Buy runs, and print what was bought, what is predicted and how others would have done."""
    check_level(level)
    found = find(law)
    table = read(runs)
    finished = problem.runs(table, found, cost=cost).runs
    finished = finished.take(finished.observed)
    pool, target = finished.split_dearest()
    if len(pool.x) < found.num_params:
        raise UserError(
            f"{runs} has {len(pool.x)} runs beside the dearest sixth, the target; "
            f"{found.name} has {found.num_params} parameters: give more finished runs"
        )
    episode = Episode([found], pool.x, pool.cost, target.x, seed, level, often=False)
    money = share * pool.cost.sum()
    bought = _buy(episode, pool, target, found.inputs, money, quiet=json)
    last = bought[-1]
    rows = [*episode.warm(), *(step.index for step in bought[:-1])]
    with busy("fitting everything, and random selections"):
        final = predicted(_believe(episode, pool, rows), target.x, target.row_numbers, target.y)
        everything = _median(episode, _believe(episode, pool, range(len(pool.x))))
        random = [
            _median(episode, _believe(episode, pool, _random_rows(episode, money, seed + draw)))
            for draw in range(NUM_RANDOM)
        ]
    report = DemoReport(
        law=found.name,
        num_pool=len(pool.x),
        pool_cost=float(pool.cost.sum()),
        num_bought=last.num_runs,
        spent=last.spent,
        bought=tuple(int(pool.row_numbers[row]) for row in rows),
        prediction=final,
        r2_active=final.r2,
        r2_everything=r2(target.y, everything),
        r2_random=tuple(r2(target.y, median) for median in random),
        optimal=_optimal(
            found, pool.take(np.array(rows)), BEYOND * _compute(found, pool.x).max(), level, seed
        ),
    )
    if json:
        print_json(report)
    else:
        _show(report)


def _compute(law: Law, x: np.ndarray) -> np.ndarray:
    """Compute of runs at ``x (run,)``; not numbers for a law without N and D."""
    if not {"N", "D"} <= set(law.inputs):
        return np.full(len(x), np.nan)
    return 6 * x[:, law.inputs.index("N")] * x[:, law.inputs.index("D")]


def _optimal(law: Law, bought: Runs, budget: float, level: float, seed: int) -> OptimalReport | None:
    """The best sizes for a compute, from what was bought."""
    from jaxsl.host.decision.optimal import optimal

    if not np.isfinite(budget):
        return None
    columns = {name: bought.x[:, index] for index, name in enumerate(law.inputs)}
    columns |= {name: bought.y[:, index] for index, name in enumerate(law.outputs)}
    try:
        return optimal(columns, law, cost=COMPUTE, budget=budget, level=level, seed=seed)
    except UserError:  # the law has no best there, or inputs that only a person can hold
        return None


def _believe(episode: Episode, pool: Runs, rows: Iterable[int]) -> Believed:
    return episode.believe({int(row): pool.y[row] for row in rows})


def _median(episode: Episode, found: Believed) -> np.ndarray:
    return found.intervals(episode.target).outcome[1]


def _buy(
    episode: Episode, pool: Runs, target: Runs, inputs: tuple[str, ...], money: float, quiet: bool
) -> list[Step]:
    """Run the episode, showing each purchase as it happens."""
    out, total = console(), pool.cost.sum()
    steps: list[Step] = []
    if not quiet:
        times = [number(cost / pool.cost.max(), 2) for cost in (target.cost.min(), target.cost.max())]
        out.print(
            f"{len(pool.x)} finished runs are the pool, their outcomes hidden; the {len(target.x)} dearest, "
            f"{times[0]} to {times[1]} times as dear as the dearest of the pool, are to be predicted."
        )
        warm = episode.warm()
        out.print(
            f"Bought first: the {len(warm)} cheapest, {pool.cost[warm].sum() / total:.2%} of the pool's cost."
        )
        out.print()
    names, rows, width = ", ".join(inputs), list[list[str]](), 10 * len(inputs) - 2
    columns = ["runs", names, "cost", "spent", "outcome", "basins", "width"]
    header = STEP.format(*columns, point=width)
    streams = not quiet and len(header) <= out.width  # else they are shown together, in a table that folds
    if streams:
        out.print(header, style="dim")
    iterator = episode.steps(lambda index: pool.y[index], money)
    while True:
        with busy("compiling the fit and the choice" if not steps else "fitting"):
            step = next(iterator, None)
        if step is None:
            break
        steps.append(step)
        point = ", ".join(number(value, 3) for value in pool.x[step.index]) if step.y is not None else "done"
        rows.append(
            [
                str(step.num_runs),
                point,
                number(step.cost, 3) if step.y is not None else "",
                f"{(step.spent + step.cost) / total:.2%}",
                number(float(step.y.mean())) if step.y is not None else "",
                str(step.num_basins),
                number(float(np.mean(step.interval[1] - step.interval[0])), 3),
            ]
        )
        if streams:
            out.print(STEP.format(*rows[-1], point=width))
    if not (streams or quiet):
        out.print(grid(columns, rows, left=(1,)))
    return steps


def _random_rows(episode: Episode, money: float, seed: int) -> list[int]:
    """The same first runs, then affordable ones uniformly at random until none is left."""
    rng = np.random.default_rng(seed)
    rows = [int(row) for row in episode.warm()]
    left = money - episode.cost[rows].sum()
    while True:
        open_rows = np.setdiff1d(np.flatnonzero(episode.cost <= left), rows)
        if not open_rows.size:
            return rows
        rows.append(int(rng.choice(open_rows)))
        left -= episode.cost[rows[-1]]


def _show(report: DemoReport) -> None:
    from jaxsl.host.show.decision import estimates

    out, found = console(), report.prediction
    rows = []
    for at in np.ndindex(*found.median.shape):
        median, low, high, y = (
            float(part[at]) for part in (found.median, found.low, found.high, found.observed)
        )
        point = [number(float(column[at[0]])) for column in found.x.values()]
        ends = number(median), interval(low, high)
        rows.append([*point, *ends, number(y), "yes" if low <= y <= high else "no"])
    out.print()
    out.print(grid([*found.x, "median", f"{found.level:g} % interval", "came out", "inside"], rows))
    out.print()
    out.print(
        f"Spent {number(report.spent, 3)} of {number(report.pool_cost, 3)}, "
        f"{report.spent / report.pool_cost:.1%} of the pool's cost, on {report.num_bought} runs "
        f"of {report.num_pool}."
    )
    least, middle, most = np.quantile(report.r2_random, (0.25, 0.5, 0.75))
    lines = (
        ("these runs", number(report.r2_active)),
        ("the whole pool", number(report.r2_everything)),
        (
            f"random runs, same money, median of {len(report.r2_random)}",
            f"{number(float(middle))}   (half from {number(float(least))} to {number(float(most))})",
        ),
    )
    out.print()
    out.print(grid(["fitted to", "R² on the target"], lines))
    if report.optimal is not None:
        best = report.optimal.decisions[0]
        out.print()
        out.print(
            f"The best sizes for {number(best.budget, 3)} FLOP, {BEYOND:g} times the dearest of the pool, "
            "by these runs"
        )
        out.print(estimates(best.estimates, report.optimal.level, False))
