"""A study knows its law: edited or moved, it is asked about; what runs no law is not stopped by one."""

import json

import pytest
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.study.study import Study

LAW = """
from jaxsl.law import Law, params

def loss(theta, x):
    "L = E + A N^-alpha"
    E, A, alpha = theta
    return E + A * x[0] ** -alpha

MINE = Law("mine", loss, ("N",), params(E=(0, 5), A=(1, 1e4), alpha=(0.05, 1)))
"""
NEW = ("--target", "N=1e10", "--cost", "N", "--candidates", "runs.csv")
USERS = [("ask", "s.jsonl"), ("show", "s.jsonl"), ("import", "s.jsonl", "runs.csv")]
FREE = [("tell", "s.jsonl", "r1", "3.0"), ("show", "s.jsonl", "--quick"), ("export", "s.jsonl", "t.csv")]


def invoke(*words):
    return CliRunner().invoke(app, ["study", *words])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "law.py").write_text(LAW)
    (tmp_path / "runs.csv").write_text("N\n1e6\n2e6\n4e6\n8e6\n")
    assert invoke("new", "s.jsonl", "--law", "law.py:MINE", *NEW).exit_code == 0
    assert invoke("ask", "s.jsonl").exit_code == 0
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("alpha=(0.05, 1)", "alpha=(0.05, 2)", "the box of alpha was [0.05, 1.0] and is [0.05, 2.0]"),
        ("A * x[0] ** -alpha", "A * (2 * x[0]) ** -alpha", "its function gives other values"),
        ("params(E=", "params(F=", "its parameters were E, A, alpha and are F, A, alpha"),
        ('("N",), ', '("N",), linear=("E", "A"), params=', "`linear` was [] and is ['A', 'E']"),
    ],
)
def test_an_edited_law_stops_what_would_use_it_until_it_is_accepted(folder, old, new, said):
    assert old in LAW
    (folder / "law.py").write_text(LAW.replace(old, new))
    before = (folder / "s.jsonl").read_bytes()
    for words in USERS:
        result = invoke(*words)
        assert result.exit_code == 2 and result.stdout == "" and result.stderr.count("\n") == 1
        assert f"law mine is no longer what s.jsonl began with: {said}" in result.stderr
        assert "jaxsl study set s.jsonl --law NAME" in result.stderr
    assert (folder / "s.jsonl").read_bytes() == before
    for words in FREE:
        assert invoke(*words).exit_code == 0
    assert invoke("set", "s.jsonl", "--law", "law.py:MINE").exit_code == 0
    for words in USERS:
        assert invoke(*words).exit_code == 0


def test_another_way_to_write_the_same_law_is_the_same_law(folder):
    (folder / "law.py").write_text(LAW.replace("A * x[0] ** -alpha", "A / x[0] ** alpha  # the same"))
    assert "the same" in (folder / "law.py").read_text() and invoke("show", "s.jsonl").exit_code == 0


def test_a_moved_file_can_be_pointed_to_and_another_law_is_not_taken_for_it(folder):
    (folder / "sub").mkdir()
    (folder / "law.py").rename(folder / "sub" / "moved.py")
    lost = invoke("ask", "s.jsonl")
    assert lost.exit_code == 2 and "there is no law file" in lost.stderr
    assert "jaxsl study set s.jsonl --law NAME` says where it is now" in lost.stderr
    refused = invoke("set", "s.jsonl", "--law", "chinchilla")
    assert refused.exit_code == 2 and "studies a law with inputs N and outputs loss" in refused.stderr
    assert invoke("set", "s.jsonl", "--law", "sub/moved.py:MINE").exit_code == 0
    assert invoke("ask", "s.jsonl").exit_code == 0
    assert Study("s.jsonl").ledger.settings["law"] == f"{folder}/sub/moved.py:MINE"


def test_every_one_of_several_laws_is_kept(folder):
    laws = ("--law", "law.py:MINE", "--law", "kaplan/n")
    assert invoke("new", "two.jsonl", *laws, *NEW).exit_code == 0
    assert Study("two.jsonl").laws[1].name == "kaplan/n"
    (folder / "law.py").write_text(LAW.replace("E=(0, 5)", "E=(0, 6)"))
    assert "the box of E was [0.0, 5.0] and is [0.0, 6.0]" in invoke("ask", "two.jsonl").stderr
    assert invoke("set", "two.jsonl", *laws).exit_code == 0 and invoke("ask", "two.jsonl").exit_code == 0


def test_a_journal_from_before_laws_were_kept_opens(folder):
    from jaxsl.host.study.records import decode, encode

    lines = (folder / "s.jsonl").read_bytes().splitlines()
    header = {
        name: value for name, value in decode(lines[0]).items() if name not in ("fingerprints", "check")
    }
    (folder / "s.jsonl").write_bytes(b"\n".join([encode(header), *lines[1:]]) + b"\n")
    (folder / "law.py").write_text(LAW.replace("E=(0, 5)", "E=(0, 6)"))
    assert invoke("ask", "s.jsonl").exit_code == 0


def test_telling_runs_no_law(folder):
    (folder / "law.py").write_text("raise SystemExit('this file was run')")
    for words in FREE:
        assert invoke(*words).exit_code == 0
    assert json.loads(invoke("tell", "s.jsonl", "r1", "3.1", "--json").stdout)["y"] == [3.1]
