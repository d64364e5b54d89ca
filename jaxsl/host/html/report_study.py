"""A study's journal as what the HTML report shows: its runs, what it may still run, what it predicts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsl.host.answer.plot_data import View, axis_labels, see
from jaxsl.host.answer.thinning import MOST_DRAWN
from jaxsl.host.answer.which_laws import fitted_as, num_needed, require_runs
from jaxsl.host.input.intervals import LEVEL
from jaxsl.host.input.problem import Answers, Problem, Runs, Targets
from jaxsl.host.input.table import Table
from jaxsl.host.study import Study
from jaxsl.host.study.answers import Compared
from jaxsl.host.study.ledger import DONE, PENDING, Ledger
from jaxsl.host.study.recipes import by_recipe
from jaxsl.law import Law


def study_view(
    study: Study, units: Mapping[str, str], most: int = MOST_DRAWN
) -> tuple[View, Table, dict[str, Any]]:
    """What there is to see of a study, its runs as a table, and the settings that decided it.

    Candidates are ranked one by one for the money that is left; ``jaxsl study ask`` also accounts for the
    runs that are pending, and the notes say how many there are. Of a study that compares recipes what is seen
    is the one that others are compared with.

    Raises:
        UserError: when the journal cannot be read, or too few runs are done.
    """
    whole, law, path = study.refresh(), study.law, str(study.journal.path)
    exported, settings = study.export(), whole.settings
    table = Table(path, exported, "run", np.arange(1, exported.num_rows + 1))
    ledger = by_recipe(whole)[settings["recipes"][-1]] if "by" in settings else whole
    number = {id: place for place, id in enumerate(whole.runs, 1)}
    problem = _problem(path, ledger, law, number, _notes(whole))
    left = ledger.left if np.isfinite(ledger.left) else None
    costs = problem.runs.cost[~problem.runs.observed]
    affordable = bool(costs.size) and (left is None or left >= costs.min())
    affordable &= "by" not in settings  # whose next run is of whichever recipe
    chosen = fitted_as(study.options, problem, study.laws)
    require_runs(problem, min(chosen.laws, key=num_needed), len(np.unique(chosen.seen.x, axis=0)))
    labels = axis_labels(law, settings["cost"], {}, units)
    kind = settings.get("level", LEVEL), settings.get("of", "outcome")
    seen = see(chosen, labels, (left, None), *kind, settings["seed"], affordable, most)
    names = ("aim", "by", "recipes", "cost", "budget", "space", "replicates", "seed")
    said = {name: settings.get(name) for name in names}
    if "aim" not in settings:
        points = [zip(law.inputs, point, strict=True) for point in settings["target"]]
        texts = [",".join(f"{name}={value:g}" for name, value in point) for point in points]
        said = {"target": "; ".join(texts), **said}
    said |= study.options.said()
    said["spent"], said["begun"] = ledger.spent, settings.get("created", "")
    return seen, table, {name: value for name, value in said.items() if value not in (None, [], "")}


def study_compared(study: Study) -> Compared | None:
    """What is known of recipes that a study compares; None where it compares none, or has too few runs."""
    found = study.decision() if "by" in study.ledger.settings else None
    return found if isinstance(found, Compared) else None


def _problem(
    path: str, ledger: Ledger, law: Law, number: Mapping[str, int], notes: tuple[str, ...]
) -> Problem:
    """Runs that are done, by their ``number`` in the study, candidates that are left, targets."""
    done, every, factor = ledger.with_status(DONE), ledger.candidates, ledger.factor
    free = np.flatnonzero(every.times(ledger.used()) < ledger.settings["replicates"])
    left, count = every.take(free), len(number)
    outcomes = [list(run.y or ()) for run in done] + [[np.nan] * law.num_outputs] * len(left)
    ran = np.array([run.x for run in done], float).reshape(-1, len(law.inputs))
    runs = Runs(
        x=np.concatenate([ran, left.x]),
        y=np.array(outcomes, float).reshape(-1, law.num_outputs),
        cost=np.array([*(ledger.expected_cost(run, factor) for run in done), *(left.cost * factor)]),
        row_numbers=np.array([*(number[run.id] for run in done), *range(count + 1, count + len(left) + 1)]),
        labels={
            "id": np.array([*(run.id for run in done), *(f"c{place + 1}" for place in free)], object),
            "name": np.array([*(run.name for run in done), *left.name], object),
        },
    )
    targets = np.array(ledger.settings["target"], float)
    return Problem(
        law,
        runs,
        path,
        "run",
        Targets(targets, np.arange(1, len(targets) + 1)),
        Answers(np.full((len(targets), law.num_outputs), np.nan)),
        notes,
    )


def _notes(ledger: Ledger) -> tuple[str, ...]:
    notes = list(ledger.notes)
    pending = len(ledger.with_status(PENDING))
    if pending:
        are = "run is pending: its outcome is" if pending == 1 else "runs are pending: their outcomes are"
        notes.append(f"{pending} {are} not in this report")
    lost = len(ledger.runs) - pending - len(ledger.with_status(DONE))
    if lost:
        are = (
            "run failed, diverged or was abandoned, and is"
            if lost == 1
            else "runs failed, diverged or were abandoned, and are"
        )
        notes.append(f"{lost} {are} not fitted")
    if ledger.settings["space"]:
        notes.append("candidates lie anywhere in a space: ask the study for the next run")
    if "by" in ledger.settings:
        shown = ledger.settings["recipes"][-1]
        notes.append(
            f"beside the comparison, this report is of {shown}, the recipe that is compared with: ask the "
            "study for the next run, and of which recipe it is"
        )
    return tuple(notes)
