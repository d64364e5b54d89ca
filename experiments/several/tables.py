"""``python -m experiments several``: all laws of a task at once, beside the paper's laws one by one."""

import numpy as np

from experiments.benchmark.options import (
    Cluster,
    Data,
    Inside,
    Methods,
    Seeds,
    Tasks,
    Workers,
    restricted,
    results,
    split,
)
from experiments.benchmark.paper import TABLE_2, printed
from experiments.benchmark.tables import with_error
from experiments.report import provenance, tell_table
from laws.tasks import TASKS

# What was asked for at the last checkpoint; at the first, the best of the paper's methods.
WANTED = {
    "lr_bsz": 0.85,
    "domain": 0.99,
    "vocab": 0.98,
    "parallel": 0.99,
    "moe": 0.86,
    "data_con": 0.95,
    "sparsity": 0.60,
    "farseer": 0.93,
}


def several(
    tasks: Tasks = "",
    methods: Methods = "mspe",
    seeds: Seeds = 10,
    workers: Workers = 2,
    data: Data = None,
    cluster: Cluster = "",
    inside: Inside = False,
) -> None:
    """R² and coverage with all laws of a task at once, at three budgets."""
    chosen = [task.name for task in TASKS if not tasks or task.name in split(tasks)]
    laws = ",".join(f"{task}/all" for task in chosen)
    found = results(",".join(chosen), laws, methods, seeds, workers, data, cluster, inside)
    rows = [
        row for task in chosen for method in split(methods) for row in _cells(found, task, method, inside)
    ]
    name = "several-inside" if inside else "several"
    command = f"python -m experiments several --methods {methods} --seeds {seeds}" + " --inside" * inside
    facts = provenance(command + restricted(tasks, ""), 0)
    facts |= {"seeds": f"0..{seeds - 1}", "failed episodes": str(sum("error" in item for item in found))}
    covered = [row for row in rows if row["method"] == "mspe" and not np.isnan(row["coverage"])]
    if covered:
        means = [np.mean([row[name] for row in covered]) for name in ("coverage", "one law's coverage")]
        facts["coverage of 90 % over all rows of mspe"] = f"{means[0]:.3f}; of one law's own {means[1]:.3f}"
    tell_table(name, rows, facts)


def _cells(found: list[dict], task: str, method: str, inside: bool) -> list[dict]:
    """The rows of one method on one task at its checkpoints; inside a pool no printed figure compares."""
    mine, usual = (
        [item for item in found if (item["task"], item["method"]) == (task, name)]
        for name in (method, "mspe")
    )
    rows = []
    for place in range(3):
        r2 = np.array([item["r2"][place] for item in mine])
        whole = [item for item in mine if "error" not in item and not np.isnan(item["coverage"][place])]
        alone = np.array([item["laws"][place] for item in whole])
        paper = printed(place, method, task)
        figures = (printed(at, name, task) for at, name in TABLE_2 if at == place and name != "all-data")
        best = max(figure[0] for figure in figures if figure)
        rows.append(
            {
                "task": task,
                "budget": place + 1,
                "method": method,
                "seeds": len(mine),
                "R²": float(r2.mean()),
                "sd": float(r2.std()),
                "against mspe": _paired(mine, usual, place) if method != "mspe" else "",
                "wanted": "" if inside else {0: best, 2: WANTED[task]}.get(place, ""),
                "paper, mean over laws": paper[0] if paper and not inside else "",
                "laws alone on these runs": float(alone.mean()) if whole else float("nan"),
                "best law in hindsight": float(alone.mean(axis=0).max()) if whole else float("nan"),
                "coverage": _mean(whole, "coverage", place),
                "one law's coverage": _mean(whole, "claimed", place),
                "width": _mean(whole, "width", place),
            }
        )
    return rows


def _paired(mine: list[dict], usual: list[dict], place: int) -> str:
    """Mean difference of R² over the seeds that both have, with twice its standard error."""
    known = {item["seed"]: item["r2"][place] for item in usual}
    difference = np.array([item["r2"][place] - known[item["seed"]] for item in mine if item["seed"] in known])
    return with_error(difference) if difference.size else ""


def _mean(items: list[dict], name: str, place: int) -> float:
    return float(np.mean([item[name][place] for item in items])) if items else float("nan")
