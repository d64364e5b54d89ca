"""Rows of one training run, told by --group."""

import numpy as np
import pytest

from jaxsl.host import fit
from jaxsl.host.errors import UserError
from jaxsl.host.input.course import course_of
from jaxsl.host.input.problem import runs
from jaxsl.host.input.table import read
from jaxsl.law import Law
from laws.chinchilla import CHINCHILLA
from laws.kaplan import DATA

TABLE = {"run": ["a", "a", "b", ""], "N": [1e6, 1e6, 2e6, 1e6], "D": [1e9, 1e8, 1e8, 1e8]}


def of(table, law=CHINCHILLA, group="run"):
    table = read(table)
    names = {name: name for name in law.inputs}
    x = np.stack([table.numbers(name) for name in law.inputs], axis=1)
    return course_of(table, law, names, x, group)


def test_rows_are_told_apart_by_their_run_and_placed_by_their_tokens():
    course = of(TABLE)
    assert course.run.tolist() == [0, 0, 1, -1] and course.place.tolist() == [9, 8, 8, 8]
    problem = runs(TABLE | {"loss": [3.0, 3.5, None, 4.0]}, CHINCHILLA, group="run", schedule="wsd")
    seen = problem.runs.take(problem.runs.observed)
    assert seen.course.run.tolist() == [0, 0, -1]
    assert runs(TABLE | {"loss": [3.0, 3.5, 4.0, 4.0]}, CHINCHILLA).runs.course is None


def test_without_tokens_the_one_input_that_differs_grows():
    law = Law("steps", lambda theta, x: theta[0] * x[0] * x[1], ("N", "S"), CHINCHILLA.params[:1])
    course = of({"run": ["a", "a"], "N": [1e6, 1e6], "S": [10.0, 1000.0]}, law)
    assert course.place.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("table", "law", "words"),
    [
        (TABLE | {"N": [1e6, 3e6, 2e6, 1e6]}, CHINCHILLA, ("row 1", "another N than", "row 0", "'a'")),
        ({"runs": ["a"], "D": [1e8]}, DATA, ("no such column", "did you mean runs")),
        (
            {"run": ["a", "a"], "S": [1.0, 2.0], "U": [1.0, 3.0]},
            Law("two", lambda theta, x: theta[0] * x[0] * x[1], ("S", "U"), DATA.params[:1]),
            ("differ in S and U",),
        ),
        (
            {"run": ["a", "a"], "S": [0.0, 2.0]},
            Law("one", lambda theta, x: theta[0] * x[0], ("S",), DATA.params[:1], nonnegative=("S",)),
            ("row 0", "column 'S'", "nowhere along a run"),
        ),
    ],
)
def test_what_cannot_be_one_run_is_refused(table, law, words):
    with pytest.raises(UserError) as told:
        of(table, law)
    assert all(word in str(told.value) for word in words), str(told.value)


@pytest.mark.slow
def test_a_fit_says_what_rows_of_a_run_share():
    rng = np.random.default_rng(0)
    each, tokens = 6, np.geomspace(1e8, 1e9, 6)
    deviation = np.repeat(0.02 * rng.standard_normal(5), each)
    table = {
        "run": np.repeat(list("abcde"), each).tolist(),
        "D": np.tile(tokens, 5),
        "loss": 8 * np.tile(tokens, 5) ** -0.05 + deviation + 1e-3 * rng.standard_normal(30),
    }
    report = fit(table, DATA, group="run", schedule="wsd")
    assert report.along.share > 0.8 and report.as_dict()["along"]["decades"] > 0
    assert fit(table, DATA).along is None


@pytest.mark.parametrize("asked", [{"t": True}, {"profile": "alpha"}, {"bootstrap": 100}])
def test_intervals_that_count_rows_as_runs_are_refused(asked):
    with pytest.raises(UserError, match="--draw group:run"):
        fit(TABLE | {"loss": [3.0, 3.5, 3.4, 3.9]}, CHINCHILLA, group="run", **asked)
