"""Compute-optimal sizes, costs of losses, recipes and IsoFLOP: published values and brute force."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize_scalar
from typer.testing import CliRunner

from jaxsl.host.answer.fit import fit
from jaxsl.host.cli import app
from jaxsl.host.decision import programs
from jaxsl.host.decision.estimate import values
from jaxsl.host.decision.grid import grid
from jaxsl.host.decision.isoflop import grouped, isoflop, parabola
from jaxsl.host.decision.known import best_of_heaviest, learned, published
from jaxsl.host.decision.multiplier import multiplier, split
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.decision.question import question
from jaxsl.host.decision.reach import reach
from jaxsl.host.errors import UserError
from jaxsl.host.input.reading import read_rows
from jaxsl.precision import double_precision
from laws.chinchilla import CHINCHILLA

EPOCH = CHINCHILLA.estimates["epoch"]


def loss(size, tokens, theta=EPOCH):
    E, A, alpha, B, beta = theta
    return E + A * size**-alpha + B * tokens**-beta


def runs(seed=0, noise=0.005, better=1.0):
    size, tokens = (
        part.ravel() for part in np.meshgrid(np.geomspace(5e7, 3e9, 5), np.geomspace(1e9, 6e10, 5))
    )
    error = np.random.default_rng(seed).normal(0, noise, 25)
    return {"N": size, "D": tokens, "loss": loss(better * size, better * tokens) + error}


def brute(function, budget):
    """The best size at a cost of 6 N D, by SciPy."""
    return np.exp(
        minimize_scalar(
            lambda v: function(np.exp(v), budget / 6 / np.exp(v)),
            bounds=(np.log(1e6), np.log(1e13)),
            method="bounded",
            options={"xatol": 1e-9},
        ).x
    )


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_published_parameters_give_the_published_optimum():
    found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=[1e21, 1e24])
    small, large = found.decisions
    assert [round(large[name].median, digits) for name, digits in (("loss", 5), ("D/N", 2))] == [
        1.95971,
        18.14,
    ]
    np.testing.assert_allclose([large["N"].median, large["D"].median], [9.586e10, 1.7386e12], rtol=1e-4)
    np.testing.assert_allclose([small["N"].median, small["D"].median], [2.7785e9, 5.9985e10], rtol=1e-4)
    assert small["loss"].median == pytest.approx(2.30553, abs=1e-5)
    assert found.exponents[0].median == pytest.approx(0.51261, abs=1e-5)
    assert {one.method for one in large.estimates} == {"exact"} and large.regret == 0


@pytest.mark.slow
def test_decisions_asked_together_are_those_asked_alone_by_one_program():
    """However many are asked: the shapes are the same, and those that were not asked cost nothing."""
    known, levels = published("chinchilla@epoch", "6*N*D", {}, {}), np.log([1e20, 1e22, 1e24])
    together = values(known, levels, False).mean[0].reshape(3, -1)
    alone = [values(known, levels[[row]], False).mean[0] for row in np.arange(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    shapes = [
        [np.shape(leaf) for leaf in (asked.level, asked.centre, asked.start)]
        for asked in (known.ask(levels), known.ask(levels[:1]))
    ]
    assert shapes[0] == shapes[1]
    with double_precision():
        part, space = known.parts[0], known.asked.space()
        found = programs.believed(part.posterior, space, known.asked.free, False, known.ask(levels))
    assert np.all(np.asarray(found.mean)[3:] == 0)


@pytest.mark.slow
def test_flatness_is_what_brute_force_finds():
    found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=1e24).decisions[0]
    best, least = found["N"].median, found["loss"].median

    def more(size):
        """Compute to be as good at another size."""
        tokens = brentq(lambda v: loss(size, np.exp(v)) - least, 20, 60)
        return 6 * size * np.exp(tokens) / 1e24

    flat = found.flat[0]
    np.testing.assert_allclose([flat.halving, flat.doubling], [more(best / 2), more(best * 2)], rtol=1e-6)
    np.testing.assert_allclose([more(flat.low), more(flat.high)], 1.005, atol=2e-4)


@pytest.mark.slow
def test_inference_counts_where_the_cost_says_so():
    served = 1e13
    found = optimal(
        None, "chinchilla@epoch", cost="6*N*D + 2*N*served", budget=1e24, hold={"served": served}
    ).decisions[0]
    best = minimize_scalar(
        lambda v: loss(np.exp(v), (1e24 / np.exp(v) - 2 * served) / 6), bounds=(18, 24.6), method="bounded"
    )
    np.testing.assert_allclose(found["N"].median, np.exp(best.x), rtol=1e-4)
    assert found["loss"].median == pytest.approx(best.fun, abs=1e-9)


@pytest.mark.slow
def test_a_range_is_kept_and_its_edge_is_said():
    found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=1e24, range={"N": (1e8, 2e10)}).decisions[
        0
    ]
    assert found["N"].median == pytest.approx(2e10) and found.edges == ("N at its upper bound 2e+10",)


@pytest.mark.slow
def test_intervals_of_runs_hold_the_truth_and_narrow_with_the_noise():
    found = optimal(runs(), "chinchilla", cost="6*N*D", budget=1e22)
    truth = brute(loss, 1e22)
    size = found.decisions[0]["N"]
    assert size.low < truth < size.high and size.high / size.low < 2
    quiet = optimal(runs(noise=0.0005), "chinchilla", cost="6*N*D", budget=1e22).decisions[0]["N"]
    assert quiet.high / quiet.low < size.high / size.low
    assert found.trust is not None and found.trust.beyond["N"] > 0
    assert 0 < found.decisions[0].regret < 0.01


@pytest.mark.slow
def test_where_the_law_does_not_hold_the_best_has_the_loss_that_is_predicted_there():
    """Larger models learn more from data in these runs; a plane far from the best would tell another loss."""
    size, tokens = (
        part.ravel() for part in np.meshgrid(np.geomspace(1e8, 6e9, 7), np.geomspace(1e9, 5e11, 9))
    )
    E, A, alpha, B, beta = EPOCH
    truth = E + A * size**-alpha + B * tokens ** (-beta * (1 + 0.03 * np.log(size / 1e9)))
    table = {"N": size, "D": tokens, "loss": truth}
    found = optimal(table, "chinchilla", cost="6*N*D", budget=1e22).decisions[0]
    target = f"N={found['N'].median:.6g},D={found['D'].median:.6g}"
    told = fit(table, "chinchilla", target=target, of="curve").prediction
    assert abs(found["loss"].median - told.median.item()) < found["loss"].high - found["loss"].low
    known = learned(table, "chinchilla", "6*N*D", {}, {}, np.log([1e22]), False, level=90.0, seed=0)
    away = np.log(best_of_heaviest(known, np.log([1e22]), False) / known.centre)
    assert np.abs(away).max() < 0.1 * np.log(10)


@pytest.mark.slow
def test_reach_is_the_inverse_of_optimal():
    least = loss(brute(loss, 1e22), 1e22 / 6 / brute(loss, 1e22))
    found = reach(None, "chinchilla@epoch", cost="6*N*D", loss=[least, 2.5])
    assert found.losses == (2.5, pytest.approx(least))
    assert found.estimates[1][0].median == pytest.approx(1e22, rel=1e-6)
    with pytest.raises(UserError, match="its loss ends above it"):
        reach(None, "chinchilla@epoch", cost="6*N*D", loss=1.8)


@pytest.mark.slow
def test_a_recipe_whose_runs_count_double_needs_a_quarter_of_the_compute():
    found = multiplier({"old": runs(0), "new": runs(1, better=2)}, "chinchilla", cost="6*N*D", budget=1e22)
    told = found.recipes[0]
    assert told.multiplier.low < 4 < told.multiplier.high and told.multiplier.high < 8
    assert told.better == 0 and not np.isfinite(told.crossing) and found.against == "new"
    assert {one.name for one in told.shared} == {"E", "A", "alpha", "B", "beta"}


@pytest.mark.slow
def test_rows_are_chosen_before_recipes_are_told_apart(tmp_path):
    frames = [pd.DataFrame(runs(seed)).assign(recipe=name) for seed, name in enumerate(("old", "new"))]
    lone = frames[0][:1].assign(recipe="lone")
    path = tmp_path / "recipes.csv"
    pd.concat([*frames, lone]).to_csv(path, index=False)
    asked = ("multiplier", str(path), "--law", "chinchilla", "--by", "recipe", "--budget", "1e22")
    assert "recipe=lone" in invoke(*asked, "--against", "new").stderr
    found = invoke(*asked, "--against", "new", "--where", "recipe != 'lone'", "--json")
    assert [one["name"] for one in json.loads(found.stdout)["recipes"]] == ["old"]


def test_recipes_may_stand_in_the_names_of_files(tmp_path):
    for name, rows in (("old-1", 2), ("old-2", 1), ("new-1", 4)):
        (tmp_path / f"{name}.csv").write_text("N,loss\n" + "1e6,3\n" * rows)
    table = read_rows(sorted(tmp_path.glob("*.csv")), ["loss"], from_name="(?P<recipe>[a-z]+)-")
    found = split(table, "recipe", "old")
    assert {name: table.num_rows for name, table in found.items()} == {"new": 4, "old": 3}


def test_a_parabola_is_numpy_s():
    u, y = np.array([1.0, 2.0, 3.5, 4.0, 5.0]), np.array([3.0, 2.1, 1.9, 2.2, 3.3])
    a, b, c = np.polyfit(u, y, 2)
    found = parabola(u, y)
    np.testing.assert_allclose([found.at, found.value], [-b / 2 / a, c - b * b / 4 / a], rtol=1e-9)
    shifted = [parabola(u, y + 1e-6 * np.eye(5)[row]).at for row in range(5)]
    np.testing.assert_allclose(found.slope, (np.array(shifted) - found.at) / 1e-6, rtol=1e-3, atol=1e-5)
    assert parabola(u, -y).refused and parabola(u[:2], y[:2]).refused == "fewer than three sizes"
    assert "beyond the smallest" in parabola(u, (u + 1) ** 2).refused


def test_costs_that_form_no_budget_are_refused():
    with pytest.raises(UserError, match="form no budget"):
        grouped(np.geomspace(1e18, 1e20, 30))
    with pytest.raises(UserError, match="no run costs about that"):
        grouped(np.array([1e18, 1e18]), [1e18, 1e20])


@pytest.mark.slow
def test_isoflop_finds_the_exponent_and_the_bias_of_a_lopsided_grid():
    rows = []
    for budget in (1e19, 1e20, 1e21):
        best = brute(loss, budget)
        size = best * np.geomspace(1 / 3, 24, 9)
        rows.append(np.stack([size, budget / 6 / size, loss(size, budget / 6 / size)], axis=1))
    N, D, L = np.concatenate(rows).T
    found = isoflop({"N": N, "D": D, "loss": L}, "chinchilla", cost="6*N*D")
    for group, budget in zip(found.groups, (1e19, 1e20, 1e21), strict=True):
        truth = brute(loss, budget)
        assert group.law.median == pytest.approx(truth, rel=0.03)
        # Noise-free, the parabola is off by its bias alone, which the simulation tells.
        assert group.best.median / truth == pytest.approx(group.bias, rel=0.01)
        assert group.bias > 1.01
    assert found.exponent.median == pytest.approx(0.5126, abs=0.02)


@pytest.mark.slow
def test_a_grid_keeps_to_its_budgets_and_tells_more_than_equal_steps():
    found = grid("chinchilla@epoch", budgets=[1e18, 1e19, 1e20], runs=12, cost="6*N*D")
    assert np.bincount(np.searchsorted([1e18, 1e19, 1e20], found.budget)).tolist() == [4, 4, 4]
    np.testing.assert_allclose(6 * found.x["N"] * found.x["D"], found.budget, rtol=1e-6)
    more = grid("chinchilla@epoch", budgets=[1e18, 1e19, 1e20], runs=24, cost="6*N*D")
    width = [np.log(one.expected[0].high / one.expected[0].low) for one in (found, more)]
    assert width[1] < width[0]


@pytest.mark.slow
def test_next_for_the_best_size_is_the_fall_of_its_regret():
    table = runs()
    N, D = (part.ravel() for part in np.meshgrid([1e8, 1e10], [1e9, 3e11]))
    table = {
        name: np.concatenate([table[name], more]) for name, more in (("N", N), ("D", D), ("loss", N * np.nan))
    }
    found = next_for(table, "chinchilla", aim="optimal:C=1e24", cost="6*N*D", count=4, max_cost=1e30)
    assert len(found.runs) == 4 and all(0 < run.fall < found.regret for run in found.runs)
    assert [run.score for run in found.runs] == sorted((run.score for run in found.runs), reverse=True)
    assert 1 / 3 < found.regret / found.decision.regret < 3  # by the curvature, and by drawn curves


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--law", "chinchilla", "--budget", "1e24"), "needs to be told which parameters"),
        (("--law", "chinchilla@nobody", "--budget", "1e24"), "it has chinchilla@hoffmann"),
        (("--law", "chinchilla@epoch", "--budget", "1e24x"), "is not a number"),
        (("--law", "chinchilla@epoch", "--budget", "-1"), "a budget is a positive number"),
        (("--law", "chinchilla@epoch", "--budget", "1e24", "--cost", "6*N*D+served"), "--hold served=VALUE"),
        (
            ("--law", "chinchilla@epoch", "--budget", "1e24", "--hold", "N=1e9", "--hold", "D=1e9"),
            "cost is fixed",
        ),
        (("--law", "chinchilla@epoch", "--budget", "1e24", "--range", "N=5:1"), "LOW below HIGH"),
        (("--law", "chinchilla@epoch", "--budget", "1e24", "--range", "M=1:5"), "none of the inputs"),
        (
            ("--law", "chinchilla@epoch", "--budget", "1e21", "--range", "N=1e8:1e9", "--range", "D=1e8:1e9"),
            "no configuration that is allowed costs 1e+21",
        ),
        (("--law", "chinchilla@epoch", "--budget", "1e24", "--cost", "6*N"), "D is not in the cost"),
    ],
)
def test_bad_input_is_one_message(arguments, message):
    found = invoke("optimal", *arguments)
    assert found.exit_code == 2 and message in found.stderr and found.stderr.count("\n") == 1


@pytest.mark.slow
def test_commands_print_tables_and_json(tmp_path):
    path = tmp_path / "runs.csv"
    table = runs()
    path.write_text(
        "N,D,loss\n"
        + "\n".join(f"{n:.6g},{d:.6g},{y:.5f}" for n, d, y in zip(*table.values(), strict=True))
        + "\n"
    )
    shown = invoke("optimal", path, "--law", "chinchilla", "--budget", "1e22")
    assert shown.exit_code == 0 and "tokens per parameter" in shown.stdout and "N ~ C^a" in shown.stdout
    told = json.loads(invoke("optimal", path, "--law", "chinchilla", "--budget", "1e22", "--json").stdout)
    published = json.loads(
        invoke("optimal", "--law", "chinchilla@epoch", "--budget", "1e22", "--json").stdout
    )
    assert told.keys() == published.keys()
    laid_out = tmp_path / "grid.csv"
    again = ("grid", "--law", "chinchilla@epoch", "--budgets", "1e18,1e19", "--runs", "6", "-o", laid_out)
    assert invoke(*again).exit_code == 0 and len(laid_out.read_text().splitlines()) == 7
    assert invoke(*again).exit_code == 2


def test_an_input_that_never_varied_is_held():
    asked = question(CHINCHILLA, "6*N*20", runs=np.array([[1e6, 3e8], [2e6, 3e8]]))
    assert asked.held == {"D": 3e8} and asked.free == (0,)


@pytest.mark.slow
def test_intervals_cover_what_they_claim():
    """90 % intervals on 40 simulated sets, of the best size at 1e22 and its loss: at least 80 %."""
    size = brute(loss, 1e22)
    least, inside = loss(size, 1e22 / 6 / size), []
    for seed in range(40):
        found = optimal(runs(seed), "chinchilla", cost="6*N*D", budget=1e22).decisions[0]
        told = ((found["N"], size), (found["loss"], least))
        inside.append([one.low < truth < one.high for one, truth in told])
    assert (np.mean(inside, axis=0) >= 0.8).all() and np.mean(inside) < 0.995
