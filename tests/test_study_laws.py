"""Studies of several laws: what is kept, what is refused, and that they agree with `jaxsl next`."""

import json

import numpy as np
import pytest
from test_study import COST, TARGET, frame, truth

from jaxsl.host import fit, next_runs
from jaxsl.host.errors import UserError
from jaxsl.host.html.report_study import study_view
from jaxsl.host.study.study import Study
from laws.chinchilla import CHINCHILLA
from laws.kaplan import DATA

NAMES = ["chinchilla", "kaplan/nd"]
DONE = 9  # of the sixteen configurations


def table():
    """Sixteen configurations, nine of them done."""
    runs = frame()
    noise = np.random.default_rng(0).normal(0, 0.01, 16)
    return runs.assign(loss=(truth(runs.N, runs.D) + noise).where(np.arange(16) < DONE))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("laws") / "s.jsonl"
    Study.create(path, NAMES, target=TARGET, cost=COST, candidates=table(), budget=3e20)
    return Study(path)


def test_the_journal_names_the_laws_and_they_are_found_again(study):
    header = json.loads(study.journal.path.read_text().splitlines()[0])
    assert header["law"] == NAMES and header["inputs"] == ["N", "D"]
    assert [law.name for law in study.laws] == NAMES
    status = study.status()
    assert status.law == "chinchilla, kaplan/nd" and status.num_done == DONE


def test_laws_of_different_inputs_are_put_side_by_side(tmp_path):
    made = Study.create(
        tmp_path / "s.jsonl", [DATA, CHINCHILLA], target=TARGET, cost=COST, candidates=frame()
    )
    assert made.law.inputs == ("D", "N") and [law.inputs for law in made.laws] == [("D", "N")] * 2
    assert [run.x for run in made.ask(2)] == [{"D": 1e9, "N": 1e7}, {"D": 1e9, "N": 4e7}]


@pytest.mark.parametrize(
    ("laws", "message"),
    [
        ([], "no law is given"),
        (["all"], "a study keeps to laws that are named"),
        (["chinchilla", "chinchilla"], "--law chinchilla is given twice"),
        (["chinchilla", "step_law/lr"], "laws that are weighed against each other predict the same"),
    ],
)
def test_what_cannot_be_weighed_is_refused_and_nothing_is_written(tmp_path, laws, message):
    with pytest.raises(UserError, match=message):
        Study.create(tmp_path / "s.jsonl", laws, target=TARGET, cost=COST, candidates=frame())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_report_of_several_laws_says_what_fit_says_of_the_same_runs(study):
    seen, runs, settings = study_view(study, {})
    assert {law.law for law in seen.fit.laws} == set(NAMES) and settings["budget"] == 3e20
    again = fit(table(), NAMES, target=TARGET)
    np.testing.assert_allclose(seen.fit.prediction.median, again.prediction.median, rtol=1e-5)
    assert runs.num_rows == DONE


@pytest.mark.slow
def test_what_is_asked_and_predicted_is_what_next_says_of_the_same_runs(study):
    answer = next_runs(table(), NAMES, target=TARGET, cost=COST, budget=3e20)
    together, found = answer.prediction, study.best_prediction().prediction
    for name in ("median", "low", "high", "level"):
        np.testing.assert_allclose(getattr(found, name), getattr(together, name), rtol=1e-5)
    assert study.best_prediction().trust.lines[-1] == answer.fit.trust.lines[-1]
    worth, outlook = study.worth(), study.advisor.outlook(study.ledger)
    now = study.best_prediction()
    assert worth.width[0] == pytest.approx(now.width, rel=1e-6), "nothing is pending"
    np.testing.assert_allclose(worth.width[1:], [now.width_at(one.after) for one in outlook.runs], rtol=1e-6)
    run = study.ask(1)[0]
    assert run.after == pytest.approx(outlook.runs[0].after, rel=1e-6)
    best = answer.runs[0]
    assert run.x == best.x
    assert run.fall == pytest.approx(best.within + best.between, rel=0.02)
    worth = study.worth()
    assert worth.width[0] <= worth.now * (1 + 1e-9) and np.all(np.diff(worth.width) <= 0)
    study.tell(run.id, truth(**run.x))
    assert study.best_prediction().num_runs == DONE + 1


@pytest.mark.slow
def test_in_a_space_too(tmp_path):
    bounds = {"N": (1e7, 1e9), "D": (1e9, 1e11)}
    space = [f"{name} in [{low:g}, {high:g}] log" for name, (low, high) in bounds.items()]
    study = Study.create(tmp_path / "s.jsonl", NAMES, target=TARGET, cost=COST, space=space, budget=1e20)
    for run in study.ask(10):
        study.tell(run.id, truth(**run.x) + 0.01 * np.sin(run.x["N"]))
    (run,) = study.ask(1)
    assert all(low <= run.x[name] <= high for name, (low, high) in bounds.items())
    assert run.fall > 0 and run.cost <= study.ledger.settings["budget"] - study.ledger.spent
