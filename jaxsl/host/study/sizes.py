"""The runs of a study of curves, by their sizes: how far each is, and what it costs to get further."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxsl.host.errors import UserError
from jaxsl.host.input.course import TOKENS
from jaxsl.host.input.expression import parse
from jaxsl.host.study.candidates import Candidate, Point
from jaxsl.host.study.ledger import DONE, FAILED, Ledger, Run


@dataclass(frozen=True)
class Size:
    """The candidates that differ in their tokens alone, in order, and the training runs there are.

    Attributes:
        x, tokens, costs, names: of the candidates, ``(candidate,)`` each; costs hold the prices of knowing
            the outcomes on the way.
        runs: the training runs by name, each its parts in order; one that failed before it told anything, and
            has no part since, is none.
        reached: tokens of the last outcome of each.
        open: those of the runs that may go on.
    """

    x: tuple[Point, ...]
    tokens: tuple[float, ...]
    costs: tuple[float, ...]
    names: tuple[str, ...]
    runs: dict[str, list[Run]]
    reached: dict[str, float]

    @property
    def open(self) -> dict[str, float]:
        """Tokens that those runs have reached which may go on: not pending, diverged or abandoned."""
        return {
            name: self.reached[name]
            for name, parts in self.runs.items()
            if name in self.reached and parts[-1].status in (DONE, FAILED)
        }

    def cost_to(self, tokens: float) -> float:
        """Cost of a run to so many tokens by the plan, on straight lines between the candidates."""
        return float(np.interp(tokens, (0.0, *self.tokens), (0.0, *self.costs)))


def sizes(ledger: Ledger, place: int) -> list[Size]:
    """All sizes of a study; ``place`` is the number of the tokens among the inputs."""
    groups: dict[Point, list[Candidate]] = {}
    for one in ledger.candidates:
        groups.setdefault(without(one.x, place), []).append(one)
    parts: dict[Point, dict[str, list[Run]]] = {}
    for run in ledger.runs.values():
        of_size = parts.setdefault(without(run.x, place), {})
        of_size.setdefault(run.curve, []).append(run)
    reached: dict[str, float] = {}
    for outcome in ledger.outcomes:
        reached[outcome.curve] = max(reached.get(outcome.curve, 0.0), outcome.x[place])
    found = []
    for size, candidates in groups.items():
        candidates = sorted(candidates, key=lambda one: one.x[place])
        prices = row_prices(
            ledger.settings["curves"].get("row_cost", "0"),
            ledger.settings["inputs"],
            [one.x for one in candidates],
        )
        costs = np.array([one.cost for one in candidates]) + np.cumsum(prices)
        runs = {
            name: own
            for name, own in parts.get(size, {}).items()
            if name in reached or any(run.status != FAILED for run in own)
        }
        found.append(
            Size(
                tuple(one.x for one in candidates),
                tuple(one.x[place] for one in candidates),
                tuple(costs.tolist()),
                tuple(one.name for one in candidates),
                runs,
                {name: reached[name] for name in runs if name in reached},
            )
        )
    return found


def without(x: Point, place: int) -> Point:
    """A configuration but for the input of this number: the size of a run, without its tokens."""
    return x[:place] + x[place + 1 :]


def since(ledger: Ledger, curve: str) -> float:
    """The tokens of the last outcome of a training run; 0 for a new one."""
    if not curve:
        return 0.0
    place = ledger.settings["inputs"].index(TOKENS)
    return max((one.x[place] for one in ledger.outcomes if one.curve == curve), default=0.0)


def row_prices(row_cost: str, inputs: Sequence[str], x: Sequence[Point]) -> np.ndarray:
    """What it costs to know the outcome at each of some configurations ``x``, ``(row,)``.

    Example:
        >>> row_prices("6*N*D/8", ["N", "D"], [(1e6, 1e8), (1e6, 2e8)]).tolist()
        [75000000000000.0, 150000000000000.0]
    """
    columns = dict(zip(inputs, np.array(x, float).reshape(-1, len(inputs)).T, strict=True))
    return np.broadcast_to(parse(row_cost).evaluate(columns), len(x)).astype(float)


def check_curves(inputs: list[str], candidates: list[Candidate], restart: float, row_cost: str) -> None:
    """Refuse candidates that are no curves.

    Args:
        inputs: of the law.
        candidates: what may be run.
        restart: price of going on with a run.
        row_cost: of knowing an outcome on its way, as of ``row_prices``.

    Raises:
        UserError: without tokens among the inputs; where a longer run of one size costs no more; for a price
            that is none.
    """
    if TOKENS not in inputs:
        raise UserError(f"--curves: the law has no input {TOKENS}, the tokens that grow along a run")
    if not (np.isfinite(restart) and restart >= 0):
        raise UserError(f"--restart {restart:g}: give a price, zero or more, in the unit of the costs")
    if not candidates:
        raise UserError("--curves: give runs that may be done with --candidates, a row a checkpoint")
    unknown = [name for name in parse(row_cost).names if name not in inputs]
    if unknown:
        raise UserError(
            f"--row-cost {row_cost}: {', '.join(unknown)} is no input of the law; give a number, or "
            f"arithmetic on {', '.join(inputs)}"
        )
    prices, place = row_prices(row_cost, inputs, [one.x for one in candidates]), inputs.index(TOKENS)
    if not (np.isfinite(prices) & (prices >= 0)).all():
        worst = candidates[int(np.argmin(np.isfinite(prices) & (prices >= 0)))].name
        raise UserError(f"--row-cost {row_cost}: {worst} has no price, zero or more; correct it")
    last: dict[Point, Candidate] = {}
    for one in sorted(candidates, key=lambda one: one.x[place]):
        size = without(one.x, place)
        before = last.get(size)
        if before is not None and before.x[place] < one.x[place] and before.cost >= one.cost:
            raise UserError(
                f"{one.name}: a run to {TOKENS}={one.x[place]:g} costs {one.cost:g}, and to "
                f"{TOKENS}={before.x[place]:g} on its way {before.cost:g} ({before.name}); the "
                "price of a run rises with its tokens: correct the costs"
            )
        last[size] = one
