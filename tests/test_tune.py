"""Best values of grids and the law of those: simulated grids with a known optimum, and 17 published ones."""

import json

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl import host
from jaxsl.host.cli import app
from jaxsl.precision import double_precision
from jaxsl.quadratic_minimum import quadratic_minimum

RATES, BATCHES = 1e-3 * 2.0 ** np.arange(-3, 4), 2.0 ** np.arange(16, 23)
# The best cells of grids of step-law/steplaw, reduced: N, D / 1e9, lr / 1e-3, batch in 2^16 tokens.
BEST = """
1.073741824 20 1.381 8; 1.073741824 56.9 1.381 8; 0.21466368 100 7.812 32; 0.21466368 11.4 2.762 6
0.21466368 20 3.91 8; 0.21466368 4 2.762 4; 0.268304384 14.2 3.906 6; 0.268304384 25 3.91 11
0.268304384 5 1.953 4; 0.268304384 80 3.906 16; 0.4292608 22.7 1.95 6; 0.4292608 40 2.76 8
0.4292608 50 1.953 8; 0.4292608 8 1.953 4; 0.53687296 10 0.9766 4; 0.53687296 28.4 1.95 6;
0.53687296 50 2.76 11
"""


def published():
    rows = np.array([row.split() for row in BEST.replace("\n", ";").split(";") if row.strip()], float)
    return dict(zip(("N", "D", "lr", "batch"), (rows * [1e9, 1e9, 1e-3, 65536]).T, strict=True))


def best_of(size, tokens):
    """The optimum in a cell."""
    return 1e-3 * (size / 1e8) ** -0.3 * (tokens / 1e10) ** 0.1, 2e5 * (tokens / 1e10) ** 0.5


def grids(sizes, tokens, noise=0.0, seed=0, rates=RATES, batches=BATCHES, bend=0.03):
    """Whole grids around a known optimum, tilted so that rate and batch hang together."""
    axes = np.meshgrid(sizes, tokens, rates, batches, indexing="ij")
    size, tokens, rate, batch = (axis.ravel() for axis in axes)
    best_rate, best_batch = best_of(size, tokens)
    u, v = np.log(rate / best_rate), np.log(batch / best_batch)
    loss = 3 + bend * u**2 + 0.02 * v**2 - 0.02 * u * v
    loss += noise * np.random.default_rng(seed).standard_normal(len(loss))
    return {"N": size, "D": tokens, "lr": rate, "batch": batch, "loss": loss}


def test_the_law_of_published_optima():
    runs = published()
    found = host.tune(runs, over="lr,batch", by="N,D", power={"batch": "D"}, at="N=1e9,D=1e11")
    rate, batch = found.laws
    np.testing.assert_allclose([one.value for one in rate.exponents], [-0.823, 0.288], atol=6e-4)
    assert [one.name for one in batch.exponents] == ["D"]
    np.testing.assert_allclose(batch.exponents[0].value, 0.498, atol=6e-4)
    at = found.best[0]
    np.testing.assert_allclose([at.median, at.low, at.high], [0.00173, 0.00108, 0.00277], atol=5e-6)
    assert at.low < at.curve_low < at.median < at.curve_high < at.high
    design = np.column_stack([np.ones(17), np.log(runs["N"]), np.log(runs["D"])])
    theta = np.linalg.lstsq(design, np.log(runs["lr"]), rcond=None)[0]
    np.testing.assert_allclose(
        [np.log(rate.factor), *(one.value for one in rate.exponents)], theta, rtol=1e-9
    )


@pytest.mark.slow
def test_exact_grids_give_back_their_optima_and_the_law():
    found = host.tune(grids([3e7, 1e8, 3e8], [5e9, 2e10]), over=["lr", "batch"], by=["N", "D"])
    assert [cell.status for cell in found.cells] == ["minimum"] * 6
    for cell in found.cells:
        np.testing.assert_allclose(
            list(cell.value.values()), best_of(**{"size": cell.by["N"], "tokens": cell.by["D"]}), rtol=1e-6
        )
        assert cell.rows == 49
    exponents = [[one.value for one in law.exponents] for law in found.laws]
    np.testing.assert_allclose(exponents, [[-0.3, 0.1], [0, 0.5]], atol=1e-6)


@pytest.mark.slow
def test_intervals_cover_the_optimum_as_often_as_they_say():
    sizes, tokens = np.geomspace(7e7, 1.5e8, 20), np.geomspace(7e9, 1.5e10, 20)
    found = host.tune(grids(sizes, tokens, noise=0.01), over="lr,batch", by="N,D", level=80)
    cells = [cell for cell in found.cells if cell.status == "minimum"]
    assert len(cells) > 380
    for index, name in enumerate(("lr", "batch")):
        truth = [best_of(cell.by["N"], cell.by["D"])[index] for cell in cells]
        inside = [cell.low[name] < one < cell.high[name] for cell, one in zip(cells, truth, strict=True)]
        assert 0.74 < np.mean(inside) < 0.88
    law = host.tune(grids(sizes, tokens, noise=0.01), over="lr,batch", by="N,D", level=99).laws[0]
    low, high = ([getattr(one, end) for one in law.exponents] for end in ("low", "high"))
    assert low[0] < -0.3 < high[0] and low[1] < 0.1 < high[1]


def one_grid(**changes):
    return {name: values for name, values in grids([1e8], [1e10], **changes).items()}


@pytest.mark.parametrize(
    "runs, status, why",
    [
        (one_grid(rates=RATES[4:]), "edge", "lr at or beyond its least, 0.002"),
        (one_grid(rates=RATES[:3], batches=BATCHES[:2]), "too few", "only 2 of batch"),
        (one_grid(bend=-0.03), "no minimum", "not curved upwards in lr"),
    ],
)
def test_a_grid_without_a_minimum_says_why(runs, status, why):
    (cell,) = host.tune(runs, over="lr,batch", by="N,D").cells
    assert cell.status == status and why in cell.why and not cell.usable
    best = int(np.argmin(runs["loss"]))
    assert cell.best_row == best and cell.value["lr"] == runs["lr"][best]
    assert np.isnan(cell.low["lr"])


def test_sweeps_of_one_variable_after_the_other_are_enough():
    whole = one_grid()
    cross = (whole["lr"] == 1e-3) | (whole["batch"] == BATCHES[2])
    star = {name: values[cross] for name, values in whole.items()}
    star["loss"] = 3 + np.log(star["lr"] / 1.2e-3) ** 2 + np.log(star["batch"] / 3e5) ** 2
    (cell,) = host.tune(star, over="lr,batch", by="N,D").cells
    assert cell.status == "minimum"
    np.testing.assert_allclose([cell.value["lr"], cell.value["batch"]], [1.2e-3, 3e5], rtol=1e-6)


def test_the_minimum_has_the_error_of_the_delta_method():
    rng = np.random.default_rng(0)
    u = rng.uniform(-2, 2, (15, 2))
    y = (
        (u[:, 0] - 0.3) ** 2
        + 0.5 * (u[:, 1] + 0.2) ** 2
        + 0.3 * u[:, 0] * u[:, 1]
        + 0.05 * rng.standard_normal(15)
    )
    a, b = u.T
    design = np.column_stack([np.ones(15), a, b, a * a, a * b, b * b])
    theta, squares, *_ = np.linalg.lstsq(design, y, rcond=None)

    def place(theta):
        _, a, b, aa, ab, bb = theta
        return -np.linalg.solve([[2 * aa, ab], [ab, 2 * bb]], [a, b])

    step = 1e-6 * np.eye(6)
    gradient = np.stack([(place(theta + one) - place(theta - one)) / 2e-6 for one in step], axis=1)
    covariance = squares[0] / 9 * gradient @ np.linalg.inv(design.T @ design) @ gradient.T
    with double_precision():
        found = jax.jit(quadratic_minimum)(u, y)
        at, deviation = np.asarray(found.at), np.asarray(found.deviation)
    np.testing.assert_allclose(at, place(theta), rtol=1e-8)
    np.testing.assert_allclose(deviation, np.sqrt(np.diag(covariance)), rtol=1e-5)
    assert bool(found.curved) and int(found.dof) == 9


def write(folder, runs):
    lines = [
        ",".join(runs),
        *(",".join(f"{value:.12g}" for value in row) for row in zip(*runs.values(), strict=True)),
    ]
    (folder / "runs.csv").write_text("\n".join(lines))
    return str(folder / "runs.csv")


@pytest.mark.slow
def test_the_command_names_edges_and_ties(tmp_path):
    runs = grids([2e7, 1e8, 3e8, 6e8, 1e12], [5e9, 2e10])
    first = np.flatnonzero((runs["N"] == 2e7) & (runs["D"] == 5e9))
    least, other = first[np.argsort(runs["loss"][first])[:2]]
    runs["loss"][other] = runs["loss"][least]
    words = ["tune", write(tmp_path, runs), "--over", "lr,batch", "--by", "N,D", "--at", "N=1e9,D=1e11"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    shown = result.stdout
    assert "10 cells of N, D, 8 with an optimum" in shown
    assert shown.count("edge: lr at or beyond its least, 0.000125") == 2
    assert "2 of 10 cells have no minimum inside their grid" in shown
    pair = sorted((least + 2, other + 2))
    assert any(f"lines {a}, {b} tie" in shown for a, b in (pair, pair[::-1]))
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [law["cells"] for law in found["laws"]] == [8, 8] and found["best"][0]["variable"] == "lr"


GRID = ("--over", "lr,batch", "--by", "N,D")


@pytest.mark.parametrize(
    "words, message",
    [
        (("--over", "lr,lr", "--by", "N"), "give columns, each once"),
        (("--over", "lr", "--by", "lr"), "lr is given twice"),
        (("--over", "rate", "--by", "N"), "'rate'"),
        ((*GRID, "--outcome", "nats"), "no column 'nats' and several rows a cell"),
        ((*GRID, "--power", "batch"), "write NAME=COLUMNS"),
        ((*GRID, "--power", "batch=N"), "--power batch=N: N has one value"),
        ((*GRID, "--power", "wd=D"), "choose one of --over"),
        ((*GRID, "--at", "N=1e9"), "D is missing"),
        (GRID, "the law of lr in D needs 3 cells"),
        ((*GRID, "--level", "100"), "--level 100"),
    ],
)
def test_bad_input_is_one_message(words, message, tmp_path):
    result = CliRunner().invoke(app, ["tune", write(tmp_path, grids([1e8], [5e9, 2e10])), *words])
    assert result.exit_code == 2 and message in result.stderr and len(result.stderr.splitlines()) == 1


def test_what_has_no_logarithm_is_refused_with_its_row(tmp_path):
    runs = one_grid()
    runs["lr"] = runs["lr"].copy()
    runs["lr"][3] = 0
    result = CliRunner().invoke(app, ["tune", write(tmp_path, runs), *GRID])
    assert result.exit_code == 2 and "line 5, column 'lr': 0 has no logarithm" in result.stderr
