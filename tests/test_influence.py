"""Which runs the answer hangs on: against refits without each."""

import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import DECAY, PAIR, runs_of
from typer.testing import CliRunner

from jaxsl import host
from jaxsl.deletion import without_each
from jaxsl.host.answer import influence as module
from jaxsl.host.cli import app
from jaxsl.precision import double_precision

SIZES = np.geomspace(1e3, 1e6, 10)
LOSS = 1.2 + 60 * SIZES**-0.4 + 0.01 * np.random.default_rng(1).standard_normal(10)
TARGET = "N=1e8"


@pytest.mark.slow
def test_leaving_out_is_exact_for_a_linear_law():
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(7, 1)), rng.uniform(0.5, 2, 7)
    y = np.column_stack([0.3 + x[:, 0], 0.3 + 0.5 * x[:, 0] ** 2]) + 0.1 * rng.normal(size=(7, 2))
    zero = np.zeros(7)
    design = np.stack(
        [np.column_stack([zero + 1, x[:, 0], zero]), np.column_stack([zero + 1, zero, -(x[:, 0] ** 2)])], 1
    )
    noise, prior = 0.02, 3.0

    def solve(rows):
        inverse = np.einsum(
            "r,rdp,rdq->pq", weight[rows], design[rows], design[rows]
        ) / noise + prior * np.eye(3)
        right = np.einsum("r,rdp,rd->p", weight[rows], design[rows], y[rows]) / noise
        return np.linalg.solve(inverse, right), inverse

    theta, inverse = solve(np.arange(7))
    with double_precision():
        moves = without_each(
            PAIR,
            runs_of(x, y, 8),
            jnp.asarray(theta),
            jnp.asarray(np.linalg.cholesky(np.linalg.inv(inverse))),
            jnp.asarray(noise),
            jnp.asarray(np.append(weight, 1.0)),
        )
        moves = np.asarray(moves)
    for row in range(7):
        alone, _ = solve(np.delete(np.arange(7), row))
        np.testing.assert_allclose(moves[row], alone - theta, rtol=1e-8)
    assert np.all(moves[7] == 0)


def with_a_high_last():
    """Losses of which the last, which carries the floor, is somewhat high."""
    return LOSS + 0.035 * (np.arange(10) == 9)


def named(report):
    return {one.row: one for one in report.influence}


def test_runs_are_named_that_a_fit_without_them_misses():
    runs = {"N": SIZES, "loss": with_a_high_last()}
    found = host.fit(runs, DECAY, target=TARGET)
    told = named(found)
    assert 9 in told and len(told) <= 3
    alone = host.fit({name: values[:-1] for name, values in runs.items()}, DECAY, target=TARGET)
    one, both = told[9], (found, alone)
    medians = [host.predict(part, at=TARGET, of="curve").prediction.median.item() for part in both]
    alphas = [part.laws[0].basins[0].parameters[2].value for part in both]
    expected = {"alpha": alphas, "prediction": medians}[one.what]
    np.testing.assert_allclose([one.value, one.without], expected, rtol=1e-6)
    assert one.target == (0 if one.what == "prediction" else -1)
    assert one.errors > 1


@pytest.mark.slow
def test_laws_that_count_for_nothing_are_not_fitted_again_and_change_nothing(monkeypatch):
    runs = {"N": np.geomspace(1e3, 1e6, 16)}
    runs["loss"] = 1.2 + 60 * runs["N"] ** -0.4 + 0.01 * np.random.default_rng(1).standard_normal(16)
    runs["loss"][-1] += 0.04
    fitted, believe_runs = [], module.believe_runs

    def counted(laws, *arguments, **how):
        fitted.append(len(laws))
        return believe_runs(laws, *arguments, **how)

    monkeypatch.setattr(module, "believe_runs", counted)
    found = []
    for least in (1e-3, 0.0):  # the second law, which has no floor, counts for a five-thousandth
        monkeypatch.setattr(module, "LEAST_SHARE", least)
        found.append(host.fit(runs, [DECAY, "kaplan/n"], target=TARGET).influence)
    assert fitted == [1] * (len(fitted) // 2) + [2] * (len(fitted) // 2) and fitted
    for one, other in zip(*found, strict=True):
        assert (one.row, one.what) == (other.row, other.what)
        np.testing.assert_allclose([one.value, one.without], [other.value, other.without], rtol=1e-3)


@pytest.mark.slow
def test_runs_of_one_curve_are_not_named(tmp_path):
    exact = {"N": SIZES, "loss": 1.2 + 60 * SIZES**-0.4 + 0.002 * np.tile([1, -1], 5)}
    assert host.fit(exact, DECAY).influence == ()
    rows = [f"{size:g},{loss:.5f}" for size, loss in zip(SIZES, with_a_high_last(), strict=True)]
    (tmp_path / "runs.csv").write_text("\n".join(["N,loss", *rows]))
    (tmp_path / "law.py").write_text("from synthetic import DECAY\n")
    words = ["fit", str(tmp_path / "runs.csv"), "--law", f"{tmp_path}/law.py:DECAY", "--target", TARGET]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.stderr
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("line 11 moves")]
    assert "standard errors:" in line and "with it" in line and line.endswith("without")
