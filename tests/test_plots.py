"""Plots: what is drawn is what was found, on the axes that were given, in any style."""

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from scipy.stats import norm
from synthetic import DECAY

from jaxsl.host import plots
from jaxsl.host.allocation.plan import plan
from jaxsl.host.answer.episode import Step
from jaxsl.host.answer.parameter_profile import parameter_profile
from jaxsl.host.answer.plot_data import view
from jaxsl.host.answer.report import r2
from jaxsl.host.decision.estimate import Estimate
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.decision.report import Group, IsoflopReport
from jaxsl.host.errors import UserError
from jaxsl.law import Law, params
from laws.chinchilla import CHINCHILLA

SIZES = np.geomspace(1e3, 3e5, 12)


def runs(num_done=9):
    rng = np.random.default_rng(0)
    tokens = np.tile([1e6, 1e7, 1e8], 4)
    loss = 1.5 + 40 * SIZES**-0.3 + 20 * tokens**-0.3 + rng.normal(0, 0.003, 12)
    loss[num_done:] = np.nan
    return {"N": SIZES, "D": tokens, "loss": loss, "price": 6 * SIZES * tokens}


@pytest.fixture(scope="module")
def seen():
    target = pd.DataFrame({"N": [2e6, 4e6], "D": [1e8, 2e8], "loss": [1.51, 1.5]})
    return view(runs(), CHINCHILLA, target=target, cost="price", units={"loss": "nats"})


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def labelled(ax, text):
    """The artist of a legend entry."""
    handles, labels = ax.get_legend_handles_labels()
    return next(handle for handle, label in zip(handles, labels, strict=True) if label.startswith(text))


@pytest.mark.slow
def test_runs_lie_beside_the_fit_by_their_residual(seen):
    ax = plots.data_and_fit(seen, "N")
    x, y = labelled(ax, "runs").get_data()
    np.testing.assert_array_equal(x, SIZES[:9])
    line_x, line_y = labelled(ax, "fit").get_data()
    on_line = np.interp(np.log(x), np.log(line_x), line_y)
    told = seen.answer.found.intervals(seen.seen.x)
    np.testing.assert_allclose(y - on_line, (seen.seen.y - told.mean)[:, 0], atol=2e-3)
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "N (parameters)"
    assert ax.get_ylabel() == "loss (nats)" and "D = 1.41e8" in ax.get_title(loc="left")


def test_the_targets_are_marked_and_lie_inside_the_axis(seen):
    ax = plots.data_and_fit(seen, "N")
    span = labelled(ax, "targets' range")
    assert (span.get_x(), span.get_x() + span.get_width()) == (2e6, 4e6)
    assert ax.get_xlim()[1] > 4e6
    x, y = labelled(ax, "targets, unseen").get_data()
    assert list(x) == [2e6, 4e6]
    residual = [1.51, 1.5] - seen.fit.prediction.median[:, 0]
    line_x, line_y = labelled(ax, "fit").get_data()
    np.testing.assert_allclose(y - np.interp(np.log(x), np.log(line_x), line_y), residual, atol=3e-4)


def test_the_band_of_outcomes_holds_the_band_of_the_curve_and_widens_away_from_the_runs(seen):
    found = seen.slices["N"]
    assert (found.low <= found.curve_low).all() and (found.curve_low <= found.median).all()
    assert (found.median <= found.curve_high).all() and (found.curve_high <= found.high).all()
    width = (found.curve_high - found.curve_low)[:, 0]
    assert width[-1] > width[len(width) // 2]


def test_an_unknown_input_is_refused_with_those_there_are(seen):
    with pytest.raises(UserError, match="has no input 'X'; it has N, D"):
        plots.data_and_fit(seen, "X")


def test_basins_are_drawn_at_their_prediction_and_misfit(seen):
    ax = plots.basins(seen)
    optima = labelled(ax, "basin 1")
    chosen = seen.plausible.label == 0
    np.testing.assert_allclose(optima.get_xdata(), seen.plausible.prediction[chosen, 0])
    np.testing.assert_allclose(optima.get_ydata(), np.sqrt(seen.plausible.loss[chosen]))
    assert min(optima.get_ydata()) == pytest.approx(seen.fit.laws[0].basins[0].rmse)
    bar = ax.lines[0].get_xdata()
    half = norm.ppf(0.95) * seen.plausible.deviation[0, 0]
    np.testing.assert_allclose(bar, seen.plausible.mean[0, 0] + np.array([-half, half]))


def test_residuals_are_drawn_against_what_was_asked_for_and_the_largest_is_named(seen):
    for against, x in ((None, seen.fitted[:, 0]), ("cost", seen.seen.cost), ("D", seen.seen.x[:, 1])):
        ax = plots.residuals(seen, against)
        drawn = ax.lines[-1]
        np.testing.assert_allclose(drawn.get_xdata(), x)
        np.testing.assert_allclose(drawn.get_ydata(), seen.score[:, 0])
    worst = int(np.argmax(np.abs(seen.score)))
    assert ax.texts[0].get_text() == f"row {worst}"
    with pytest.raises(UserError, match="name cost or an input"):
        plots.residuals(seen, "lr")


@pytest.mark.slow
def test_a_run_left_out_is_judged_as_by_algebra_and_a_fit_without_a_choice_can_be_drawn():
    """On a law that is linear in all free parameters, against leaving the run out by algebra."""

    def line(theta, x):
        return theta[0] + theta[1] * x[0]

    law = Law("line", line, ("x",), params(a=(-50, 50), b=(-50, 50)), linear=("a", "b"))
    rng = np.random.default_rng(1)
    x = np.linspace(1, 4, 8)
    table = {"x": x, "loss": 1 + 0.5 * x + rng.normal(0, 0.3, 8)}
    found = view(table, law)
    design, y, noise = np.column_stack([np.ones(8), x]), table["loss"], found.fit.laws[0].noise
    for row in range(8):
        others = np.arange(8) != row
        covariance = np.linalg.inv(design[others].T @ design[others])
        mean = design[row] @ covariance @ design[others].T @ y[others]
        deviation = noise * np.sqrt(1 + design[row] @ covariance @ design[row])
        # Other components of the belief have part in it.
        assert found.left_out[row, 0] == pytest.approx((y[row] - mean) / deviation, abs=0.6)
        assert found.score[row, 0] == pytest.approx((y[row] - found.fitted[row, 0]) / noise)
    assert found.choice is None and plots.data_and_fit(found) and plots.basins(found)
    with pytest.raises(UserError, match="needs a target, a cost and runs without an outcome"):
        plots.score_map(found)


def test_calibration_counts_the_runs_inside(seen):
    ax = plots.calibration(seen)
    claimed, inside = labelled(ax, "9 runs").get_data()
    at = int(np.argmin(np.abs(claimed - 50)))
    limit = norm.ppf((1 + claimed[at] / 100) / 2)
    assert inside[at] == pytest.approx(100 * np.mean(np.abs(seen.left_out) <= limit))
    assert labelled(ax, "2 targets") is not None


def test_the_score_map_draws_every_affordable_candidate_and_rings_the_first(seen):
    ax = plots.score_map(seen)
    marks, ring = ax.collections[:2]
    best = seen.choice.runs[0]
    assert len(marks.get_offsets()) == 3
    assert tuple(ring.get_offsets()[0]) == (best.x["N"], best.x["D"])
    # Candidates that cost more than all runs so far come last, whatever their score: colour is the score.
    score, shade = np.array([run.score for run in seen.choice.runs]), marks.get_array()[::-1]
    assert list(np.argsort(shade)) == list(np.argsort(score)) and shade[np.argmax(score)] == 1.0
    sizes = {float(x): area for (x, _), area in zip(marks.get_offsets(), marks.get_sizes(), strict=True)}
    cost = {run.x["N"]: run.cost for run in seen.choice.runs}
    assert sorted(sizes, key=sizes.get) == sorted(cost, key=cost.get)
    assert ax.texts[0].get_text() == f"next: row {best.row_number}"
    assert labelled(ax, "runs done").get_xdata().size == 9


@pytest.mark.slow
def test_the_score_map_of_one_input_has_the_score_on_its_other_axis():
    table = {"N": SIZES, "loss": 1 + 30 * SIZES**-0.3, "cost": SIZES}
    table["loss"][8:] = np.nan
    found = view(table, DECAY, target="N=1e7")
    ax = plots.score_map(found)
    assert ax.get_ylabel().startswith("score") and ax.get_xlabel() == "N (parameters)"
    np.testing.assert_allclose(ax.collections[1].get_offsets()[0, 1], found.choice.runs[0].score)


@pytest.mark.slow
def test_a_profile_has_its_lowest_point_at_the_optimum_and_its_interval_under_the_limit(seen):
    found = parameter_profile(seen, "alpha")
    inside = (found.values >= found.low) & (found.values <= found.high)
    assert (found.rmse[inside] <= found.limit * 1.001).all() and found.low < found.best < found.high
    assert (found.rmse[~inside] >= found.limit * 0.999).all() or found.open_low or found.open_high
    ax = plots.profile(found)
    np.testing.assert_array_equal(labelled(ax, "best fit").get_ydata(), found.rmse)
    assert labelled(ax, "optimum").get_xdata()[0] == found.best
    with pytest.raises(UserError, match="no parameter 'gamma'; it has E, A, alpha, B, beta"):
        parameter_profile(seen, "gamma")


def steps():
    mean, half = np.array([[1.0], [2.0]]), np.array([0.4, 0.2, 0.1])
    return [
        Step(3 + i, 10.0 * 2**i, mean + width, np.stack([mean - width, mean + width]), 1)
        for i, width in enumerate(half)
    ]


def test_spend_is_drawn_against_interval_and_r2():
    observed = np.array([[1.0], [2.0]])
    ax = plots.interval_by_spend(steps(), observed, total=100)
    x, y = labelled(ax, "prediction").get_data()
    assert list(x) == [10.0, 20.0, 40.0] and np.allclose(y, [1.9, 1.7, 1.6])
    assert "%" in ax.get_xlabel() and labelled(ax, "came out").get_ydata()[0] == 1.5
    ax = plots.r2_by_spend(steps(), observed)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [r2(observed, step.median) for step in steps()])
    assert ax.get_xlabel() == "spent (unit of the costs)"


def test_ess_and_allocation_are_those_of_the_plan():
    found = plan(9.47, (4, 7), "0.3*exp(x)", line=(-0.9, 0.52), sigma=0.2, link="logistic:2,-6.11", curve=2)
    ax = plots.ess_by_budget(found)
    np.testing.assert_allclose(labelled(ax, "Hoeffding").get_ydata(), [step.ess for step in found.curve])
    ax = plots.allocation(found, existing=np.array([0.5, 0.5, 1.0]))
    np.testing.assert_allclose(labelled(ax, "to train").get_data(), [found.x, found.count])
    np.testing.assert_allclose(labelled(ax, "there already").get_data(), [[0.5, 1.0], [2, 1]])
    with pytest.raises(UserError, match="no ESS to draw"):
        plots.ess_by_budget(replace(found, curve=()))


def test_every_plot_uses_the_axes_it_is_given_and_the_style_of_the_moment(seen):
    draw = [plots.data_and_fit, plots.basins, plots.residuals, plots.calibration, plots.score_map]
    for function in draw:
        ax = plt.figure().add_subplot()
        assert function(seen, ax=ax) is ax
        assert "(" in ax.get_xlabel() and "(" in ax.get_ylabel(), f"{function.__name__}: an axis without unit"
    with plt.style.context("dark_background"):
        ax = plots.data_and_fit(seen)
        assert labelled(ax, "runs").get_color() == "white"
    with matplotlib.rc_context(plots.TRANSPARENT):
        ax = plots.data_and_fit(seen)
        assert ax.get_facecolor()[3] == 0 and ax.figure.get_facecolor()[3] == 0


def test_isoflop_curves_are_the_parabolas_and_a_refused_one_has_its_runs_alone():
    def one(name, median):
        return Estimate(name, "", median, np.nan, np.nan, "parabola")

    size = np.array([1e8, 2e8, 4e8])
    bent = 3 + 0.2 * np.log(size / 1.5e8) ** 2
    good = Group(
        1e19, (1, 2, 3), size, bent, "", one("N", 1.5e8), one("loss", 3.0), 0.2, one("N", 1.6e8), 1.0
    )
    bad = Group(
        1e20,
        (4, 5, 6),
        size,
        bent,
        "no minimum",
        one("N", np.nan),
        one("loss", np.nan),
        -1.0,
        one("N", 4e8),
        1.0,
    )
    whole = IsoflopReport(
        ("chinchilla",), "6*N*D", "N", (good, bad), None, np.nan, None, 0.0, 90.0, None, (), ()
    )
    ax = plots.isoflop_curves(whole, unit="nats")
    (curve,) = [line for line in ax.lines if len(line.get_xdata()) > 3]
    np.testing.assert_allclose(
        curve.get_ydata(), 3 + 0.2 * np.log(np.array(curve.get_xdata()) / 1.5e8) ** 2, rtol=1e-12
    )
    _, names = ax.get_legend_handles_labels()
    assert names[:2] == ["cost 1e19", "cost 1e20"] and "nats" in ax.get_ylabel()


@pytest.mark.slow
def test_a_frontier_has_a_band_where_there_is_an_interval_and_refuses_what_it_has_not():
    published = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=[1e20, 1e22])
    ax = plots.frontier(published)
    assert not ax.collections
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [one["N"].median for one in published.decisions])
    told = replace(published.decisions[0]["N"], low=1e8, high=1e10)
    wide = tuple(replace(one, estimates=(told,)) for one in published.decisions)
    assert len(plots.frontier(replace(published, decisions=wide)).collections) == 1
    with pytest.raises(UserError, match="name one of N, D, D/N, loss"):
        plots.frontier(published, "M")
    with pytest.raises(UserError, match="two budgets"):
        plots.frontier(replace(published, decisions=published.decisions[:1]))


@pytest.mark.slow
def test_flatness_is_the_loss_off_the_best_size_at_the_cost():
    found = optimal(None, "chinchilla@epoch", cost="6*N*D", budget=[1e21, 1e22], curves=True)
    ax = plots.flatness(found, unit="nats")
    E, A, alpha, B, beta = CHINCHILLA.estimates["epoch"]
    N, loss = np.array(ax.lines[0].get_xdata()), ax.lines[0].get_ydata()
    np.testing.assert_allclose(loss, E + A * N**-alpha + B * (1e22 / 6 / N) ** -beta, rtol=1e-9)
    assert N[np.argmin(loss)] == pytest.approx(found.decisions[1]["N"].median)
    (span,) = ax.patches
    assert span.get_x() == pytest.approx(found.decisions[1].flat[0].low)
    assert "1e21" in plots.flatness(found, "D", budget=1e21).get_xlabel()
    with pytest.raises(UserError, match="name one of N, D"):
        plots.flatness(found, "loss")
    with pytest.raises(UserError, match="the report has 1e21, 1e22"):
        plots.flatness(found, budget=1e20)
    with pytest.raises(UserError, match="curves=True"):
        plots.flatness(optimal(None, "chinchilla@epoch", cost="6*N*D", budget=1e22))


@pytest.mark.slow
def test_the_loss_about_the_best_of_runs_has_a_band():
    N, D = (part.ravel() for part in np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(1e9, 1e11, 4)))
    E, A, alpha, B, beta = CHINCHILLA.estimates["epoch"]
    loss = E + A * N**-alpha + B * D**-beta + 0.003 * np.random.default_rng(0).standard_normal(16)
    runs = {"N": N, "D": D, "loss": loss}
    decision = optimal(runs, "chinchilla", cost="6*N*D", budget=1e22, curves=True).decisions[0]
    for one in decision.around:
        assert (one.low < one.median).all() and (one.median < one.high).all()
        middle = len(one.value) // 2
        assert one.median[middle] == pytest.approx(decision["loss"].median, abs=0.01)
