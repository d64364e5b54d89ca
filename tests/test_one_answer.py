"""One question has one answer: the same keys and numbers from every command, for any number of laws."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl import host
from jaxsl.host.cli import app

TARGET = ("--target", "N=1e9,D=2e10")
LAWS = {
    "one": ("--law", "kaplan/nd"),
    "two": ("--law", "kaplan/nd", "--law", "chinchilla"),
}
KEYS = {"median", "low", "high", "level"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve runs, of which `open.csv` lacks the last two outcomes.

    These are so dear that `replay` begins with all others: of each way it learns a few times, not twelve.
    """
    folder = tmp_path_factory.mktemp("answers")
    size, tokens = (
        grid.ravel() for grid in np.meshgrid(1e6 * 2.0 ** np.arange(3), 1e8 * 2.0 ** np.arange(4))
    )
    loss = ((1e9 / size) ** 0.6 + 3e9 / tokens) ** 0.1 + np.random.default_rng(0).normal(0, 0.003, 12)
    frame = pd.DataFrame({"N": size, "D": tokens, "loss": loss, "cost": np.append(np.ones(10), [1e3, 2e3])})
    frame.to_csv(folder / "runs.csv", index=False)
    frame.assign(loss=frame.loss.where(frame.index < 10)).to_csv(folder / "open.csv", index=False)
    return folder


def said(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def answers(folder, laws, *kind):
    """What every command that predicts says of the ten runs, or of all twelve."""
    given = (*LAWS[laws], *TARGET, *kind)
    study = folder / f"{laws}{'-'.join(kind)}.jsonl"
    made = CliRunner().invoke(
        app, ["study", "new", str(study), *given, "--candidates", str(folder / "open.csv")]
    )
    assert made.exit_code == 0, made.output
    page = folder / f"{study.stem}.html"
    outcome = () if kind else ("--of", "outcome")  # of a test on many items the curve is what counts
    few = {
        "fit": said("fit", folder / "open.csv", *given, "--json"),
        "next": said("next", folder / "open.csv", *given, "--json"),
        "report": said("report", folder / "open.csv", *given, "-o", page, "--json"),
        "study show": said("study", "show", study, "--json"),
        "report of a study": said("report", study, "-o", page, "--force", "--json"),
    }
    every = {
        "fit": said("fit", folder / "runs.csv", *given, "--json"),
        "replay": said("replay", folder / "runs.csv", *given, "--draws", 1, "--json"),
        "ess": said("ess", folder / "runs.csv", *given, *outcome, "--item-sd", 1, "--json"),
    }
    return few, every


@pytest.mark.slow
@pytest.mark.parametrize("laws", ["one", "two"])
@pytest.mark.parametrize("kind", [(), ("--level", "80", "--of", "curve")])
def test_every_command_gives_the_same_prediction_under_the_same_keys(folder, laws, kind):
    for found in answers(folder, laws, *kind):
        expected, of = found["fit"]["prediction"], "curve" if kind else "outcome"
        assert expected["level"] == (80 if kind else 90) and expected["of"] == of
        for command, answer in found.items():
            prediction = answer["prediction"]
            assert prediction.keys() >= KEYS, command
            for key in ("median", "low", "high"):
                np.testing.assert_allclose(
                    prediction[key], expected[key], rtol=1e-6, err_msg=f"{command} {key}"
                )
            assert prediction["level"] == expected["level"] and prediction["of"] == expected["of"], command


@pytest.mark.slow
def test_intervals_nest_and_fit_prints_both(folder):
    wide, narrow = (
        host.fit(folder / "runs.csv", "kaplan/nd", target=TARGET[1], level=level).prediction
        for level in (90, 50)
    )
    assert wide.low < narrow.low < narrow.median < narrow.high < wide.high
    assert wide.outcome[0] < wide.curve[0] and wide.curve[1] < wide.outcome[1]
    shown = CliRunner().invoke(app, ["fit", str(folder / "runs.csv"), *LAWS["one"], *TARGET]).stdout
    assert "90 % interval  90 % interval of the curve" in shown


@pytest.mark.slow
def test_python_has_the_verbs_of_the_command_line(folder):
    table = pd.read_csv(folder / "open.csv")
    for law in ("kaplan/nd", host.fit(table, "kaplan/nd").laws[0].law, ["kaplan/nd"]):
        assert host.fit(table, law, target=TARGET[1]).laws[0].law == "kaplan/nd"
        assert host.next_runs(table, law, target=TARGET[1]).prediction.level == 90
    assert host.rank(table, ["kaplan/nd", "kaplan/n"]).laws[0].law == "kaplan/nd"
    data = host.report(table, "kaplan/nd", target=TARGET[1], output=folder / "python.html")
    assert data.prediction.level == 90 and (folder / "python.html").stat().st_size > 10_000
    assert host.Study is not None and callable(host.replay)
