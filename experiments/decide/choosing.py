"""Runs chosen for a decision, for a prediction, and at random: what is decided then.

Command: ``python -m experiments decide choosing``. In every campaign (``experiments.decide.campaigns``) the
12 cheapest runs are done; with a share of the pool's cost each method buys one run after the other; at the
end the best sizes at the campaign's budget are asked for:

    for the decision   the first of ``jaxsl next --aim optimal:C=...``
    for the loss       the first of ``jaxsl next --target`` there at twenty tokens per parameter
    random             any affordable run

Resumable: a line of JSON a campaign and method, in ``outputs/decide/choosing.jsonl``.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import numpy as np
import typer

from experiments.benchmark.options import split
from experiments.decide.campaigns import CAMPAIGNS, DONE, Campaign
from experiments.decide.kept import Kept
from experiments.decide.worlds import COST, FOLDER
from experiments.report import provenance, tell_table
from jaxsl.host.answer.next_runs import next_runs
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.programs.cache import enable_compilation_cache

SEARCHED = {"N": (1e7, 1e13), "D": (1e7, 1e15)}


def for_decision(campaign: Campaign, bought: list[int], left: float) -> int:
    """The row to buy."""
    aim = f"optimal:C={campaign.budget:g}"
    found = next_for(
        campaign.table(bought),
        campaign.law,
        aim=aim,
        cost=COST,
        hold=campaign.hold,
        range=SEARCHED,
        budget=left,
        count=1,
    )
    return found.runs[0].row_number


def for_loss(campaign: Campaign, bought: list[int], left: float) -> int:
    """The row to buy."""
    n = (campaign.budget / 120) ** 0.5
    chosen = {"N": n, "D": 20 * n} | campaign.hold
    target = ",".join(f"{name}={value:.6g}" for name, value in chosen.items())
    found = next_runs(campaign.table(bought), campaign.law, target=target, cost=COST, budget=left, count=1)
    return found.runs[0].row_number


def at_random(campaign: Campaign, bought: list[int], left: float) -> int:
    """The row to buy."""
    rows = [row for row in range(len(campaign.x)) if row not in bought and campaign.cost[row] <= left]
    return int(campaign.rng.choice(rows))


METHODS: dict[str, Callable[[Campaign, list[int], float], int]] = {
    "for the decision": for_decision,
    "for the loss": for_loss,
    "random": at_random,
}


def decided(name: str, method: str, seed: int, share: float, most: int) -> dict[str, float]:
    """Buy, and decide."""
    campaign, choose = CAMPAIGNS[name](seed), METHODS[method]
    money = share * float(campaign.cost.sum())
    bought, left = list(range(DONE)), money
    for _ in range(most):
        others = np.delete(campaign.cost, bought)
        if not (others <= left).any():
            break
        row = choose(campaign, bought, left)
        bought.append(row)
        left -= campaign.cost[row]
    runs = campaign.table(bought, hidden=False)
    best = campaign.best
    n = optimal(
        runs, campaign.law, cost=COST, budget=campaign.budget, hold=campaign.hold, range=SEARCHED
    ).decisions[0]["N"]
    return {
        "error": float(abs(np.log(n.median / best))),
        "regret": campaign.at_budget(n.median) - campaign.at_budget(best),
        "width": float(np.log(n.high / n.low)),
        "covered": float(n.low <= best <= n.high),
        "bought": float(len(bought) - DONE),
        "spent": float(1 - left / money),
    }


def measured(names: list[str], seeds: range, share: float, most: int) -> dict[tuple[str, str], list[dict]]:
    """What was decided in every campaign by every method, measured or read."""
    kept = Kept("choosing", {__name__, "jaxsl.host.decision.aim", "jaxsl.host.decision.next_for"})
    found: dict[tuple[str, str], list[dict]] = {}
    for seed in seeds:
        for name in names:
            for method in METHODS:
                of = name, method, seed, share, most
                one = kept([*of], partial(decided, *of))
                found.setdefault((name, method), []).append(one)
    return found


def main(
    campaigns: Annotated[str, typer.Option(help="Which, commas between.")] = ",".join(CAMPAIGNS),
    seeds: Annotated[int, typer.Option(min=2, help="Of each campaign.")] = 20,
    share: Annotated[float, typer.Option(help="Of the pool's cost that may be spent.")] = 0.05,
    most: Annotated[int, typer.Option(min=1, help="Purchases of one method, at most.")] = 40,
    seed: Annotated[int, typer.Option(help="The first; the others follow.")] = 2000,
) -> None:
    """Error of log N* and regret after runs chosen for the decision, for the loss, at random."""
    enable_compilation_cache()
    names = split(campaigns)
    unknown = [name for name in names if name not in CAMPAIGNS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is no campaign; there are {', '.join(CAMPAIGNS)}")
    rows = []
    for (name, method), found in measured(names, range(seed, seed + seeds), share, most).items():
        column = {key: np.array([one[key] for one in found]) for key in found[0] if key != "fingerprint"}
        rows.append(
            {
                "campaign": name,
                "runs chosen": method,
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
    command = f"python -m experiments decide choosing --campaigns {campaigns} --seeds {seeds}"
    command += f" --share {share:g} --most {most}"
    rows.sort(key=lambda row: names.index(str(row["campaign"])))
    tell_table("choosing", rows, provenance(command, seed), FOLDER)
