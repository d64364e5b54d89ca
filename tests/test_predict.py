"""A fit that is kept predicts as it did, without fitting, or is refused; published parameters by name."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsl import host
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from laws.kaplan import SIZE

LAW = """
from jaxsl.law import Law, params

def loss(theta, x):
    "L = E + A N^-alpha"
    E, A, alpha = theta
    return E + A * x[0] ** -alpha

MINE = Law("mine", loss, ("N",), params(E=(0, 5), A=(1, 1e4), alpha=(0.05, 1)), linear=("E", "A"))
"""
SIZES = 1e6 * 2.0 ** np.arange(8)
RUNS = {"N": SIZES, "loss": 1.7 + 400 * SIZES**-0.34 + np.random.default_rng(0).normal(0, 0.003, 8)}
TARGET = "N=1e10"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def said(*words):
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A law file, and a fit of it and of another law kept by the command line."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "law.py").write_text(LAW)
    pd.DataFrame(RUNS).to_csv(folder / "runs.csv", index=False)
    words = ("--law", f"{folder}/law.py:MINE", "--law", "kaplan/n", "--target", TARGET, "--level", 80)
    found = said("fit", folder / "runs.csv", *words, "--save", folder / "fit.json", "--json")
    (folder / "said.json").write_text(json.dumps(found["prediction"]))
    return folder


@pytest.fixture
def copied(folder, tmp_path):
    """The same, to spoil."""
    for name in ("law.py", "fit.json"):
        (tmp_path / name).write_text((folder / name).read_text().replace(str(folder), str(tmp_path)))
    return tmp_path


@pytest.mark.slow
def test_a_kept_fit_says_what_the_fit_said(folder):
    expected = json.loads((folder / "said.json").read_text())
    found = said("predict", folder / "fit.json", "--at", TARGET, "--json")["prediction"]
    assert found["level"] == 80 and found["of"] == "outcome" and found.keys() == expected.keys()
    for key in ("median", "low", "high", "outcome", "curve", "within", "between"):
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-8, err_msg=key)
    assert list(found["by_law"]) == list(expected["by_law"])


@pytest.mark.slow
def test_level_and_kind_of_intervals_may_differ(folder):
    wide, narrow = (
        host.predict(folder / "fit.json", at=TARGET, level=level, of="curve").prediction for level in (95, 50)
    )
    assert wide.low < narrow.low < narrow.median < narrow.high < wide.high
    assert wide.of == "curve" and (wide.low == wide.curve[0]).all()


@pytest.mark.slow
def test_thousands_of_points_are_written_beside_the_table(folder, tmp_path):
    table = pd.DataFrame({"who": "a run", "millions": np.geomspace(1, 1e6, 3000)})
    table.to_csv(tmp_path / "at.csv", index=False)
    words = ("predict", folder / "fit.json", "--at", tmp_path / "at.csv", "--map", "N=1e6*millions")
    result = run(*words, "-o", tmp_path / "out.csv")
    assert result.exit_code == 0 and "and 2980 more points" in result.stdout
    written = pd.read_csv(tmp_path / "out.csv")
    laws = ["loss_mine", "loss_kaplan/n"]
    assert list(written) == ["who", "millions", "loss_median", "loss_low", "loss_high", *laws]
    assert (written.loss_low < written.loss_median).all() and (written.loss_median < written.loss_high).all()
    for row in (0, 2047, 2048, 2999):  # on both sides of where the points are divided
        alone = host.predict(folder / "fit.json", at={"N": 1e6 * table.millions[row]}).prediction
        np.testing.assert_allclose(written.loss_high[row], alone.high[0, 0], rtol=1e-9)
    refused = run(*words, "-o", tmp_path / "at.csv", "--force")
    assert refused.exit_code == 2 and "never written over" in refused.stderr
    assert "--force replaces it" in run(*words, "-o", tmp_path / "out.csv").stderr
    assert run(*words, "-o", tmp_path / "out.parquet").exit_code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), written)


@pytest.mark.slow
def test_python_keeps_and_predicts_in_the_same_words(folder, tmp_path):
    found = host.fit(folder / "runs.csv", "kaplan/n")
    found.save(tmp_path / "fit.json")
    with pytest.raises(UserError, match="exists already"):
        found.save(tmp_path / "fit.json")
    at = [{"N": 1e9}, {"N": 3e9}]
    for source in (found, host.load_fit(tmp_path / "fit.json"), tmp_path / "fit.json"):
        answer = host.predict(source, at=at)
        np.testing.assert_allclose(
            answer.prediction.median, host.predict(found, at=at).prediction.median, rtol=1e-12
        )
        assert any("made for the runs themselves" in note for note in answer.notes)
    kept = host.load_fit(tmp_path / "fit.json")
    assert kept.num_runs == 8 and kept.origin.fingerprint == found.kept.origin.fingerprint
    assert list(kept.basins[0][0]["parameters"].values()) == [
        parameter.value for parameter in found.laws[0].basins[0].parameters
    ]
    assert "kept" not in found.as_dict()


@pytest.mark.slow
def test_a_law_that_was_edited_is_refused_with_the_reason(copied):
    words = ("predict", copied / "fit.json", "--at", TARGET)
    assert run(*words).exit_code == 0
    for old, new, reason in (
        ("alpha=(0.05, 1)", "alpha=(0.05, 2)", "the box of alpha was [0.05, 1.0] and is [0.05, 2.0]"),
        ("E + A", "E + 2 * A", "its function gives other values"),
        ("MINE =", "OURS =", "has no 'MINE'"),
    ):
        (copied / "law.py").write_text(LAW.replace(old, new))
        result = run(*words)
        assert result.exit_code == 2 and reason in result.stderr and result.stdout == ""


@pytest.mark.slow
def test_a_law_that_cannot_be_found_again_is_not_kept(tmp_path):
    other = host.fit(RUNS, SIZE)
    object.__setattr__(other.kept, "names", ("kaplan/d",))
    with pytest.raises(UserError, match="another kaplan/n"):
        other.save(tmp_path / "fit.json")
    assert not (tmp_path / "fit.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda text: text[:1000], "is no fit that was kept"),
        (lambda text: '{"format": "other"}', "is no fit that was kept"),
        (lambda text: text.replace('"version": 1', '"version": 7', 1), "version 7"),
        (lambda text: text.replace('"theta": [[', '"theta": [[null, ', 1), "is damaged"),
        (lambda text: text.replace('"dof"', '"fod"', 1), "is damaged (KeyError: 'dof')"),
    ],
)
def test_a_damaged_file_is_refused(copied, spoil, message):
    (copied / "fit.json").write_text(spoil((copied / "fit.json").read_text()))
    result = run("predict", copied / "fit.json", "--at", TARGET)
    assert result.exit_code == 2 and message in result.stderr


def test_published_parameters_need_no_runs():
    found = said("predict", "--law", "chinchilla@epoch", "--at", "N=7e10,D=1.4e12", "--json")["prediction"]
    expected = 1.8172 + 482.01 * 7e10**-0.3478 + 2085.43 * 1.4e12**-0.3658
    np.testing.assert_allclose(found["median"], [[expected]], rtol=1e-12)
    assert found["low"] == [[None]] and found["by_law"] == {"chinchilla@epoch": found["median"]}
    words = ("--law", "chinchilla@epoch", "--law", "kaplan/n@kaplan", "--at", "N=1e9,D=1e10")
    both = run("predict", *words, "--at", "N=1e10,D=2e11")
    assert "chinchilla@epoch: Besiroglu et al. 2024" in both.stdout and "kaplan: Kaplan et al." in both.stdout
    values = [float(word) for word in both.stdout.splitlines()[4].split()]
    np.testing.assert_allclose(
        values,
        [1e10, 2e11, 1.8172 + 482.01 * 1e10**-0.3478 + 2085.43 * 2e11**-0.3658, (8.8e13 / 1e10) ** 0.076],
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    "words, message",
    [
        (("--at", "N=1e9"), "predict by one thing"),
        (("--law", "chinchilla", "--at", "N=1e9,D=1e9"), "chinchilla@hoffmann"),
        (("--law", "chinchilla@us", "--at", "N=1e9,D=1e9"), "no published parameters 'us'"),
        (
            (
                "--law",
                "chinchilla@epoch",
            ),
            "nothing says where to predict",
        ),
        (("--law", "chinchilla@epoch", "--at", "N=1e9"), "D is missing"),
        (("--law", "chinchilla@epoch", "--at", "x=1"), "neither a file nor a point"),
        (("--law", "chinchilla@epoch", "--at", "N=1,D=1", "--at", "a.csv"), "only as points"),
        (("--law", "chinchilla@epoch", "--at", "N=1e9,D=-3"), "is not positive"),
        (("--law", "chinchilla@epoch", "--at", "none.csv"), "cannot read none.csv"),
        (("--law", "chinchilla@epoch", "--at", "N=1,D=1", "--level", "90"), "without intervals"),
        (("none.json", "--at", "N=1e9"), "cannot read none.json"),
    ],
)
def test_bad_input_is_one_message(words, message):
    result = run("predict", *words)
    assert result.exit_code == 2 and result.stdout == ""
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
