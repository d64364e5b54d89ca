"""The small file of results in the checkout: what goes into it, and when it is believed."""

import json

import pytest

from experiments.benchmark import kept, sweep
from experiments.benchmark.fingerprint import code, code_of_robust, digest, fingerprint
from experiments.benchmark.unit import Unit, groups_of
from jaxsl.host.errors import UserError

UNIT = Unit("parallel", "parallel/sl_1", "mspe", 0)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Outputs and the file of an empty checkout."""
    monkeypatch.setattr(kept, "OUTPUTS", tmp_path)
    monkeypatch.setattr(kept, "KEPT", tmp_path / "kept.jsonl.gz")
    return tmp_path


def measured(key, **other):
    found = {"r2": [0.123456789, -1.0], "theta": [[1.0] * 50], "cpu_seconds": 1.0}
    return {"fingerprint": key, "code": code("parallel"), **UNIT.__dict__, **found, **other}


def robust(key, **other):
    found = {"fingerprint": key, "code": code_of_robust(), "environment": "bump", "method": "default"}
    return found | {"r2": [0.5], "width": [float("nan")], "interval": [[1.0] * 50]} | other


def write(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_what_this_code_made_is_kept_without_its_long_columns(place):
    write(
        place / "benchmark.jsonl",
        measured("a"),
        measured("b", code="earlier"),
        measured("c", error="it failed"),
    )
    write(place / "robust.jsonl", robust("d"), robust("e", code="earlier"))
    kept.keep()
    found = kept.known(place / "nothing.jsonl")
    assert found.keys() == {"a", "d"}
    assert found["a"]["r2"] == [0.123457, -1.0] and "theta" not in found["a"]
    assert "interval" not in found["d"] and found["d"]["width"][0] != found["d"]["width"][0]
    before = kept.KEPT.read_bytes()
    kept.keep()
    assert kept.KEPT.read_bytes() == before, "kept again it is the same file"


def test_kept_results_outlive_the_outputs_and_give_way_to_whole_ones(place):
    write(place / "benchmark.jsonl", measured("a"))
    kept.keep()
    (place / "benchmark.jsonl").unlink()
    assert kept.known(place / "benchmark.jsonl").keys() == {"a"}
    assert kept.known(place / "benchmark.jsonl", ("theta",)) == {}
    write(place / "benchmark.jsonl", measured("a"))
    assert kept.known(place / "benchmark.jsonl", ("theta",))["a"]["theta"] == [[1.0] * 50]


def test_a_sweep_reads_a_kept_result_and_measures_nothing(place, runs_data, monkeypatch):
    key = fingerprint(UNIT, digest(groups_of(UNIT, runs_data)))
    write(place / "benchmark.jsonl", measured(key))
    kept.keep()
    asked = []
    monkeypatch.setattr(sweep, "spread", lambda missing, data, workers: asked.append(dict(missing)) or [])
    (found,) = sweep.sweep([UNIT], place / "elsewhere.jsonl", data=runs_data)
    assert found["r2"] == [0.123457, -1.0] and asked == [{}]
    with pytest.raises(KeyError, match=key):
        sweep.sweep([UNIT], place / "elsewhere.jsonl", data=runs_data, needs=("theta",))
    assert asked[-1] == {key: UNIT}


def test_a_file_too_large_to_commit_is_refused(place, monkeypatch):
    write(place / "benchmark.jsonl", measured("a"))
    monkeypatch.setattr(kept, "MOST", 10)
    with pytest.raises(UserError, match=r"1 results take .* bytes and 10 is the most"):
        kept.keep()
    assert not kept.KEPT.exists()
