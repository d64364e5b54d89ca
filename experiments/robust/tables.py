"""``python -m experiments robust``: R², coverage and interval scores where laws hold and where they do not."""

from collections.abc import Iterable
from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import Workers, split
from experiments.report import OUTPUTS, provenance, write_table
from experiments.robust.environments import ENVIRONMENTS, TARGETS, cases
from experiments.robust.methods import COMPARED
from experiments.robust.sweep import results
from jaxsl.host.errors import UserError

ALONE = "random", "cost-random", "paper mspe", "paper random", "paper cost-random"
CLEAR, WORST = 2.0, 0.1  # paired errors from which a difference is clear; the worst that may be


def robust(
    environments: Annotated[str, typer.Option(help="Comma-separated; all but the targets by default.")] = "",
    methods: Annotated[str, typer.Option(help="Comma-separated; all by default.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0 to this, exclusive.")] = 10,
    workers: Workers = 2,
) -> None:
    """The default beside random runs and the paper's methods: wrong laws, bad runs, pools and targets."""
    chosen = split(environments) or [name for name in ENVIRONMENTS if name not in TARGETS]
    compared = split(methods) or list(COMPARED)
    unknown = sorted({*chosen} - {*ENVIRONMENTS}) + sorted({*compared} - {*COMPARED})
    if unknown:
        raise UserError(
            f"no environment or method {', '.join(unknown)}; environments: {', '.join(ENVIRONMENTS)}; "
            f"methods: {', '.join(COMPARED)}"
        )
    found = results(chosen, compared, seeds, OUTPUTS / "robust.jsonl", workers)
    rows, harm = [], []
    for environment in chosen:
        truth = truths(environment, seeds)
        scored = {
            method: scores([one for one in found if here(one, environment, method)], truth)
            for method in compared
        }
        rows += [row for method in compared for row in summary(environment, method, scored[method])]
        if "default" in scored:
            harm += harms(environment, scored)
    command = f"python -m experiments robust --seeds {seeds}"
    command += "".join(
        f' --{name} "{value}"'
        for name, value in (("environments", environments), ("methods", methods))
        if value
    )
    said = provenance(command, 0)
    for name, table in (("robust", rows), ("robust-harm", harm)):
        if table:
            typer.echo(write_table(name, table, said)[1].read_text())


def here(result: dict, environment: str, method: str) -> bool:
    """Whether a result belongs to an environment and a method."""
    return result["environment"] == environment and result["method"] == method


def truths(environment: str, seeds: int) -> dict[tuple[str, int], np.ndarray]:
    """Outcomes of all groups' targets, by law and seed."""
    return {
        (case.law, case.seed): np.concatenate([group.test.y.ravel() for group in case.groups.values()])
        for case in cases(environment, seeds)
    }


def scores(found: Iterable[dict], truth: dict[tuple[str, int], np.ndarray]) -> dict[str, np.ndarray]:
    """R², coverage, width and interval score (both in deviations of the truth), ``(case, budget)`` each.

    R² is clipped to [-1, 1] and -1 without a prediction; the others are then not a number. The interval score
    at 90 % is the width and 20 times what the truth lies beyond an end (Gneiting and Raftery 2007).
    """
    table: dict[str, list] = {
        name: [] for name in ("r2", "covered", "width", "score", "holds", "seed", "law")
    }
    for one in found:
        y = truth[one["law"], one["seed"]]
        each: dict[str, list[float]] = {name: [] for name in ("r2", "covered", "width", "score")}
        for ends in one["interval"]:
            values = [-1.0, np.nan, np.nan, np.nan]
            if ends is not None and np.isfinite(ends).all():
                low, middle, high = np.array(ends)
                beyond = np.maximum(low - y, 0) + np.maximum(y - high, 0)
                r2 = 1 - np.sum((y - middle) ** 2) / np.sum((y - y.mean()) ** 2)
                width = np.mean(high - low) / y.std()
                inside = np.mean((low <= y) & (y <= high))
                values = [np.clip(r2, -1, 1), inside, width, width + 20 * np.mean(beyond) / y.std()]
            for name, value in zip(each, values, strict=True):
                each[name].append(float(value))
        for name, column in each.items():
            table[name].append(column)
        trust = one.get("holds") or [None] * len(one["interval"])
        table["holds"].append([np.nan if value is None else value for value in trust])
        table["seed"].append(one["seed"])
        table["law"].append(one["law"])
    return {name: np.array(column) for name, column in table.items()}


def summary(environment: str, method: str, scored: dict[str, np.ndarray]) -> list[dict]:
    """Means over laws and seeds, a row a budget; the error of R² is that of the mean over seeds."""
    rows = []
    for place in range(scored["r2"].shape[1]):
        mean, error = by_seed(scored["r2"][:, place], scored["seed"])
        rows.append(
            {
                "environment": environment,
                "method": method,
                "budget": place + 1,
                "R2": mean,
                "error": error,
                "coverage": np.nanmean(scored["covered"][:, place]),
                "width": np.nanmedian(scored["width"][:, place]),
                "interval score": np.nanmean(scored["score"][:, place]),
                "law holds": np.nanmean(scored["holds"][:, place]),
            }
        )
    return rows


def harms(environment: str, scored: dict[str, dict[str, np.ndarray]]) -> list[dict]:
    """The default less every other method, paired, a row a budget."""
    rows = []
    for place in range(scored["default"]["r2"].shape[1]):
        row: dict = {"environment": environment, "budget": place + 1}
        for method in ALONE:
            if method in scored:
                gain = scored["default"]["r2"][:, place] - scored[method]["r2"][:, place]
                mean, error = by_seed(gain, scored["default"]["seed"])
                row[f"less {method}"] = mean
                row[f"{method} error"] = error
                row[f"{method} clear"] = "worse" if mean < -CLEAR * error - 1e-12 else ""
        rows.append(row)
    return rows


def by_seed(values: np.ndarray, seed: np.ndarray) -> tuple[float, float]:
    """Mean, and the standard error of the mean over seeds; over cases where there is one seed."""
    groups = [values[seed == one].mean() for one in np.unique(seed)]
    groups = groups if len(groups) > 1 else list(values)
    spread = np.std(groups, ddof=1) / np.sqrt(len(groups)) if len(groups) > 1 else 0.0
    return float(np.mean(values)), float(spread)
