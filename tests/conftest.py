"""What the tests share: double precision, and the programs they compile."""

import os
from pathlib import Path

import jax
import pytest

from jaxsl.host.compiled import accepted
from jaxsl.host.programs.cache import enable_compilation_cache
from jaxsl.host.programs.garbage import collect_seldom
from jaxsl.precision import double_precision


def pytest_configure(config):
    """Compile a program once for all workers, for commands under test and for later runs of the suite.

    Workers compile all programs as the host does its own: a third of the suite's time is compiling.
    """
    os.environ.setdefault("JAXSL_CACHE", str(Path(__file__).parents[1] / "outputs" / "test_programs"))
    if not hasattr(config, "workerinput"):
        fast = (f"--{name}={str(value).lower()}" for name, value in accepted().items())
        os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *fast])
    enable_compilation_cache()
    collect_seldom()


@pytest.fixture(autouse=True, scope="module")
def forgotten_programs():
    """Forget a module's compiled programs: a process that holds thousands has been seen to die in XLA."""
    yield
    jax.clear_caches()


@pytest.fixture(autouse=False)
def float64():
    """The scope of double precision that the host enters for the core."""
    with double_precision():
        yield


@pytest.fixture
def public_data():
    """The folder of the benchmark's data; without it a test is skipped and says so."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "scalebench" / "farseer_scaling_law").is_dir():
        pytest.skip(f"the public data are not at {folder}; without a network there is nothing to read")
    return folder
