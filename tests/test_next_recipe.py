"""Which recipe to run next: what a run takes from a multiplier's variance, against refits of a linear law."""

import json
import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.decision.aim import MULTIPLIER, REACH, Aim, expected_error, read_aim, view_for
from jaxsl.host.decision.known import Known, Part
from jaxsl.host.decision.multiplier import compared
from jaxsl.host.decision.next_recipe import ranked_recipes
from jaxsl.host.decision.question import question
from jaxsl.host.decision.ranked import Purse, ranked
from jaxsl.host.errors import UserError
from jaxsl.host.input.problem import Runs
from jaxsl.law import Law, params
from jaxsl.posterior import LawPosterior

LINE = Law(
    "line",
    lambda theta, x: theta[0] - theta[1] * jnp.log(x[0]),
    ("N",),
    params(a=(-99, 99), b=(-99, 99)),
)
NOISE, C = 0.01, 100.0
SIZES = {"old": np.array([1.0, 3.0, 10.0]), "new": np.array([2.0, 5.0, 9.0, 20.0])}
THETA = {"old": np.array([3.0, 0.25]), "new": np.array([2.9, 0.3])}
OFFERED = {"old": np.array([30.0, 200.0, 4.0]), "new": np.array([40.0, 1.0])}


def features(size):
    return np.stack([np.ones_like(size), -np.log(size)], axis=1)


def covariance(size):
    """Of the parameters, by the normal equations."""
    rows = features(size)
    return np.linalg.inv(rows.T @ rows) * NOISE**2


def variance(sizes, times):
    """Of log M to first order about M = ``times``, of runs of those sizes: a - b log(M C) = a' - b' log C."""
    b = THETA["old"][1]
    slope = np.array([1.0, -np.log(times * C)]) / b, np.array([-1.0, np.log(C)]) / b
    return sum(one @ covariance(sizes[name]) @ one for name, one in zip(("old", "new"), slope, strict=True))


def known(name):
    root = np.linalg.cholesky(covariance(SIZES[name]))
    posterior = LawPosterior(
        LINE, jnp.asarray(THETA[name][None]), jnp.asarray(root[None]), jnp.ones(1), jnp.full(1, NOISE**2)
    )
    asked = question(LINE, "N", ranges={"N": (1e-6, 1e12)})
    part = Part(LINE, posterior, 1.0, math.inf, np.zeros(len(SIZES[name])))
    return Known((part,), False, asked, np.array([10.0]), np.array([[10.0]]))


def pool(name):
    x = OFFERED[name][:, None]
    return Runs(x, np.full_like(x, np.nan), x[:, 0], np.arange(len(x)), {})


@pytest.fixture
def ranking(float64):
    recipes = {name: known(name) for name in ("old", "new")}
    found = compared(recipes, "N", C, 90.0)
    pools = {name: pool(name) for name in recipes}
    times = found.recipes[0].multiplier.median  # of samples
    return *ranked_recipes(recipes, found, pools, Purse(math.inf, 50.0), 0), times


@pytest.mark.slow
def test_a_run_takes_from_the_variance_what_a_refit_with_it_says(ranking):
    runs, now, times = ranking
    assert now == pytest.approx(variance(SIZES, times), rel=1e-6)
    assert len(runs) == 5
    for run in runs:
        size = run.x["N"]
        more = SIZES | {run.recipe: np.append(SIZES[run.recipe], size)}
        assert run.fall == pytest.approx(variance(SIZES, times) - variance(more, times), rel=1e-5)


@pytest.mark.slow
def test_the_best_run_of_any_recipe_is_first_and_those_too_dear_for_now_are_last(ranking):
    runs, _, times = ranking
    falls = [
        (size > 50.0, variance(SIZES | {name: np.append(SIZES[name], size)}, times), name, size)
        for name, sizes in OFFERED.items()
        for size in sizes
    ]
    assert [(run.recipe, run.x["N"]) for run in runs] == [one[2:] for one in sorted(falls)]
    assert runs[-1].x["N"] == 200.0


@pytest.mark.slow
def test_the_variance_is_that_of_drawn_laws(ranking):
    rng = np.random.default_rng(0)
    a, b = (rng.multivariate_normal(THETA[name], covariance(SIZES[name]), 200_000) for name in ("old", "new"))
    log_times = (a[:, 0] - b[:, 0] + b[:, 1] * np.log(C)) / a[:, 1] - np.log(C)
    assert ranking[1] == pytest.approx(np.var(log_times), rel=0.05)
    assert np.log(ranking[2]) == pytest.approx(np.median(log_times), abs=0.02)


@pytest.mark.slow
def test_a_run_takes_from_the_variance_of_a_least_cost_what_a_refit_with_it_says(float64):
    """The cost of a loss L by the line is exp((a - L) / b)."""
    aim, offered, (a, b) = read_aim("reach:loss=2.2"), pool("old"), THETA["old"]
    slope = np.array([1.0, -(a - aim.at) / b]) / b
    near = replace(known("old"), centre=np.exp([[(a - aim.at) / b]]))
    table, target, _ = view_for(near, aim, offered.x)
    assert expected_error(table, target) == pytest.approx(slope @ covariance(SIZES["old"]) @ slope, rel=1e-6)
    found = ranked(table, target, offered, Purse(math.inf, math.inf), 3, 0)
    for row, fall in zip(found.index[:3], found.within + found.between, strict=False):
        more = np.append(SIZES["old"], offered.x[row, 0])
        left = slope @ covariance(more) @ slope
        assert fall == pytest.approx(expected_error(table, target) - left, rel=1e-5)


def test_an_aim_is_read():
    assert read_aim("reach:loss=2.2") == Aim(REACH, 2.2)
    assert read_aim("multiplier:C=1e22") == Aim(MULTIPLIER, 1e22)
    with pytest.raises(UserError, match="multiplier:C=1e22, the cost at which"):
        read_aim("multiplier")


TABLE = "recipe,N,D,loss\n" + "".join(
    f"{recipe},{n:g},{d:g},{1.8 + 440 * (times * n) ** -0.34 + 2600 * (times * d) ** -0.37:.4f}\n"
    for recipe, times in (("old", 1), ("new", 2))
    for n in (1e8, 3e8, 1e9)
    for d in (2e9, 8e9, 3e10)
)
CANDIDATES = "old,3e9,1e11,\nnew,3e9,1e11,\n"


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "more, message",
    [
        (("--aim", "multiplier:C=1e21"), "name the column that tells recipes apart, --by COLUMN"),
        (("--aim", "optimal:C=1e21", "--by", "recipe"), "--by tells recipes apart"),
        (("--target", "N=1e9,D=1e10", "--by", "recipe"), "--by tells recipes apart"),
        (("--aim", "multiplier:C=1e21", "--by", "recipe", "--against", "best"), "holds old, new"),
        (("--aim", "multiplier:C=1e21", "--by", "recipe", "--max-cost", "1"), "no candidate that may be"),
    ],
)
def test_bad_input_is_one_message(tmp_path, more, message):
    path = tmp_path / "runs.csv"
    path.write_text(TABLE + CANDIDATES)
    found = invoke("next", path, "--law", "chinchilla", "--cost", "6*N*D", *more)
    assert found.exit_code == 2 and message in found.stderr and found.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_command_ranks_candidates_of_both_recipes(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(TABLE + CANDIDATES)
    asked = ("next", path, "--law", "chinchilla", "--cost", "6*N*D", "--aim", "multiplier:C=1e21")
    shown = invoke(*asked, "--by", "recipe")
    assert shown.exit_code == 0 and "multiplier now" in shown.stdout
    told = json.loads(invoke(*asked, "--by", "recipe", "--against", "new", "--json").stdout)
    assert {run["row_number"]: run["recipe"] for run in told["runs"]} == {20: "old", 21: "new"}
    assert all(0 < run["fall"] < told["variance"] for run in told["runs"])
    assert told["multipliers"]["against"] == "new"
