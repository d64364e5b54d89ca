"""The notebooks run from top to bottom, in a kernel of their own, at a small size."""

import os
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
AS_TESTS_DO = """
from jaxsl.host.programs import cache, garbage
cache.enable_compilation_cache()
garbage.collect_seldom()
del cache, garbage
"""
NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.py"))


def test_there_is_one_for_every_way_the_project_is_used():
    words = " ".join(NAMES)
    for topic in ("fit_a_law", "basins", "next_run", "ess", "own_law", "jax_code", "gpu", "decide", "curves"):
        assert topic in words


def test_outputs_are_not_kept_beside_the_text():
    assert not list(NOTEBOOKS.glob("*.ipynb")), (
        "notebooks are kept as text; make .ipynb with jupytext --to ipynb"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Jupyter's own packages
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    jupytext = pytest.importorskip("jupytext", reason="the extra `notebooks` is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the extra `notebooks` is not installed")
    pytest.importorskip("ipykernel", reason="the extra `notebooks` is not installed")
    monkeypatch.setenv("JAXSL_SMALL", "1")
    monkeypatch.setenv("PYTHONPATH", f"{NOTEBOOKS.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    if "gpu" in name:
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
        monkeypatch.setenv("XLA_FLAGS", flags)
    notebook = jupytext.read(NOTEBOOKS / name)
    assert [cell.cell_type for cell in notebook.cells].count("markdown") >= 3
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.extra_arguments = [f"--IPKernelApp.exec_lines={AS_TESTS_DO}"]
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs and not [output for output in outputs if output.output_type == "error"]
    said = "".join(output.get("text", "") for output in outputs if output.get("name") == "stderr")
    assert "Warning" not in said, said
    if "gpu" in name:
        shown = "".join(output.get("text", "") for output in outputs)
        assert shown.startswith("4 x "), shown
