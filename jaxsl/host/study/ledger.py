"""What the records of a study add up to: runs, their outcomes, and the money.

The ledger is a fold over the journal: the same records give the same ledger.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from jaxsl.host.errors import UserError
from jaxsl.host.study.candidates import Candidates, Point
from jaxsl.host.study.configuration import names, point, rows

PENDING, DONE, FAILED, DIVERGED, ABANDONED = STATUSES = (
    "pending",
    "done",
    "failed",
    "diverged",
    "abandoned",
)
TRIES = 3  # runs of one configuration that may fail before it is asked no more


class Outcome(NamedTuple):
    """What came out at a configuration, the run that told it, and the training run that it lies on."""

    id: str
    x: Point
    y: Point
    curve: str


@dataclass(frozen=True)
class Told:
    """What was told about a run at one time; ``rows`` are outcomes at its checkpoints, in order."""

    time: str
    status: str
    y: Point | None
    cost: float | None
    rows: tuple[tuple[Point, Point], ...] = ()


@dataclass(frozen=True)
class Run:
    """A run that was asked for or brought in.

    Attributes:
        id: by which it is told.
        x: configuration, in the order of the law's inputs, and last, where a study compares recipes, the
            number of its own.
        planned: cost by the plan, before any correction; None where unknown.
        status: ``pending``, ``done``, ``failed``, ``diverged`` or ``abandoned``.
        y: outcome, only of a run that is done.
        cost: what it really cost; None until told.
        counts: whether its cost counts against the budget; earlier runs that were brought in do not.
        name: what people call it: labels of its candidate, or where it came from.
        time: when it was asked for or brought in.
        history: all that was told about it, the oldest first.
        of: the run that it continues; empty for a new one.
        rows: configurations and outcomes of its checkpoints, in order; those of a run that diverged or failed
            are what it gave before.
    """

    id: str
    x: Point
    planned: float | None
    status: str = PENDING
    y: Point | None = None
    cost: float | None = None
    counts: bool = True
    name: str = ""
    time: str = ""
    history: tuple[Told, ...] = ()
    of: str = ""
    rows: tuple[tuple[Point, Point], ...] = ()

    @property
    def curve(self) -> str:
        """The training run that it is a part of."""
        return self.of or self.id


@dataclass
class Ledger:
    """The state of a study.

    Attributes:
        settings: the header, with later changes.
        runs: by id, in the order of the journal.
        num_lines: lines of the journal that are in here.
        notes: what a reader should know.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    num_lines: int = 0
    notes: list[str] = field(default_factory=list)
    _offered: list[Candidates] = field(default_factory=list)

    @property
    def candidates(self) -> Candidates:
        """What may be run, in the order of the journal."""
        if len(self._offered) != 1:
            num = len(names(self.settings)) if self.settings else 0
            self._offered = [Candidates.joined([Candidates.listed([], num), *self._offered])]
        return self._offered[0]

    def apply(self, line: int, record: dict[str, Any]) -> None:
        """Add a record.

        Raises:
            UserError: when it says something that cannot be understood.
        """
        try:
            match record["event"]:
                case "study":
                    self.settings = dict(record)
                case "set":
                    self.settings |= record["settings"]
                case "candidates":
                    self._offered.append(Candidates.told(rows(self.settings, record["x"]), record))
                case "asked":
                    for item in record["runs"]:
                        self.runs[item["id"]] = Run(
                            item["id"],
                            self._point(item),
                            item["planned"],
                            name=item.get("name", ""),
                            time=record["time"],
                            of=item.get("of", ""),
                        )
                case "run":
                    self._bring(record)
                case "told":
                    self._tell(line, record)
                case "skip" | "version":
                    pass
                case other:
                    raise KeyError(other)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"line {line} of the journal cannot be understood ({type(error).__name__}: {error}); it was "
                "made by another program, or by a newer jaxsl: update it"
            ) from None
        self.num_lines = line

    def _point(self, record: dict[str, Any]) -> Point:
        return point(self.settings, record["x"])

    def _bring(self, record: dict[str, Any]) -> None:
        known = self.runs.get(record["id"])
        told = Told(record["time"], record["status"], _outcome(record["y"]), record["cost"])
        self.runs[record["id"]] = Run(
            record["id"],
            self._point(record),
            record["planned"],
            told.status,
            told.y,
            told.cost,
            record["counts"],
            record.get("name", ""),
            record["time"],
            (*(known.history if known else ()), told),
        )

    def _tell(self, line: int, record: dict[str, Any]) -> None:
        run = self.runs.get(record["id"])
        if run is None:
            self.notes.append(
                f"line {line} tells of run {record['id']}, whose own line is lost: taken from what was told"
            )
            run = Run(record["id"], self._point(record), record.get("planned"), time=record["time"])
        cost = run.cost if record["cost"] is None else float(record["cost"])
        rows = tuple((self._point({"x": x}), tuple(map(float, y))) for x, y in record.get("rows", ()))
        told = Told(record["time"], record["status"], _outcome(record["y"]), cost, rows)
        self.runs[run.id] = replace(
            run, status=told.status, y=told.y, cost=cost, history=(*run.history, told), rows=rows
        )

    def with_status(self, *statuses: str) -> list[Run]:
        """The runs in one of these states."""
        return [run for run in self.runs.values() if run.status in statuses]

    @property
    def outcomes(self) -> list[Outcome]:
        """All that came out, in the order of the runs: of a run that told checkpoints, at each of them."""
        found = []
        for run in self.runs.values():
            rows = run.rows or (((run.x, run.y),) if run.y is not None else ())
            found += [Outcome(run.id, x, y, run.curve) for x, y in rows]
        return found

    @property
    def factor(self) -> float:
        """What runs really cost over what was planned: the sum of the one over the sum of the other.

        Over finished runs that reported a cost; the dear ones, which empty the budget, count most. 1 before
        any did.
        """
        return self.factor_without()

    def factor_without(self, *ids: str) -> float:
        """``factor`` had some runs told nothing."""
        known = [
            (run.cost, run.planned)
            for run in self.with_status(DONE, DIVERGED)
            if run.cost is not None and run.planned and run.id not in ids
        ]
        planned = math.fsum(pair[1] for pair in known)
        return math.fsum(pair[0] for pair in known) / planned if planned else 1.0

    @property
    def num_reported(self) -> int:
        """Runs that ``factor`` rests on."""
        runs = self.with_status(DONE, DIVERGED)
        return sum(run.cost is not None and bool(run.planned) for run in runs)

    def expected_cost(self, run: Run, factor: float) -> float:
        """What a run cost, or will: as told, else its plan times ``factor``."""
        return (run.planned or 0.0) * factor if run.cost is None else run.cost

    @property
    def spent(self) -> float:
        """Cost of the runs that are over; one that told no cost counts with its plan."""
        return self._total([run for run in self.runs.values() if run.status != PENDING])

    @property
    def paid(self) -> float:
        """Cost of all runs, pending ones and uncounted ones included; infinite where none is known."""
        factor = self.factor
        return math.fsum(self.expected_cost(run, factor) for run in self.runs.values()) or math.inf

    @property
    def reserved(self) -> float:
        """Expected cost of the pending runs."""
        return self._total(self.with_status(PENDING))

    def _total(self, runs: list[Run]) -> float:
        factor = self.factor
        return math.fsum(self.expected_cost(run, factor) for run in runs if run.counts)

    @property
    def left(self) -> float:
        """What may still be spent; infinite without a budget, negative when runs cost more than planned."""
        budget = self.settings.get("budget")
        return math.inf if budget is None else budget - self.spent - self.reserved

    def used(self) -> dict[Point, int]:
        """How often each configuration was used of the ``replicates`` times it may be.

        One that was abandoned or diverged is used up, one that failed is asked again, up to ``TRIES`` times.
        """
        most = int(self.settings["replicates"])
        used: dict[Point, int] = {}
        failed: dict[Point, int] = {}
        for run in self.runs.values():
            if run.status == FAILED:
                failed[run.x] = failed.get(run.x, 0) + 1
            else:
                used[run.x] = used.get(run.x, 0) + (most if run.status in (ABANDONED, DIVERGED) else 1)
        return used | {x: most for x, times in failed.items() if times >= TRIES}


def _outcome(y: list[float] | None) -> Point | None:
    return None if y is None else tuple(map(float, y))
