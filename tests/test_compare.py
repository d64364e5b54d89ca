"""How published parameters do on runs: by hand, and beside one's own fit."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl import host
from jaxsl.host.cli import app

SIZE, TOKENS = (grid.ravel() for grid in np.meshgrid(1e8 * 2.0 ** np.arange(4), 2e9 * 4.0 ** np.arange(3)))
LOSS = 1.8172 + 482.01 * SIZE**-0.3478 + 2085.43 * TOKENS**-0.3658
LOSS = LOSS + 0.004 * np.random.default_rng(0).standard_normal(12)
RUNS = {"N": SIZE, "D": TOKENS, "loss": LOSS}
BOTH = ["chinchilla@hoffmann", "chinchilla@epoch"]


def test_errors_are_those_worked_out_by_hand():
    found = host.compare(RUNS, BOTH)
    assert [row.name for row in found.rows] == BOTH[::-1] and found.num_runs == 12
    residual = LOSS - (1.69 + 406.4 * SIZE**-0.34 + 410.7 * TOKENS**-0.28)
    row, worst = found.rows[1], int(np.argmax(np.abs(residual)))
    np.testing.assert_allclose(
        [row.rmse, row.r2, row.bias, row.worst],
        [
            np.sqrt(np.mean(residual**2)),
            1 - np.sum(residual**2) / np.sum((LOSS - LOSS.mean()) ** 2),
            residual.mean(),
            residual[worst],
        ],
        rtol=1e-9,
    )
    assert row.worst_row == worst and not row.fitted and found.unit == "row"


def test_laws_of_other_inputs_stand_beside_them():
    found = host.compare(RUNS, ["kaplan/n@kaplan", *BOTH])
    row = {one.name: one for one in found.rows}["kaplan/n@kaplan"]
    np.testing.assert_allclose(row.bias, np.mean(LOSS - (8.8e13 / SIZE) ** 0.076), rtol=1e-9)


def write(folder, runs=RUNS):
    rows = zip(*runs.values(), strict=True)
    lines = [",".join(runs), *(",".join(f"{value:.17g}" for value in row) for row in rows)]
    (folder / "runs.csv").write_text("\n".join(lines))
    return str(folder / "runs.csv")


@pytest.mark.slow
def test_a_fit_of_the_same_law_has_the_residuals_that_fit_prints(tmp_path):
    words = ["compare", write(tmp_path), "--law", BOTH[0], "--law", BOTH[1], "--fit", "--json"]
    rows = json.loads(CliRunner().invoke(app, words).stdout)["rows"]
    assert sorted(row["name"] for row in rows) == ["chinchilla fitted here", *BOTH[::-1]]
    own = next(row for row in rows if row["fitted"])
    residuals = host.fit(RUNS, "chinchilla").laws[0].residuals
    np.testing.assert_allclose([own["rmse"], own["r2"]], [residuals.rmse, residuals.r2], rtol=1e-9)
    assert own["rmse"] < min(row["rmse"] for row in rows if not row["fitted"])


@pytest.mark.parametrize(
    "words, message",
    [
        (("--law", "chinchilla"), "needs to be told which parameters"),
        (("--law", BOTH[0], "--law", BOTH[0]), "is given twice"),
        (("--law", BOTH[0], "--outcome", "nats"), "has no column 'nats'"),
        (("--law", BOTH[0], "--law", "kaplan/n@x"), "no published parameters"),
    ],
)
def test_bad_input_is_one_message(words, message, tmp_path):
    result = CliRunner().invoke(app, ["compare", write(tmp_path), *words])
    assert result.exit_code == 2 and message in result.stderr and len(result.stderr.splitlines()) == 1


def test_runs_without_an_outcome_cannot_be_compared_on(tmp_path):
    result = CliRunner().invoke(
        app, ["compare", write(tmp_path, RUNS | {"loss": np.full(12, np.nan)}), "--law", BOTH[0]]
    )
    assert result.exit_code == 2 and "has no run with an outcome" in result.stderr
