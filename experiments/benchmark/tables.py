"""``python -m experiments table2``, ``table3``, ``all-data`` and ``halves``: results beside the paper's."""

from dataclasses import replace

import numpy as np

from experiments.benchmark.methods import METHODS
from experiments.benchmark.options import (
    Cluster,
    Data,
    Inside,
    Laws,
    Methods,
    Seeds,
    Tasks,
    Workers,
    restricted,
    results,
)
from experiments.benchmark.paper import TASKS, printed
from experiments.benchmark.unit import Unit
from experiments.report import provenance, tell_table
from laws.tasks import find_task


def table2(
    tasks: Tasks = "",
    laws: Laws = "",
    methods: Methods = "mspe,v-opt,d-opt,cost-random,cheapest,random,all-data",
    seeds: Seeds = 10,
    workers: Workers = 2,
    data: Data = None,
    cluster: Cluster = "",
    inside: Inside = False,
) -> None:
    """R² on the target at three budgets, every task and method (the paper's Table 2)."""
    _table("table2", tasks, laws, methods, seeds, workers, data, cluster, inside=inside)


def table3(
    tasks: Tasks = "",
    laws: Laws = "",
    methods: Methods = "mspe,within,between",
    seeds: Seeds = 10,
    workers: Workers = 2,
    data: Data = None,
    cluster: Cluster = "",
) -> None:
    """What each term of the acquisition is worth (the paper's Table 3)."""
    _table("table3", tasks, laws, methods, seeds, workers, data, cluster)


def all_data(
    tasks: Tasks = "",
    laws: Laws = "",
    methods: Methods = "all-data",
    seeds: Seeds = 10,
    workers: Workers = 2,
    data: Data = None,
    cluster: Cluster = "",
) -> None:
    """Every law fitted to its whole pool (the paper's Table B.2), one row a law."""
    _table("all-data", tasks, laws, methods, seeds, workers, data, cluster, by_law=True)


def halves(
    tasks: Tasks = "lr_bsz",
    laws: Laws = "",
    methods: Methods = "cheaper-half,dearer-half,all-data",
    seeds: Seeds = 10,
    workers: Workers = 2,
    data: Data = None,
    cluster: Cluster = "",
) -> None:
    """The cheaper and the dearer half of the pool (the paper's section 5.2)."""
    _table("halves", tasks, laws, methods, seeds, workers, data, cluster)


def _table(name, tasks, laws, methods, seeds, workers, data, cluster, by_law=False, inside=False) -> None:
    found = results(tasks, laws, methods, seeds, workers, data, cluster, inside)
    rows = summary(found, by_law)
    command = f"python -m experiments {name} --methods {methods} --seeds {seeds}" + " --inside" * inside
    command += restricted(tasks, laws)
    failures = sum("error" in result for result in found)
    facts = provenance(command, 0) | {"seeds": f"0..{seeds - 1}", "failed episodes": str(failures)}
    tell_table(name + "-inside" * inside, rows, facts)


def summary(results: list[dict], by_law: bool = False) -> list[dict]:
    """Mean and standard deviation over laws and seeds, beside the printed figures, one row a cell.

    ``median`` is the mean R² of the belief's median after the same purchases, where the method has a belief.
    Inside the pools no printed figure compares.

    ``difference`` is that to the paper, see ``beside``; ``against mspe`` is the mean paired difference over
    laws and seeds, with twice its standard error.
    """
    table = {
        Unit(r["task"], r["law"], r["method"], r["seed"], r.get("inside", False)): np.array(
            [r["r2"], r.get("r2_of_median") or r["r2"]]
        )
        for r in results
    }
    rows = []
    for task in TASKS:
        for method in METHODS:
            cells = [unit for unit in table if (unit.task, unit.method) == (task, method)]
            for law in sorted({unit.law for unit in cells}) if by_law else [None] * bool(cells):
                rows += _cells(table, task, method, law, [u for u in cells if law in (None, u.law)])
    return rows


def _cells(table, task: str, method: str, law: str | None, cells: list[Unit]) -> list[dict]:
    """The rows of one method on one task, or one law, at all checkpoints."""
    values, medians = np.moveaxis(np.array([table[unit] for unit in cells]), 1, 0)
    partners = [replace(unit, method="mspe") for unit in cells]
    paired = [
        (table[unit][0], table[other][0])
        for unit, other in zip(cells, partners, strict=True)
        if other in table
    ]
    rows = []
    for checkpoint in range(values.shape[1]):
        if METHODS[method].at_once and checkpoint < values.shape[1] - 1:
            continue
        mean, deviation = float(values[:, checkpoint].mean()), float(values[:, checkpoint].std())
        paper = None if law or cells[0].inside else printed(checkpoint, method, task)
        row = {
            "task": law or task,
            "budget": checkpoint + 1,
            "method": method,
            "episodes": len(cells),
            "R²": mean,
            "sd": deviation,
            "paper": f"{paper[0]:.2f} ± {paper[1]:.2f}" if paper else "",
            "difference": beside(mean, deviation, len(cells), *paper, task) if paper else "",
            "median": float(medians[:, checkpoint].mean()) if METHODS[method].believes else "",
            "against mspe": "",
        }
        difference = np.array([mine[checkpoint] - other[checkpoint] for mine, other in paired])
        if method != "mspe" and len(difference) > 1:
            row["against mspe"] = with_error(difference)
        rows.append(row)
    return rows


def beside(mean: float, deviation: float, episodes: int, paper: float, spread: float, task: str) -> str:
    """The difference to the printed mean and twice its standard error, as if all episodes were independent.

    Those of one law are less so than that: the paper's take the first of rows that score alike.
    """
    printed_episodes = 10 * len(find_task(task).laws)
    error = 2 * np.sqrt(deviation**2 / episodes + spread**2 / printed_episodes)
    return f"{mean - paper:+.2f} ± {error:.2f}"


def with_error(difference: np.ndarray) -> str:
    """The mean of paired differences and twice its standard error, which one difference does not have."""
    error = 2 * difference.std(ddof=1) / np.sqrt(difference.size) if difference.size > 1 else float("nan")
    return f"{difference.mean():+.3f} ± {error:.3f}"
