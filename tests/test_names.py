"""A column may be called anything: every name answers as the plain one does, with and without a target."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl.host.answer.which_laws import ensemble
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.ess.of_line import assess
from jaxsl.host.input.expression import parse
from jaxsl.host.input.problem import runs
from jaxsl.host.input.table import read
from jaxsl.host.study import Study
from jaxsl.host.study.sources.importing import import_table
from laws.chinchilla import CHINCHILLA

SIZES, TOKENS = (1e8, 1e8, 2e8, 4e8, 4e8, 8e8, 8e8), (2e9, 8e9, 4e9, 2e9, 8e9, 4e9, 3e10)
LOSSES = (3.31, 3.02, 3.01, 3.08, 2.76, 2.85, None)
PLAIN = {"N": SIZES, "D": TOKENS, "loss": LOSSES}
TARGET = "N=7e10,D=1.4e12"
ODD = ("val/loss", "val.loss", "val loss", "val-loss", "loss (nats)", "2nd loss", "log(loss)")
POINT = np.array([[7e10, 1.4e12]])


def answer(command, frame, folder, *options):
    pd.DataFrame(frame).to_csv(folder / "runs.csv", index=False)
    words = [command, str(folder / "runs.csv"), "--law", "chinchilla", *options, "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--outcome {}", "--map loss={}"])
def test_a_renamed_outcome_gives_the_same_fit_and_prediction(option, tmp_path):
    plain = answer("fit", PLAIN, tmp_path, "--target", TARGET)
    frame = {"N": SIZES, "D": TOKENS, "val/loss": LOSSES}
    words = option.format("val/loss").split(" ", 1)
    assert answer("fit", frame, tmp_path, *words, "--target", TARGET) == plain
    assert plain["num_runs"] == 6 and plain["prediction"] is not None


@pytest.mark.slow
def test_next_takes_renamed_columns_and_a_target_in_them(tmp_path):
    plain = answer("next", PLAIN, tmp_path, "--target", TARGET, "--cost", "6*N*D")
    frame = {"model.size": SIZES, "data/tokens": TOKENS, "val/loss": LOSSES}
    maps = ("--map", "N=model.size", "--map", "D=data/tokens", "--outcome", "val/loss")
    for target in (TARGET, "model.size=7e10,data/tokens=1.4e12", "N=7e10,data/tokens=1.4e12"):
        for cost in ("6*N*D", "6*model.size*data/tokens"):
            assert answer("next", frame, tmp_path, *maps, "--target", target, "--cost", cost) == plain


@pytest.mark.parametrize("name", ODD)
def test_a_column_of_any_name_is_outcome_input_and_cost(name):
    for option in ({"outcome": name}, {"mapping": {"loss": name}}):
        problem = runs({"N": SIZES, "D": TOKENS, name: LOSSES}, CHINCHILLA, target=TARGET, **option)
        np.testing.assert_array_equal(problem.runs.y[:, 0], np.array(LOSSES, float))
        np.testing.assert_array_equal(problem.targets.x, POINT)
    problem = runs({name: SIZES, "D": TOKENS, "loss": LOSSES}, CHINCHILLA, mapping={"N": name}, cost=name)
    np.testing.assert_array_equal(problem.runs.x[:, 0], SIZES)
    np.testing.assert_array_equal(problem.runs.cost, SIZES)


@pytest.mark.parametrize("name", ODD)
def test_a_table_of_targets_may_have_or_lack_the_renamed_outcome(name):
    frame, wanted = {"N": SIZES, "D": TOKENS, name: LOSSES}, {"N": [7e10], "D": [1.4e12]}
    for target, said in (
        (wanted, np.nan),
        ({**wanted, name: [2.0]}, 2.0),
        ({**wanted, "loss": [2.0]}, np.nan),
    ):
        problem = runs(frame, CHINCHILLA, outcome=name, target=pd.DataFrame(target))
        np.testing.assert_array_equal(problem.targets.x, POINT)
        np.testing.assert_array_equal(problem.answers.y, [[said]])


@pytest.mark.parametrize(
    ("target", "mapping"),
    [
        ("params=70,tokens=1.4", {"N": "1e9*params", "D": "1e12*tokens"}),
        ({"params": 70.0, "tokens": 1.4}, {"N": "1e9*params", "D": "1e12*tokens"}),
        ("model/params=7e10,D=1.4e12", {"N": "model/params", "D": "tokens"}),
        ("N=7e10,D=1.4e12", {"N": "1e9*N", "D": "D*1e3"}),
        ("a=b=7e10,D=1.4e12", {"N": "a=b"}),
    ],
)
def test_a_point_may_be_given_in_the_columns_that_are_mapped(target, mapping):
    columns = ("params", "tokens", "model/params", "N", "D", "a=b", "loss")
    frame = {column: [1.0, 2.0] for column in columns}
    problem = runs(frame, CHINCHILLA, mapping=mapping, target=target)
    np.testing.assert_allclose(problem.targets.x, POINT)


def test_rows_of_a_mapped_column_are_still_rows_where_a_point_would_be_incomplete():
    frame = {"params": [1e8, 2e8], "D": [1e9, 1e9], "loss": [3.0, 2.0]}
    problem = runs(frame, CHINCHILLA, mapping={"N": "params"}, target="params=2e8")
    np.testing.assert_array_equal(problem.answers.y, [[2.0]])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("N=1,params=2,D=3", "'params' says again what the other values say; leave it out"),
        ("N=1", "D is missing; write N=NUMBER,D=NUMBER"),
        ("N=1,E=3,D=2", "'E' is no input of chinchilla"),
    ],
)
def test_a_point_that_says_too_much_or_too_little_is_refused(target, said):
    frame = {"params": [1.0], "D": [1.0], "loss": [1.0]}
    with pytest.raises(UserError, match=said):
        runs(frame, CHINCHILLA, mapping={"N": "params"}, target=target)


def test_a_name_that_is_a_column_is_a_column_and_an_expression_only_otherwise():
    table = read({"val": [6.0], "loss": [2.0], "val/loss": [5.0], "N": [10.0]})
    assert table.evaluate("val/loss") == 5.0 and table.evaluate("2*val/loss") == 10.0
    assert table.evaluate("val / loss") == 3.0 and table.evaluate("`val`/loss") == 3.0
    assert table.names("log(val/loss) + N") == ("val/loss", "N")
    assert read({"val": [6.0], "loss": [2.0]}).evaluate("val/loss") == 3.0
    assert parse("1e-5*N", ["1e-5", "e-5"]).names == ("N",)


def test_several_laws_read_renamed_columns_and_targets_too():
    frame = {"model.size": SIZES, "D": TOKENS, "val/loss": LOSSES}
    for laws in ("all", ["chinchilla", "kaplan/nd"]):
        found = ensemble(
            frame, laws, mapping={"N": "model.size"}, outcome="val/loss", target="model.size=7e10,D=1.4e12"
        )
        assert {"chinchilla", "kaplan/nd"} <= {law.name for law in found.laws}
        at = [found.problem.law.inputs.index(name) for name in "ND"]
        np.testing.assert_array_equal(found.problem.targets.x[:, at], POINT)


@pytest.mark.parametrize("space", [(), ("N in [1e8, 1e9] log", "D in [1e9, 1e11] log")])
def test_a_study_takes_renamed_columns_and_a_target_in_them(space, tmp_path):
    frame = {"model/size": SIZES, "D": TOKENS, "val.loss": LOSSES}
    named, columns = {"outcome": "val.loss"}, {"N": "model/size"}
    options = {"space": space} if space else {"candidates": frame}
    study = Study.create(
        tmp_path / "s.jsonl",
        "chinchilla",
        target="model/size=7e10,D=1.4e12",
        cost="6*N*D",
        map=columns,
        **options,
        **named,
    )
    assert study.ledger.settings["target"] == POINT.tolist()
    brought = import_table(study, frame, cost="model/size", mapping=columns, confirmed=True, **named)
    assert brought.added["done"] + brought.num_known == 6


def test_a_line_in_a_size_of_any_name_is_the_same_line():
    x, y = [0.0, 1.0, 2.0, 3.0], [0.21, 0.29, 0.41, 0.49]
    plain = assess({"x": x, "y": y}, target="4")
    for name in ODD:
        for size, target in ((name, "4"), (name, f"{name}=4"), (f"2*`{name}`", f"{name}=4")):
            found = assess({name: x, "a/b": y}, target=target, x=size, y="a/b")
            assert found.performance.hoeffding == pytest.approx(plain.performance.hoeffding)
