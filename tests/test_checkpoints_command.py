"""Where to evaluate a run: jaxsl checkpoints, against one long run scored row by row."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl.host import checkpoints, next_runs
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from laws.kaplan import DATA

TOKENS = np.geomspace(1e8, 3.2e9, 6)
LOSS = 8 * TOKENS**-0.05 + 0.01 * np.random.default_rng(0).standard_normal(6)
TABLE = {
    "run": ["a"] * 6 + ["b"] * 6 + ["c"] * 3,
    "D": np.concatenate([TOKENS, TOKENS, TOKENS[::2]]),
    "loss": np.concatenate([np.where(np.arange(6) < 4, LOSS, np.nan), LOSS + 0.01, np.full(3, np.nan)]),
}
GIVEN = {"target": "D=1e12", "group": "run", "schedule": "wsd"}


@pytest.mark.slow
def test_rows_of_every_run_come_the_best_for_their_price_first():
    report = checkpoints(TABLE, DATA, row_cost="D/8", **GIVEN)
    a, c = report.runs
    assert (a.run, a.goes_on, c.run, c.goes_on) == ("a", True, "c", False)
    assert sorted(one.row_number for one in a.checkpoints) == [4, 5]
    assert sorted(one.row_number for one in c.checkpoints) == [12, 13, 14]
    for run in report.runs:
        falls = [one.falls for one in run.checkpoints]
        assert np.all(np.diff(falls) > -1e-9) and falls[0] > 0 and falls[-1] < 1
        prices = [one.price for one in run.checkpoints]
        np.testing.assert_allclose(prices, [one.x["D"] / 8 for one in run.checkpoints])
        np.testing.assert_allclose([one.spent for one in run.checkpoints], np.cumsum(prices))
    # All rows of a run together teach what the run to its end teaches, which `next --curves` says.
    ranked = next_runs(TABLE, DATA, cost="D", curves=True, lengths=True, count=9, **GIVEN).runs
    whole = {run.labels["run"]: run.within for run in ranked if run.row_number in (5, 14)}
    for run in report.runs:
        assert run.checkpoints[-1].falls * report.variance == pytest.approx(whole[run.run], rel=1e-6)
    # A dear row comes later; of one run alone the same is said.
    dear = TABLE | {"price": np.where(np.arange(15) == c.checkpoints[0].row_number, 1e9, 1.0)}
    (alone,) = checkpoints(dear, DATA, row_cost="price", run="c", **GIVEN).runs
    assert alone.checkpoints[-1].row_number == c.checkpoints[0].row_number


def test_what_cannot_be_asked_is_said():
    with pytest.raises(UserError, match="--run z: no run of that name has rows to come; there are a, c"):
        checkpoints(TABLE, DATA, run="z", **GIVEN)
    with pytest.raises(UserError, match="row 4: --row-cost is 0; a price to choose by is above 0"):
        checkpoints(TABLE, DATA, row_cost=0.0, **GIVEN)
    with pytest.raises(UserError, match="no candidate"):
        checkpoints({name: values[6:12] for name, values in TABLE.items()}, DATA, **GIVEN)


def test_the_command_needs_to_know_the_runs(tmp_path):
    path = tmp_path / "runs.csv"
    lines = [f"{run},{d:g},{'' if np.isnan(y) else y}" for run, d, y in zip(*TABLE.values(), strict=True)]
    path.write_text("\n".join(["run,D,loss", *lines]))
    call = ["checkpoints", str(path), "--law", "kaplan/d", "--target", "D=1e12"]
    told = CliRunner().invoke(app, call)
    assert told.exit_code == 2 and "--group" in told.output
    told = CliRunner().invoke(app, [*call, "--group", "run", "--schedule", "wsd", "--run", "z"])
    assert told.exit_code == 2 and "there are a, c" in told.output


@pytest.mark.slow
def test_the_command_prints_what_the_verb_finds(tmp_path):
    path = tmp_path / "runs.csv"
    lines = [
        f"{run},{d!r},{'' if np.isnan(y) else repr(y)}"
        for run, d, y in zip(*map(list, TABLE.values()), strict=True)
    ]
    path.write_text("\n".join(["run,D,loss", *lines]).replace("np.float64(", "").replace(")", ""))
    call = ["checkpoints", str(path), "--law", "kaplan/d", "--target", "D=1e12", "--group", "run"]
    call += ["--schedule", "wsd", "--row-cost", "D/8", "-n", "2"]
    shown = CliRunner().invoke(app, call)
    assert shown.exit_code == 0, shown.output
    assert "run a, which goes on, best first" in shown.output and "variance falls by" in shown.output
    told = json.loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert [len(run["checkpoints"]) for run in told["runs"]] == [2, 2]
    assert {"row_number", "x", "price", "spent", "falls"} == set(told["runs"][0]["checkpoints"][0])
