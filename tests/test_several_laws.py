"""Several laws on a table of runs: who is weighed, what is predicted, what is said about the rest."""

import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl.host import fit, next_runs, rank
from jaxsl.host.answer.believed import as_learned
from jaxsl.host.answer.which_laws import ensemble
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.law import Law, params
from laws.chinchilla import CHINCHILLA
from laws.kaplan import DATA, SIZE, SIZE_DATA

POINT = "N=1e9,D=2e10"
TRUTH = 1.7 + 400 * 1e9**-0.34 + 400 * 2e10**-0.28
LAWS = [SIZE, SIZE_DATA, CHINCHILLA]  # the true one comes last
THREE = ("--law", "kaplan/n", "--law", "kaplan/nd", "--law", "chinchilla")


def table():
    """Twenty noisy runs of chinchilla's law and five candidates."""
    rng = np.random.default_rng(0)
    size, tokens = (
        grid.ravel() for grid in np.meshgrid(1e6 * 2.0 ** np.arange(5), 1e8 * 2.0 ** np.arange(5))
    )
    loss = 1.7 + 400 * size**-0.34 + 400 * tokens**-0.28 + rng.normal(0, 0.003, 25)
    loss[20:] = np.nan
    return pd.DataFrame({"N": size, "D": tokens, "loss": loss, "note": "run"})


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().to_csv("runs.csv", index=False)
    return "runs.csv"


@pytest.fixture(scope="module")
def three():
    return fit(table(), LAWS, target=POINT)


def test_laws_in_another_order_are_the_same_program():
    one, other = (as_learned(CHINCHILLA, laws) for laws in (LAWS, LAWS[::-1]))
    assert one.laws == other.laws == (CHINCHILLA, SIZE_DATA) and one.index == other.index == 0


@pytest.mark.slow
def test_the_planted_law_gets_the_weight_and_the_others_hardly_move_the_prediction(three):
    assert three.laws[0].law == "chinchilla" and three.num_runs == 20
    assert three.laws[0].weight > 0.95 and sum(law.weight for law in three.laws) == pytest.approx(1)
    assert three.laws[0].residuals.rmse < 0.006 < three.laws[1].residuals.rmse
    assert three.laws[0].holds > 0.4 > three.laws[1].holds
    found = three.prediction
    assert list(found.by_law) == [law.law for law in three.laws]
    assert found.median[0, 0] == pytest.approx(TRUTH, abs=0.02)
    assert found.low[0, 0] < found.median[0, 0] < found.high[0, 0]
    assert found.by_law["chinchilla"][0, 0] == pytest.approx(TRUTH, abs=0.02)
    assert abs(found.by_law["kaplan/n"][0, 0] - TRUTH) > 0.1


@pytest.mark.slow
def test_laws_with_fewer_inputs_are_fitted_to_their_own_columns(three):
    among = next(law for law in three.laws if law.law == "kaplan/n")
    assert [parameter.name for parameter in among.basins[0].parameters] == [one.name for one in SIZE.params]
    assert among.num_params == 2 and set(three.prediction.x) == {"N", "D"}


@pytest.mark.slow
def test_weights_are_the_evidence_and_what_is_learned_of_a_law_does_not_depend_on_the_others(three):
    expected = np.exp([law.log_evidence for law in three.laws])
    np.testing.assert_allclose([law.weight for law in three.laws], expected / expected.sum(), rtol=1e-6)
    alone = fit(table(), CHINCHILLA, target=POINT)
    np.testing.assert_allclose(
        alone.prediction.by_law["chinchilla"], three.prediction.by_law["chinchilla"], rtol=1e-3
    )


@pytest.mark.slow
def test_rank_puts_the_planted_law_first_with_the_evidence():
    found = rank(table(), LAWS, target=POINT)
    assert found.laws[0].law == "chinchilla"
    assert [law.forward_rmse for law in found.laws] == sorted(law.forward_rmse for law in found.laws)
    first, second = found.laws[0], found.laws[1]
    assert first.log_evidence == 0 > second.log_evidence
    assert all(0 <= law.num_identified <= law.num_params for law in found.laws)
    assert next(law for law in found.laws if law.law == "kaplan/n").num_identified == 2


@pytest.mark.slow
def test_next_scores_candidates_by_the_laws_together(three):
    answer = next_runs(table(), LAWS, target=POINT, cost="6*N*D", budget=1e17, count=3)
    assert answer.fit.laws == three.laws and answer.num_candidates == 5
    np.testing.assert_array_equal(answer.prediction.median, three.prediction.median)
    assert len(answer.runs) == 3 and {run.row_number for run in answer.runs} < {20, 21, 22, 23, 24}
    assert [run.score for run in answer.runs] == sorted((run.score for run in answer.runs), reverse=True)
    for run in answer.runs:
        assert run.cost <= 1e17 and run.labels == {"note": "run"}
        assert 0 < run.within + run.between <= answer.within + answer.between


@pytest.mark.slow
def test_a_run_that_tells_two_laws_apart_is_worth_more_where_they_disagree():
    """Two laws agree at U = 1, where the runs are, and part with U; so does what they say of the target."""

    def one(theta, x):
        "y = a + b / N"
        return theta[0] + theta[1] / x[0]

    def other(theta, x):
        "y = a + b / (N U)"
        return theta[0] + theta[1] / (x[0] * x[1])

    box = params(a=(0.1, 10), b=(0.1, 100))
    laws = [Law("one", one, ("N",), box, linear=("a", "b")), Law("other", other, ("N", "U"), box)]
    size = np.repeat([1.0, 2.0, 4.0, 8.0], 2)
    frame = pd.DataFrame({"N": size, "U": 1.0, "loss": 1 + 8 / size + 0.01 * np.tile([1, -1], 4)})
    candidates = pd.DataFrame({"N": [4.0, 4.0], "U": [1.0, 9.0], "loss": np.nan})
    frame = pd.concat([frame, candidates], ignore_index=True)
    answer = next_runs(frame, laws, target="N=2,U=20", cost="1+0*N")
    assert [run.row_number for run in answer.runs] == [9, 8]
    assert answer.runs[0].between > 10 * abs(answer.runs[1].between) and answer.between > 1


def test_all_takes_what_the_table_has_columns_for_and_says_what_it_leaves_out():
    frame = table()[["N", "D", "loss"]]
    found = ensemble(frame.iloc[[0, 6, 12, 18, 4, 8]], "all", target=POINT)
    names = {law.name for law in found.laws}
    assert {"chinchilla", "kaplan/nd", "kaplan/n", "kaplan/d"} <= names
    assert {law.inputs for law in found.laws} == {("N", "D")}
    why = {law.law: law.reason for law in found.left_out}
    assert not names & set(why)
    assert why["data_con/sl_1"] == "no column for its input U"
    assert why["rosenfeld"] == "no column for its outcome error"
    assert why["farseer/sl_1"] == "its 9 parameters need runs at 9 configurations; there are 6"

    zero = ensemble(frame.assign(S=0.0), "all", target=POINT + ",S=0")
    why = {law.law: law.reason for law in zero.left_out}
    assert "is not positive" in why["kaplan/ns"] and "moe_sparsity" in {law.name for law in zero.laws}

    less = ensemble(frame.assign(U=1e8), "all", target=POINT)
    why = {law.law: law.reason for law in less.left_out}
    assert why["data_con/sl_1"] == "the target does not give its U"
    assert less.problem.law.inputs == ("N", "D")


def test_all_predicts_what_most_laws_do_or_the_outcome_that_is_named():
    frame = table().assign(error=lambda frame: frame.loss / 10)
    assert ensemble(frame, "all").problem.law.outputs == ("loss",)
    chosen = ensemble(frame, "all", outcome="error")
    assert {law.outputs for law in chosen.laws} == {("error",)}
    assert "rosenfeld" in {law.name for law in chosen.laws}
    renamed = frame.drop(columns="loss").rename(columns={"N": "params", "error": "val"})
    mapped = ensemble(renamed, "all", mapping={"N": "params"}, outcome="val")
    assert mapped.problem.law.outputs == ("loss",) and "chinchilla" in {law.name for law in mapped.laws}


@pytest.mark.slow
def test_the_commands_print_tables_and_json(runs, three):
    shown = invoke("fit", runs, *THREE, "--target", POINT)
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "20 runs, 3 laws" and lines[3].split()[0] == "chinchilla"
    assert "90 % interval" in shown.stdout and f"{three.prediction.median[0, 0]:.5g}" in shown.stdout
    found = json.loads(invoke("fit", runs, *THREE, "--target", POINT, "--json").stdout)
    assert [law["law"] for law in found["laws"]] == [law.law for law in three.laws]
    assert found["prediction"]["median"][0] == pytest.approx(three.prediction.median[0].tolist(), rel=1e-9)

    ranked = json.loads(invoke("laws", "rank", runs, *THREE, "--target", POINT, "--json").stdout)
    assert ranked["laws"][0]["law"] == "chinchilla" and ranked["left_out"] == []
    shown = invoke("laws", "rank", runs, *THREE, "--target", POINT).stdout
    assert "forward RMSE" in shown and "of a fit to the others" in shown

    options = (*THREE, "--target", POINT, "--cost", "6*N*D", "-n", 2)
    shown = invoke("next", runs, *options)
    assert shown.exit_code == 0 and "5 candidates" in shown.stdout
    assert "variance falls by" in shown.stdout and "after" in shown.stdout
    limited = invoke("next", runs, *options, "--budget", "1e17", "--max-cost", "5e16").stdout
    assert "(budget 1e+17, at most each 5e+16)" in limited
    answer = json.loads(invoke("next", runs, *options, "--json").stdout)
    assert len(answer["runs"]) == 2 and answer["fit"]["laws"] == found["laws"]


@pytest.mark.slow
def test_without_a_target_nothing_is_predicted(runs):
    shown = invoke("fit", runs, *THREE)
    assert shown.exit_code == 0 and "the target lies" not in shown.stdout
    assert "median" not in shown.stdout


@pytest.mark.slow
def test_one_law_is_several_laws_of_one(runs):
    def keys(value):
        if isinstance(value, dict):
            return {name: keys(item) for name, item in value.items() if name != "by_law"}
        return [keys(value[0])] if isinstance(value, list) and value else []

    one = ("--law", "chinchilla", "--target", POINT)
    shown = invoke("fit", runs, *one).stdout
    assert "chinchilla: L = E + A N^-alpha" in shown and "basin 1 of" in shown
    for command, more in (("fit", ()), ("next", ("--cost", "6*N*D"))):
        several = json.loads(invoke(command, runs, *THREE, "--target", POINT, *more, "--json").stdout)
        alone = json.loads(invoke(command, runs, *one, *more, "--json").stdout)
        assert keys(alone) == keys(several)


BAD = {
    "unknown": (("--law", "chinchilla", "--law", "chinchila"), "there is no law 'chinchila'"),
    "twice": (("--law", "chinchilla", "--law", "chinchilla"), "--law chinchilla is given twice"),
    "all and one": (("--law", "all", "--law", "chinchilla"), "is among --law all already"),
    "all twice": (("--law", "all", "--law", "all"), "--law all is given twice"),
    "outputs": (
        ("--law", "chinchilla", "--law", "rosenfeld"),
        "chinchilla predicts loss and rosenfeld error",
    ),
    "columns": (
        ("--law", "chinchilla", "--law", "data_con/sl_1"),
        "no column for the input of data_con/sl_1, 'U'",
    ),
    "mapping": ((*THREE, "--map", "Q=N"), "none of the laws has an input or output 'Q'"),
    "target": ((*THREE, "--target", "N=1e9"), "--target N=1e9: D is missing"),
    "cost": ((*THREE, "--cost", "price"), "runs.csv has no column 'price'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_one_message(case, runs):
    options, message = BAD[case]
    command = (
        ("next", runs, *(() if "--target" in options else ("--target", POINT)))
        if case == "cost"
        else ("fit", runs)
    )
    result = invoke(*command, *options)
    assert (result.exit_code, result.stdout) == (2, ""), result.stdout
    assert result.stderr.startswith("error: ") and message in result.stderr


def test_too_few_runs_for_any_law_and_no_law_at_all():
    with pytest.raises(UserError, match=r"3 runs with an outcome, at 3 configurations; kaplan/nd"):
        fit(table().iloc[[0, 6, 12]], [CHINCHILLA, SIZE_DATA])
    with pytest.raises(UserError, match="no law of the catalogue has all its inputs and outputs"):
        ensemble({"height": [1.0], "loss": [2.0]}, "all")
    with pytest.raises(UserError, match="no law is given"):
        ensemble(table(), [])
    with pytest.raises(UserError, match="there is no target"):
        next_runs(table(), [DATA, SIZE], target=None, cost="N")


@pytest.mark.slow
def test_laws_of_two_outputs_predict_and_choose_together():
    def bent(theta, x):
        "u = a + b x, v = a - c x^2"
        a, b, c = theta
        return jnp.stack([a + b * x[0], a - c * x[0] ** 2])

    def straight(theta, x):
        "u = a + b x, v = a - c x"
        a, b, c = theta
        return jnp.stack([a + b * x[0], a - c * x[0]])

    box = params(a=(-9, 9), b=(-9, 9), c=(-9, 9))
    laws = [
        Law(law.__name__, law, ("x",), box, ("u", "v"), linear=("a", "b", "c")) for law in (bent, straight)
    ]
    x = np.arange(1.0, 9.0)
    noise = np.random.default_rng(1).normal(0, 0.05, (2, 8))
    frame = pd.DataFrame({"x": x, "u": 1 + 2 * x + noise[0], "v": 1 - 0.5 * x**2 + noise[1]})
    frame.loc[6:, ["u", "v"]] = np.nan
    answer = next_runs(frame, laws, target=["x=9", "x=12"], cost="x")
    assert answer.fit.laws[0].law == "bent" and answer.fit.laws[0].weight > 0.9
    np.testing.assert_allclose(answer.fit.prediction.median, [[19, -39.5], [25, -71]], atol=0.5)
    assert answer.num_candidates == len(answer.runs) == 2 and all(run.score > 0 for run in answer.runs)
