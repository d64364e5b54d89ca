"""``jaxsl ess``: predictions from small models or a law, their worth, and one message for every bad input."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.ess.of_law import assess_law
from jaxsl.host.ess.of_line import assess
from laws.chinchilla import CHINCHILLA

RNG = np.random.default_rng(0)
X = np.array([0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
RUNS = pd.DataFrame({"x": X, "y": 0.52 * X - 0.9 + 0.2 * RNG.normal(size=7), "price": 0.3 * np.exp(X)})
KNOWN = "logistic:2,-6.11"
SCORE = RNG.normal(-1, 1.5, 30)
MODELS = pd.DataFrame({"y": SCORE, "p": 1 / (1 + np.exp(-(1.3 * SCORE + 0.4))), "family": list("abcde") * 6})


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


def test_the_interval_is_that_of_least_squares_put_through_the_link():
    found = assess(RUNS, target="4", link=KNOWN)
    features = np.stack([np.ones(7), X], 1)
    inverse = np.linalg.inv(features.T @ features)
    beta = inverse @ features.T @ RUNS.y
    sigma = np.sqrt(np.sum((RUNS.y - features @ beta) ** 2) / 5)
    leverage = np.array([1, 4]) @ inverse @ np.array([1, 4])
    half = student.ppf(0.975, 5) * sigma * np.sqrt(leverage)
    centre = beta @ np.array([1, 4])
    np.testing.assert_allclose((found.y, found.y_low), (centre, centre - half), rtol=1e-9)
    ends = 1 / (1 + np.exp(-(2 * (centre + np.array([-half, half])) - 6.11)))
    np.testing.assert_allclose((found.performance.lower, found.performance.upper), ends, rtol=1e-9)
    np.testing.assert_allclose(found.performance.hoeffding, 2 * np.log(20) / np.ptp(ends) ** 2, rtol=1e-9)
    assert found.quantile == "t" and found.diagnosis.verdict in ("consistent", "misspecified")


def test_a_known_sigma_takes_z_and_a_two_sided_constant_gives_more():
    one, two = (assess(RUNS, target="4", link=KNOWN, sigma=0.2, sides=sides) for sides in (1, 2))
    np.testing.assert_allclose(one.y - one.y_low, norm.ppf(0.975) * 0.2 * np.sqrt(one.leverage), rtol=1e-9)
    assert one.quantile == "z"
    np.testing.assert_allclose(two.performance.hoeffding / one.performance.hoeffding, np.log(40) / np.log(20))


def test_the_size_and_the_cost_may_be_computed_from_columns():
    frame = pd.DataFrame({"N": np.exp(X), "y": RUNS.y, "D": 2.0})
    found = assess(frame, x="log(3*N*D)", target="N=54.59815,D=2", link=KNOWN, cost="0.3*N")
    plain = assess(RUNS, target="4", link=KNOWN, cost="0.3*exp(x)")
    np.testing.assert_allclose(found.x_target, 4 + np.log(6), rtol=1e-7)
    np.testing.assert_allclose(found.performance.hoeffding, plain.performance.hoeffding, rtol=1e-5)
    np.testing.assert_allclose(
        (found.cost_runs, found.cost_target), (plain.cost_runs, plain.cost_target), 1e-6
    )


@pytest.mark.slow
def test_advice_follows_the_cheapest_way():
    settings = {"link": KNOWN, "cost": "price"}
    enough = assess(RUNS, target="x=4,price=16.4", items=50, item_cost=0.1, **settings).choice
    assert enough.advice == "predict" and enough.cost_train == 0 and enough.worth > 50
    dear = assess(RUNS, target="4", items=1000, item_cost=0.1, **settings).choice
    assert dear.advice == "train" and dear.cost_train < dear.cost_test
    assert dear.count.sum() > 0 and X.min() <= dear.x.min() and dear.x.max() <= X.max()
    cheap = assess(RUNS, target="4", items=1000, item_cost=0.001, trained=True, **settings).choice
    assert cheap.advice == "test" and cheap.cost_test == pytest.approx(1.0)


@pytest.mark.parametrize("noise", ["residual", "wild", "pairs"])
def test_bootstraps_of_the_line_have_intervals_of_about_the_length_of_ts(noise):
    spread = RUNS.assign(x=np.linspace(0, 2.5, 7))
    found = assess(spread, target="4", link=KNOWN, noise=noise, draws=400)
    plain = assess(spread, target="4", link=KNOWN)
    ratio = (found.y_high - found.y_low) / (plain.y_high - plain.y_low)
    assert 0.4 < ratio < (10 if noise == "pairs" else 2.5) and found.quantile == "bootstrap"


@pytest.mark.slow
def test_a_fitted_link_widens_the_interval_and_is_checked_family_by_family():
    scattered = MODELS.assign(p=np.clip(MODELS.p + 0.03 * RNG.normal(size=30), 0, 1))
    settings = {"target": "4", "link_runs": scattered, "performance": "p", "family": "family"}
    found = assess(RUNS, link="logistic", draws=300, **settings)
    known = assess(RUNS, target="4", link="logistic:1.3,0.4")
    assert found.link_models == 30
    length = found.performance.upper - found.performance.lower
    assert length > known.performance.upper - known.performance.lower
    check = found.families
    assert check.families == tuple("abcde") and check.num_models.tolist() == [6] * 5
    # One link for all, so the intervals with the scatter of the models hold; those of the curve alone do not.
    assert check.scattered_coverage >= 0.85 > check.coverage
    assert not any("not universal" in note for note in found.notes)
    assert any("too short for one model" in note for note in found.notes)


@pytest.mark.slow
def test_a_family_of_its_own_link_is_said():
    own = MODELS.family == "c"
    broken = MODELS.assign(p=np.where(own, 1 / (1 + np.exp(-(1.3 * SCORE + 3))), MODELS.p))
    found = assess(
        RUNS, target="4", link="logistic", link_runs=broken, performance="p", family="family", draws=200
    )
    check = found.families
    assert check.scattered[2] < 6 and check.bias[2] > 0.1
    assert np.argmax(np.abs(check.bias)) == 2


@pytest.mark.slow
def test_two_sizes_are_not_testable_and_rounded_outcomes_of_four_runs_neither():
    two = pd.DataFrame({"x": [0, 0, 0, 2, 2, 2], "y": [0.1, 0.2, 0.3, 0.5, 0.6, 0.4]})
    rounded = pd.DataFrame({"x": [2, 0, 3, 1], "y": [0.31, 0.1, 0.4, 0.2]})
    for frame in (two, rounded):
        said = assess(frame, target="5").diagnosis
        assert said.verdict == "not testable" and np.isnan(said.p_value)


def test_the_order_of_the_runs_does_not_matter():
    mixed = RUNS.sample(frac=1, random_state=1)
    one, other = (assess(frame, target="4", link=KNOWN) for frame in (RUNS, mixed))
    np.testing.assert_allclose(one.performance.lower, other.performance.lower, rtol=1e-12)


@pytest.mark.slow
def test_raw_sizes_over_orders_of_magnitude_are_questioned():
    frame = pd.DataFrame({"x": [1e6, 1e7, 1e8, 1e9], "y": [0.1, 0.22, 0.31, 0.4]})
    assert any("is the line in log(x)?" in note for note in assess(frame, target="2e9").notes)


# Any law

SIZE, TOKENS = (grid.ravel() for grid in np.meshgrid([1e6, 2e6, 4e6, 8e6], [1e8, 2e8, 4e8, 8e8]))
TRUTH = 1.7 + 400 * 1e9**-0.34 + 400 * 2e10**-0.28
LOSS = pd.DataFrame(
    {
        "N": SIZE,
        "D": TOKENS,
        "loss": 1.7 + 400 * SIZE**-0.34 + 400 * TOKENS**-0.28 + RNG.normal(0, 0.003, 16),
    }
)


@pytest.mark.slow
def test_a_laws_loss_is_worth_items_by_its_spread_and_by_a_range():
    found = assess_law(LOSS, CHINCHILLA, target="N=1e9,D=2e10", item_sd=0.8, width=5.0)
    (worth,) = found.worth
    assert worth.y_low < TRUTH < worth.y_high and worth.x == {"N": 1e9, "D": 2e10}
    length = worth.y_high - worth.y_low
    np.testing.assert_allclose(
        worth.performance.gaussian, (2 * norm.ppf(0.95) * 0.8 / length) ** 2, rtol=1e-6
    )
    np.testing.assert_allclose(worth.performance.hoeffding, 2 * np.log(10) * (5 / length) ** 2, rtol=1e-9)
    assert np.isnan(worth.performance.beta) and found.dof == 11 and 0.001 < found.noise < 0.006


@pytest.mark.slow
def test_a_laws_loss_goes_through_a_link_to_a_performance():
    loss = RNG.uniform(2, 4, 30)
    models = pd.DataFrame({"loss": loss, "acc": 1 / (1 + np.exp(4 * (loss - 2.4)))})
    found = assess_law(
        LOSS,
        CHINCHILLA,
        target="N=1e9,D=2e10",
        link="logistic",
        link_runs=models,
        performance="acc",
        draws=200,
    )
    performance = found.worth[0].performance
    assert performance.lower < 1 / (1 + np.exp(4 * (TRUTH - 2.4))) < performance.upper
    assert performance.clopper_pearson > 10 and found.link_models == 30


def test_a_law_is_assessed_from_the_command_line(write):
    write(LOSS, "loss.csv")
    law = ("ess", "loss.csv", "--law", "chinchilla", "--target", "N=1e9,D=2e10")
    shown = invoke(*law, "--item-sd", 0.8)
    assert shown.exit_code == 0 and "11 degrees of freedom" in shown.stdout
    found = json.loads(invoke(*law, "--item-sd", 0.8, "--json").stdout)
    assert (
        found["worth"][0]["performance"]["gaussian"] > 100
        and found["worth"][0]["performance"]["beta"] is None
    )
    for options, said in (
        ((), "but a performance is a share between 0 and 1"),
        (("--item-sd", 0.8, "--x", "N"), "--x is for the line in the size and has no use with --law"),
        (("--item-sd", 0.8, "--law", "chinchila"), "there is no law 'chinchila'"),
        (("--item-sd", -1), "--item-sd -1: must be positive"),
    ):
        result = invoke(*law, *options)
        assert result.exit_code == 2 and said in result.stderr and result.stdout == ""
    few = assess_law, LOSS.iloc[[0, 3, 5, 9, 12]], CHINCHILLA
    with pytest.raises(UserError, match="nothing is left to estimate the noise from"):
        few[0](*few[1:], target="N=1e9,D=2e10", item_sd=0.8)


# The command line

OPTIONS = ("ess", "runs.csv", "--target", 4, "--link", KNOWN)


@pytest.mark.slow
def test_the_command_prints_what_python_finds_as_table_and_as_json(write):
    write(RUNS, "runs.csv")
    result = invoke(*OPTIONS, "--cost", "price", "--items", 2000, "--json")
    assert result.exit_code == 0 and result.stderr == ""
    expected = assess("runs.csv", target="4", link=KNOWN, cost="price", items=2000).as_dict()
    assert json.loads(result.stdout) == json.loads(json.dumps(expected))
    shown = invoke(*OPTIONS, "--cost", "price", "--items", 2000).stdout
    for text in (
        "7 runs of sizes 0 to 2.5",
        "Hoeffding  exact binomial  Beta",
        "does the line hold",
        "advice:",
    ):
        assert text in shown


FLAT = "x,y\n0,.1\n1,.1\n2,.1\n"
GOOD = "x,y\n0,.1\n1,.22\n2,.31\n3,.4\n"
LINKS = "y,p,f\n" + "".join(f"{i},{i / 20},{'ab'[i % 2]}\n" for i in range(12))
FIT = ("--link", "logistic", "--link-runs", "links.csv", "--performance", "p")
BAD = {
    "empty file": ("", (), "runs.csv is empty"),
    "header alone": ("x,y\n", (), "runs.csv has columns (x, y) but no row"),
    "one row": ("x,y\n1,2\n", (), "needs three runs of at least two sizes, not 1 of 1"),
    "one size": ("x,y\n1,.1\n1,.2\n1,.3\n", (), "needs three runs of at least two sizes, not 3 of 1"),
    "not a number": ("x,y\n0,.1\n1,nan\n2,.3\n", (), "runs.csv, line 3: --y y has no finite value"),
    "a gap": ("x,y\n0,.1\n1,\n2,.3\n", (), "runs.csv, line 3: --y y has no finite value"),
    "infinite": ("x,y\n0,.1\n1,inf\n2,.3\n", (), "runs.csv, line 3: --y y has no finite value"),
    "text": ("x,y\n0,.1\n1,high\n2,.3\n", (), "runs.csv, line 3, column 'y': 'high' is not a number"),
    "percent": ("x,y\n0,10\n1,22\n2,31\n", (), 'write percentages as --y "y/100"'),
    "a unit": ("x,y\n0,10 pp\n1,22 pp\n2,31 pp\n", (), "'10 pp' is not a number"),
    "negative": ("x,y\n0,-.1\n1,.2\n2,.3\n", (), "--y y is -0.1, but a performance is a share"),
    "no noise": (FLAT, (), "runs are fitted to rounding, so their noise cannot be estimated"),
    "missing column": (GOOD, ("--y", "z"), "runs.csv has no column 'z'; its columns are x, y"),
    "no size": (GOOD, ("--x", "log(x)"), "runs.csv, line 2: --x log(x) has no finite value"),
    "target inside": (GOOD, ("--target", 2), "the target's size 2 lies inside the runs, which reach 3"),
    "target a word": (GOOD, ("--target", "big"), "--target big: write the size itself, or its columns"),
    "target nan": (GOOD, ("--target", "nan"), "--target nan: a size is a finite number"),
    "target of a column": (GOOD, ("--x", "log(1+x)", "--target", "1e9"), "write the target's columns"),
    "target unused": (GOOD, ("--target", "x=5,M=3"), "neither --x x nor --cost uses M"),
    "target lacking": (GOOD, ("--x", "log(1+x)", "--target", "y=1", "--cost", "y"), "needs x of the target"),
    "unknown link": (GOOD, ("--link", "probit"), "--link probit: no such link"),
    "link without numbers": (GOOD, ("--link", "logistic"), "is fitted to models of other families"),
    "link of nan": (GOOD, ("--link", "logistic:nan,1"), "W and B must be finite"),
    "flat link": (GOOD, ("--link", "logistic:0,1"), "W other than 0"),
    "floor": (GOOD, ("--link", "floored:1,0,2"), "the floor H must be at least 0 and below 1, not 2"),
    "few models": (GOOD, (*FIT, "--y", "y", "--link-runs", "few.csv"), "needs at least 5 models"),
    "models in percent": (GOOD, (*FIT, "--performance", "100*p"), "write percentages as --performance"),
    "idle models": (GOOD, ("--link-runs", "links.csv"), "--link identity is not fitted"),
    "no family": (GOOD, (*FIT, "--family", "g"), "--family g: links.csv has no such column"),
    "pairs on two sizes": ("x,y\n0,.1\n0,.2\n2,.3\n2,.5\n", ("--noise", "pairs"), "degenerates on runs of 2"),
    "noise": (GOOD, ("--noise", "t"), "--noise t: choose one of gaussian, residual, wild, pairs"),
    "sigma twice": (GOOD, ("--noise", "wild", "--sigma", 1), "so --sigma has no use there"),
    "sigma": (GOOD, ("--sigma", -1), "--sigma -1: a standard deviation is positive"),
    "delta": (GOOD, ("--delta", 95), "--delta 95: one minus the confidence"),
    "sides": (GOOD, ("--sides", 3), "--sides 3: 1 as in the paper"),
    "draws": (GOOD, ("--draws", 5), "at least 100 draws"),
    "items without cost": (GOOD, ("--items", 9), "--items compares costs; say what a run costs"),
    "no items": (GOOD, ("--items", 0, "--cost", "1"), "--items 0: a direct test needs at least one item"),
    "free runs": (GOOD, ("--cost", "0*x"), "runs.csv, line 2: --cost 0*x is 0; a cost must be positive"),
    "free target": (GOOD, ("--cost", "5-x"), "--cost 5-x is 0 at the target; a cost must be positive"),
    "falling cost": (GOOD, ("--cost", "10-x", "--items", 9), "needs a cost that increases with size"),
    "item cost": (GOOD, ("--cost", "1+x", "--items", 9, "--item-cost", "nan"), "--item-cost nan"),
    "measure": (GOOD, ("--by", "z"), "--by z: choose one of exact, hoeffding, beta, gaussian"),
    "width of a share": (GOOD, ("--width", 4, "--link", KNOWN), "--width and --item-sd have no use there"),
    "map without law": (GOOD, ("--map", "N=x"), "--map N=x: only the inputs of a --law are mapped"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_message_and_status_2_and_nothing_is_written(case, write, tmp_path):
    text, options, said = BAD[case]
    write(text, "runs.csv")
    write(LINKS, "links.csv")
    write("y,p\n0,.1\n1,.2\n2,.3\n", "few.csv")
    before = sorted(path.name for path in tmp_path.iterdir())
    for extra in ((), ("--json",)):
        result = invoke("ess", "runs.csv", "--target", 5, *options, *extra)
        assert result.exit_code == 2 and result.stdout == "", result.output
        assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
        assert said in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before
