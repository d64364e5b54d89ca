"""The data of the experiments: counts and costs as stated, and one clear message per way to miss them."""

import hashlib
import io

import numpy as np
import pytest

from experiments import datasets, table1
from jaxsl.host.errors import UserError
from laws import LAWS
from laws.tasks import TASKS

FILE = "scalebench/farseer_scaling_law/test-00000-of-00001.parquet"

# spec: cost of each whole pool and of its cheapest run
POOLS = {
    "data_con": (2.593e22, 4.259e15),
    "domain": (80, 1),
    "farseer": (1.629e23, 1.194e18),
    "lr_bsz": (1.677e23, 7.196e17),
    "moe": (2.822e12, 1.653e7),
    "parallel": (6.636e10, 5.358e8),
    "sparsity": (35.62 + 58.79 + 78.6, 0.3063),
    "vocab": (2.903e22, 6.007e15),
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_costs_of_a_task_are_as_published(task, public_data):
    groups = datasets.load(task, public_data)
    costs = np.concatenate([group.train.cost for group in groups.values()])
    np.testing.assert_allclose((costs.sum(), costs.min()), POOLS[task.name], rtol=5e-4)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_runs_of_a_task_have_its_shapes_and_costs(task, runs_data):
    groups = datasets.load(task, runs_data)
    assert len(groups) == {"domain": 4, "parallel": 2, "sparsity": 3}.get(task.name, 1)
    for runs in (runs for group in groups.values() for runs in group):
        assert runs.x.shape == (len(runs.cost), len(task.inputs)) and runs.x.dtype == np.float64
        assert runs.y.shape == (len(runs.cost), len(task.outputs))
        assert np.isfinite(runs.x).all() and np.isfinite(runs.y).all() and (runs.cost > 0).all()
        if task.name in ("farseer", "data_con"):
            np.testing.assert_allclose(runs.cost, 6 * runs.x[:, -2] * runs.x[:, -1], rtol=1e-12)


def test_tasks_and_their_laws_name_the_same_inputs_and_outputs():
    for task in TASKS:
        assert all(law.inputs == tuple(task.inputs) for law in task.laws)
        assert all(law.outputs == tuple(task.outputs) for law in task.laws)
        assert {law.name for law in task.laws} <= {law.name for law in LAWS}
        assert {law.name.split("/")[0] for law in task.laws} == {task.name}
    assert sum(len(task.laws) for task in TASKS) == 65


def test_table1_differs_from_the_paper_in_the_domain_rows_alone(public_data, capsys):
    for task in TASKS:
        ours = table1.counts(task, datasets.load(task, public_data))
        stated = table1.differences(ours, table1.PRINTED[task.name])
        assert stated == ("paper prints 504 train, 42 test" if task.name == "domain" else "")
    table1.main(public_data)
    assert "80" in capsys.readouterr().out


def test_a_named_folder_without_the_file_is_refused_by_name(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=rf"{tmp_path}.* is missing: --data names a folder"):
        datasets.find(FILE, tmp_path)
    monkeypatch.setenv("JAXSL_DATA", str(tmp_path))
    with pytest.raises(UserError, match="JAXSL_DATA names a folder without it"):
        datasets.find(FILE)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A checkout without data beside it, and a network that serves ``content``."""
    monkeypatch.delenv("JAXSL_DATA", raising=False)
    monkeypatch.setattr(datasets, "CHECKOUT", tmp_path / "checkout")
    monkeypatch.setattr(datasets, "DOWNLOADS", tmp_path / "downloads")

    def serve(content):
        def urlopen(url, timeout):
            if isinstance(content, Exception):
                raise content
            return io.BytesIO(content)

        monkeypatch.setattr(datasets.urllib.request, "urlopen", urlopen)

    return serve


def test_what_is_missing_is_downloaded_once_and_kept(elsewhere, monkeypatch):
    monkeypatch.setitem(datasets.SHA256, FILE, hashlib.sha256(b"runs").hexdigest())
    elsewhere(b"runs")
    path = datasets.find(FILE)
    assert path.read_bytes() == b"runs" and [file.name for file in path.parent.iterdir()] == [path.name]
    elsewhere(OSError("asked again"))
    assert datasets.find(FILE) == path


def test_a_download_with_another_digest_is_refused_and_not_kept(elsewhere, tmp_path):
    elsewhere(b"changed")
    with pytest.raises(UserError, match="SHA-256"):
        datasets.find(FILE)
    assert not (tmp_path / "downloads").exists()


def test_without_network_the_message_says_what_to_do(elsewhere):
    elsewhere(OSError("no route to host"))
    with pytest.raises(UserError, match=r"no route to host.*JAXSL_DATA=DIR"):
        datasets.find(FILE)


def test_every_file_of_the_checkout_has_its_digest(public_data):
    for file, digest in datasets.SHA256.items():
        assert hashlib.sha256((public_data / file).read_bytes()).hexdigest() == digest
