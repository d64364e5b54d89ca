"""Rich display in notebooks: tables that hold the numbers, text that stays text, a bar that moves."""

from dataclasses import dataclass

import numpy as np
import pytest

from jaxsl.host.answer.fit_report import (
    BasinReport,
    FitReport,
    LawReport,
    NextReport,
    NextRun,
    Parameter,
    Prediction,
    Residuals,
)
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import Trust
from jaxsl.host.input.problem import Runs
from jaxsl.host.show import progress as module
from jaxsl.host.show.progress import bar, progress

EVIL = "<script>alert(1)</script>"


def fit(name="mine"):
    column = np.array([[1.5]])
    ends = np.stack([column - 1, column + 1])
    at = {"N": np.array([1e9])}, np.array([3])
    kind = 90.0, "outcome", ends, ends / 2
    prediction = Prediction(
        *at, column, column - 1, column + 1, *kind, column, column, {name: column}, column * np.nan
    )
    basin = BasinReport(1.0, 0.01, 64, (Parameter("alpha", 0.3421, 0.3, 0.4, 0.05, 2, 0.9, "lower"),))
    residuals = Residuals(0.01, 0.99, 0.03, 4)
    law = LawReport(name, "y = x", 1.0, 0.0, 0.9, 0.1, 1, 64, 60, 59, (basin,), residuals)
    trust = Trust(1, name, 0.9, True, "", 0.99, (), (), 8, "row", {"N": 1.0})
    return FitReport(8, (law,), (), prediction, trust, (EVIL,))


def test_a_fit_shows_its_parameters_and_its_prediction():
    text = fit()._repr_html_()
    assert '<data value="0.3421">0.3421</data>' in text and "at its lower bound" in text
    assert '<data value="1.5">1.5</data>' in text and "came out" not in text


def test_text_stays_text():
    text = fit(EVIL)._repr_html_()
    assert EVIL not in text and text.count("&lt;script&gt;") == 3


def test_a_choice_shows_its_runs_best_first():
    edge = np.array([[1.0]])
    runs = tuple(
        NextRun(row, {"N": 10.0 * row}, {"note": EVIL}, 5.0, 1 / row, 0.1, 0.2, edge, edge + 1)
        for row in (2, 7)
    )
    text = NextReport(fit(), fit().prediction, runs, 0.5, 0.5, None, None, 9.0, 9, 9, 45.0)._repr_html_()
    assert text.index("<td>2</td>") < text.index("<td>7</td>") and "30.0 %" in text and EVIL not in text


def test_a_pool_shows_its_first_rows():
    y = np.full((30, 1), np.nan)
    y[:4] = 2.5
    runs = Runs(
        np.arange(1.0, 31)[:, None], y, np.ones(30), np.arange(30), {"who": np.array([EVIL] * 30, object)}
    )
    text = runs._repr_html_()
    assert (
        "30 runs, 4 with an outcome; the first 20" in text and text.count("<tr>") == 21 and EVIL not in text
    )


def test_any_other_report_shows_its_numbers():
    @dataclass(frozen=True)
    class Odd(Report):
        value: float
        name: str
        inner: tuple

    assert "<td>value</td><td>2</td>" in Odd(2.0, "x", (1, 2))._repr_html_()


def test_progress_hands_out_every_item_and_says_nothing_in_a_pipe(capsys):
    assert list(progress(range(5), what="fits")) == list(range(5))
    assert list(progress(iter("abc"))) == list("abc")
    assert capsys.readouterr() == ("", "")


def test_progress_draws_how_far_it_is(monkeypatch):
    drawn = []
    monkeypatch.setattr(module, "_notebook", lambda: lambda *what: drawn.append(what))
    monkeypatch.setattr(module, "PAUSE", 0.0)
    assert list(progress([2.0, 5.0], total=10, what="spent", done=lambda item: item)) == [2.0, 5.0]
    assert drawn == [("spent", 0, 10), ("spent", 2.0, 10), ("spent", 5.0, 10), ("spent", 5.0, 10, True)]


@pytest.mark.parametrize("total", [None, 8])
def test_a_bar_is_html_that_escapes_what_it_is_called(total):
    text = bar(EVIL, 2, total)
    assert EVIL not in text and "<progress" in text and ('max="8.0"' in text) == (total is not None)
