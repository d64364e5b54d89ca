"""``python -m experiments figure1``, ``figure2`` and ``figure3``: the paper's pictures of the benchmark."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import typer

from experiments.benchmark.options import (
    Data,
    Laws,
    Methods,
    Seeds,
    Tasks,
    Workers,
    restricted,
    results,
    split,
)
from experiments.benchmark.paper import TASKS, printed
from experiments.datasets import load
from experiments.ess import pictures
from experiments.report import OUTPUTS, provenance, write_table
from jaxsl.basins import BasinRule
from jaxsl.fit import fit
from jaxsl.pool import buffer_size, observe, uniform_target
from jaxsl.precision import double_precision, to_numpy
from jaxsl.starts import random_starts
from laws.tasks import find_task

LABELS = {"mspe": "jaxsl (mspe)", "v-opt": "V-opt", "d-opt": "D-opt", "cost-random": "cost-random"}


def figure1(
    laws: Laws = "",
    methods: Methods = "mspe,v-opt,d-opt,random,all-data",
    seeds: Seeds = 1,
    workers: Workers = 2,
    data: Data = None,
) -> None:
    """lr&bsz: the loss of the configuration that the fitted law recommends, against what fitting cost."""
    task = find_task("lr_bsz")
    group = next(iter(load(task, data).values()))
    loss = group.test.y[:, 0]
    rows: list[dict] = []
    found = results("lr_bsz", laws, methods, seeds, workers, data, needs=("budget", "theta"))
    for method in split(methods):
        mine = [result for result in found if result["method"] == method]
        for place, budget in enumerate(mine[0]["budget"]):
            picked = [
                _recommended(task.law(r["law"]), r["theta"][0][place], group.test.x, loss) for r in mine
            ]
            low, middle, high = np.quantile(picked, [0.25, 0.5, 0.75])
            rows.append(
                {
                    "method": method,
                    "budget": 1.0 if method == "all-data" else float(budget),
                    "episodes": len(picked),
                    "loss": float(np.mean(picked)),
                    "lower quartile": float(low),
                    "median": float(middle),
                    "upper quartile": float(high),
                    "best of the target": float(loss.min()),
                    "mean of the target": float(loss.mean()),
                }
            )
    rows = [row for row in rows if row["method"] != "all-data" or row is rows[-1]]
    figure, (panel,) = pictures.axes(("Loss of the recommended learning rate and batch size",), 6, 4)
    for method in dict.fromkeys(row["method"] for row in rows):
        line = [row for row in rows if row["method"] == method]
        x, y = [row["budget"] for row in line], [row["loss"] for row in line]
        (drawn,) = panel.plot(x, y, marker="o", markersize=3, label=LABELS.get(method, method))
        panel.fill_between(
            x,
            [row["lower quartile"] for row in line],
            [row["upper quartile"] for row in line],
            color=drawn.get_color(),
            alpha=0.15,
        )
    panel.axhline(loss.min(), color="grey", linestyle="--", linewidth=1, label="best configuration")
    panel.axhline(loss.mean(), color="grey", linestyle=":", linewidth=1, label="mean configuration")
    panel.set(xscale="log", xlabel="cost of the runs fitted to, share of the pool", ylabel="loss, nats")
    panel.legend(fontsize=8)
    _publish("figure1", rows, figure, f"figure1 --methods {methods} --seeds {seeds}" + restricted("", laws))


def _recommended(law, theta: list[float] | None, x: np.ndarray, loss: np.ndarray) -> float:
    """Loss of the row that the law likes best; the mean over rows where there is no fit."""
    if theta is None:
        return float(loss.mean())
    with double_precision():
        predicted = np.asarray(law.predict(jnp.asarray(theta), jnp.asarray(x)))[:, 0]
    return float(loss[np.argmin(predicted)]) if np.all(np.isfinite(predicted)) else float(loss.mean())


def figure2(
    tasks: Tasks = "",
    laws: Laws = "",
    methods: Methods = "mspe,v-opt,d-opt,cost-random,cheapest,random,all-data",
    seeds: Seeds = 1,
    workers: Workers = 2,
    data: Data = None,
) -> None:
    """R² on the target against the budget, every task and method, and the paper's figures as crosses."""
    found = results(tasks, laws, methods, seeds, workers, data, needs=("budget", "curve"))
    chosen = [task for task in TASKS if any(result["task"] == task for result in found)]
    figure, panels = pictures.axes(tuple(chosen), 3.0, 3.2)
    rows = []
    for panel, task in zip(panels, chosen, strict=True):
        for number, method in enumerate(split(methods)):
            mine = [result for result in found if (result["task"], result["method"]) == (task, method)]
            budgets = mine[0]["budget"]
            curve = np.array([result["curve"] for result in mine])
            mean, error = curve.mean(axis=0), curve.std(axis=0) / np.sqrt(len(mine))
            checkpoints = find_task(task).checkpoints
            known = {
                checkpoint: figures[0]
                for place, checkpoint in enumerate(checkpoints)
                if (figures := printed(place, method, task))
            }
            for budget, middle, spread in zip(budgets, mean, error, strict=True):
                rows.append(
                    {
                        "task": task,
                        "method": method,
                        "budget": float(budget),
                        "episodes": len(mine),
                        "R²": float(middle),
                        "standard error": float(spread),
                        "paper": known.get(budget, ""),
                    }
                )
            color = f"C{number}"
            if method == "all-data":
                panel.axhline(mean[-1], color=color, linestyle="--", linewidth=1, label="all data")
                continue
            panel.plot(budgets, mean, color=color, label=LABELS.get(method, method))
            panel.fill_between(budgets, mean - error, mean + error, color=color, alpha=0.15)
            panel.plot(list(known), list(known.values()), "x", color=color, markersize=5)
        panel.set(xscale="log", ylim=(-1.05, 1.05), xlabel="budget, share of the pool's cost")
    for panel in panels[:: pictures.COLUMNS]:
        panel.set_ylabel("R² on the target")
    panels[0].legend(fontsize=7)
    _publish(
        "figure2", rows, figure, f"figure2 --methods {methods} --seeds {seeds}" + restricted(tasks, laws)
    )


def figure3(
    law: Annotated[str, typer.Option(help="Id of a law of lr_bsz.")] = "lr_bsz/sl_6",
    share: Annotated[float, typer.Option(help="Budget, as a share of the pool's cost.")] = 0.01,
    seed: Annotated[int, typer.Option(help="Of the starts and the runs.")] = 0,
    num_starts: Annotated[int, typer.Option("--starts", help="Starts of the fit.")] = 256,
    data: Data = None,
) -> None:
    """t-SNE of the optima that fit random runs about equally well, coloured by basin."""
    from sklearn.manifold import TSNE

    task = find_task("lr_bsz")
    here = task.law(law)
    group = next(iter(load(task, data).values()))
    order = np.random.default_rng(seed).permutation(len(group.train.cost))
    bought = order[np.cumsum(group.train.cost[order]) <= share * group.train.cost.sum()]
    with double_precision():
        runs = observe(
            jnp.asarray(group.train.x[bought]), jnp.asarray(group.train.y[bought]), buffer_size(len(bought))
        )
        starts = random_starts(jax.random.key(seed), here, num_starts, jnp.float64)
        target = uniform_target(jnp.asarray(group.test.x))
        found = jax.jit(lambda runs, starts: fit(here, runs, starts))(runs, starts)
        basins = jax.jit(lambda runs, target, found: BasinRule()(here, runs, target, found))(
            runs, target, found
        )
        predicted = jax.vmap(lambda theta: here.predict(theta, target.x))(found.theta)[..., 0]
        found, basins, predicted = to_numpy((found, basins, predicted))
    kept = basins.label >= 0
    width = np.array([param.upper - param.lower for param in here.params])
    place = TSNE(2, perplexity=min(20, (kept.sum() - 1) / 3), random_state=seed).fit_transform(
        found.theta[kept] / width
    )
    rows = [
        {
            "x": float(x),
            "y": float(y),
            "basin": int(label),
            "weight of the basin": float(basins.weight[label]),
            "MSE": float(loss),
            "mean prediction": float(mean),
        }
        for (x, y), label, loss, mean in zip(
            place, basins.label[kept], found.loss[kept], predicted[kept].mean(axis=1), strict=True
        )
    ]
    figure, (panel,) = pictures.axes((f"{law}: {kept.sum()} optima, {len(bought)} runs",), 5, 4)
    for label in sorted({row["basin"] for row in rows}):
        here_rows = [row for row in rows if row["basin"] == label]
        panel.scatter(
            [row["x"] for row in here_rows],
            [row["y"] for row in here_rows],
            s=14,
            label=f"basin {label}: weight {here_rows[0]['weight of the basin']:.2f}, "
            f"predicts {np.mean([row['mean prediction'] for row in here_rows]):.3f}",
        )
    panel.set(xlabel="t-SNE 1", ylabel="t-SNE 2")
    panel.legend(fontsize=7)
    command = f"figure3 --law {law} --share {share} --seed {seed} --starts {num_starts}"
    _publish("figure3", rows, figure, command, seed)


def _publish(name: str, rows: list[dict], figure, command: str, seed: int = 0) -> None:
    facts = provenance(f"python -m experiments {command}", seed)
    written = [*write_table(name, rows, facts), OUTPUTS / f"{name}.png"]
    pictures.save(figure, written[-1], facts)
    for path in written:
        typer.echo(path)
