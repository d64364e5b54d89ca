"""Asking for runs: proposals of the advisor, written down once nobody else has taken them."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaxsl.host.errors import UserError
from jaxsl.host.study.ledger import Ledger
from jaxsl.host.study.lock import Lock
from jaxsl.host.study.records import now
from jaxsl.host.study.status import Asked, asked_runs

if TYPE_CHECKING:
    from jaxsl.host.study.answers import Proposal
    from jaxsl.host.study.journal import Journal

MOST_AT_ONCE = 1000
ASK_LEASE = 60.0  # an ask may compile for a while


def ask(
    journal: "Journal",
    refresh: Callable[[], Ledger],
    propose: "Callable[[Ledger, int], list[Proposal]]",
    n: int,
) -> list[Asked]:
    """See ``jaxsl.host.study.Study.ask``.

    Args:
        journal: of the study.
        refresh: reads what other processes have added.
        propose: at most so many runs to start now.
        n: how many.

    Raises:
        UserError: when ``n`` is out of range.
    """
    if not 1 <= n <= MOST_AT_ONCE:
        raise UserError(f"ask for 1 to {MOST_AT_ONCE} runs at once, not {n}")
    asked: list[Asked] = []
    # One ask at a time, so that two never choose the same run; telling goes on meanwhile.
    with Lock(journal.path.with_name(journal.path.name + ".ask"), ASK_LEASE, math.inf):
        while True:
            ledger = refresh()
            knew, proposals = ledger.num_lines, propose(ledger, n)
            asked.clear()

            def decide(proposals=proposals, knew=knew) -> list[dict[str, Any]]:
                ledger = refresh()
                if not proposals or not _stands(ledger, proposals):
                    if proposals and ledger.num_lines == knew:
                        raise UserError("the advisor proposed runs that may not be run, or are too dear")
                    return []
                asked[:] = asked_runs(ledger, proposals)
                runs = [
                    {"id": run.id, "x": run.x, "planned": item.planned, "name": item.name}
                    | ({"of": run.of} if run.of else {})
                    for run, item in zip(asked, proposals, strict=True)
                ]
                return [{"event": "asked", "line": 0, "knew": knew, "runs": runs, "time": now()}]

            journal.write(decide)
            refresh()
            if asked or not proposals:
                return asked


def _stands(ledger: Ledger, proposals: "list[Proposal]") -> bool:
    """Whether proposals made a moment ago may still be asked for."""
    used, most = ledger.used(), ledger.settings["replicates"]
    times: dict[tuple[float, ...], int] = {}
    for item in proposals:
        times[item.x] = times.get(item.x, 0) + 1
    cost = math.fsum(item.planned for item in proposals) * ledger.factor
    return all(used.get(x, 0) + number <= most for x, number in times.items()) and (
        cost <= ledger.left * (1 + 2e-9)
    )
