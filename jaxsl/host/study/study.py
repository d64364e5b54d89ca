"""A study: which runs to train next, told what they gave, for as long as it takes.

>>> import tempfile, pathlib
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> study = Study.create(folder / "pilot.jsonl", "chinchilla", target="N=7e10,D=1.4e12",
...     candidates={"N": [1e7, 1e8, 1e9], "D": [1e9, 1e10, 1e10]}, cost="6*N*D", budget=1e20)
>>> [(run.id, run.x) for run in study.ask(2)]
[('r1', {'N': 10000000.0, 'D': 1000000000.0}), ('r2', {'N': 100000000.0, 'D': 10000000000.0})]
>>> study.tell("r1", 3.9, cost=7e16).status
'done'
>>> study.status().num_pending
1
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from jaxsl.host.laws.identity import fingerprint
from jaxsl.host.study import asking, telling
from jaxsl.host.study.journal import Journal
from jaxsl.host.study.ledger import DONE, Ledger, Run
from jaxsl.host.study.records import Record, now
from jaxsl.host.study.status import Asked, Status, status_of
from jaxsl.host.study.studied_laws import accepted, find_laws, reopened, whole

if TYPE_CHECKING:
    from jaxsl.host.answer.fit_options import FitOptions, How
    from jaxsl.host.study.advisor import Advisor
    from jaxsl.host.study.answers import Compared, Decided, Forecast
    from jaxsl.host.study.stop_rules import Stop
    from jaxsl.host.study.stopping import Worth
    from jaxsl.law import Law


class Study:
    """A study in a journal file; any number of processes may use it at once.

    Args:
        path: of the journal.
        law: the law, or several, when those that the journal names should not be looked up.
        advisor: what decides, such as ``jaxsl.host.study.advisor.Advisor``; that one when None.

    Raises:
        UserError: when there is no such study or it cannot be read.
    """

    def __init__(
        self,
        path: str | Path,
        law: "Law | Sequence[Law] | None" = None,
        advisor: "Advisor | Any | None" = None,
    ):
        self.journal = Journal(path)
        self.ledger = Ledger()
        self.notes: tuple[str, ...] = ()  # what was understood of the table it was made from
        self._given, self._advisor = law, advisor
        self.refresh()

    @classmethod
    def create(
        cls,
        path: str | Path,
        law: "Law | str | Sequence[Law | str]",
        *,
        target: Any = None,
        candidates: Any = None,
        space: Sequence[str] = (),
        map: Mapping[str, str] | None = None,
        outcome: str | None = None,
        cost: str | None = None,
        budget: float | None = None,
        replicates: int = 1,
        seed: int = 0,
        stop: "Stop | None" = None,
        level: float = 90.0,
        of: str = "outcome",
        aim: str | None = None,
        hold: Mapping[str, float] | None = None,
        range: Mapping[str, tuple[float, float]] | None = None,
        by: str | None = None,
        against: str | None = None,
        curves: bool = False,
        restart: float = 0.0,
        row_cost: float | str = 0.0,
        **how: "Unpack[How]",
    ) -> "Study":
        """Begin a study.

        Args:
            path: of the journal, which must not exist.
            law: a law or its name; one that is not found again by its name must be given to ``Study(path,
                law=...)`` whenever it is opened. Several are believed in together, their inputs side by side.
            target: what to predict; see ``jaxsl.host.input.target.parse_target``.
            candidates: table of runs that may be done; those with an outcome count as done earlier.
            space: instead, where runs may lie: ``"N in [1e7, 1e9] log"``, one for every input.
            map, outcome: as in ``jaxsl.host.fit``.
            cost: column, or expression over the law's inputs; by default the column ``cost``.
            budget: hard limit on the cost of all runs of the study; none when None.
            replicates: how often one configuration may be run, where that teaches the most for its cost.
            seed: of starting points and ties.
            stop: when to stop before the budget is spent.
            level, of: of every interval, as in ``jaxsl.host.fit``.
            aim, hold, range, by, against: in place of a target, as in ``jaxsl.host.next_for``.
            curves: runs tell every candidate of their size on their way, and may go on for the difference of
                the costs and the price of a ``restart``; ``row_cost`` is the price of knowing an outcome on
                the way, a number or arithmetic on the law's inputs.
            how: how the table of candidates is read and the laws are fitted, as in ``jaxsl.host.fit``, but
                for ``weight``; the journal keeps the latter.

        Raises:
            UserError: for anything that cannot be used as it stands; nothing is written then.
        """
        from jaxsl.host.answer.fit_options import split
        from jaxsl.host.study.settings import curve_prices, new_records

        reading, options = split(how)
        laws, names = find_laws(law)
        options.laws(laws)
        header, records, notes = new_records(
            whole(laws),
            names,
            target=target,
            candidates=candidates,
            space=space,
            mapping=map,
            outcome=outcome,
            cost=cost,
            budget=budget,
            replicates=replicates,
            seed=seed,
            stop=stop,
            level=level,
            of=of,
            options=options,
            aim=aim,
            hold=hold,
            range=range,
            by=by,
            against=against,
            curves=curve_prices(curves, restart, row_cost),
            **reading,
        )
        header["fingerprints"] = [fingerprint(one, header["target"]) for one in laws]
        made = cls(Journal.create(path, header, records).path, laws)
        made.notes = notes
        return made

    def refresh(self) -> Ledger:
        """Read what other processes have added."""
        entries, afresh = self.journal.read()
        if afresh:
            self.ledger = Ledger()
        for entry in entries:
            self.ledger.apply(entry.line, entry.record)
        return self.ledger

    def ask(self, n: int = 1) -> list[Asked]:
        """Runs to start now, at most ``n``, planned together and in the light of all that are pending.

        They are pending from then on. Fewer come back, or none, where the budget or the candidates end.

        Raises:
            UserError: when ``n`` is out of range or the journal cannot be written.
        """
        return asking.ask(self.journal, self.refresh, self.advisor.ask, n)

    def tell(
        self,
        id: str,
        loss: float | Sequence[float] | None = None,
        cost: float | None = None,
        status: str = DONE,
        confirmed: bool = False,
        rows: Any = None,
        map: Mapping[str, str] | None = None,
    ) -> Run:
        """What a run gave; may be said late, and again with another value, which corrects the first.

        Args:
            id: of the run.
            loss: its outcome, or outcomes in the order of the law; only of a run that is done.
            cost: what it really cost; counts as planned when not told.
            status: ``done``, ``failed`` (may be asked again), ``diverged`` or ``abandoned`` (are not).
            confirmed: that a cost over three times what was expected, or under a third of it, is meant.
            rows: of a study of curves, checkpoints or a step log in place of the outcome; of a run that is
                not done what it gave before. map: columns of it, ``{"D": "tokens"}``.

        Returns:
            The run as it stands now.

        Raises:
            UserError: when there is no such run, or the values do not fit; nothing is written then.
        """
        told = loss, cost, status, confirmed, rows, map
        return telling.tell(self.journal, self.refresh, lambda y: self.options.unfit(y), id, *told)

    def accept(self, law: "Law | str | Sequence[Law | str]") -> dict[str, Any]:
        """Settings by which a study goes on with a law, or several, as they are now: for ``set``.

        They hold for whoever opens the study after that.

        Raises:
            UserError: when they are not found, or have other inputs or outputs than the study.
        """
        return accepted(self.journal.path, self.ledger.settings, law)

    def set(self, **settings: Any) -> None:
        """Change ``budget``, ``stop`` or what ``accept`` returns; the journal keeps the former values."""
        self.add(lambda _: [{"event": "set", "settings": settings, "time": now()}])

    def add(self, records: Callable[[Ledger], list[Record]]) -> list[Record]:
        """Append the records that ``records`` makes of the ledger, as an import does."""
        added: list[Record] = []

        def decide() -> list[Record]:
            added[:] = records(self.refresh())
            return added

        self.journal.write(decide)
        self.refresh()
        return added

    def status(self) -> Status:
        """Where the study stands."""
        return status_of(self.refresh(), (*self.notes, *self.journal.notes))

    def best_prediction(self) -> "Forecast | None":
        """What is predicted at the targets now, with intervals; None before any result, or with an aim."""
        ledger = self.refresh()
        return None if "aim" in ledger.settings else self.advisor.forecast(ledger)

    def worth(self) -> "Worth | None":
        """Whether the rest of the budget is worth spending; None before any result, or with an aim."""
        from jaxsl.host.study.stopping import worth_of

        return worth_of(self.refresh(), self.advisor)

    def reason_to_stop(self) -> str:
        """Which stop rule holds, and why; empty where none does."""
        weighed = self.decision() if "aim" in self.ledger.settings else self.worth()
        return "" if weighed is None else weighed.reason

    def stop_runs(self) -> tuple[str, ...]:
        """Of a study of curves, runs of which nothing that they can still tell is worth its price."""
        return self.advisor.stop_runs(self.refresh())

    def decision(self) -> "Decided | Compared | None":
        """What would be decided now, and what further runs are worth; None where there is no aim."""
        return self.advisor.decided(self.refresh())

    def export(self, path: str | Path | None = None, force: bool = False) -> Any:
        """All runs as a table, written to ``path`` (``.csv`` or ``.parquet``) if one is given.

        Args:
            path: of the file.
            force: whether one that exists may be replaced; a journal or a law's file never is.

        Raises:
            UserError: as in ``jaxsl.host.writing.write_file``.
        """
        from jaxsl.host.study.export import table, write

        found = table(self.refresh())
        if path is not None:
            write(found, Path(path), self.files, force)
        return found

    @property
    def files(self) -> list[str | Path]:
        """What a study reads, and what is never written over: its journal and the files of its laws."""
        law = self.ledger.settings["law"]
        return [self.journal.path, *([law] if isinstance(law, str) else law)]

    @cached_property
    def laws(self) -> "tuple[Law, ...]":
        """The laws that are studied, over the same inputs, as they were when the study began."""
        return reopened(self.journal.path, self.ledger.settings, self._given)

    @cached_property
    def law(self) -> "Law":
        """The law that is studied; where there are several, one of their inputs and outputs."""
        return whole(self.laws)

    @property
    def options(self) -> "FitOptions":
        """How the laws are fitted."""
        from jaxsl.host.answer.fit_options import FitOptions

        return FitOptions(**self.ledger.settings.get("fit", {}))

    @property
    def advisor(self) -> "Advisor | Any":
        """What decides."""
        if self._advisor is None:
            from jaxsl.host.study.advisors import advisor_of

            self._advisor = advisor_of(self.ledger.settings, self.laws, self.options)
        return self._advisor
