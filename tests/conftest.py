"""What the tests share: double precision, and the programs they compile."""

import ctypes
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from made_data import HAS_PUBLIC, PUBLIC, benchmark_data

from jaxsl.host.compiled import forget, num_held
from jaxsl.host.programs.cache import enable_compilation_cache
from jaxsl.host.programs.garbage import collect_seldom
from jaxsl.precision import double_precision

OUTPUTS = Path(__file__).parents[1] / "outputs"
LEVEL = "xla_backend_optimization_level"
FEW, MOST = 20, 1000  # programs held by a worker
LARGE = 1.5e9  # bytes of a worker; one test adds up to 400 MB, and what is forgotten is loaded again
STATM = Path("/proc/self/statm")
COMPILED = "/jax/core/compile/backend_compile_duration"  # JAX's event for each
HELD: list[str] = []
LIBC = ctypes.CDLL(None) if os.name == "posix" else None


def pytest_configure(config):
    """Compile a program once for all workers, for commands under test and for later runs of the suite.

    All compile with the host's options, and with none of LLVM's passes: on tables as small as theirs these
    take far longer than they save. Half of the suite's time was compiling. Bytecode too, where none may
    be written beside the modules: without, importing JAX takes each process three times as long.
    """
    os.environ.setdefault("JAXSL_CACHE", str(OUTPUTS / "test_programs"))
    if not hasattr(config, "workerinput"):
        if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
            os.environ["PYTHONPYCACHEPREFIX"] = str(OUTPUTS / "test_bytecode")
        fast = (f"--{name}={str(value).lower()}" for name, value in _options().items())
        os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *fast])
    else:
        _keep_to_one_core(int(config.workerinput["workerid"].removeprefix("gw")))
    enable_compilation_cache()
    collect_seldom()
    jax.monitoring.register_event_duration_secs_listener(_count)


def _count(event: str, _: float, **about) -> None:
    if event == COMPILED:
        HELD.append(event)


def _options() -> dict[str, bool | int]:
    """The options that XLA knows, asked in a process of its own: XLA reads its flags once."""
    asked = "import json; from jaxsl.host.compiled import accepted; print(json.dumps(accepted()))"
    known = json.loads(subprocess.check_output([sys.executable, "-c", asked], cwd=OUTPUTS.parent))
    return {**known, **({LEVEL: 0} if LEVEL in known else {})}


def _keep_to_one_core(worker: int) -> None:
    """Workers share the cores: thread pools of XLA that compete for them mostly wait for each other."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[worker % len(cores)]})


def _resident() -> int:
    """Bytes that this process takes; 0 where the system does not say."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if STATM.exists() else 0


def _forget_many() -> None:
    """Forget the compiled programs when they are many or large: a small one holds a megabyte, others ten."""
    held = len(HELD) + num_held()
    if held > MOST or (held > FEW and _resident() > LARGE):
        HELD.clear()
        jax.clear_caches()
        forget()
        if hasattr(LIBC, "malloc_trim"):
            LIBC.malloc_trim(0)  # without, what was freed stays with the process: 1000 MB, not 400


@pytest.fixture(autouse=True)
def forgotten_programs():
    """Forget programs after each test, and where a test of many programs calls this."""
    yield _forget_many
    _forget_many()


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Refuse connections to other machines: the tests are to pass where there is no network."""
    connect = socket.socket.connect

    def local(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a test asks the network for {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local)


@pytest.fixture(autouse=False)
def float64():
    """The scope of double precision that the host enters for the core."""
    with double_precision():
        yield


@pytest.fixture
def public_data(monkeypatch):
    """The folder of the benchmark's data; without it a test is skipped and says so."""
    if not HAS_PUBLIC:
        pytest.skip(f"the public data are not at {PUBLIC}, and the test is about them")
    monkeypatch.setenv("JAXSL_DATA", str(PUBLIC))
    return PUBLIC


@pytest.fixture
def runs_data(monkeypatch):
    """The folder of the benchmark's data, or of small tables made in their form."""
    monkeypatch.setenv("JAXSL_DATA", str(benchmark_data()))
    return benchmark_data()
