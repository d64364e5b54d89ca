"""Candidates anywhere inside bounds: grammar, rounding, and what an engine asks there."""

import numpy as np
import pytest

from jaxsl.host.answer.next_runs import next_runs
from jaxsl.host.errors import UserError
from jaxsl.host.study.space import parse_axis, parse_space
from jaxsl.host.study.study import Study
from laws.chinchilla import CHINCHILLA

SPACE = ("N in [1e7, 1e9] log digits 2", "D in [1e9, 1e11] log step 1e8")
COST = "6*N*D"


@pytest.mark.parametrize(
    ("text", "value", "neighbours"),
    [
        ("N in [1e7,1e9] log", 123456789.0, (123e6, 124e6)),
        ("N in [1e7,1e9] log digits 1", 9.9e8, (9e8, 1e9)),
        ("N in [1e7,1e9]", 1e8, (1e8,)),
        ("B in [8, 512] step 8", 100.0, (96.0, 104.0)),
        ("B in [10, 500] step 8", 11.0, (10.0, 16.0)),
        ("w in [0, 1] step 0.1", 0.31, (0.3, 0.4)),
        ("w in [0, 1]", 0.0, (0.0,)),
        ("x in [-1, 1] linear digits 2", -0.123, (-0.13, -0.12)),
        ("D = 2e10", 7.0, (2e10,)),
    ],
)
def test_an_axis_rounds_to_what_can_be_run(text, value, neighbours):
    assert parse_axis(text).neighbours(value) == neighbours


@pytest.mark.parametrize(
    ("specs", "cost", "message"),
    [
        (("N between 1 and 2",), COST, "cannot be read; write NAME in"),
        (("N in [2, 1]",), COST, "2 is not below 1"),
        (("N in [-1, 1] log",), COST, "a logarithm needs positive bounds"),
        (("N in [1, 9] step 0",), COST, "a step is positive"),
        (("N in [1, 9] digits 2.5",), COST, "digits are 1 to 12"),
        (("N in [0, 9]",), COST, "takes only positive N"),
        (("M in [1, 9]",), COST, r"M is no input of chinchilla \(N, D\)"),
        (("N in [1, 9]", "N = 1"), COST, "N is given twice"),
        (("N in [1, 9]",), COST, "says nothing of D"),
        (("N in [1, 9]", "D = 1"), "hours", "hours is no input of chinchilla"),
        (("N in [1, 9]", "D = 1"), "N - 5", "is -4 in a corner"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(specs, cost, message):
    with pytest.raises(UserError, match=message):
        parse_space(specs, CHINCHILLA, cost)


def test_shares_and_configurations_are_inverse_and_fixed_axes_stay():
    space = parse_space(("N in [1e7, 1e9] log", "D = 5e9"), CHINCHILLA, COST)
    share = np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]])
    x = space.at(share)
    np.testing.assert_allclose(x, [[1e7, 5e9], [1e8, 5e9], [1e9, 5e9]])
    np.testing.assert_allclose(space.share(x), share, atol=1e-12)
    np.testing.assert_allclose(space.costs(x), 6 * x[:, 0] * x[:, 1])


def test_points_all_but_equal_on_every_axis_are_one_run():
    space = parse_space(SPACE, CHINCHILLA, COST)
    others = np.array([[1e8, 1e10]])
    near = space.near(np.array([[1e8, 1e10], [1.01e8, 1.02e10], [1.2e8, 1e10], [1e8, 2e10]]), others)
    assert near.tolist() == [True, True, False, False]
    assert not space.near(others, np.zeros((0, 2))).any()


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "s.jsonl"
    study = Study.create(path, CHINCHILLA, target="N=1e10,D=2e11", space=SPACE, cost=COST, budget=3e20)
    rng = np.random.default_rng(0)
    first = study.ask(12)
    for run in first:
        loss = 1.7 + 400 * run.x["N"] ** -0.34 + 400 * run.x["D"] ** -0.28
        study.tell(run.id, loss + rng.normal(0, 0.003))
    return study, first, study.ask(3)


@pytest.mark.slow
def test_runs_in_a_space_keep_to_its_bounds_rounding_and_money_and_never_repeat(campaign):
    study, first, chosen = campaign
    assert len(first) == 12 and len(chosen) == 3
    for run in (*first, *chosen):
        N, D = run.x["N"], run.x["D"]
        assert 1e7 <= N <= 1e9 and 1e9 <= D <= 1e11
        assert float(f"{N:.1e}") == N and (D % 1e8 == 0)
        assert run.cost == pytest.approx(6 * N * D)
    assert study.status().left >= 0
    x = np.array([run.x for run in study.ledger.runs.values()])
    space = parse_space(SPACE, CHINCHILLA, COST)
    for row in range(len(x)):
        assert not space.near(x[row : row + 1], np.delete(x, row, axis=0)).any()


@pytest.mark.slow
def test_what_is_chosen_in_a_space_is_worth_as_much_as_the_best_of_a_fine_grid(campaign):
    study, first, chosen = campaign
    size, tokens = np.meshgrid(np.geomspace(1e7, 1e9, 21), np.geomspace(1e9, 1e11, 21))
    x = [*(run.x for run in first), chosen[0].x]
    done = [study.ledger.runs[run.id].y[0] for run in first]
    runs = {
        "N": [*(one["N"] for one in x), *size.ravel()],
        "D": [*(one["D"] for one in x), *tokens.ravel()],
        "loss": [*done, *[np.nan] * (1 + size.size)],
    }
    everything = size.size + 1
    found = next_runs(
        runs,
        CHINCHILLA,
        target="N=1e10,D=2e11",
        cost=COST,
        max_cost=sum(run.cost for run in first),
        count=everything,
    )
    (here,) = (run.score for run in found.runs if run.x == chosen[0].x)
    assert here >= 0.9 * found.runs[0].score > 0
