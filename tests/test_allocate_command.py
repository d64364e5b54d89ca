"""``jaxsl allocate``: plans, what they promise, and one message for every bad input."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl.allocation import weighted_region
from jaxsl.host.allocation.plan import plan
from jaxsl.host.cli import app

PRICE, REGION, KNOWN = "0.3*exp(x)", (4.0, 7.0), "logistic:2,-6.11"
FOUR = np.array([0.5, 1.0, 1.5, 2.0])
X = np.array([0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
RUNS = pd.DataFrame({"x": X, "y": 0.52 * X - 0.9 + 0.2 * np.random.default_rng(0).normal(size=7)})
BILLIONS = (0.125, 0.35, 1.3, 2.7, 6.7, 13, 30)
OPT = pd.DataFrame({"N": BILLIONS, "D": 0.18})
TARGET = float(np.log(6 * 66 * 0.18))


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(content, name):
        if isinstance(content, str):
            (tmp_path / name).write_text(content)
        else:
            content.to_csv(tmp_path / name, index=False)
        return name

    return write


def test_remark_3_and_the_papers_design_with_certificates():
    small = plan(1.0, REGION, PRICE, existing=FOUR, curve=0)
    assert small.count.tolist() == [3] and small.cost == pytest.approx(0.9) and small.gap == 0
    large = plan(3.0, REGION, PRICE, existing=FOUR, curve=0)
    np.testing.assert_allclose(large.x, [0, np.log(6)], atol=1e-6)
    paper = plan(9.47, REGION, PRICE, curve=0)
    assert paper.count.tolist() == [4, 2] and paper.risk == pytest.approx(2.579878, abs=1e-6)
    for found in (small, large, paper):
        assert found.bound <= found.risk and found.fractional_bound <= found.risk
        assert found.fractional_gap == pytest.approx(found.risk / found.fractional_bound - 1)


@pytest.mark.slow
def test_a_promise_is_what_ess_finds_once_the_runs_are_there():
    found = plan(
        9.47, REGION, PRICE, line=(-0.9, 0.52), sigma=0.2, link=KNOWN, criterion="t", num_scales=3, curve=3
    )
    assert found.num_scales >= 3 and found.gap < 0.06 and "without the 3 scales" in found.proof
    runs = np.repeat(found.x, found.count)
    features = np.stack([np.ones(runs.size), runs], 1)
    at = np.array([1.0, 4.0])
    half = 1.959964 * 0.2 * np.sqrt(at @ np.linalg.inv(features.T @ features) @ at)
    ends = 1 / (1 + np.exp(-(2 * (-0.9 + 0.52 * 4 + np.array([-half, half])) - 6.11)))
    first = found.worth[0]
    np.testing.assert_allclose((first.performance.lower, first.performance.upper), ends, rtol=1e-6)
    np.testing.assert_allclose(first.performance.hoeffding, 2 * np.log(20) / np.ptp(ends) ** 2, rtol=1e-5)
    costs = [step.cost for step in found.curve]
    assert costs == sorted(costs) and found.curve[-1].ess > found.curve[0].ess
    assert found.curve[-1].risk == pytest.approx(found.risk)


def test_runs_that_are_there_tell_the_line_and_its_noise():
    found = plan(3.0, REGION, PRICE, existing=X, outcomes=RUNS.y.to_numpy(), link=KNOWN, curve=0)
    assert found.num_existing == 7 and found.worth[0].performance.hoeffding > 100
    assert any("sigma is taken from the runs" in note for note in found.notes)
    assert plan(3.0, REGION, PRICE, existing=X, curve=0).worth[0].performance is None


def test_only_mean_and_variance_of_a_weighted_region_count():
    points = weighted_region(np.array([4.0, 5.0, 7.0]), np.array([1.0, 2.0, 1.0]))
    found = plan(9.47, points, PRICE, curve=0)
    features = np.stack([np.ones(found.count.sum()), np.repeat(found.x, found.count)], 1)
    at = np.array([[1, 4], [1, 5], [1, 5], [1, 7]])
    wanted = np.einsum("ij,jk,ik->i", at, np.linalg.inv(features.T @ features), at).mean()
    assert found.risk == pytest.approx(wanted, rel=1e-9)


def test_the_opt_models_of_eq_3_and_of_the_paper():
    settings = {"x": "log(6*N*D)", "candidates": OPT}
    default = plan(8.0, (TARGET, TARGET), "0.3*N", **settings)
    papers = plan(8.0, (TARGET, TARGET), "0.3*N", ddof=1, curve=0, **settings)
    assert default.row_numbers.tolist() == [0, 1, 2, 3, 4, 5] and default.cost == pytest.approx(7.2525)
    assert papers.row_numbers.tolist() == [0, 3, 4, 5] and papers.cost == pytest.approx(6.7575)
    assert default.gap == papers.gap == 0 and "enumerated" in default.proof
    risks = [step.risk for step in default.curve]
    assert risks == sorted(risks, reverse=True) and all(step.cost <= step.budget for step in default.curve)


@pytest.mark.slow
def test_a_cost_that_falls_is_planned_on_a_grid_with_its_bound():
    found = plan(50.0, REGION, "10-x", high=3.0, curve=0)
    assert found.count.sum() == 6 and 0 <= found.gap < 0.1 and "equivalence" in found.proof


@pytest.mark.slow
def test_a_budget_of_thousands_of_runs_is_planned_for_both_criteria():
    for criterion in ("risk", "t"):
        found = plan(1e5, REGION, PRICE, criterion=criterion, curve=0)
        assert found.count.sum() > 50_000 and found.gap < 0.003


def test_the_command_prints_a_table_and_what_python_finds_as_json(write):
    write(RUNS, "runs.csv")
    options = ("--cost", PRICE, "--target", "4,7", "--runs", "runs.csv", "--y", "y", "--link", KNOWN)
    shown = invoke("allocate", "--budget", 3, *options, "--curve", 3)
    assert shown.exit_code == 0 and shown.stderr == ""
    for text in (
        "distance from the best possible: none",
        "certificate of the equivalence",
        "ESS against budget",
    ):
        assert text in shown.stdout
    found = json.loads(invoke("allocate", "--budget", 3, *options, "--curve", 3, "--json").stdout)
    expected = plan(3.0, REGION, PRICE, existing=X, outcomes=RUNS.y.to_numpy(), link=KNOWN, curve=3)
    assert found["count"] == expected.count.tolist() and len(found["curve"]) == len(expected.curve)
    assert found["worth"][0]["performance"]["hoeffding"] == pytest.approx(
        expected.worth[0].performance.hoeffding
    )
    assert found["gap"] == 0 and found["proof"].startswith("Theorem 6.1")


GIVEN = ("--candidates", "opt.csv", "--x", "log(6*N*D)")
BAD = {
    "no money": (("--budget", 0), "--budget 0: a budget is positive"),
    "budget nan": (("--budget", "nan"), "--budget nan: a budget is positive"),
    "buys nothing": (("--budget", 0.2), "a budget of 0.2 buys nothing: the smallest run costs 0.3"),
    "buys a point": (("--budget", 0.5), "--budget 0.5 does not buy a line"),
    "buys no noise": (("--budget", 0.7, "--criterion", "t"), "--budget 0.7 does not buy a line"),
    "another unit": (("--budget", 1e12), "are both in one unit?"),
    "tiny costs": (("--cost", "1e-300*exp(x)"), "are both in one unit?"),
    "free": (("--cost", "0"), "the cost of the smallest run is 0; it must be positive"),
    "free at 0": (("--cost", "x"), "the cost of the smallest run is 0; it must be positive"),
    "infinite": (("--cost", "log(x)"), "the cost of the smallest run is -inf; it must be positive"),
    "flat": (("--cost", "1"), "the cost never reaches the budget"),
    "not increasing": (("--cost", "max(1,x)"), "so the largest size must be given: --high"),
    "negative": (("--cost", "4-x", "--high", 5), "a cost must be positive"),
    "no formula": (("--cost", "0.3*exp("), "something is missing at its end"),
    "unknown name": (("--cost", "0.3*exp(y)"), "y is unknown; write the cost as a function of x"),
    "no target": (("--target", "far"), "--target far: write 1 or 2 numbers"),
    "target upside down": (("--target", "7,4"), "write finite sizes, the lower end first"),
    "target nan": (("--target", "nan"), "write finite sizes"),
    "target inside": (("--existing", "0,1,5"), "--target 4 lies inside the runs, which reach 5"),
    "target too small": (("--target", "0,7"), "no larger than the smallest size that can be run"),
    "weights": (("--target", "4,5,7", "--weights", "1,2"), "--weights 1,2: write 3 numbers"),
    "no weight": (("--target", "4,5", "--weights", "1,0"), "--weights 1,0: weights are positive"),
    "existing words": (("--existing", "0,a"), "--existing 0,a: write some numbers"),
    "existing nan": (("--existing", "0,nan"), "--existing: the sizes of runs are finite numbers"),
    "existing twice": (("--existing", "1", "--runs", "runs.csv"), "give one of them"),
    "no file": (("--runs", "none.csv"), "cannot read none.csv"),
    "text": (("--runs", "text.csv"), "text.csv, line 2, column 'x': 'a' is not a number"),
    "no noise": (("--runs", "flat.csv", "--y", "y"), "runs are fitted to rounding"),
    "outcomes of nothing": (("--y", "y"), "name their file with --runs"),
    "criterion": (("--criterion", "d"), "--criterion d: choose one of risk, t"),
    "one scale": (("--scales", 1), "--scales 1: a line needs two"),
    "many scales": (("--scales", 50), "50 different sizes"),
    "low": (("--low", "nan"), "--high above --low"),
    "high": (("--low", 1, "--high", 0.5), "--high above --low"),
    "no runs": (("--max-runs", 0), "--max-runs 0: at least one"),
    "ddof": (("--ddof", 1), "give --candidates"),
    "line": (("--line", "1"), "--line 1: write 2 numbers"),
    "line nan": (("--line", "nan,1", "--sigma", 1), "--line nan,1: write two finite numbers"),
    "sigma": (("--line", "1,2", "--sigma", -1), "--sigma -1: a standard deviation is positive"),
    "delta": (("--delta", 0), "--delta 0: one minus the confidence"),
    "sides": (("--sides", 7), "--sides 7"),
    "link to fit": (("--link", "kernel"), "planning needs a known link: identity, logistic:W,B"),
    "candidate free": ((*GIVEN, "--cost", "0.3*N-1"), "opt.csv, line 2: --cost 0.3*N-1 is -0.9625"),
    "candidate dear": ((*GIVEN, "--cost", "N", "--budget", 0.1), "the cheapest candidate costs 0.125"),
    "candidate alone": ((*GIVEN, "--cost", "N", "--budget", 0.2), "does not buy a line"),
    "candidate large": ((*GIVEN, "--cost", "N", "--target", 3), "--target 3 lies inside the candidates"),
    "candidate scales": ((*GIVEN, "--cost", "N", "--scales", 3), "has no use with --candidates"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_message_and_status_2_and_nothing_is_written(case, write, tmp_path):
    options, said = BAD[case]
    write(RUNS, "runs.csv")
    write(OPT, "opt.csv")
    write("x,y\na,1\n", "text.csv")
    write("x,y\n0,.1\n1,.1\n2,.1\n", "flat.csv")
    before = sorted(path.name for path in tmp_path.iterdir())
    for extra in ((), ("--json",)):
        result = invoke("allocate", "--budget", 5, "--cost", PRICE, "--target", "4,7", *options, *extra)
        assert result.exit_code == 2 and result.stdout == "", result.output
        assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
        assert said in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before
