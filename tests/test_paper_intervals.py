"""Intervals of parameters as papers give them, against SciPy and a NumPy loop."""

import jax
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from synthetic import DECAY, LINE, runs_of
from typer.testing import CliRunner

from jaxsl import host
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.precision import double_precision
from jaxsl.standard_errors import standard_errors as core

standard_errors = jax.jit(core, static_argnums=0)
SIZES = np.geomspace(1e3, 1e6, 12)
FAMILY = np.repeat(["a", "b", "c", "d", "e", "f"], 2)
NOISE = 0.01 * np.random.default_rng(2).standard_normal(12)
RUNS = {"N": SIZES, "loss": 1.2 + 60 * SIZES**-0.4 + NOISE, "family": FAMILY}
RATIO = "alpha/(1+alpha)"


def curve(N, E, A, alpha):
    return E + A * N**-alpha


def scipy_fit(y, sizes=SIZES, start=(1.2, 60.0, 0.4)):
    return scipy.optimize.curve_fit(curve, sizes, y, start, xtol=1e-14, ftol=1e-14, gtol=1e-14)


@pytest.fixture(scope="module")
def found():
    asked = {"t": True, "bootstrap": 400, "profile": "alpha", "derive": {"ratio": RATIO}}
    report = host.fit(RUNS, DECAY, level=90, **asked)
    return {(row.name, row.method): row for row in report.intervals}


@pytest.mark.slow
def test_t_intervals_are_those_of_curve_fit(found):
    theta, covariance = scipy_fit(RUNS["loss"])
    half = scipy.stats.t.ppf(0.95, 12 - 3) * np.sqrt(np.diag(covariance))
    for index, name in enumerate(("E", "A", "alpha")):
        row = found[name, "t"]
        np.testing.assert_allclose(row.value, theta[index], rtol=1e-5)
        np.testing.assert_allclose([row.low, row.high], theta[index] + [-half[index], half[index]], rtol=1e-4)
        assert row.level == 90 and row.bound == ""


@pytest.mark.slow
def test_a_derived_quantity_has_the_error_of_the_delta_method(found):
    theta, covariance = scipy_fit(RUNS["loss"])
    half = scipy.stats.t.ppf(0.95, 9) * np.sqrt(covariance[2, 2]) / (1 + theta[2]) ** 2
    row = found["ratio", "t"]
    np.testing.assert_allclose(row.value, theta[2] / (1 + theta[2]), rtol=1e-5)
    np.testing.assert_allclose([row.low, row.high], row.value + np.array([-half, half]), rtol=1e-4)
    assert ("ratio", "belief") in found and ("ratio", "profile") not in found


@pytest.mark.slow
def test_a_profile_ends_where_the_squared_error_has_risen_to_its_limit(found):
    def least(alpha):
        design = np.column_stack([np.ones(12), SIZES**-alpha])
        return np.linalg.lstsq(design, RUNS["loss"], rcond=None)[1][0]

    row = found["alpha", "profile"]
    best = least(row.value)
    limit = best * (1 + scipy.stats.t.ppf(0.95, 9) ** 2 / 9)
    np.testing.assert_allclose([least(row.low), least(row.high)], limit, rtol=1e-4)
    assert row.low < row.value < row.high


@pytest.mark.slow
def test_a_bootstrap_of_residuals_is_that_of_a_numpy_loop(found):
    theta, _ = scipy_fit(RUNS["loss"])
    fitted = curve(SIZES, *theta)
    residual = (RUNS["loss"] - fitted) * np.sqrt(12 / 9)
    rng = np.random.default_rng(0)
    drawn = [
        scipy_fit(fitted + rng.choice(residual - residual.mean(), 12), start=theta)[0] for _ in range(400)
    ]
    for index, name in enumerate(("E", "A", "alpha")):
        low, high = np.quantile(np.array(drawn)[:, index], [0.05, 0.95])
        row = found[name, "bootstrap (residuals)"]
        np.testing.assert_allclose([row.low, row.high], [low, high], atol=0.15 * (high - low))


@pytest.mark.slow
def test_the_belief_stands_beside_them_as_fit_prints_it(found):
    (basin, *_) = host.fit(RUNS, DECAY).laws[0].basins
    for parameter in basin.parameters:
        row = found[parameter.name, "belief"]
        assert (row.value, row.low, row.high) == (parameter.value, parameter.low, parameter.high)


@pytest.mark.slow
def test_whole_groups_are_drawn_by_a_column():
    asked = {"bootstrap": 400, "draw": "group:family"}
    rows = {(row.name, row.method): row for row in host.fit(RUNS, DECAY, **asked).intervals}
    groups = [np.flatnonzero(name == FAMILY) for name in "abcdef"]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(400):
        chosen = np.concatenate([groups[i] for i in rng.integers(0, 6, 6)])
        if len(np.unique(chosen)) > 4:
            drawn.append(scipy_fit(RUNS["loss"][chosen], SIZES[chosen])[0][2])
    low, high = np.quantile(drawn, [0.05, 0.95])
    row = rows["alpha", "bootstrap (family)"]
    np.testing.assert_allclose([row.low, row.high], [low, high], atol=0.2 * (high - low))


def test_weights_count_as_repeated_runs_and_a_held_parameter_has_no_error():
    x, y = np.linspace(0, 3, 6)[:, None], np.array([[0.1], [0.4], [1.2], [1.4], [2.2], [2.4]])
    twice = np.repeat(np.arange(6), 2)
    with double_precision():
        theta = np.polyfit(x[:, 0], y[:, 0], 1)[::-1]
        weighted = standard_errors(LINE, runs_of(x, y, 8), theta, np.full(8, 2.0))
        repeated = standard_errors(LINE, runs_of(x[twice], y[twice]), theta)
        held = standard_errors(LINE, runs_of(x, y), np.array([2.0, 0.5]))
        of_weighted, of_repeated, of_held = map(np.asarray, (weighted.each, repeated.each, held.each))
    np.testing.assert_allclose(of_weighted, of_repeated, rtol=1e-12)
    assert int(weighted.dof) == int(repeated.dof) == 10
    design = np.column_stack([np.ones(12), x[twice, 0]])
    squares = np.sum((y[twice, 0] - design @ np.asarray(theta)) ** 2) / 10
    np.testing.assert_allclose(of_repeated**2, squares * np.diag(np.linalg.inv(design.T @ design)), rtol=1e-9)
    left = np.sum((y[:, 0] - 2 - 0.5 * x[:, 0]) ** 2) / 5
    np.testing.assert_allclose(of_held, [0, np.sqrt(left / np.sum(x**2))], rtol=1e-9)
    assert held.free.tolist() == [False, True]


def test_what_nothing_is_known_of_has_a_huge_error():
    x = np.ones((5, 1))
    with double_precision():
        found = standard_errors(
            LINE, runs_of(x, x + np.array([[0.1, -0.1, 0, 0.1, -0.1]]).T), np.array([0.5, 0.5])
        )
        assert np.all(np.asarray(found.each) > 1e6)


@pytest.fixture
def no_fit(monkeypatch):
    """What is wrong is said before anything is fitted."""
    monkeypatch.setattr("jaxsl.host.answer.fit.answered", None)


@pytest.mark.parametrize(
    "words, message",
    [
        (("--profile", "gamma"), "--profile gamma: chinchilla has no parameter 'gamma'; it has E, A"),
        (("--derive", "a=beta/gamma"), "no parameter 'gamma'"),
        (("--derive", "alpha=beta"), "has a parameter alpha; take another name"),
        (("--derive", "a"), "write NAME=EXPRESSION"),
        (("--bootstrap", "10"), "50 draws at least"),
        (("--bootstrap", "100", "--draw", "all"), "choose one of residuals, pairs and group:COLUMN"),
        (("--bootstrap", "100", "--draw", "group:who"), "has no column 'who'"),
        (("--bootstrap", "100", "--draw", "group:one"), "all runs are one group"),
    ],
)
def test_bad_input_is_one_message(words, message, tmp_path, no_fit):
    rows = [f"{n:g},{d:g},{1 + n**-0.3 + d**-0.3},x" for n in (1e6, 2e6, 4e6) for d in (1e8, 2e8)]
    (tmp_path / "runs.csv").write_text("\n".join(["N,D,loss,one", *rows]))
    result = CliRunner().invoke(app, ["fit", str(tmp_path / "runs.csv"), "--law", "chinchilla", *words])
    assert result.exit_code == 2 and message in result.stderr and len(result.stderr.splitlines()) == 1


def test_too_few_runs_leave_no_degree_of_freedom(no_fit):
    with pytest.raises(UserError, match="3 outcomes leave no degree of freedom"):
        host.fit({name: values[:3] for name, values in RUNS.items()}, DECAY, t=True)
