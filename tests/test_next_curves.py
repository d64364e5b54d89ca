"""Candidates of a table that are runs: next --curves."""

import numpy as np
import pytest

from jaxsl.host import next_runs
from jaxsl.host.answer.curves import curves_of, row_prices
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import runs
from jaxsl.host.input.table import read
from laws.chinchilla import CHINCHILLA
from laws.kaplan import DATA

TABLE = {
    "run": ["a", "a", "a", "b", "b", "a", ""],
    "N": [1e6, 1e6, 1e6, 2e6, 2e6, 1e6, 1e6],
    "D": [4e8, 1e8, 2e8, 1e8, 2e8, 8e8, 1e8],
    "loss": [None, 4.0, 3.9, None, None, None, None],
}


def curves(table=TABLE, cost="N*D", restart=0.0, row_cost=0.0):
    problem = runs(table, CHINCHILLA, cost=cost, group="run", schedule="constant")
    return curves_of(problem, restart, row_prices(read(table), problem, row_cost))


def test_a_run_costs_what_is_left_of_its_way_and_tells_of_all_rows_on_it():
    found = curves(restart=1e12, row_cost=1e10)
    pool = found.problem.runs.take(~found.problem.runs.observed)
    assert pool.row_numbers.tolist() == [0, 3, 4, 5, 6]
    assert [rows.tolist() for rows in found.rows] == [[0], [1], [1, 2], [0, 3], [4]]
    assert found.goes_on.tolist() == [True, False, False, True, False]
    assert len(set(found.run.tolist())) == 3
    left = [2e14 + 1e12 + 1e10, 2e14 + 1e10, 4e14 + 2e10, 6e14 + 1e12 + 2e10, 1e14 + 1e10]
    np.testing.assert_allclose(pool.cost, left)
    seen = found.problem.runs.take(found.problem.runs.observed)
    np.testing.assert_allclose(seen.cost.sum(), 2e14 + 2e10)
    np.testing.assert_allclose(found.cost, left[3] + left[2] + left[4])


def test_a_row_may_have_a_price_of_its_own():
    found = curves(row_cost="N*D/8")
    pool = found.problem.runs.take(~found.problem.runs.observed)
    np.testing.assert_allclose(found.price, pool.x.prod(axis=1) / 8)
    np.testing.assert_allclose(pool.cost[2], 4e14 + (2e14 + 4e14) / 8)  # b to its second row
    np.testing.assert_allclose(pool.cost[3], 8e14 - 2e14 + (4e14 + 8e14) / 8)  # a, which goes on
    np.testing.assert_allclose(found.problem.runs.cost[1], 1e14 * 9 / 8)


def test_what_a_run_has_passed_is_no_candidate():
    found = curves(TABLE | {"loss": [3.5, 4.0, None, None, None, None, None]})
    assert any("1 candidates lie behind" in note for note in found.problem.notes)
    assert found.problem.runs.row_numbers.tolist() == [0, 1, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("changed", "prices", "words"),
    [
        ({"price": [4.0, 1.0, 2.0, 1.0, 0.5, 8.0, 1.0]}, {}, ("row 4", "costs 0.5, less", "row 3")),
        ({"price": [4.0, None, 2.0, 1.0, 2.0, 8.0, 1.0]}, {}, ("row 1", "no cost")),
        ({"price": [1.0] * 7}, {"restart": -1.0}, ("--restart -1", "zero or more")),
        ({"price": [1.0] * 7}, {"row_cost": np.nan}, ("--row-cost nan",)),
        ({"price": [1.0] * 7}, {"row_cost": "N - 1.5e6"}, ("row 0", "negative")),
    ],
)
def test_prices_that_are_none_are_refused(changed, prices, words):
    with pytest.raises(UserError) as told:
        curves(TABLE | changed, "price", **prices)
    assert all(word in str(told.value) for word in words), str(told.value)


def test_curves_need_to_know_which_rows_are_of_one_run():
    given = {"target": "N=1e8,D=1e10", "cost": "N*D"}
    with pytest.raises(UserError, match="name their column with --group"):
        next_runs(TABLE, CHINCHILLA, curves=True, **given)
    with pytest.raises(UserError, match="add --curves"):
        next_runs(TABLE, CHINCHILLA, group="run", schedule="constant", restart=1.0, **given)
    with pytest.raises(UserError, match="add --curves"):
        next_runs(TABLE, CHINCHILLA, group="run", schedule="constant", lengths=True, **given)


@pytest.mark.slow
def test_runs_are_ranked_by_what_all_their_rows_tell():
    rng, tokens = np.random.default_rng(0), np.geomspace(1e8, 3.2e9, 6)
    seen = np.arange(6) < 3
    loss = 8 * tokens**-0.05
    first = np.where(seen, loss + 0.01 * rng.standard_normal(6), np.nan)
    table = {
        "run": ["a"] * 6 + ["b"] * 6 + ["c"] * 6,
        "D": np.tile(tokens, 3),
        "loss": np.concatenate([first, first + 0.01, np.full(6, np.nan)]),
    }
    given = {"target": "D=1e12", "cost": "D", "group": "run", "schedule": "constant", "curves": True}
    given |= {"budget": 3e9, "count": 20, "restart": 1e8}
    report = next_runs(table, DATA, lengths=True, **given)
    assert report.group == "run" and report.num_candidates == 12
    by_row = {run.row_number: run for run in report.runs}
    assert by_row[17 - 1].tells == 5 and not by_row[16].goes_on
    assert by_row[4].goes_on and by_row[4].tells == 2 and by_row[4].labels["run"] == "a"
    np.testing.assert_allclose(by_row[4].cost, tokens[4] - tokens[2] + 1e8)
    # Further rows on the way only add to what a run tells.
    assert by_row[16].within > by_row[15].within > by_row[12].within
    assert set(report.stop) <= {"a", "b"}
    # Each run once, as long as is best, unless all lengths are asked for.
    best = next_runs(table, DATA, **given)
    names = [run.labels["run"] for run in best.runs]
    assert sorted(names) == ["a", "b", "c"] and best.num_candidates == 12
    firsts = {}
    for run in report.runs:
        firsts.setdefault(run.labels["run"], run.row_number)
    assert [run.row_number for run in best.runs] == list(firsts.values())
    assert [run.high.tolist() for run in best.runs] == [by_row[row].high.tolist() for row in firsts.values()]
