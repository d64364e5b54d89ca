"""Tables of the experiments carry how they were made."""

import csv

import pytest
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.decide import kept
from experiments.report import provenance, write_table

ROWS = [{"rule": "a", "error": 1.23456789e-5, "nodes": 8}, {"rule": "b", "error": 0.5, "nodes": 16}]


def test_a_table_says_its_command_code_versions_machine_and_seed(tmp_path):
    facts = provenance("python -m experiments this", seed=3)
    assert facts["command"] == "python -m experiments this" and facts["seed"] == "3"
    assert all(name in facts["versions"] for name in ("Python", "jax", "numpy"))
    assert facts["code"] and "cores" in facts["machine"]
    table, text = write_table("name", ROWS, facts, tmp_path / "new")
    lines = table.read_text().splitlines()
    assert lines[: len(facts)] == [f"# {key}: {value}" for key, value in facts.items()]
    read = list(csv.DictReader(lines[len(facts) :]))
    assert [float(row["error"]) for row in read] == [1.23456789e-5, 0.5]
    markdown = text.read_text()
    assert "| rule | error | nodes |" in markdown and "| a | 1.23e-05 | 8 |" in markdown
    assert "- seed: 3" in markdown


@pytest.mark.slow
def test_what_was_measured_once_is_read_again_by_the_same_code_and_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    measured = []

    def measure():
        measured.append(1)
        return {"low": float("inf")}

    for settings in ([1, "a"], [1, "a"], [2, "a"]):
        found = kept.Kept("sets", {"experiments.decide.coverage"})(settings, measure)
        assert found["low"] == float("inf")
    assert len(measured) == 2
    other = kept.Kept("sets", {"experiments.decide.choosing"})
    other([1, "a"], measure)
    assert len(measured) == 3, "other code measures again"


@pytest.mark.slow
def test_the_quadrature_table_is_measured_and_written(tmp_path):
    done = CliRunner().invoke(
        app, ["speed", "quadrature", "--basins", "2", "--pool", "8", "--repeats", "1", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert "GaussLegendre((2.5, 5), 6)" in (tmp_path / "quadrature.csv").read_text()
    assert "wrote quadrature.csv quadrature.md" in done.output
