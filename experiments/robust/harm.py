"""``python -m experiments harm``: where the default is worse than runs bought blindly, and by how much.

A cell is one budget in one environment (a world, the pilot runs, a task, a table); its figure is the mean R²
over laws and seeds. The default harms in a cell where it is below the best of random, cost-random and
cheapest under the same belief by more than twice the error of the paired difference, over seeds.
"""

from collections.abc import Iterable
from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.fingerprint import code_of_robust
from experiments.benchmark.kept import known
from experiments.report import OUTPUTS, provenance, tell_table
from experiments.robust.tables import WORST, by_seed, clearly_worse
from jaxsl.host.errors import UserError

BLIND = "random", "cost-random", "cheapest"
MOST = 0.05  # share of the cells in which it may harm


def harm(
    any_code: Annotated[
        bool, typer.Option("--any-code", help="Count results of earlier code too, the latest of each.")
    ] = False,
) -> None:
    """How often, and how far at worst, the default is below blind choice, over all results there are."""
    found = known(OUTPUTS / "robust.jsonl", ("environment",)).values()
    every = [one for one in found if one["method"] in ("default", *BLIND)]
    mine = every if any_code else [one for one in every if one.get("code") == code_of_robust()]
    rows = cells(mine)
    if not rows:
        raise UserError(
            "there are no results of the default and of random, cost-random and cheapest runs to compare"
            f"{f' by this code, and {len(every)} by other code' if every else ''}; make some with "
            "python -m experiments robust, or public TABLE"
        )
    facts = provenance("python -m experiments harm" + " --any-code" * any_code)
    facts |= {f"against {name}": _told(rows, name) for name in ("best", "random")}
    facts |= {"results left out": f"{len(every) - len(mine)} by other code"} if every != mine else {}
    tell_table("harm", rows, facts)


def cells(found: Iterable[dict]) -> list[dict]:
    """One row a cell of which all four methods have the same two cases at least."""
    latest: dict[str, dict[tuple, dict[str, dict]]] = {}
    for one in found:
        case = one["law"], one.get("laws"), one["seed"], one.get("data")
        latest.setdefault(one["environment"], {}).setdefault(case, {})[one["method"]] = one
    rows = []
    for environment, cases in latest.items():
        whole = [case for case in cases.values() if {"default", *BLIND} <= {*case}]
        if len(whole) < 2:
            continue
        seed = np.array([case["default"]["seed"] for case in whole])
        r2 = {name: np.array([case[name]["r2"] for case in whole]) for name in ("default", *BLIND)}
        for place in range(r2["default"].shape[1]):
            at = {name: values[:, place] for name, values in r2.items()}
            average = {name: values.mean() for name, values in at.items()}
            best = max(BLIND, key=average.__getitem__)
            row = {"environment": environment, "budget": place + 1, "cases": len(whole)}
            row |= {name: float(values.mean()) for name, values in at.items()} | {"best": best}
            for name, method in (("best", best), ("random", "random")):
                mean, error = by_seed(at["default"] - at[method], seed)
                row |= {f"less {name}": mean, f"{name} error": error}
                row |= {f"harm by {name}": clearly_worse(mean, error)}
            rows.append(row)
    return rows


def _told(rows: list[dict], name: str) -> str:
    """The figure: the share of cells with a clear loss, and the worst of them."""
    clear = [row for row in rows if row[f"harm by {name}"]]
    large = sum(row[f"less {name}"] < -WORST for row in rows)
    text = (
        f"clearly worse in {len(clear)} of {len(rows)} cells, {len(clear) / len(rows):.1%} (wanted: under "
        f"{MOST:.0%}); below by more than {WORST:g} in {large}, clear or not (wanted: none)"
    )
    if not clear:
        return text
    worst = min(clear, key=lambda row: row[f"less {name}"])
    place = f"{worst['environment']}, budget {worst['budget']}"
    return f"{text}; at worst, where it is clear, by {-worst[f'less {name}']:.2g} ({place})"
