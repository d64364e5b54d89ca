"""``python -m experiments robust``: R², coverage, interval scores, where laws hold and where they do not."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import Workers, split
from experiments.report import OUTPUTS, provenance, tell_table
from experiments.robust.environments import ENVIRONMENTS, SEVERAL, TARGETS, cases
from experiments.robust.episode import SCORES
from experiments.robust.methods import COMPARED
from experiments.robust.sweep import failures, results
from jaxsl.host.errors import UserError

ALONE = "random", "cost-random", "paper mspe", "paper random", "paper cost-random"
CLEAR, WORST = 2.0, 0.1  # paired errors from which a difference is clear; the worst that may be
MethodsOption = Annotated[str, typer.Option("--methods", help="Comma-separated; all by default.")]


def robust(
    environments: Annotated[
        str, typer.Option(help="Comma-separated; all but targets and several laws by default.")
    ] = "",
    methods: MethodsOption = "",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0 to this, exclusive.")] = 10,
    workers: Workers = 2,
) -> None:
    """The default beside random runs and the paper's methods: wrong laws, bad runs, pools and targets."""
    chosen = split(environments) or [name for name in ENVIRONMENTS if name not in (*TARGETS, *SEVERAL)]
    unknown = sorted({*chosen} - {*ENVIRONMENTS})
    if unknown:
        raise UserError(f"no environment {', '.join(unknown)}; environments: {', '.join(ENVIRONMENTS)}")
    compared = known_methods(methods, tuple(COMPARED))
    found = results(
        {name: partial(cases, name) for name in chosen}, compared, seeds, OUTPUTS / "robust.jsonl", workers
    )
    rows, harm = [], []
    for environment in chosen:
        scored = scores_of(found, environment, compared)
        rows += [row for method in compared for row in summary(environment, method, scored[method])]
        if "default" in scored:
            harm += harms(environment, scored)
    command = f"python -m experiments robust --seeds {seeds}"
    command += "".join(
        f' --{name} "{value}"'
        for name, value in (("environments", environments), ("methods", methods))
        if value
    )
    said = provenance(command, 0) | failures(found)
    for name, table in (("robust", rows), ("robust-harm", harm)):
        if table:
            tell_table(name, table, said)


def known_methods(text: str, otherwise: tuple[str, ...]) -> list[str]:
    """The methods of a comma-separated list.

    Raises:
        UserError: naming those that there are not.
    """
    unknown = sorted({*split(text)} - {*COMPARED})
    if unknown:
        raise UserError(f"no method {', '.join(unknown)}; methods: {', '.join(COMPARED)}")
    return split(text) or list(otherwise)


def scores_of(
    found: Iterable[dict], environment: str, methods: Iterable[str]
) -> dict[str, dict[str, np.ndarray]]:
    """What each method had in an environment, see ``scores``."""
    mine = [one for one in found if one["environment"] == environment]
    return {method: scores([one for one in mine if one["method"] == method]) for method in methods}


def scores(found: list[dict]) -> dict[str, np.ndarray]:
    """Columns of results: R², coverage, width, interval score and trust, ``(case, budget)``; seed and law.

    Failures count with an R² of -1; what they have no value for is not a number.
    """
    columns = {
        name: np.array([one.get(name) or [None] * len(one["r2"]) for one in found], float)
        for name in (*SCORES, "holds")
    }
    return columns | {name: np.array([one[name] for one in found]) for name in ("seed", "law")}


def summary(environment: str, method: str, scored: dict[str, np.ndarray]) -> list[dict]:
    """Means over laws and seeds, a row a budget; the error of R² is that of the mean over seeds.

    R² is -1 where nothing could be bought or believed; the other figures are over the cases that have them.
    """
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
                "coverage": known(np.mean, scored["coverage"][:, place]),
                "median width": known(np.median, scored["width"][:, place]),
                "interval score": known(np.mean, scored["interval_score"][:, place]),
                "law holds": known(np.mean, scored["holds"][:, place]),
            }
        )
    return rows


def known(mean: Callable[[np.ndarray], np.floating], values: np.ndarray) -> float:
    """The mean of the values that are there."""
    there = values[~np.isnan(values)]
    return float(mean(there)) if there.size else float("nan")


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
                row[f"{method} clear"] = clearly_worse(mean, error)
        rows.append(row)
    return rows


def clearly_worse(mean: float, error: float) -> str:
    """Whether a mean paired difference with this error is a clear loss.

    Example:
        >>> clearly_worse(-0.03, 0.01), clearly_worse(-0.03, 0.02), clearly_worse(0.1, 0.0)
        ('worse', '', '')
    """
    return "worse" if mean < -CLEAR * error - 1e-12 else ""


def by_seed(values: np.ndarray, seed: np.ndarray) -> tuple[float, float]:
    """Mean, and the standard error of the mean over seeds; over cases where there is one seed.

    Not a number of one case.
    """
    groups = [values[seed == one].mean() for one in np.unique(seed)]
    groups = groups if len(groups) > 1 else list(values)
    spread = np.std(groups, ddof=1) / np.sqrt(len(groups)) if len(groups) > 1 else np.nan
    return float(np.mean(values)), float(spread)
