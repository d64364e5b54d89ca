"""Costs that are told far from the plan are asked about: they rescale the plan of every further run.

>>> check_told("run r1", [(0.15, 0.2)], 1.0)
>>> check_told("run r1", [(0.15, 20.0)], 1.0)  # doctest: +ELLIPSIS
Traceback (most recent call last):
...
jaxsl.host.errors.UserError: run r1: a cost of 20 is 133 times the 0.15 that was to be expected, and would ...
"""

from collections.abc import Iterable, Sequence
from math import fsum
from typing import Any

from jaxsl.host.errors import UserError
from jaxsl.host.study.ledger import DIVERGED, DONE, Ledger

FAR = 3.0  # times the expected cost, or one over it, that nobody means by chance


def check_told(what: str, costs: Sequence[tuple[float, float]], factor: float, both: bool = True) -> None:
    """Refuse costs that are told and together lie far from what was to be expected.

    Args:
        what: tells of them, for the message.
        costs: planned and told, of each run.
        factor: what other runs cost over their plan.
        both: whether too little counts as well as too much.

    Raises:
        UserError: when they are more than ``FAR`` times as much or as little.
    """
    expected, told = factor * fsum(plan for plan, _ in costs), fsum(cost for _, cost in costs)
    if expected <= 0 or (told <= FAR * expected and not (both and FAR * told < expected)):
        return
    ratio = f"{told / expected:.3g} times" if told else "no part of"
    raise UserError(
        f"{what}: a cost of {told:.4g} is {ratio} the {expected:.4g} that was to be expected, and would "
        "change what every further run is taken to cost. Say --yes if it is right, as for the first cost in "
        "another unit than the plan's; else correct it"
    )


def check_run(ledger: Ledger, id: str, cost: float, status: str) -> None:
    """Refuse a surprising cost of one run; one that failed or was abandoned may have cost little.

    Raises:
        UserError: as in ``check_told``.
    """
    run = ledger.runs[id]
    if run.planned and cost != run.cost:
        check_told(
            f"run {id}", [(run.planned, cost)], ledger.factor_without(id), both=status in (DONE, DIVERGED)
        )


def check_records(ledger: Ledger, records: Iterable[dict[str, Any]]) -> None:
    """Refuse surprising costs of runs that are brought in together.

    Raises:
        UserError: as in ``check_told``.
    """
    known = [
        record
        for record in records
        if record["event"] == "run" and record["status"] in (DONE, DIVERGED) and record["planned"]
    ]
    costs = [(record["planned"], record["cost"]) for record in known if record["cost"] is not None]
    ids = (record["id"] for record in known)
    check_told(f"{len(costs)} runs", costs, ledger.factor_without(*ids))
