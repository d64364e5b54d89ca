"""What the measurements of ``speed fit`` add up to: a row a case, a row a solver, and a plot."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.report import provenance, shown, write_table

PROTOCOL = "scipy"
NEAR = 0.01  # a start has reached the best when its loss is within this share of it
FLOOR = 1e-10  # and any loss below this share of the outcomes' variance is an exact fit


def excess(loss: np.ndarray, best: float, variance: float) -> np.ndarray:
    """``loss / best - 1`` with ``FLOOR`` of the variance forgiven; zero at the best."""
    floor = FLOOR * variance
    return np.maximum(loss + floor, best + floor) / (best + floor) - 1


def by_case(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each case and solver: speed over the protocol's, excess loss, share of starts at the best."""
    groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for record in records:
        groups[record["case"]][record["solver"]] = record
    rows = []
    for key, solvers in groups.items():
        losses = {
            name: np.nan_to_num(np.array(record["loss"], float), nan=np.inf)
            for name, record in solvers.items()
        }
        best = min(float(loss.min()) for loss in losses.values())
        protocol = solvers.get(PROTOCOL)
        for name, record in solvers.items():
            over = excess(losses[name], best, record["variance"])
            rows.append(
                {
                    "case": key,
                    "rows": record["rows"],
                    "params": record["params"],
                    "outputs": record["outputs"],
                    "solver": name,
                    "seconds": record["seconds"],
                    "speed": protocol["seconds"] / record["seconds"] if protocol else float("nan"),
                    "excess": float(over.min()),
                    "share": float(np.mean(over <= NEAR)),
                    "starts done": len(record["loss"]),
                    "compile": record["compile"],
                }
            )
    return rows


def by_solver(rows: list[dict[str, Any]], num_starts: int) -> list[dict[str, Any]]:
    """A row for each solver over the cases it was measured on.

    ``per start at best`` is the speed times the ratio of the shares of starts that reached the best; a
    solver of which no start did is granted one, which mostly the protocol needs.
    """
    shares = {row["case"]: row["share"] for row in rows if row["solver"] == PROTOCOL}
    excesses = {row["case"]: row["excess"] for row in rows if row["solver"] == PROTOCOL}
    table = []
    for solver in dict.fromkeys(row["solver"] for row in rows):
        own = [row for row in rows if row["solver"] == solver]
        beside = [row for row in own if row["case"] in shares]
        speed = np.array([row["speed"] for row in beside])
        small = np.array([row["rows"] <= 100 and row["params"] <= 10 for row in beside], bool)
        least = 1 / num_starts
        fair = [max(row["share"], least) / max(shares[row["case"]], least) for row in beside]
        over = np.array([row["excess"] for row in own])
        worse = [row["excess"] > (1 + excesses[row["case"]]) * 1.01 - 1 for row in beside]
        table.append(
            {
                "solver": solver,
                "cases": len(own),
                "speed, geometric mean": _geometric(speed),
                "speed, median of small": float(np.median(speed[small])) if small.any() else float("nan"),
                "slowest": float(speed.min()) if len(speed) else float("nan"),
                "per start at best": _geometric(speed * fair),
                "within 0.1 % of best": float(np.mean(over <= 1e-3)),
                "within 1 % of best": float(np.mean(over <= 1e-2)),
                "loss / best": _geometric(1 + np.minimum(over, 1e6)),
                "share at best": float(np.mean([row["share"] for row in own])),
                "worse than scipy by 1 %": int(np.sum(worse)),
                "compile, median s": float(np.median([row["compile"] for row in own])),
                "cut short": sum(row["starts done"] < num_starts for row in own),
            }
        )
    return table


def _geometric(values: np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(values)))) if len(values) else float("nan")


def write(records: list[dict[str, Any]], command: str, seed: int, out: Path, console: Console) -> None:
    """Write ``speed_fit`` (by solver) and ``speed_fit_cases`` (by case), the plot, and print the first."""
    if not records:
        console.print("nothing measured")
        return
    rows = by_case(records)
    table = by_solver(rows, records[0]["num_starts"])
    facts = provenance(command, seed)
    facts["speed"] = "CPU seconds of SciPy's L-BFGS-B over those of the solver; compiling is apart"
    facts["small"] = "cases with at most 100 runs and 10 parameters"
    facts["best"] = f"lowest loss of any solver, losses under {FLOOR:g} of the variance counted as equal"
    write_table("speed_fit", table, facts, out)
    write_table("speed_fit_cases", rows, facts, out)
    plot(rows, out / "speed_fit.png")
    shown_table = Table(box=None, header_style="bold")
    for column in table[0]:
        shown_table.add_column(column, justify="left" if column == "solver" else "right")
    for row in table:
        shown_table.add_row(*(shown(value) for value in row.values()))
    console.width = console.width if console.is_terminal else 200
    console.print(shown_table)
    misses = [row for row in rows if row["solver"] == "jaxsl" and row["excess"] > 1e-3]
    for row in misses:
        console.print(f"jaxsl is {100 * row['excess']:.2g} % above the best in {row['case']}")
    console.print("wrote speed_fit.csv .md .png and speed_fit_cases.csv .md in", str(out))


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Speed against the work of a step, and how close the best loss comes, for every solver."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, solver in enumerate(dict.fromkeys(row["solver"] for row in rows)):
        own = [row for row in rows if row["solver"] == solver]
        color, label = f"C{number}", f"{solver} ({len(own)} cases)"
        work = [row["rows"] * row["outputs"] * row["params"] ** 2 for row in own]
        if solver != PROTOCOL:
            left.loglog(work, [row["speed"] for row in own], ".", color=color, alpha=0.7)
        over = np.sort([max(row["excess"], 1e-7) for row in own])
        share = (1 + np.arange(len(over))) / len(over)
        right.step(over, share, where="post", color=color, label=label)
    left.axhline(1, color="black", lw=0.8)
    left.set(xlabel="runs x outputs x parameters²", ylabel="times as fast as SciPy's L-BFGS-B (CPU)")
    right.axvline(1e-3, color="black", lw=0.8, ls=":")
    right.set(xscale="log", xlabel="best loss above the best found by any solver", ylabel="share of cases")
    figure.legend(loc="outside lower center", ncols=6, fontsize="small")
    figure.savefig(path, dpi=110)
