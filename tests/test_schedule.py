"""Which outcomes of one training run count, by the schedule of its learning rate."""

import numpy as np
import pytest

from jaxsl.host.answer.fit_options import FitOptions
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import runs
from laws.chinchilla import CHINCHILLA
from laws.kaplan import SIZE

TABLE = {
    "run": ["a", "a", "a", "b", "b", "b", ""],
    "N": [1e6, 1e6, 1e6, 2e6, 2e6, 2e6, 4e6],
    "D": [4e8, 1e8, 2e8, 1e8, 2e8, 4e8, 1e8],
    "loss": [3.0, 3.5, 3.2, 3.4, 3.1, None, 3.3],
}


def read(**how):
    return runs(TABLE, CHINCHILLA, **how)


def test_several_outcomes_of_a_run_are_refused_with_the_reason_until_told():
    with pytest.raises(UserError, match=r"5 outcomes of 2 runs.*no outcome of the law.*--schedule wsd"):
        read(group="run")
    alone = {name: values[3:] for name, values in TABLE.items()} | {"run": ["a", "b", "c", ""]}
    assert runs(alone, CHINCHILLA, group="run").runs.course is not None


@pytest.mark.parametrize("schedule", ["constant", "wsd"])
def test_checkpoints_of_one_rate_all_count(schedule):
    found = read(group="run", schedule=schedule)
    assert found.runs.observed.sum() == 6 and found.runs.course.run.tolist() == [0, 0, 0, 1, 1, 1, -1]


def test_of_cosine_the_last_outcome_of_each_run_counts_and_candidates_stay():
    found = read(group="run", schedule="cosine")
    np.testing.assert_array_equal(found.runs.y[:, 0], [3.0, 3.1, np.nan, 3.3])
    assert found.runs.row_numbers.tolist() == [0, 4, 5, 6] and found.runs.course is None
    assert "--schedule cosine: 3 outcomes before the last of their runs are left out" in found.notes


def test_without_tokens_the_last_row_of_a_run_is_its_last():
    table = {"run": ["a", "a", "b"], "N": [1e6, 1e6, 2e6], "loss": [3.5, 3.2, 3.1]}
    assert runs(table, SIZE, group="run", schedule="cosine").runs.y[:, 0].tolist() == [3.2, 3.1]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"group": "run", "schedule": "linear"}, "choose one of constant, wsd, cosine"),
        ({"schedule": "wsd"}, "--group COLUMN"),
    ],
)
def test_what_is_no_schedule_or_has_no_runs_is_refused(how, words):
    with pytest.raises(UserError, match=words):
        read(**how)
    with pytest.raises(UserError, match=words):
        FitOptions(**how)
