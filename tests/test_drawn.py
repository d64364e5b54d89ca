"""What is drawn can be read: many candidates, close scores, narrow axes, small figures."""

import equinox as eqx
import jax.numpy as jnp
import matplotlib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from test_plots import runs

from jaxsl.host import plots
from jaxsl.host.allocation.plan import plan
from jaxsl.host.answer.next_runs import next_runs
from jaxsl.host.answer.plot_data import view
from jaxsl.host.answer.thinning import MOST_DRAWN, strength, thinned
from jaxsl.host.cli import app
from jaxsl.host.html.chart import Chart, Scale, scale
from jaxsl.host.plots.style import logarithmic
from jaxsl.host.programs.learning import rank_rows
from laws.chinchilla import CHINCHILLA


@pytest.fixture(scope="module")
def seen():
    return view(runs(), CHINCHILLA, target="N=2e6,D=1e8", cost="price")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_thinning_keeps_the_best_and_the_last_and_none_twice():
    for num, most in ((3, 10), (10, 10), (11, 10), (100_000, 1000), (7, 2)):
        kept = thinned(num, most)
        assert len(kept) == min(num, most) == len(set(kept.tolist())) and kept[0] == 0 and kept[-1] == num - 1
        assert kept[: most // 2].tolist() == list(range(min(num, most // 2)))


def test_candidates_of_close_scores_have_different_strengths_and_so_have_those_far_apart():
    assert np.ptp(strength(np.array([0.98, 0.99, 1.0]))) == 1
    far = strength(np.array([1e-9, 1e-3, 1e-2, 1.0]))
    assert far[0] == far[1] == 0 and far[2] == pytest.approx(1 / 3) and far[3] == 1
    assert strength(np.zeros(3)).tolist() == [1, 1, 1]


@pytest.mark.slow
def test_the_colours_of_a_score_map_are_spread_over_the_candidates(seen):
    marks = plots.score_map(seen).collections[0].get_array()
    assert len(marks) == 3 and (marks.min(), marks.max()) == pytest.approx((0, 1), abs=1e-12)


@pytest.mark.slow
def test_runs_that_are_moved_to_a_slice_are_not_called_runs_of_that_place(seen):
    labels = plots.data_and_fit(seen, "N").get_legend_handles_labels()[1]
    assert "runs, moved here along the fit" in labels and "runs" not in labels


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.6, 1.0, 1.6])
def test_legends_and_labels_are_inside_the_figure_and_over_nothing_else(seen, share):
    found = plan(9.47, (4, 7), "0.3*exp(x)", curve=0)
    for draw in (lambda ax: plots.score_map(seen, ax=ax), lambda ax: plots.allocation(found, ax=ax)):
        figure, ax = plt.subplots(figsize=(5.6 * share, 3.8 * share), layout="constrained")
        draw(ax)
        figure.canvas.draw()
        label, legend = ax.xaxis.label.get_window_extent(), ax.get_legend().get_window_extent()
        assert legend.y1 <= label.y0 + 1 and legend.y0 >= 0
        assert legend.x0 >= -1 and legend.x1 <= figure.bbox.x1 + 1
        side = ax.yaxis.label.get_window_extent()
        assert side.y0 >= 0 and side.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("low", "high"), [(3.00001, 3.00006), (1e-15, 9e-15), (1e8, 1.0004e8), (0, 1), (1, 1e9)]
)
def test_no_tick_has_the_label_of_another(low, high):
    for log in (False, low > 0):
        labels = [label for _, label in Scale(low, high, log, "").ticks()]
        assert 2 <= len(labels) == len(set(labels))
    if low > 0:
        ax = plt.subplots()[1]
        ax.plot([low, high], [1, 2])
        logarithmic(ax, "x")
        ax.figure.canvas.draw()
        texts = [text.get_text() for text in ax.get_xticklabels() if text.get_text()]
        assert len(texts) == len(set(texts)) >= 2


def test_a_chart_draws_a_sample_of_very_many_marks_and_says_so():
    values = np.arange(10_000.0)
    chart = Chart("", scale([values], ""), scale([values], ""))
    chart.points(values, values, "run", "runs", [""] * 10_000, [""] * 10_000)
    assert len(chart.marks) == MOST_DRAWN and chart.legend["run"] == "runs (1,000 of 10,000)"
    assert (
        chart.marks[0].x == pytest.approx(chart.across(values[:1])[0])
        and chart.marks[-1].y < chart.marks[0].y
    )


def test_what_is_rounding_is_printed_as_nothing(monkeypatch):
    def nearly_alone(*arguments):
        ranking = rank_rows(*arguments)
        between = ranking.within * jnp.where(jnp.arange(len(ranking.within)) < 1, -5e-17, 1e-3)
        return eqx.tree_at(lambda ranking: ranking.between, ranking, between)

    monkeypatch.setattr("jaxsl.host.answer.next_runs.rank_rows", nearly_alone)
    found = next_runs(runs(), CHINCHILLA, target="N=2e6,D=1e8", cost="price")
    first, *others = found.runs
    assert first.between == 0.0 and all(run.between == pytest.approx(1e-3 * run.within) for run in others)


@pytest.mark.slow
def test_a_report_on_a_hundred_thousand_candidates_is_small_and_names_the_best(tmp_path):
    rng = np.random.default_rng(0)
    more = pd.DataFrame({"N": 10 ** rng.uniform(3, 6, 100_000), "D": 10 ** rng.uniform(6, 9, 100_000)})
    done = pd.DataFrame(runs()).dropna()[["N", "D", "loss"]]
    pd.concat([done, more]).to_csv(tmp_path / "many.csv", index=False)
    words = [
        "report",
        tmp_path / "many.csv",
        "--law",
        "chinchilla",
        "--target",
        "N=2e7,D=1e10",
        "--cost",
        "6*N*D",
    ]
    result = CliRunner().invoke(app, [str(word) for word in (*words, "-o", tmp_path / "page.html")])
    assert result.exit_code == 0, result.stderr
    page = (tmp_path / "page.html").read_text()
    assert len(page) < 2_000_000
    assert "candidate 1 of 100000" in page and "candidates (1,000 of 100,000, the best among them)" in page
    assert "candidate 100000 of 100000" in page
